"""What the engine can do. All verbs are stateless: a request holds all that its answer needs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import ImageError, ModelError, UsageError
from ..images.decode import Decoded, Decoder
from ..model.runtime import Encoded, Runtime, Stop
from ..model.tokens import pack_batch, unpack_batch

T = TypeVar("T")
Answer = dict[str, Any]
SMALLEST_PART: Final = 4  # images; fewer are not worth another thread


@dataclass(frozen=True)
class Work:
    """One request, ready to be done.

    ``stop`` says whether its caller has gone; ``helpers`` lends threads for the cores that no
    other request uses now, ``spare`` of them.
    """

    runtime: Runtime
    decoder: Decoder
    head: Mapping[str, Any]
    raw: memoryview
    stop: Stop
    helpers: Executor
    spare: int


def embed_text(work: Work) -> Answer:
    """text -> its ITC vector."""
    return {"itc": _vector(work.runtime.embed_texts([work.head["text"]])[0])}


def embed_image(work: Work) -> Answer:
    """An image file -> its ITC vector."""
    itc = _encode(work).itc[0]
    if not itc.size:
        raise ModelError(f"The model {work.runtime.artifact.name} makes no vectors.")
    return {"itc": _vector(itc)}


def encode_images(work: Work) -> Answer:
    """Image files of ``sizes`` bytes, one after the other -> all that a search needs of each: its
    ITC vector, its packed tokens (base64), its width and height. An error tells an image's name.
    """
    decoded = _decode_all(work)
    pixels = np.stack([picture.pixels for picture in decoded])
    parts = _on_spare_cores(
        work, len(pixels), lambda chosen: work.runtime.encode_images(pixels[chosen], stop=work.stop)
    )
    itc, tokens, scales = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return {
        "images": [
            {
                "itc": vector,
                "tokens": b64encode(record).decode(),
                "width": picture.width,
                "height": picture.height,
            }
            for vector, record, picture in zip(
                _vector(itc), pack_batch(tokens, scales), decoded, strict=True
            )
        ]
    }


def rerank(work: Work) -> Answer:
    """text and the packed tokens of ``count`` images -> two ITM logits each.

    On every core that is spare, as it is what a search mostly waits for.
    """
    text = work.head["text"]
    tokens, scales = _tokens(work, work.head["count"])
    itm = _on_spare_cores(
        work,
        len(tokens),
        lambda part: work.runtime.rerank(text, tokens[part], scales[part], stop=work.stop),
    )
    return {"itm": _numbers(np.concatenate(itm))}


def match_image(work: Work) -> Answer:
    """text and an image file -> two ITM logits and the image's ITC vector."""
    image = _encode(work)
    itm = work.runtime.rerank(work.head["text"], image.tokens, image.scales, stop=work.stop)
    return {"itm": _numbers(itm[0]), "itc": _vector(image.itc[0])}


def caption(work: Work) -> Answer:
    """The packed tokens of an image -> a caption."""
    return _caption(work, *_tokens(work, 1))


def caption_image(work: Work) -> Answer:
    """An image file -> a caption."""
    image = _encode(work)
    return _caption(work, image.tokens, image.scales)


def answer(work: Work) -> Answer:
    """question and the packed tokens of an image -> an answer, or the best of ``among``."""
    return _answer(work, *_tokens(work, 1))


def answer_image(work: Work) -> Answer:
    """question and an image file -> an answer, or the best of ``among``."""
    image = _encode(work)
    return _answer(work, image.tokens, image.scales)


@dataclass(frozen=True)
class Verb:
    """A verb's function and the types of what its JSON must and may hold."""

    do: Callable[[Work], Answer]
    needs: Mapping[str, type]
    takes: Mapping[str, type]


MODEL: Final = {"model": str, "digest": str}
DECODING: Final = {"beams": int, "max_tokens": int, "nucleus": float, "seed": int}
CHOICE: Final = {"among": list}
VERBS: Final = {
    "embed_text": Verb(embed_text, MODEL | {"text": str}, {}),
    "embed_image": Verb(embed_image, MODEL, {}),
    "encode_images": Verb(encode_images, MODEL | {"sizes": list, "names": list}, {}),
    "rerank": Verb(rerank, MODEL | {"text": str, "count": int}, {}),
    "match_image": Verb(match_image, MODEL | {"text": str}, {}),
    "caption": Verb(caption, MODEL, DECODING),
    "caption_image": Verb(caption_image, MODEL, DECODING),
    "answer": Verb(answer, MODEL | {"question": str}, CHOICE),
    "answer_image": Verb(answer_image, MODEL | {"question": str}, CHOICE),
}


def check(verb: Verb, head: Mapping[str, Any]) -> None:
    """
    Raises:
        UsageError: something is missing from ``head``, unknown, or of another type.
    """
    known = {**verb.needs, **verb.takes}
    if missing := [name for name in verb.needs if name not in head]:
        raise UsageError(f"The request has no {', '.join(missing)}.")
    if unknown := sorted(set(head) - set(known)):
        raise UsageError(f"The request has {', '.join(unknown)}; it may have {', '.join(known)}.")
    for name, value in head.items():
        wanted = (int, float) if known[name] is float else known[name]
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise UsageError(f"The request's {name} is {value!r}, no {known[name].__name__}.")


def _encode(work: Work) -> Encoded:
    return work.runtime.encode_images(_decode(work).pixels[None])


def _decode(work: Work) -> Decoded:
    return work.decoder.decode(bytes(work.raw), work.runtime.artifact.architecture.image_size)


def _decode_all(work: Work) -> list[Decoded]:
    sizes, names = work.head["sizes"], work.head["names"]
    if not (
        sizes
        and all(type(size) is int and size >= 0 for size in sizes)
        and sum(sizes) == len(work.raw)
        and len(names) == len(sizes)
    ):
        raise UsageError(
            f"The request's sizes are {sizes}, with {len(names)} names; its images have"
            f" {len(work.raw):,} bytes."
        )
    ends = list(accumulate(sizes))
    files = (bytes(work.raw[end - size : end]) for end, size in zip(ends, sizes, strict=True))
    side = work.runtime.artifact.architecture.image_size
    decoded = []
    for name, outcome in work.decoder.decode_ahead(zip(names, files, strict=True), side):
        if isinstance(outcome, ImageError):
            raise ImageError(f"{name}: {outcome.reason}")
        decoded.append(outcome)
    return decoded


def _on_spare_cores(work: Work, count: int, do: Callable[[slice], T]) -> list[T]:
    """What ``do`` makes of parts of ``count`` images, in order."""
    size = max(SMALLEST_PART, -(-count // (1 + work.spare)))
    first, *others = (slice(start, start + size) for start in range(0, max(1, count), size))
    futures = [work.helpers.submit(do, part) for part in others]
    return [do(first), *(future.result() for future in futures)]


def _tokens(work: Work, count: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    manifest = work.runtime.artifact.manifest
    n, merged = manifest.compute.stored(manifest.architecture), manifest.compute.merges
    return unpack_batch(work.raw, count, n, manifest.architecture.vision_width, merged)


def _caption(work: Work, tokens: npt.NDArray[np.int8], scales: npt.NDArray[np.float32]) -> Answer:
    options = {name: work.head[name] for name in DECODING if name in work.head}
    (text,) = work.runtime.caption(tokens, scales, **options, stop=work.stop)
    return {"caption": text}


def _answer(work: Work, tokens: npt.NDArray[np.int8], scales: npt.NDArray[np.float32]) -> Answer:
    among = work.head.get("among")
    if among is not None and not all(isinstance(text, str) for text in among):
        raise UsageError("The request's among holds something that is no text.")
    (text,) = work.runtime.answer(
        tokens, scales, [work.head["question"]], among=among, stop=work.stop
    )
    return {"answer": text}


def _numbers(values: npt.NDArray[np.float32]) -> list[Any]:
    """As JSON: to seven decimals, which float32 has and float64's shortest form triples."""
    rounded: list[Any] = np.round(values.astype(np.float64), 7).tolist()
    return rounded


def _vector(values: npt.NDArray[np.float32]) -> list[Any]:
    """As JSON, to twelve decimals: PostgreSQL rounds to float16, and what had been rounded to fewer
    before would now and then become another number than workers store."""
    rounded: list[Any] = np.round(values.astype(np.float64), 12).tolist()
    return rounded

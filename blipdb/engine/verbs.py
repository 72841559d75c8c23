"""The verbs of the engine. All are stateless: a request holds all that its answer needs."""

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
MIN_BATCH: Final = 4  # images; fewer are not worth another thread


@dataclass(frozen=True)
class VerbCall:
    """A call of a verb: the request, and the means to answer it."""

    runtime: Runtime
    decoder: Decoder
    head: Mapping[str, Any]
    """The request's JSON."""
    raw: memoryview
    """The request's bytes beside the JSON."""
    stop: Stop
    """Whether the caller has hung up, so that the work is in vain."""
    helpers: Executor
    """Threads for cores that no other request uses now."""
    spare: int
    """The number of these cores."""


def embed_text(call: VerbCall) -> Answer:
    """Embed a text: its ITC vector."""
    return {"itc": _vector(call.runtime.embed_texts([call.head["text"]])[0])}


def embed_image(call: VerbCall) -> Answer:
    """Embed an image file: its ITC vector."""
    itc = _encode(call).itc[0]
    if not itc.size:
        raise ModelError(f"The model {call.runtime.artifact.name} makes no vectors.")
    return {"itc": _vector(itc)}


def encode_images(call: VerbCall) -> Answer:
    """Encode image files of ``sizes`` bytes, one after the other.

    The answer has all that a search needs of each: ITC vector, packed tokens (base64), width and
    height. An error begins with the image's name.
    """
    decoded = _decode_all(call)
    pixels = np.stack([picture.pixels for picture in decoded])
    parts = _on_spare_cores(
        call, len(pixels), lambda part: call.runtime.encode_images(pixels[part], stop=call.stop)
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


def rerank(call: VerbCall) -> Answer:
    """Score a text against the packed tokens of ``count`` images: two ITM logits each.

    It uses all spare cores, as most of a search's time is spent here.
    """
    text = call.head["text"]
    tokens, scales = _tokens(call, call.head["count"])
    itm = _on_spare_cores(
        call,
        len(tokens),
        lambda part: call.runtime.rerank(text, tokens[part], scales[part], stop=call.stop),
    )
    return {"itm": _numbers(np.concatenate(itm))}


def match_image(call: VerbCall) -> Answer:
    """Score a text against an image file: two ITM logits, and the image's ITC vector."""
    image = _encode(call)
    itm = call.runtime.rerank(call.head["text"], image.tokens, image.scales, stop=call.stop)
    return {"itm": _numbers(itm[0]), "itc": _vector(image.itc[0])}


def caption(call: VerbCall) -> Answer:
    """Caption an image by its packed tokens."""
    return _caption(call, *_tokens(call, 1))


def caption_image(call: VerbCall) -> Answer:
    """Caption an image file."""
    image = _encode(call)
    return _caption(call, image.tokens, image.scales)


def answer(call: VerbCall) -> Answer:
    """Answer a question by an image's packed tokens: freely, or with the best of ``among``."""
    return _answer(call, *_tokens(call, 1))


def answer_image(call: VerbCall) -> Answer:
    """Answer a question about an image file: freely, or with the best of ``among``."""
    image = _encode(call)
    return _answer(call, image.tokens, image.scales)


@dataclass(frozen=True)
class Verb:
    """A verb: its function, and the types of its JSON's fields."""

    do: Callable[[VerbCall], Answer]
    needs: Mapping[str, type]
    """Required fields."""
    takes: Mapping[str, type]
    """Optional fields."""


MODEL: Final = {"model": str, "digest": str}
GENERATION_OPTIONS: Final = {"beams": int, "max_tokens": int, "nucleus": float, "seed": int}
CHOICE: Final = {"among": list}
VERBS: Final = {
    "embed_text": Verb(embed_text, MODEL | {"text": str}, {}),
    "embed_image": Verb(embed_image, MODEL, {}),
    "encode_images": Verb(encode_images, MODEL | {"sizes": list, "names": list}, {}),
    "rerank": Verb(rerank, MODEL | {"text": str, "count": int}, {}),
    "match_image": Verb(match_image, MODEL | {"text": str}, {}),
    "caption": Verb(caption, MODEL, GENERATION_OPTIONS),
    "caption_image": Verb(caption_image, MODEL, GENERATION_OPTIONS),
    "answer": Verb(answer, MODEL | {"question": str}, CHOICE),
    "answer_image": Verb(answer_image, MODEL | {"question": str}, CHOICE),
}


def check(verb: Verb, head: Mapping[str, Any]) -> None:
    """Check the fields of a request and their types.

    Raises:
        UsageError: something is missing from ``head``, unknown, or of another type.
    """
    known = {**verb.needs, **verb.takes}
    if missing := [name for name in verb.needs if name not in head]:
        raise UsageError(f"The request has no {', '.join(missing)}.")
    if unknown := sorted(set(head) - set(known)):
        raise UsageError(f"The request has {', '.join(unknown)}; it may have {', '.join(known)}.")
    for name, value in head.items():
        types = (int, float) if known[name] is float else known[name]
        if not isinstance(value, types) or isinstance(value, bool):
            raise UsageError(f"The request's {name} is {value!r}, no {known[name].__name__}.")


def _encode(call: VerbCall) -> Encoded:
    return call.runtime.encode_images(_decode(call).pixels[None])


def _decode(call: VerbCall) -> Decoded:
    return call.decoder.decode(bytes(call.raw), call.runtime.artifact.architecture.image_size)


def _decode_all(call: VerbCall) -> list[Decoded]:
    sizes, names = call.head["sizes"], call.head["names"]
    if not (
        sizes
        and all(type(size) is int and size >= 0 for size in sizes)
        and sum(sizes) == len(call.raw)
        and len(names) == len(sizes)
    ):
        raise UsageError(
            f"The request's sizes are {sizes}, with {len(names)} names; its images have"
            f" {len(call.raw):,} bytes."
        )
    ends = list(accumulate(sizes))
    files = (bytes(call.raw[end - size : end]) for end, size in zip(ends, sizes, strict=True))
    side = call.runtime.artifact.architecture.image_size
    decoded = []
    for name, outcome in call.decoder.decode_ahead(zip(names, files, strict=True), side):
        if isinstance(outcome, ImageError):
            raise ImageError(f"{name}: {outcome.reason}")
        decoded.append(outcome)
    return decoded


def _on_spare_cores(call: VerbCall, count: int, do: Callable[[slice], T]) -> list[T]:
    """Split ``count`` images over the spare cores; return the results of the parts in order."""
    size = max(MIN_BATCH, -(-count // (1 + call.spare)))
    first, *others = (slice(start, start + size) for start in range(0, max(1, count), size))
    futures = [call.helpers.submit(do, part) for part in others]
    return [do(first), *(future.result() for future in futures)]


def _tokens(call: VerbCall, count: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    manifest = call.runtime.artifact.manifest
    n, merged = manifest.compute.stored(manifest.architecture), manifest.compute.merges
    return unpack_batch(call.raw, count, n, manifest.architecture.vision_width, merged)


def _caption(
    call: VerbCall, tokens: npt.NDArray[np.int8], scales: npt.NDArray[np.float32]
) -> Answer:
    options = {name: call.head[name] for name in GENERATION_OPTIONS if name in call.head}
    (text,) = call.runtime.caption(tokens, scales, **options, stop=call.stop)
    return {"caption": text}


def _answer(
    call: VerbCall, tokens: npt.NDArray[np.int8], scales: npt.NDArray[np.float32]
) -> Answer:
    among = call.head.get("among")
    if among is not None and not all(isinstance(text, str) for text in among):
        raise UsageError("The request's among holds something that is no text.")
    (text,) = call.runtime.answer(
        tokens, scales, [call.head["question"]], among=among, stop=call.stop
    )
    return {"answer": text}


def _numbers(values: npt.NDArray[np.float32]) -> list[Any]:
    """Round for JSON, to float32's seven decimals: float64's shortest form is thrice as long."""
    rounded: list[Any] = np.round(values.astype(np.float64), 7).tolist()
    return rounded


def _vector(values: npt.NDArray[np.float32]) -> list[Any]:
    """Round for JSON, to twelve decimals: PostgreSQL rounds to float16, which from fewer decimals
    would sometimes be another number than the one that workers store."""
    rounded: list[Any] = np.round(values.astype(np.float64), 12).tolist()
    return rounded

"""The verbs computed by the client, over the tables alone: for servers without PL/Python.

Each does what the SQL function of its name does, with the same limits, words and order; `sql/` has
the reasons.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from psycopg.types.json import Jsonb

from ..database.steps import Steps, ask, work
from ..errors import DatabaseError, UsageError
from ..identity import caption_id, image_id
from ..model.tokens import Scales, Tokens, record_size
from ..registry import Model
from . import arguments, limits, tables
from .arguments import Decoding, Scope
from .inference import Inference, unpacked
from .notices import notice
from .recall import Candidates, choose, quoted, recall
from .results import Caption, Count, Failed, Hit

Floats = npt.NDArray[np.float32]

TOKEN_BYTES = 8 << 20  # that are fetched at a time


class Local:
    """This process does what a server's engine would. ``pgvector`` is that extension's schema."""

    one_statement = False

    def __init__(self, inference: Inference, pgvector: str) -> None:
        self._inference = inference
        self._pgvector = pgvector

    def search(self, query: str | bytes, scope: Scope) -> Steps[list[Hit]]:
        asked = arguments.query(query)
        if isinstance(asked, str):
            limits.require_text(asked)
        wanted = limits.wanted(scope.k, scope.candidates)
        chosen = yield from choose(scope.model, "retrieval")
        vector = yield from self._embed(chosen, asked)
        found = yield from recall(
            chosen, self._pgvector, _written(vector), wanted, scope.filter, scope.within
        )
        yield from say_short(chosen, len(found.image_ids), scope.k)
        if isinstance(asked, str):
            found, logits = yield from self.logits(chosen, asked, found)
        else:
            logits = None
        return (yield from hits(found, logits, scope.k, scope.threshold))

    def similar(self, image_id: UUID, scope: Scope) -> Steps[list[Hit]]:
        itself = arguments.image_id(image_id)
        wanted = limits.wanted(scope.k, scope.candidates)
        chosen = yield from choose(scope.model, "retrieval")
        rows = yield from ask(
            "SELECT itc::text FROM blip.image_vectors WHERE image_id = %s AND model_id = %s",
            [itself, chosen.model_id],
        )
        if not rows:
            raise _unknown(itself, chosen)
        # One more, as it is most like itself.
        near = yield from recall(
            chosen, self._pgvector, rows[0][0], wanted + 1, scope.filter, scope.within
        )
        others = [pair for pair in zip(*near, strict=True) if pair[0] != itself][:wanted]
        yield from say_short(chosen, len(others), scope.k)
        found = Candidates([id for id, _ in others], [itc for _, itc in others])
        return (yield from hits(found, None, scope.k, scope.threshold))

    def rerank(self, query: str, image_ids: Sequence[UUID], scope: Scope) -> Steps[list[Hit]]:
        asked = limits.require_text(arguments.text("query", query))
        among = arguments.image_ids("image_ids", image_ids)
        limits.require("k", scope.k, 1, limits.MOST)
        limits.require("the number of image_ids", len(among), 0, limits.MOST)
        chosen = yield from choose(scope.model, "retrieval")
        vector = yield from self._embed(chosen, asked)
        found = yield from recall(chosen, self._pgvector, _written(vector), len(among), None, among)
        yield from say_short(chosen, len(found.image_ids), min(scope.k, len(set(among))))
        found, logits = yield from self.logits(chosen, asked, found)
        return (yield from hits(found, logits, scope.k, scope.threshold))

    def embed(self, query: str | bytes, *, model: str | None) -> Steps[Floats]:
        asked = arguments.query(query)
        if isinstance(asked, str):
            limits.require_text(asked)
        chosen = yield from _choose_head(model)
        vector = yield from self._embed(chosen, asked)
        return vector.astype(np.float16).astype(np.float32)  # as halfvec has it

    def match(self, image: UUID | bytes, query: str, *, model: str | None) -> Steps[float]:
        given = _image(image)
        asked = limits.require_text(arguments.text("query", query))
        chosen = yield from _choose_head(model)
        tokens, scales = yield from self._seen(chosen, given)
        logits = yield from work(
            lambda stop: self._inference.rerank(chosen, asked, tokens, scales, stop)
        )
        return probability(*logits[0].tolist())

    def caption(self, image: UUID | bytes, decoding: Decoding, *, model: str | None) -> Steps[str]:
        given = _image(image)
        options = limits.require_decoding(decoding)._asdict()
        chosen = yield from choose(arguments.optional(arguments.text, "model", model), "captioner")
        tokens, scales = yield from self._seen(chosen, given)
        return (
            yield from work(
                lambda stop: self._inference.caption(chosen, tokens, scales, stop, **options)
            )
        )

    def captions(self, image_id: UUID) -> Steps[list[Caption]]:
        asked = [arguments.image_id(image_id)]
        ((is_stored,),) = yield from ask(tables.IS_STORED, asked)
        if not is_stored:
            raise DatabaseError(
                f"image {image_id} is unknown here",
                "blip.images and blip.files have the ids of those that are stored.",
            )
        rows = yield from ask(tables.CAPTIONS, asked)
        return [Caption(*row) for row in rows]

    def answer(
        self,
        image: UUID | bytes,
        question: str,
        *,
        among: Sequence[str] | None,
        model: str | None,
    ) -> Steps[str]:
        given = _image(image)
        asked = arguments.text("question", question)
        choice = arguments.optional(arguments.texts, "among", among)
        limits.require_question(asked, choice)
        chosen = yield from choose(arguments.optional(arguments.text, "model", model), "answerer")
        tokens, scales = yield from self._seen(chosen, given)
        return (
            yield from work(
                lambda stop: self._inference.answer(chosen, tokens, scales, stop, asked, choice)
            )
        )

    def add(
        self,
        image: bytes,
        *,
        uri: str | None,
        caption: str | None,
        metadata: Mapping[str, Any] | None,
        space: str | None,
    ) -> Steps[UUID]:
        content = limits.require_image(arguments.content(image))
        held = arguments.optional(arguments.mapping, "metadata", metadata) or {}
        if arguments.optional(arguments.text, "uri", uri) == "":
            raise UsageError("the uri is empty", "Leave it out, or say where the image was seen.")
        said = arguments.optional(arguments.text, "caption", caption)
        if said is not None:
            limits.require_caption(said)
        whose = arguments.optional(arguments.text, "space", space) or ""
        yield from _require_spaces()
        values = {
            "id": image_id(whose, content),
            "space": whose,
            "sha256": sha256(content).digest(),
            "mime": limits.mime(content),
            "bytes": len(content),
            "content": content,
            "metadata": Jsonb(held),
            "uri": uri,
        }
        yield from _store(values)
        if uri is not None:
            yield from _set_place(values)
        if said is not None and re.search(r"\S", said):
            named = {"id": values["id"], "caption_id": caption_id("web", said), "text": said}
            yield from ask(tables.ADD_CAPTION, named)
        ((is_searchable,),) = yield from ask(tables.ENQUEUE, values)
        if not is_searchable:
            notice(
                "stored, but not to be found: no model is active in the role 'retrieval'",
                "Add one with: blipdb models add",
            )
        return image_id(whose, content)

    def status(self) -> Steps[list[Count]]:
        stored = yield from ask(tables.STORED)
        worked = yield from ask(tables.WORKED)
        return [Count(*row) for row in (*stored, *worked)]

    def failures(self) -> Steps[list[Failed]]:
        rows = yield from ask(tables.FAILURES)
        return [Failed(*row) for row in rows]

    def _embed(self, model: Model, query: str | bytes) -> Steps[Floats]:
        """The ITC vector [E] of a text or an image file."""
        if isinstance(query, str):
            return (yield from work(lambda _: self._inference.embed_text(model, query)))
        image = limits.require_image(query)
        encoded = yield from work(lambda _: self._inference.encode(model, image))
        itc: Floats = encoded.itc[0]
        if not itc.size:
            raise DatabaseError(f"The model {model.name} makes no vectors.")
        return itc

    def _seen(self, model: Model, image: UUID | bytes) -> Steps[tuple[Tokens, Scales]]:
        """The tokens of one image, stored or of a file: a batch of one."""
        if isinstance(image, bytes):
            encoded = yield from work(lambda _: self._inference.encode(model, image))
            return encoded.tokens, encoded.scales
        records = yield from _records(model, [image])
        if image not in records:
            raise _unknown(image, model)
        return unpacked(model, [records[image]])

    def logits(
        self, model: Model, query: str, found: Candidates
    ) -> Steps[tuple[Candidates, Floats]]:
        """The candidates that are still there, and their ITM logits [B, 2]."""
        kept: list[tuple[UUID, float]] = []
        logits = [np.empty((0, 2), np.float32)]
        for some in _portions(model, list(zip(*found, strict=True))):
            records = yield from _records(model, [id for id, _ in some])
            there = [pair for pair in some if pair[0] in records]  # not deleted meanwhile

            if there:
                seen = unpacked(model, [records[id] for id, _ in there])
                logits.append(
                    (yield from work(partial(self._inference.rerank, model, query, *seen)))
                )
                kept += there
        return Candidates([id for id, _ in kept], [itc for _, itc in kept]), np.concatenate(logits)


def _require_spaces() -> Steps[None]:
    """
    Refuse to add where policies hide images of a space, as `blip._require_spaces` does.

    Raises:
        DatabaseError: they do.
    """
    ((goes_by_space, role),) = yield from ask(tables.GOES_BY_SPACE)
    if not goes_by_space:
        raise DatabaseError(
            f"policies on blip.images that hold for the role {role} look at more than the space:"
            " it may search, and not add",
            "Give each tenant a space, and let the policies compare it:"
            " USING (space = current_setting('app.tenant')).",
        )


def _set_place(values: Mapping[str, Any]) -> Steps[None]:
    """
    Note where an image was seen, as `blip._set_place` does.

    Raises:
        UsageError: ingest found another image there.
    """
    for is_there, is_read in (yield from ask(tables.PLACED, values)):
        if is_there:
            return
        if is_read:
            raise UsageError(
                f"ingest found another image at {quoted(values['uri'])}",
                "Give another uri, or none; a file that changed is taken in by blipdb ingest.",
            )
    yield from ask(tables.ADD_FILE, values)


def _store(values: Mapping[str, Any]) -> Steps[None]:
    """Store an image, or complete the one that is there, as `blip._store` does."""
    for _ in range(2):
        yield from ask(tables.ADD_IMAGE, values)
        rows = yield from ask(tables.ADDED_METADATA, values)
        if not rows or rows[0][0]:
            break
    for _, changed, may_change in rows:
        if changed and may_change:
            yield from ask(tables.CHANGE_METADATA, values)
        elif changed:
            notice(
                f"the metadata of image {values['id']} keeps its values of"
                f" {', '.join(map(quoted, changed))}",
                "This role may add keys and change none; who may UPDATE blip.images can.",
            )


def _image(image: UUID | bytes) -> UUID | bytes:
    """A stored image's id, or a file's bytes, as many as are taken."""
    given = arguments.image(image)
    return given if isinstance(given, UUID) else limits.require_image(given)


def _portions(model: Model, pairs: list[tuple[UUID, float]]) -> Iterator[list[tuple[UUID, float]]]:
    """As many in each as their tokens take some megabytes."""
    size = max(1, TOKEN_BYTES // record_size(*model.record))
    return (pairs[start : start + size] for start in range(0, len(pairs), size))


def _records(model: Model, ids: list[UUID]) -> Steps[dict[UUID, bytes]]:
    rows = yield from ask(
        "SELECT image_id, tokens FROM blip.image_tokens WHERE model_id = %s AND image_id = ANY(%s)",
        [model.model_id, ids],
        binary=True,
    )
    return dict(rows)


def _unknown(id: UUID, model: Model) -> DatabaseError:
    return DatabaseError(
        f"image {id} is unknown here or not encoded by model {quoted(model.name)} yet",
        "See blipdb status and blipdb failures.",
    )


def _choose_head(model: str | None) -> Steps[Model]:
    """As blip._choose_head: of that name, any with a match head."""
    wanted = arguments.optional(arguments.text, "model", model)
    return choose(wanted, "retrieval" if wanted is None else "filter")


def _written(vector: Floats) -> str:
    """In pgvector's notation."""
    return str(vector.tolist())


def hits(
    found: Candidates, logits: Floats | None, k: int, threshold: float | None
) -> Steps[list[Hit]]:
    """The k best with a place where each was seen and its best caption. Without logits (image to
    image) the score is the cosine alone, and the threshold is on it."""
    scored: list[tuple[float, UUID, float | None, float]] = []
    for place, (id, itc) in enumerate(zip(*found, strict=True)):
        if logits is None:
            scored.append((itc, id, None, itc))
        else:
            no, yes = logits[place].tolist()
            scored.append((yes + itc, id, probability(no, yes), itc))
    if threshold is not None:
        least = np.float32(max(-2.0, min(2.0, threshold)))  # a probability or a cosine
        scored = [
            one for one in scored if np.float32(one[3] if one[2] is None else one[2]) >= least
        ]
    best = sorted(scored, key=lambda one: (-one[0], one[1]))[:k]
    rows = yield from ask(tables.SHOWN, [[id for _, id, _, _ in best]])
    shown = {id: (uri, caption) for id, uri, caption in rows}
    return [Hit(id, *shown[id], score, itm, itc) for score, id, itm, itc in best]


def say_short(model: Model, recalled: int, k: int) -> Steps[None]:
    """A short result is never silent."""
    if recalled >= k:
        return
    ((waiting,),) = yield from ask(
        "SELECT count(*) FROM blip.jobs WHERE stage = 'encode' AND model_id = %s"
        " AND state IN ('p', 'r')",
        [model.model_id],
    )
    notice(
        f"only {recalled} of {k}: no more images are encoded by model {quoted(model.name)} and"
        " admitted here",
        f"{waiting} images wait to be encoded",
    )


def probability(no: float, yes: float) -> float:
    """Softmax of two logits: that of the second."""
    return 1 / (1 + math.exp(max(-80.0, min(80.0, no - yes))))

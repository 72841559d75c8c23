"""The verbs of a client whose own process computes: for servers without PL/Python.

Models run here; which images they see, and what is made of their results, is up to the database's
functions, in the same statements as on a server with an engine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
from psycopg.types.json import Jsonb

from ..database.steps import Steps, ask, work
from ..errors import DatabaseError
from ..model.tokens import Scales, Tokens, record_size
from ..registry import Model
from . import arguments, limits
from .arguments import Decoding, Scope
from .inference import Inference, unpacked
from .results import Hit
from .server import Server

Floats = npt.NDArray[np.float32]

TOKEN_BYTES = 8 << 20  # that are fetched at a time

_COLUMNS: LiteralString = (
    "m.model_id, m.name, m.digest, m.roles, m.image_size, m.itc_dims, m.token_count,"
    " m.token_width, m.max_tokens, m.merged, m.knows"
)
_CHOSEN: LiteralString = (
    "blip._choose(%(model)s, %(role)s) c JOIN blip.models m ON m.model_id = c.model_id"
)
_MODEL: LiteralString = (
    "(%(model_id)s, %(name)s, %(digest)s, %(itc_dims)s, %(token_bytes)s)::blip._model"
)


class Candidates(NamedTuple):
    """Images near to a query, nearest first, with their cosines."""

    image_ids: list[UUID]
    itcs: list[float]


class Local(Server):
    """Verbs by the functions in ``schema``, with models at work in this process."""

    one_statement = False

    def __init__(self, inference: Inference, schema: str) -> None:
        super().__init__(schema)
        self._inference = inference

    def search(self, query: str | bytes, scope: Scope) -> Steps[list[Hit]]:
        asked = arguments.query(query)
        model, count = yield from choose(
            scope.model,
            "retrieval",
            "blip._require_search(%(k)s::integer, %(candidates)s::integer,"
            " %(threshold)s::double precision)",
            scope._asdict(),
        )
        vector = yield from self.vector(model, asked)
        found = yield from candidates(
            model, written(vector), scope.k, count, scope.filter, scope.within
        )
        return (yield from self.ranked(model, asked, found, scope.k, scope.threshold))

    def rerank(self, query: str, image_ids: Sequence[UUID], scope: Scope) -> Steps[list[Hit]]:
        asked = arguments.text("query", query)
        among = arguments.image_ids("image_ids", image_ids)
        model, _ = yield from choose(
            scope.model,
            "retrieval",
            "blip._require_rerank(%(k)s::integer, %(among)s::uuid[],"
            " %(threshold)s::double precision)",
            {"k": scope.k, "among": among, "threshold": scope.threshold},
        )
        vector = yield from self.vector(model, asked)
        found = yield from _candidates(
            model,
            "blip._candidates_among({model}, %(vector)s::text, %(k)s::integer, %(among)s::uuid[])",
            {"vector": written(vector), "k": scope.k, "among": among},
        )
        return (yield from self.ranked(model, asked, found, scope.k, scope.threshold))

    def embed(self, query: str | bytes, *, model: str | None) -> Steps[Floats]:
        asked = arguments.query(query)
        chosen = yield from _choose_head(model)
        vector = yield from self.vector(chosen, asked)
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
        chosen, _ = yield from choose(
            model,
            "captioner",
            "blip._decoding(%(beams)s::integer, %(max_tokens)s::integer,"
            " %(nucleus)s::double precision, %(seed)s::integer)",
            decoding._asdict(),
        )
        options = decoding._asdict()
        tokens, scales = yield from self._seen(chosen, given)
        return (
            yield from work(
                lambda stop: self._inference.caption(chosen, tokens, scales, stop, **options)
            )
        )

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
        chosen, _ = yield from choose(
            model,
            "answerer",
            "blip._question(%(question)s::text, %(among)s::text[])",
            {"question": asked, "among": choice},
        )
        tokens, scales = yield from self._seen(chosen, given)
        return (
            yield from work(
                lambda stop: self._inference.answer(chosen, tokens, scales, stop, asked, choice)
            )
        )

    def vector(self, model: Model, query: str | bytes) -> Steps[Floats]:
        """The ITC vector [E] of a text or an image file."""
        if isinstance(query, str):
            text = limits.require_text(query)
            return (yield from work(lambda _: self._inference.embed_text(model, text)))
        image = limits.require_image(query)
        encoded = yield from work(lambda _: self._inference.encode(model, image))
        itc: Floats = encoded.itc[0]
        if not itc.size:
            raise DatabaseError(f"The model {model.name} makes no vectors.")
        return itc

    def ranked(
        self,
        model: Model,
        query: str | bytes,
        found: Candidates,
        k: int,
        threshold: float | None,
    ) -> Steps[list[Hit]]:
        """The hits among the candidates: of a text by the second stage, of an image by cosine."""
        logits = None
        if isinstance(query, str):
            found, logits = yield from self._logits(model, query, found)
        rows = yield from ask(
            "SELECT * FROM blip._hits(%(ids)s::uuid[], %(itcs)s::real[], %(logits)s::jsonb,"
            " %(k)s::integer, %(threshold)s::double precision)",
            {
                "ids": found.image_ids,
                "itcs": found.itcs,
                "logits": None if logits is None else Jsonb(logits.tolist()),
                "k": k,
                "threshold": threshold,
            },
        )
        return [Hit(*row) for row in rows]

    def _seen(self, model: Model, image: UUID | bytes) -> Steps[tuple[Tokens, Scales]]:
        """The tokens of one image, stored or of a file: a batch of one."""
        if isinstance(image, bytes):
            encoded = yield from work(lambda _: self._inference.encode(model, image))
            return encoded.tokens, encoded.scales
        records = yield from _records(model, [image])
        if image not in records:
            raise _unknown(image, model)
        return unpacked(model, [records[image]])

    def _logits(
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


def choose(
    wanted: str | None, role: str, check: LiteralString = "NULL", values: Any = None
) -> Steps[tuple[Model, Any]]:
    """The model that `blip._choose` gives for a role, and the value of ``check``, an expression
    that refuses arguments of the call."""
    given = {**(values or {}), "model": arguments.optional(arguments.text, "model", wanted)}
    ((*row, checked),) = yield from ask(
        f"SELECT {_COLUMNS}, {check} FROM {_CHOSEN}",  # noqa: S608 - of constants
        {**given, "role": role},
    )
    return Model(*[*row, []]), checked


def _choose_head(model: str | None) -> Steps[Model]:
    """As blip._choose_head: of that name, any with a match head."""
    chosen, _ = yield from choose(model, "retrieval" if model is None else "filter")
    return chosen


def candidates(
    model: Model,
    vector: str,
    k: int,
    count: int,
    filter: dict[str, Any] | None = None,
    within: Sequence[UUID] | None = None,
) -> Steps[Candidates]:
    """The first stage of a search, by `blip._candidates`."""
    return _candidates(
        model,
        "blip._candidates({model}, %(vector)s::text, %(k)s::integer, %(count)s::integer,"
        " %(filter)s::jsonb, %(within)s::uuid[])",
        {
            "vector": vector,
            "k": k,
            "count": count,
            "filter": None if filter is None else Jsonb(filter),
            "within": within,
        },
    )


def say_short(model: Model, found: Candidates, k: int) -> Steps[None]:
    """Have the database say in a NOTICE why there are fewer candidates than hits wanted."""
    call = "SELECT blip._say_short({model}, %(recalled)s::integer, %(k)s::integer)"
    values = {"recalled": len(found.image_ids), "k": k}
    yield from ask(call.replace("{model}", _MODEL), _of(model) | values)


def _candidates(model: Model, call: LiteralString, values: dict[str, Any]) -> Steps[Candidates]:
    """The first stage, by a function that takes ``{model}``."""
    ((ids, itcs),) = yield from ask(
        f"SELECT r.image_ids, r.itcs FROM {call.replace('{model}', _MODEL)} r",  # noqa: S608 - of constants
        _of(model) | values,
    )
    return Candidates(ids, itcs)


def _of(model: Model) -> dict[str, Any]:
    """The values of `_MODEL`."""
    return {
        "model_id": model.model_id,
        "name": model.name,
        "digest": model.digest,
        "itc_dims": model.itc_dims,
        "token_bytes": record_size(*model.record),
    }


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
        f"image {id} is unknown here or not encoded by model '{model.name}' yet",
        "See blipdb status and blipdb failures.",
    )


def written(vector: Floats) -> str:
    """In pgvector's notation."""
    return str(vector.tolist())


def probability(no: float, yes: float) -> float:
    """Softmax of two logits: that of the second."""
    return 1 / (1 + math.exp(max(-80.0, min(80.0, no - yes))))

"""Verbs of a client that computes in its own process, for servers without PL/Python.

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

FETCH_BYTES = 8 << 20  # of image tokens, fetched in one statement

_MODEL_COLUMNS: LiteralString = (
    "m.model_id, m.name, m.digest, m.roles, m.image_size, m.itc_dims, m.token_count,"
    " m.token_width, m.max_tokens, m.merged, m.knows"
)
_MODEL_CHOICE: LiteralString = (
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
        query = arguments.query(query)
        model, count = yield from choose(
            scope.model,
            "retrieval",
            "blip._require_search(%(k)s::integer, %(candidates)s::integer,"
            " %(threshold)s::double precision)",
            scope._asdict(),
        )
        vector = yield from self.vector(model, query)
        shortlist = yield from candidates(
            model, vector_literal(vector), scope.k, count, scope.filter, scope.within
        )
        return (yield from self.ranked(model, query, shortlist, scope.k, scope.threshold))

    def rerank(self, query: str, image_ids: Sequence[UUID], scope: Scope) -> Steps[list[Hit]]:
        query = arguments.text("query", query)
        among = arguments.image_ids("image_ids", image_ids)
        model, _ = yield from choose(
            scope.model,
            "retrieval",
            "blip._require_rerank(%(k)s::integer, %(among)s::uuid[],"
            " %(threshold)s::double precision)",
            {"k": scope.k, "among": among, "threshold": scope.threshold},
        )
        vector = yield from self.vector(model, query)
        shortlist = yield from _candidates(
            model,
            "blip._candidates_among({model}, %(vector)s::text, %(k)s::integer, %(among)s::uuid[])",
            {"vector": vector_literal(vector), "k": scope.k, "among": among},
        )
        return (yield from self.ranked(model, query, shortlist, scope.k, scope.threshold))

    def embed(self, query: str | bytes, *, model: str | None) -> Steps[Floats]:
        query = arguments.query(query)
        encoder = yield from _choose_head(model)
        vector = yield from self.vector(encoder, query)
        return vector.astype(np.float16).astype(np.float32)  # as halfvec has it

    def match(self, image: UUID | bytes, query: str, *, model: str | None) -> Steps[float]:
        image = _image(image)
        query = limits.require_text(arguments.text("query", query))
        matcher = yield from _choose_head(model)
        tokens, scales = yield from self._image_tokens(matcher, image)
        logits = yield from work(
            lambda stop: self._inference.rerank(matcher, query, tokens, scales, stop)
        )
        return probability(*logits[0].tolist())

    def caption(self, image: UUID | bytes, decoding: Decoding, *, model: str | None) -> Steps[str]:
        image = _image(image)
        captioner, _ = yield from choose(
            model,
            "captioner",
            "blip._decoding(%(beams)s::integer, %(max_tokens)s::integer,"
            " %(nucleus)s::double precision, %(seed)s::integer)",
            decoding._asdict(),
        )
        options = decoding._asdict()
        tokens, scales = yield from self._image_tokens(captioner, image)
        return (
            yield from work(
                lambda stop: self._inference.caption(captioner, tokens, scales, stop, **options)
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
        image = _image(image)
        question = arguments.text("question", question)
        choice = arguments.optional(arguments.texts, "among", among)
        answerer, _ = yield from choose(
            model,
            "answerer",
            "blip._question(%(question)s::text, %(among)s::text[])",
            {"question": question, "among": choice},
        )
        tokens, scales = yield from self._image_tokens(answerer, image)
        return (
            yield from work(
                lambda stop: self._inference.answer(
                    answerer, tokens, scales, stop, question, choice
                )
            )
        )

    def vector(self, model: Model, query: str | bytes) -> Steps[Floats]:
        """Compute the ITC vector [E] of a text or an image file."""
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
        shortlist: Candidates,
        k: int,
        threshold: float | None,
    ) -> Steps[list[Hit]]:
        """Rank candidates: those of a text by the second stage, those of an image by cosine.

        Args:
            model: the model that computes.
            query: the text, or the image file's bytes.
            shortlist: the candidates.
            k: number of hits.
            threshold: the least score of a hit.
        """
        logits = None
        if isinstance(query, str):
            shortlist, logits = yield from self._logits(model, query, shortlist)
        rows = yield from ask(
            "SELECT * FROM blip._hits(%(ids)s::uuid[], %(itcs)s::real[], %(logits)s::jsonb,"
            " %(k)s::integer, %(threshold)s::double precision)",
            {
                "ids": shortlist.image_ids,
                "itcs": shortlist.itcs,
                "logits": None if logits is None else Jsonb(logits.tolist()),
                "k": k,
                "threshold": threshold,
            },
        )
        return [Hit(*row) for row in rows]

    def _image_tokens(self, model: Model, image: UUID | bytes) -> Steps[tuple[Tokens, Scales]]:
        """Return the tokens of one image, stored or of a file, as a batch of one."""
        if isinstance(image, bytes):
            encoded = yield from work(lambda _: self._inference.encode(model, image))
            return encoded.tokens, encoded.scales
        records = yield from _records(model, [image])
        if image not in records:
            raise _unknown(image, model)
        return unpacked(model, [records[image]])

    def _logits(
        self, model: Model, query: str, shortlist: Candidates
    ) -> Steps[tuple[Candidates, Floats]]:
        """Return the candidates that still exist, with their ITM logits [B, 2]."""
        pairs: list[tuple[UUID, float]] = []
        logits = [np.empty((0, 2), np.float32)]
        for some in _portions(model, list(zip(*shortlist, strict=True))):
            records = yield from _records(model, [id for id, _ in some])
            rows = [pair for pair in some if pair[0] in records]  # not deleted meanwhile

            if rows:
                images = unpacked(model, [records[id] for id, _ in rows])
                logits.append(
                    (yield from work(partial(self._inference.rerank, model, query, *images)))
                )
                pairs += rows
        return Candidates([id for id, _ in pairs], [itc for _, itc in pairs]), np.concatenate(
            logits
        )


def choose(
    name: str | None, role: str, check: LiteralString = "NULL", values: Any = None
) -> Steps[tuple[Model, Any]]:
    """Choose the model for a role, as `blip._choose` does, and check a call's arguments.

    Args:
        name: the model's name; None for the active one.
        role: the role that the call needs.
        check: an SQL expression that raises on invalid arguments.
        values: parameters of ``check``.

    Returns:
        The model, and the value of ``check``.
    """
    parameters = {**(values or {}), "model": arguments.optional(arguments.text, "model", name)}
    ((*row, checked),) = yield from ask(
        f"SELECT {_MODEL_COLUMNS}, {check} FROM {_MODEL_CHOICE}",  # noqa: S608 - of constants
        {**parameters, "role": role},
    )
    return Model(*[*row, []]), checked


def _choose_head(model: str | None) -> Steps[Model]:
    """Choose a model with a match head, as `blip._choose_head` does."""
    selection, _ = yield from choose(model, "retrieval" if model is None else "filter")
    return selection


def candidates(
    model: Model,
    vector: str,
    k: int,
    count: int,
    filter: dict[str, Any] | None = None,
    within: Sequence[UUID] | None = None,
) -> Steps[Candidates]:
    """Run the first stage of a search, by `blip._candidates`."""
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


def say_short(model: Model, shortlist: Candidates, k: int) -> Steps[None]:
    """Have the database say in a NOTICE why there are fewer candidates than hits wanted."""
    call = "SELECT blip._say_short({model}, %(recalled)s::integer, %(k)s::integer)"
    values = {"recalled": len(shortlist.image_ids), "k": k}
    yield from ask(call.replace("{model}", _MODEL), _of(model) | values)


def _candidates(model: Model, call: LiteralString, values: dict[str, Any]) -> Steps[Candidates]:
    """Run the first stage by a function that takes ``{model}``."""
    ((ids, itcs),) = yield from ask(
        f"SELECT r.image_ids, r.itcs FROM {call.replace('{model}', _MODEL)} r",  # noqa: S608 - of constants
        _of(model) | values,
    )
    return Candidates(ids, itcs)


def _of(model: Model) -> dict[str, Any]:
    """Parameters of `_MODEL`."""
    return {
        "model_id": model.model_id,
        "name": model.name,
        "digest": model.digest,
        "itc_dims": model.itc_dims,
        "token_bytes": record_size(*model.record),
    }


def _image(image: UUID | bytes) -> UUID | bytes:
    """Check a stored image's id, or a file's bytes and their size."""
    content = arguments.image(image)
    return content if isinstance(content, UUID) else limits.require_image(content)


def _portions(model: Model, pairs: list[tuple[UUID, float]]) -> Iterator[list[tuple[UUID, float]]]:
    """Split the candidates so that the tokens of each part take some megabytes."""
    size = max(1, FETCH_BYTES // record_size(*model.record))
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


def vector_literal(vector: Floats) -> str:
    """Format a vector in pgvector's notation."""
    return str(vector.tolist())


def probability(no: float, yes: float) -> float:
    """Return the softmax of two logits at the second."""
    return 1 / (1 + math.exp(max(-80.0, min(80.0, no - yes))))

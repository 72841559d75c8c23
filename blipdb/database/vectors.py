"""ITC vectors and tokens of images, as a model has encoded them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt

from ..model import tokens
from ..model.tokens import Scales, Tokens
from ..types import Connection
from .arrays import Reals

if TYPE_CHECKING:
    from ..model.runtime import Encoded

Record = tuple[int, int, bool]
"""Arguments of `tokens.record_size`, by which a model's stored tokens are laid out."""


class EncodedImage(NamedTuple):
    """A row of `Encoded`; ``itc`` is empty where it was not asked for."""

    itc: npt.NDArray[np.float32]
    tokens: Tokens
    scales: Scales


def stored(
    conn: Connection, model_id: int, record: Record, ids: Collection[UUID], *, vectors: bool
) -> dict[UUID, EncodedImage]:
    """Read the tokens of those images that a model has encoded.

    Args:
        conn: any connection.
        model_id: the model.
        record: the layout of its tokens.
        ids: the images to look for.
        vectors: read their ITC vectors too, and leave out images that have none.
    """
    rows = conn.execute(
        """
        SELECT t.image_id, t.tokens, v.itc::real[]
        FROM blip.image_tokens t
        LEFT JOIN blip.image_vectors v
            ON v.image_id = t.image_id AND v.model_id = %(model)s AND %(vectors)s
        WHERE t.image_id = ANY(%(ids)b) AND t.model_id = %(model)s
        """,
        {"model": model_id, "ids": list(ids), "vectors": vectors},
        binary=True,
    )
    return {
        id: EncodedImage(np.array(itc or (), np.float32), *tokens.unpack(packed, *record))
        for id, packed, itc in rows
        if itc is not None or not vectors
    }


def store(
    conn: Connection, model_id: int, record: Record, ids: Sequence[UUID], encoded: Encoded
) -> None:
    """Store the vectors and tokens of images, in place of earlier ones of the same model.

    ``conn`` has `RealsDumper` registered.
    """
    values = {
        "ids": list(ids),
        "model": model_id,
        "itc": Reals(encoded.itc),
        "dims": encoded.itc.shape[1],
        "tokens": b"".join(tokens.pack_batch(encoded.tokens, encoded.scales)),
        "size": tokens.record_size(*record),
    }
    # Slices of one parameter: an array with an element per image costs more on both sides.
    if encoded.itc.shape[1]:  # else the model only captions, or answers
        conn.execute(
            """
            INSERT INTO blip.image_vectors (image_id, model_id, itc)
            SELECT id, %(model)s, (%(itc)s)[(n - 1) * %(dims)s + 1 : n * %(dims)s]
            FROM pg_catalog.unnest(%(ids)b::uuid[]) WITH ORDINALITY AS u (id, n)
            ON CONFLICT (image_id, model_id) DO UPDATE SET itc = excluded.itc
            """,
            values,
        )
    conn.execute(
        """
        INSERT INTO blip.image_tokens (image_id, model_id, tokens)
        SELECT id, %(model)s,
               substr(%(tokens)b, ((n - 1) * %(size)s + 1)::integer, %(size)s::integer)
        FROM pg_catalog.unnest(%(ids)b::uuid[]) WITH ORDINALITY AS u (id, n)
        ON CONFLICT (image_id, model_id) DO UPDATE SET tokens = excluded.tokens
        """,
        values,
    )

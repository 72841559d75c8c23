"""Image tokens as bytes, as in `blip.image_tokens` and in requests to the engine.

A record is N scales (float32, little-endian), then N * D values (int8); an image's token n is
values[n] * scales[n]. Where a model merges tokens, each scale is followed by the token's size
(float32): the number of tokens that it stands for. Such scales are arrays [N, 2].
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int8]
Scales = npt.NDArray[np.float32]

SCALE = np.dtype("<f4")


def record_size(n: int, d: int, merged: bool = False) -> int:
    """Bytes of one image's record."""
    return n * (SCALE.itemsize * (2 if merged else 1) + d)


def pack(tokens: Tokens, scales: Scales) -> bytes:
    """tokens int8 [N, D], scales float32 [N] or [N, 2] -> one record."""
    if tokens.dtype != np.int8 or scales.shape not in (tokens.shape[:1], (len(tokens), 2)):
        raise ValueError(
            f"tokens are {tokens.dtype} {tokens.shape} and scales {scales.shape}; "
            "int8 [N, D] and [N] or [N, 2] make a record"
        )
    return scales.astype(SCALE).tobytes() + tokens.tobytes()


def unpack(
    record: bytes | memoryview, n: int, d: int, merged: bool = False
) -> tuple[Tokens, Scales]:
    """One record -> (tokens int8 [N, D], scales float32 [N], or [N, 2] where tokens are merged),
    views of it where that can be."""
    tokens, scales = unpack_batch(record, 1, n, d, merged)
    return tokens[0], scales[0]


def unpack_batch(
    records: bytes | memoryview, count: int, n: int, d: int, merged: bool = False
) -> tuple[Tokens, Scales]:
    """`count` records, one after the other -> (tokens int8 [B, N, D], scales float32 [B, N], or
    [B, N, 2] where tokens are merged).

    Raises:
        ValueError: the length is not that of `count` records.
    """
    size = record_size(n, d, merged)
    if len(records) != count * size:
        raise ValueError(
            f"{len(records)} bytes are not {count} records of {size} bytes "
            f"({n} tokens of {d} values)"
        )
    lines = np.frombuffer(records, np.uint8).reshape(count, size)
    split = size - n * d
    scales = np.ascontiguousarray(lines[:, :split]).view(SCALE).astype(np.float32, copy=False)
    if merged:
        scales = scales.reshape(count, n, 2)
    tokens = np.ascontiguousarray(lines[:, split:]).view(np.int8).reshape(count, n, d)
    return tokens, scales


def pack_batch(tokens: Tokens, scales: Scales) -> list[bytes]:
    """tokens int8 [B, N, D], scales float32 [B, N] or [B, N, 2] -> a record per image."""
    return [pack(one, scale) for one, scale in zip(tokens, scales, strict=True)]

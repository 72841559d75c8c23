"""Arrays of float32 as one parameter of a statement, without a Python object for each number."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from psycopg.adapt import Dumper
from psycopg.pq import Format

REAL_OID = 700
REAL_ARRAY_OID = 1021
_HEAD = struct.Struct(">iiIii")  # dimensions, nulls, element's type, length, lower bound
_ITEM = np.dtype([("bytes", ">i4"), ("value", ">f4")])


@dataclass(frozen=True)
class Reals:
    """An array, dumped as a flat ``real[]`` in PostgreSQL's binary format (``array_send``)."""

    values: npt.NDArray[np.float32]


class RealsDumper(Dumper):
    """Dumper of `Reals`, for ``conn.adapters.register_dumper(Reals, RealsDumper)``."""

    format = Format.BINARY
    oid = REAL_ARRAY_OID

    def dump(self, obj: Reals) -> bytes:
        items = np.empty(obj.values.size, _ITEM)
        items["bytes"] = 4
        items["value"] = obj.values.reshape(-1)
        return _HEAD.pack(1, 0, REAL_OID, items.size, 1) + items.tobytes()

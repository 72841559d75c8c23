"""Records of JSON, JSONL, CSV and TSV files of any size, read one at a time.

One pass over a file indexes the byte offsets of its records; the index is a file, too.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import struct
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

import numpy as np

from .sample import DataError, SampleError
from .scan import MARK, Place, scan_array, scan_lines, scan_rows
from .table import cached_table

DELIMITERS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (".json", ".jsonl", ".ndjson", *DELIMITERS)

Record = Mapping[str, Any]
ROW = struct.Struct("<qii")  # offset and length of a record, number of a sample in it
KEYED = struct.Struct("<qq")  # 64 bits of a key's hash, number of its sample


class Expansion(NamedTuple):
    """Rule for the number of samples in a record. `name` tells apart indexes by different rules."""

    name: str
    count: Callable[[Record], int]


ONE = Expansion("one", lambda record: 1)


class Records:
    """Random access to the samples in a file's records."""

    def __init__(
        self, path: str | Path, expansion: Expansion = ONE, key: str | None = None
    ) -> None:
        """`key`: of the list, where a JSON file holds an object.

        Raises:
            DataError: the file can't be read, or is of another kind.
        """
        self.path = Path(path)
        if self.path.suffix not in SUFFIXES:
            raise DataError(f"{path} is none of {', '.join(SUFFIXES)}")
        self._descriptor = _open(self.path)
        weakref.finalize(self, os.close, self._descriptor)
        self._delimiter = DELIMITERS.get(self.path.suffix)
        self._heading = self._read_heading() if self._delimiter else []
        self._expansion, self._key = expansion, key
        self._places = cached_table(self.path, self.name, ROW, self._write_index)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._places)

    def __getitem__(self, number: int) -> tuple[Record, int]:
        """The record of the sample `number`, and which of its samples that is, from 0.

        Raises:
            SampleError: it can't be read.
        """
        start, length, part = self._places[number]
        return self._record((start, length)), part

    @property
    def name(self) -> str:
        """Name the index by the file's format, the key and the rule for counting."""
        return f"{self.path.suffix} {self._key} {self._expansion.name}"

    def where(self, number: int) -> str:
        """Name the record of the sample `number`, for messages."""
        return f"{self.path}, byte {self._places[number][0]:,}"

    def keys(self, name: str, key: Callable[[Record], str]) -> Keys:
        """Open an index of the samples by a key. `name` stands for the function.

        Raises:
            DataError: two samples have the same.
        """
        return Keys(self, name, key)

    def _write_index(self, out: IO[bytes]) -> None:
        with self.path.open("rb", buffering=1 << 20) as file:
            places = self._scan(file)
            if self._delimiter:
                next(places, None)  # the heading
            for start, length in places:
                for part in range(self._count((start, length))):
                    out.write(ROW.pack(start, length, part))

    def _scan(self, file: BinaryIO) -> Iterator[Place]:
        if self._delimiter:
            return scan_rows(file, self.path, self._delimiter)
        if self.path.suffix == ".json":
            return scan_array(file, self.path, self._key)
        return scan_lines(file, self.path)

    def _count(self, place: Place) -> int:
        if self._expansion is ONE:
            return 1
        try:
            return self._expansion.count(self._record(place))
        except (SampleError, LookupError, TypeError, AttributeError):
            return 1  # so that it is reported where it is read

    def _record(self, place: Place) -> Record:
        data = self._bytes(place)
        return self._row(data) if self._delimiter else _parsed(data)

    def _row(self, data: bytes) -> Record:
        values = self._fields(data)
        if len(values) != len(self._heading):
            raise SampleError(
                f"not as many fields as the heading: {len(values)}, not {len(self._heading)}"
            )
        return dict(zip(self._heading, values, strict=True))

    def _read_heading(self) -> list[str]:
        with self.path.open("rb") as file:
            place = next(self._scan(file), None)
        return [] if place is None else self._fields(self._bytes(place))

    def _fields(self, data: bytes) -> list[str]:
        text = data.decode("utf-8", "replace").removeprefix(MARK)
        lines = io.StringIO(text, newline="")
        try:
            return next(csv.reader(lines, delimiter=self._delimiter or ","), [])
        except csv.Error as error:
            raise SampleError(f"no row of fields: {error}") from None

    def _bytes(self, place: Place) -> bytes:
        start, length = place
        return os.pread(self._descriptor, length, start)


class Keys:
    """Index of samples by a unique key."""

    def __init__(self, records: Records, name: str, key: Callable[[Record], str]) -> None:
        self._records, self._key = records, key
        self._rows = cached_table(records.path, f"{records.name} {name}", KEYED, self._write)

    def find(self, key: str) -> Record | None:
        """Return the record with that key."""
        digest = _hash(key)
        low, high = 0, len(self._rows)
        while low < high:
            middle = (low + high) // 2
            if self._rows[middle][0] < digest:
                low = middle + 1
            else:
                high = middle
        if low == len(self._rows) or self._rows[low][0] != digest:
            return None
        record, _ = self._records[self._rows[low][1]]
        return record if self._key(record) == key else None

    def _write(self, out: IO[bytes]) -> None:
        """Write the index in the order of the hashes, which are in memory: 16 bytes a sample."""
        pairs = np.fromiter(self._pairs(), np.dtype([("hash", "<i8"), ("number", "<i8")]))
        pairs.sort(order="hash")
        (same,) = (pairs["hash"][1:] == pairs["hash"][:-1]).nonzero()
        for n in same:
            self._require_different(*(int(pairs["number"][n + i]) for i in (0, 1)))
        out.write(pairs.tobytes())

    def _pairs(self) -> Iterator[tuple[int, int]]:
        for number in range(len(self._records)):
            try:
                record, part = self._records[number]
                if part == 0:
                    yield _hash(self._key(record)), number
            except (SampleError, LookupError, TypeError):
                continue  # it is reported where the sample is read

    def _require_different(self, first: int, second: int) -> None:
        keys = [self._key(self._records[number][0]) for number in (first, second)]
        if keys[0] == keys[1]:
            first, second = sorted((first, second))
            raise DataError(
                f"{keys[0]} occurs twice: {self._records.where(first)};"
                f" {self._records.where(second)}"
            )


def _hash(key: str) -> int:
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None


def _parsed(data: bytes) -> Record:
    try:
        record = json.loads(data.removeprefix(MARK.encode()))
    except (ValueError, RecursionError) as error:
        raise SampleError(f"no JSON: {error}") from None
    if not isinstance(record, dict):
        raise SampleError("no object with fields")
    return record

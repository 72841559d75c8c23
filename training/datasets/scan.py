"""Byte offsets of a file's records: found in one pass that never holds the file in memory.

Each record is (start, length) in bytes, in order.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .sample import DataError

CHUNK_BYTES = 1 << 20
MAX_RECORD_BYTES = 16 << 20  # of a line, or between two brackets
MARK = "\ufeff"  # a byte order mark

# Text up to the next bracket, with strings as a whole, and the bracket. Atomic and possessive, so
# that the pattern never backtracks.
TOKEN = re.compile(rb'((?>[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+)([{}\[\]])', re.DOTALL)
KEY = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*\Z', re.DOTALL)

Place = tuple[int, int]


class Token(NamedTuple):
    """A bracket of JSON outside of strings, the text before it, and its end."""

    before: bytes
    bracket: bytes
    end: int


def scan_array(file: BinaryIO, path: Path, key: str | None = None) -> Iterator[Place]:
    """Find the objects of a JSON list; with a `key`, of the list under this key of an object.

    Raises:
        DataError: it is no such list, breaks off, or holds something else than objects.
    """
    tokens = _tokens(file, path)
    _enter(tokens, path, key)
    count, separator = 0, b""
    for before, bracket, end in tokens:
        if bracket == b"]" and not before.strip():
            return
        if bracket != b"{" or before.strip() != separator:
            excerpt = (before + bracket).strip()[:40].decode("utf-8", "replace")
            raise DataError(
                f"{path}: {excerpt!r} at byte {end:,}, where record {count} is expected"
            )
        yield end - 1, _end_of_record(tokens, path, count) - (end - 1)
        count, separator = count + 1, b","
    raise DataError(f"{path} breaks off behind record {count - 1}: the end of the list is missing")


def _end_of_record(tokens: Iterator[Token], path: Path, count: int) -> int:
    depth = 1
    for _, bracket, end in tokens:
        depth += 1 if bracket in b"{[" else -1
        if depth == 0:
            return end
    raise DataError(f"{path} breaks off within record {count}")


def _enter(tokens: Iterator[Token], path: Path, key: str | None) -> None:
    """Skip the bracket that opens the list."""
    first = next(tokens, None)
    bracket = b"[" if key is None else b"{"
    if first is None or first.before.decode("utf-8", "replace").strip().strip(MARK):
        raise DataError(f"{path} is not JSON")
    if first.bracket != bracket:
        expectation = "a list of records" if key is None else f'an object with a list "{key}"'
        raise DataError(f"{path} begins with {first.bracket.decode()}, and should be {expectation}")
    if key is not None:
        _find_key(tokens, path, key)


def _find_key(tokens: Iterator[Token], path: Path, key: str) -> None:
    depth, keys = 1, []
    for before, bracket, _ in tokens:
        if depth == 1 and bracket in b"{[" and (name := KEY.search(before)):
            keys.append(json.loads(name[1]))
            if keys[-1] == key and bracket == b"[":
                return
        depth += 1 if bracket in b"{[" else -1
        if depth == 0:
            break
    has = f"it has {', '.join(keys)}" if keys else "it has none"
    raise DataError(f'{path} has no list "{key}"; {has}')


def _tokens(file: BinaryIO, path: Path) -> Iterator[Token]:
    data, at = b"", 0  # `data` begins at byte `at`
    while chunk := file.read(CHUNK_BYTES):
        data += chunk
        used = 0
        while token := TOKEN.match(data, used):
            used = token.end()
            yield Token(token[1], token[2], at + used)
        data, at = data[used:], at + used
        if len(data) > MAX_RECORD_BYTES:
            raise DataError(f"{path}: no bracket in {MAX_RECORD_BYTES:,} bytes behind byte {at:,}")


def scan_lines(file: BinaryIO, path: Path) -> Iterator[Place]:
    """Find the lines that are not empty."""
    start = 0
    while line := _line(file, path, start):
        if line.strip():
            yield start, len(line)
        start += len(line)


def scan_rows(file: BinaryIO, path: Path, delimiter: str) -> Iterator[Place]:
    """Find the rows of CSV, the heading first; a quoted field may span several lines.

    Raises:
        DataError: a field doesn't end, or holds what no field can.
    """
    lines = _Lines(file, path)
    rows = csv.reader(lines, delimiter=delimiter)
    begin = 0
    try:
        for row in rows:
            if row:
                yield begin, lines.read - begin
            begin = lines.read
    except csv.Error as error:
        hint = "; a quote is left open" if "limit" in str(error) else ""
        raise DataError(f"{path}, the row at byte {begin:,}: {error}{hint}") from None


class _Lines:
    """A file's lines, and the number of bytes read."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self.read = 0

    def __iter__(self) -> Iterator[str]:
        while line := _line(self._file, self._path, self.read):
            self.read += len(line)
            yield line.decode("utf-8", "replace")


def _line(file: BinaryIO, path: Path, start: int) -> bytes:
    line = file.readline(MAX_RECORD_BYTES)
    if len(line) == MAX_RECORD_BYTES:
        raise DataError(
            f"{path}: the line at byte {start:,} has {MAX_RECORD_BYTES:,} bytes or more"
        )
    return line

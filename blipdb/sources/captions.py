"""Captions that come with the files: beside a photo, in a table of captions, or inside the photo.

Beside: ``photo.txt`` next to ``photo.jpg``, a caption a line. A table: CSV with a heading, JSON or
JSONL, also COCO's annotation files and the ``metadata.jsonl`` of Hugging Face's image folders.
Inside: IPTC and EXIF descriptions, which the decoder reads.

All of these are *web* captions: text that came with the image and that nobody vouches for. A
table's row may say ``human`` in its field ``origin``.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import UsageError
from ..images.decode import Decoded
from .records import Caption

FILE_FIELDS = ("file_name", "filename", "file", "path", "filepath", "image", "image_name", "uri")
TEXT_FIELDS = ("caption", "captions", "text", "description", "comment")
ORIGINS = ("web", "human")
MAX_TEXT = 4096  # characters of one caption
MAX_BESIDE = 64 * 1024  # bytes of a photo.txt
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff]+")


def inside(decoded: Decoded) -> list[Caption]:
    """Extract the captions in a picture's own metadata."""
    return [Caption(text) for text in map(clean, decoded.descriptions) if text]


@dataclass
class Captions:
    """Captions by the file's URI, and sentences about those that can't be used."""

    by_uri: dict[str, list[Caption]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def add(self, uri: str, caption: Caption) -> None:
        """Add a caption, unless this file has it already."""
        known = self.by_uri.setdefault(uri, [])
        if caption not in known:
            known.append(caption)


class _Row(NamedTuple):
    file: str
    caption: Caption


def gather(uris: Sequence[str], tables: Iterable[str | Path] = ()) -> Captions:
    """Collect the captions of ``uris``, beside them and in ``tables``.

    A table names a file by its absolute path, by its path from the table's own folder, or by the
    end of its path (``a.jpg``, ``2024/a.jpg``) where only one of ``uris`` ends so.

    Raises:
        UsageError: a table can't be read, or isn't one of captions; says what was looked for.
    """
    captions = Captions()
    for uri in uris:
        _beside(uri, captions)
    for table in map(Path, tables):
        _tabled(table, uris, captions)
    return captions


def clean(text: str) -> str:
    """Put text on one line: runs of white space and control characters become one space."""
    return _UNPRINTABLE.sub(" ", text).strip()


def _beside(uri: str, captions: Captions) -> None:
    path = os.path.splitext(uri)[0] + ".txt"
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BESIDE + 1)
    except (FileNotFoundError, IsADirectoryError):
        return
    except OSError as error:
        captions.warnings.append(f"{path} can't be read: {error.strerror}")
        return
    if len(data) > MAX_BESIDE:
        captions.warnings.append(f"{path} is left out: over {MAX_BESIDE:,} bytes")
        return
    for line in data.decode("utf-8-sig", "replace").splitlines():
        _take(uri, Caption(line), captions, path)


def _take(uri: str, caption: Caption, captions: Captions, where: str) -> None:
    text = clean(caption.text)
    if len(text) > MAX_TEXT:
        captions.warnings.append(
            f"{where}: a caption of {len(text):,} characters is left out; {MAX_TEXT:,} are kept"
        )
    elif text:
        captions.add(uri, Caption(text, caption.origin))


def _tabled(table: Path, uris: Sequence[str], captions: Captions) -> None:
    folder = os.path.dirname(os.path.abspath(table))
    places = _Places(uris)
    unmatched: dict[str, None] = {}
    for row in _rows(table):
        uri = places.find(row.file, folder)
        if uri is None:
            unmatched[row.file] = None
        else:
            _take(uri, row.caption, captions, str(table))
    if unmatched:
        first = ", ".join(list(unmatched)[:3])
        captions.warnings.append(
            f"{table} names {len(unmatched):,} files that were not among the images, as {first}"
        )


class _Places:
    """Looks up a file among URIs by its path, or by the end of its path."""

    def __init__(self, uris: Iterable[str]) -> None:
        self._uris = set(uris)
        self._by_name: dict[str, list[str]] = {}
        for uri in self._uris:
            self._by_name.setdefault(os.path.basename(uri), []).append(uri)

    def find(self, file: str, folder: str) -> str | None:
        """Find the one URI that ``file`` means, or None; ``folder`` is that of its table."""
        exact = os.path.normpath(os.path.join(folder, file))
        if exact in self._uris:
            return exact
        end = os.sep + os.path.normpath(file).lstrip("./")
        named = self._by_name.get(os.path.basename(end), ())
        ending = [uri for uri in named if uri.endswith(end)]
        return ending[0] if len(ending) == 1 else None


def _rows(table: Path) -> Iterator[_Row]:
    """Read the rows of a table of captions, in the format of its suffix."""
    try:
        text = table.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"The captions {table} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"The captions {table} are not UTF-8 (byte {error.start:,}).") from None
    suffix = table.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return _from_csv(table, text)
    if suffix == ".json":
        return _from_json(table, _parse(table, text))
    if suffix in (".jsonl", ".ndjson"):
        lines = enumerate(text.split("\n"), 1)
        return _from_records(table, (_parse(table, t, n) for n, t in lines if t.strip()))
    raise UsageError(
        f"The captions {table} have a suffix that is not known.",
        "Captions are read from .csv, .tsv, .json and .jsonl files.",
    )


def _from_csv(table: Path, text: str) -> Iterator[_Row]:
    heading = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=heading.count)
    records = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True
    )
    _field(table, list(records.fieldnames or ()), FILE_FIELDS, "the file")
    _field(table, list(records.fieldnames or ()), TEXT_FIELDS, "the caption")
    try:
        yield from _from_records(table, records)
    except csv.Error as error:
        raise UsageError(f"{table}, line {records.line_num}: {error}.") from None


def _from_json(table: Path, value: Any) -> Iterator[_Row]:
    if isinstance(value, dict) and {"images", "annotations"} <= value.keys():
        yield from _from_coco(table, value)
    elif isinstance(value, dict):
        for file, texts in value.items():
            yield from _captions(table, file, texts, "web")
    elif isinstance(value, list):
        yield from _from_records(table, value)
    else:
        raise UsageError(f"{table} is neither a list of captions nor an object of them.")


def _from_coco(table: Path, value: Mapping[str, Any]) -> Iterator[_Row]:
    """Read COCO's captions: ``images`` with id and file_name, ``annotations`` with image_id."""
    try:
        names = {image["id"]: image["file_name"] for image in value["images"]}
        for note in value["annotations"]:
            yield from _captions(table, names[note["image_id"]], note["caption"], "web")
    except (KeyError, TypeError) as error:
        raise UsageError(f"{table} looks like COCO's captions, but lacks {error}.") from None


def _from_records(table: Path, records: Iterable[Any]) -> Iterator[_Row]:
    """Read rows from mappings of field names to values."""
    for record in records:
        if not isinstance(record, dict):
            raise UsageError(f"{table}: {record!r:.60} is not an object with fields.")
        file = record[_field(table, record, FILE_FIELDS, "the file")]
        texts = record[_field(table, record, TEXT_FIELDS, "the caption")]
        origin = record.get("origin") or "web"
        if origin not in ORIGINS:
            raise UsageError(
                f"{table}: the origin {origin!r:.60} is not known.",
                f"It is one of {', '.join(ORIGINS)}; without one, web.",
            )
        yield from _captions(table, file, texts, origin)


def _captions(table: Path, file: Any, texts: Any, origin: str) -> Iterator[_Row]:
    """Yield a row for each of ``texts``: None, a string, or a list of strings."""
    texts = [] if texts is None else texts if isinstance(texts, list) else [texts]
    for text in texts:
        if not isinstance(file, str) or not isinstance(text, str):
            raise UsageError(f"{table}: file {file!r:.60} with caption {text!r:.60} are not texts.")
        yield _Row(file.strip(), Caption(text, origin))


def _field(table: Path, record: Iterable[str], names: Sequence[str], what: str) -> str:
    """Find the first of ``names`` among a record's fields, in any case."""
    present = {key.strip().lower(): key for key in record if isinstance(key, str)}
    for name in names:
        if name in present:
            return present[name]
    raise UsageError(
        f"{table} has no field for {what}; its fields are {', '.join(present) or 'none'}.",
        f"Name it one of {', '.join(names)}.",
    )


def _parse(table: Path, text: str, line: int = 1) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f"{table}, line {line}" if line > 1 else str(table)
        raise UsageError(f"{place} is not JSON: {error}.") from None

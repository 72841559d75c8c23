"""Checks of arguments' types, before any database or model sees them.

Limits are checked where the work is done, with the same messages on every server.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from ..errors import UsageError

G = TypeVar("G")
T = TypeVar("T")


class Scope(NamedTuple):
    """Arguments that all searches share. None stands for an argument that is left out."""

    k: int
    candidates: int | None
    filter: dict[str, Any] | None
    within: list[UUID] | None
    threshold: float | None
    model: str | None


class Decoding(NamedTuple):
    """Generation options of a captioner. None stands for an argument that is left out."""

    beams: int | None
    max_tokens: int | None
    nucleus: float | None
    seed: int | None


CONTENT_HINT = "Give the bytes of an image file, as in: Path('photo.jpg').read_bytes()"


def scope(
    k: int,
    candidates: int | None = None,
    filter: Mapping[str, Any] | None = None,
    within: Iterable[UUID] | None = None,
    threshold: float | None = None,
    model: str | None = None,
) -> Scope:
    """Check the types of a search's arguments.

    Raises:
        UsageError: one is of the wrong type.
    """
    return Scope(
        whole("k", k),
        optional(whole, "candidates", candidates),
        optional(mapping, "filter", filter),
        optional(image_ids, "within", within),
        optional(number, "threshold", threshold),
        optional(text, "model", model),
    )


def decoding(
    beams: int | None, max_tokens: int | None, nucleus: float | None, seed: int | None
) -> Decoding:
    """Check the types of a captioner's generation options.

    Raises:
        UsageError: one is of the wrong type.
    """
    return Decoding(
        optional(whole, "beams", beams),
        optional(whole, "max_tokens", max_tokens),
        optional(number, "nucleus", nucleus),
        optional(whole, "seed", seed),
    )


def optional(kind: Callable[[str, G], T], name: str, value: G | None) -> T | None:
    """Check an argument by ``kind``, one of the functions below, unless it is None."""
    return None if value is None else kind(name, value)


def text(name: str, value: str) -> str:
    """Check a text.

    Raises:
        UsageError: it is not a text, or PostgreSQL can't hold it.
    """
    if not isinstance(value, str):
        raise UsageError(f"The {name} must be a text, not {_kind(value)}.")
    if "\x00" in value:
        raise UsageError(f"The {name} holds a NUL character: {value[:60]!r}.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"The {name} is not valid UTF-8: {value[:60]!r}.") from None
    return value


def content(image: bytes) -> bytes:
    """Check the bytes of an image file.

    Raises:
        UsageError: it is something else: a path, or a picture that is already decoded.
    """
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    if isinstance(image, (str, os.PathLike)):
        raise UsageError(f"The image is {_kind(image)}: {os.fspath(image)!r}.", CONTENT_HINT)
    if type(image).__module__.partition(".")[0] == "PIL":
        hint = "Give its file's bytes, or save it first, as in: picture.save(buffer, 'PNG')"
        raise UsageError("The image is a picture of Pillow's, not the bytes of a file.", hint)
    raise UsageError(f"The image is {_kind(image)}, not the bytes of a file.", CONTENT_HINT)


def image(value: UUID | bytes) -> UUID | bytes:
    """Check the id of a stored image, or an image file's bytes. Raises as `content` does."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and _is_uuid(value):
        raise UsageError(f"The image is a text: {value!r}.", f"Give an id as: UUID({value!r})")
    return content(value)


def query(value: str | bytes) -> str | bytes:
    """Check a text, or an image file's bytes. Raises as `text` and `content` do."""
    return text("query", value) if isinstance(value, str) else content(value)


def image_id(value: UUID) -> UUID:
    """Check an image's id.

    Raises:
        UsageError: it is not a UUID.
    """
    if isinstance(value, UUID):
        return value
    hint = f"As in: UUID({value!r})" if isinstance(value, str) and _is_uuid(value) else None
    raise UsageError(f"The image_id must be a UUID, not {_kind(value)}: {value!r}.", hint)


def image_ids(name: str, values: Iterable[UUID]) -> list[UUID]:
    """Check a list of images' ids.

    Raises:
        UsageError: it holds something other than UUIDs.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UsageError(f"{name} must be a list of UUIDs, not {_kind(values)}.")
    ids = list(values)
    for value in ids:
        if not isinstance(value, UUID):
            raise UsageError(f"{name} holds {_kind(value)}, {value!r}; it must hold UUIDs.")
    return ids


def texts(name: str, values: Sequence[str]) -> list[str]:
    """Check a list of texts.

    Raises:
        UsageError: it is a single text, or holds something other than texts.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UsageError(f"{name} must be a list of texts, not {_kind(values)}.")
    return [text(f"text in {name}", value) for value in values]


def mapping(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Check a JSON object.

    Raises:
        UsageError: it is not a mapping, or JSON can't express its values.
    """
    if not isinstance(value, Mapping):
        raise UsageError(
            f"{name} must be a mapping, not {_kind(value)}.", f"As in: {name}={{'album': '2024'}}"
        )
    try:
        json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{name} can't be written as JSON: {error}.") from None
    return dict(value)


def whole(name: str, value: int) -> int:
    """Check an integer.

    Raises:
        UsageError: it is not an integer, or out of the range of PostgreSQL's integer.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"{name} must be a whole number, not {_kind(value)}: {value!r}.")
    if not -(2**31) <= value < 2**31:
        raise UsageError(f"{name} is out of range: {value}.")
    return value


def number(name: str, value: float) -> float:
    """Check a finite number.

    Raises:
        UsageError: it is not a number, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"{name} must be a number, not {_kind(value)}: {value!r}.")
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    if math.isnan(number):
        raise UsageError(f"{name} must be a number, and is not one: {value!r}.")
    if math.isinf(number):
        raise UsageError(
            f"{name} must be a finite number, not {value!r:.60}.", "Leave it out, to have no limit."
        )
    return number


def _kind(value: object) -> str:
    name = type(value).__name__
    if isinstance(value, str):
        return "a text"
    if isinstance(value, os.PathLike):
        return "a path"
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True

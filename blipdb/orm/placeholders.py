"""Placeholders in compiled SQL, resolved at execution.

A compiled statement is kept and used again, whichever model is active by then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from string import Template
from typing import Any

MARK = "/* blipdb.orm"
"""Marks each statement with a search, and no other."""
QUERY_END, RECALL_END, SEARCH_END = "/*blip:asked*/", "/*blip:recalled*/", "/*blip:end*/"
"""Marks behind the query's vector, behind the first stage, and behind the search."""

_CORRELATED = "correlated "

# A search that holds no other: from its opening, with the names of its values, to its end.
_SEARCH = re.compile(
    rf"\({re.escape(MARK)} ((?:\w+:\w+ )*)({_CORRELATED})?\*/"
    rf" ((?:(?!{re.escape(MARK)}).)*?) {re.escape(SEARCH_END)}\)",
    re.DOTALL,
)

_STAGE = Template("""\
WITH blip_query AS MATERIALIZED (SELECT $vector$rest\
 SELECT c.ids, c.itcs FROM blip_recalled AS c""")

_PLACEHOLDER = re.compile(r"__blip_(id|dims|vector|model)_([0-9a-f]*)__")
_CANDIDATES = re.compile(r"__blip_candidates__\[([^\]]*)\]")
_VALUE = re.compile(r"%\((\w+)\)s|^(\d+)$")


@dataclass(frozen=True)
class ModelValues:
    """A model's properties in a statement: its id and dimensions, pgvector's schema, name."""

    id: str
    dims: str
    vector: str
    model: str

    @classmethod
    def of(cls, model: str | None) -> ModelValues:
        """Return the placeholders for a model that is named, or for the active one."""
        code = (model or "").encode().hex()
        return cls(*(f"__blip_{part}_{code}__" for part in ("id", "dims", "vector", "model")))


def opening(bound: Mapping[str, str | None], *, is_correlated: bool) -> str:
    """Write the head of a search: the names of its bound values, and whether it is correlated:
    whether its SELECT sees rows of an outer one."""
    names = "".join(f"{name}:{key} " for name, key in bound.items() if key is not None)
    return f"{MARK} {names}{_CORRELATED if is_correlated else ''}*/"


@dataclass(frozen=True)
class Block:
    """A search in a statement: its ``text``, the part inside its marks, and its values' names."""

    text: str
    inner: str
    names: Mapping[str, str]
    is_correlated: bool

    @property
    def model(self) -> str | None:
        (code, *_) = (code for _, code in _PLACEHOLDER.findall(self.inner))
        return bytes.fromhex(code).decode() or None

    @property
    def recall(self) -> str | None:
        """The first stage, without the query's vector; None for a search without a prefilter."""
        stage, mark, _ = self.inner.rpartition(RECALL_END)
        return stage + mark if mark else None


def first_search(statement: str) -> Block | None:
    """Find the first search that contains no other one."""
    match = _SEARCH.search(statement)
    if match is None:
        return None
    names = dict(pair.split(":") for pair in match[1].split())
    return Block(match[0], match[3], names, bool(match[2]))


def with_vector(recall: str, vector: str) -> str:
    """Insert the query's vector into a first stage, and select its two arrays."""
    _, _, rest = recall.partition(QUERY_END)
    return _STAGE.substitute(vector=vector, rest=rest)


def candidates(value: str) -> str:
    """Make the placeholder of a number that is bound as ``value``, but must be a literal."""
    return f"__blip_candidates__[{value}]"


def fill(
    statement: str, parameters: Mapping[str, Any], values_of: Callable[[str | None], ModelValues]
) -> str:
    """Fill a statement's placeholders; ``values_of`` returns the SQL for those of a model."""
    models, names = _placeholders(statement)
    values = tuple(int(parameters[name]) for name in names)
    return _fill(statement, tuple(values_of(model) for model in models), values)


@lru_cache(500)
def _placeholders(statement: str) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Find the models that a statement has placeholders of, and the names of its numbers."""
    models = dict.fromkeys(code for _, code in _PLACEHOLDER.findall(statement))
    matches = (_VALUE.search(value) for value in _CANDIDATES.findall(statement))
    names = dict.fromkeys(match[1] for match in matches if match and match[1])
    return tuple(bytes.fromhex(code).decode() or None for code in models), tuple(names)


@lru_cache(500)
def _fill(statement: str, models: tuple[ModelValues, ...], values: tuple[int, ...]) -> str:
    """Fill a statement. Cached: an app has few statements, and psycopg prepares equal texts."""
    codes, names = _placeholders(statement)
    by_code = dict(zip(codes, models, strict=True))
    numbers = dict(zip(names, values, strict=True))

    def number(match: re.Match[str]) -> str:
        value = _VALUE.search(match[1])
        assert value is not None, f"no number of candidates in {match[1]}"
        return value[2] or str(numbers[value[1]])

    def model_value(match: re.Match[str]) -> str:
        return str(getattr(by_code[bytes.fromhex(match[2]).decode() or None], match[1]))

    return _PLACEHOLDER.sub(model_value, _CANDIDATES.sub(number, statement))

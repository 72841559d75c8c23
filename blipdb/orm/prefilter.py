"""Which images a SELECT admits: its FROM and WHERE, with the search taken out of them.

An image is admitted where ``EXISTS (SELECT 1 FROM froms WHERE conditions)``. The search's name is
that of the image's row there, so that ``image_id`` is the image's wherever it is mentioned, and
nothing has to be written anew. Whatever can't be said of an image before the search is done (its
score, for one) is left out: that admits more than the SELECT will show, never less.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import ClauseElement, ColumnElement, FromClause, Join, Lateral, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BooleanClauseList, ColumnClause, Grouping, _truncated_label
from sqlalchemy.sql.selectable import TableValuedAlias

from .selectable import Hits

Condition = ColumnElement[Any]


@dataclass(frozen=True)
class Admission:
    """The rows of ``froms`` for which all ``conditions`` hold; no froms: the conditions alone."""

    froms: Sequence[FromClause]
    conditions: Sequence[Condition]


def admission(
    froms: Sequence[FromClause],
    where: Iterable[Condition],
    hits: Hits,
    *,
    image: bool,
) -> Admission:
    """What a SELECT with these froms and this WHERE asks of the images that `hits` may find.

    image: whether the image is there, under the search's name; else its ``image_id`` is as little
    known as its score, and what is left are the other tables' rows.
    """
    return _Reader(froms, tuple(_conjuncts(where)), hits, image).read()


class OneRow(FromClause):
    """The image that is asked about, as a source of one row under the search's name."""

    __visit_name__ = "blip_one_row"
    named_with_column = True

    def __init__(self, hits: Hits) -> None:
        self.hits = hits
        self.name = hits.name

    @property
    def _from_objects(self) -> list[FromClause]:
        return [self]


@compiles(OneRow)
def _render_one_row(element: OneRow, compiler: Any, **_: Any) -> str:
    name = name_of(element.hits, compiler)
    return f"(SELECT {name}.image_id AS image_id) AS {name}"


def name_of(hits: TableValuedAlias, compiler: Any) -> str:
    """The search's name as the statement spells it."""
    name = hits.name
    if isinstance(name, _truncated_label):
        name = compiler._truncated_identifier("alias", name)
    return str(compiler.preparer.format_alias(hits, name))


class _Reader:
    def __init__(
        self,
        froms: Sequence[FromClause],
        where: Sequence[Condition],
        hits: Hits,
        image: bool,
    ) -> None:
        self._froms, self._where, self._hits, self._image = froms, where, hits, image
        parts = set(chain.from_iterable(source._from_objects for source in froms))
        self._searches = {part for part in parts if isinstance(part, Hits)}
        # Sources of which nothing is known where the condition stands that is looked at.
        self._unknown: set[FromClause] = {part for part in self._searches if part.name != hits.name}
        joins = [part for part in parts if isinstance(part, Join)]
        self._asked_by = {join: _mentioned(_on(join)) for join in joins}
        self._asked_above = _mentioned(where)

    def read(self) -> Admission:
        froms, conditions = [], []
        for source in self._froms:
            some, more = self._take(source)
            froms += some
            conditions += more
        return Admission(froms, conditions + self._known(self._where))

    def _take(self, source: FromClause) -> tuple[list[FromClause], list[Condition]]:
        """The source without searches, and what it says of them, as conditions.

        Joins are read from within, so that what becomes unknown at one is so for those around it.
        """
        if source in self._searches:
            return [], []
        if not isinstance(source, Join) or not self._holds_search(source):
            if not self._is_known_lateral(source):
                self._unknown |= set(source._from_objects)
                return [], []
            return [self._without_unasked(source)], []
        if source.full:
            return self._as_one_row(source)
        if not source.isouter:
            return self._take_inner(source)
        if self._holds_search(source.right):
            # A row without a hit is there whatever the search finds: it asks for none. Of its
            # hits, conditions further out also see the absence.
            taken = self._take_inner(source)
            self._unknown |= set(source.right._from_objects)
            return taken
        return self._take_preserved(source)

    def _take_inner(self, join: Join) -> tuple[list[FromClause], list[Condition]]:
        left, left_asks = self._take(join.left)
        right, right_asks = self._take(join.right)
        asks = self._known(_conjuncts(_on(join)))
        return left + right, left_asks + right_asks + asks

    def _take_preserved(self, join: Join) -> tuple[list[FromClause], list[Condition]]:
        """A left join whose left side holds the search."""
        right = set(join.right._from_objects)
        on = _on(join)
        if not self._is_asked(join, right) or not self._is_known_lateral(join.right):
            self._unknown |= right
            return self._take(join.left)
        if join.left in self._searches:
            return self._as_one_row(join)
        froms, asks = self._take(join.left)
        if not froms or len(self._known(on)) < len(on):
            self._unknown |= right
            return froms, asks
        left = froms[0]
        for other in froms[1:]:
            left = Join(left, other, true())
        return [Join(left, join.right, join.onclause, isouter=True)], asks

    def _as_one_row(self, join: Join) -> tuple[list[FromClause], list[Condition]]:
        """A join that keeps the search's rows, or those of both sides: with the image as one."""
        parts = set(join._from_objects)
        on = [one for part in parts if isinstance(part, Join) for one in _on(part)]
        others = parts & self._searches & self._unknown
        if self._image and not others and len(self._known(on)) == len(on):
            return [self._with_one_row(join)], []
        self._unknown |= parts
        return [], []

    def _with_one_row(self, source: FromClause) -> FromClause:
        if source in self._searches:
            return OneRow(self._hits)
        if isinstance(source, Join) and self._holds_search(source):
            left, right = self._with_one_row(source.left), self._with_one_row(source.right)
            return Join(left, right, source.onclause, isouter=source.isouter, full=source.full)
        return source

    def _without_unasked(self, source: FromClause) -> FromClause:
        """Without tables that are left-joined and that no condition mentions: an image is admitted
        with or without their rows, which are only more to count."""
        while isinstance(source, Join) and source.isouter and not source.full:
            right = set(source.right._from_objects)
            if self._is_asked(source, right):
                break
            source = source.left
        return source

    def _is_asked(self, join: Join, sources: set[FromClause]) -> bool:
        """Whether a condition other than the join's own mentions one of the sources."""
        inner = {part for part in sources if isinstance(part, Join)}
        asks = (said for one, said in self._asked_by.items() if one not in inner | {join})
        return any(not sources.isdisjoint(said) for said in chain(asks, [self._asked_above]))

    def _is_known_lateral(self, source: FromClause) -> bool:
        """Tell whether its LATERAL parts, if any, depend on nothing that only the search finds."""
        laterals = (part for part in source._from_objects if isinstance(part, Lateral))
        return all(map(self._is_known, _columns(laterals)))

    def _holds_search(self, source: FromClause) -> bool:
        return not self._searches.isdisjoint(source._from_objects)

    def _known(self, conditions: Iterable[Condition]) -> list[Condition]:
        return [one for one in conditions if all(map(self._is_known, _columns([one])))]

    def _is_known(self, column: ColumnClause[Any]) -> bool:
        if column.table in self._unknown:
            return False
        if column.table in self._searches:
            return self._image and column.key == "image_id"
        return True


def _on(join: Join) -> list[Condition]:
    return [] if join.onclause is None else [join.onclause]


def _conjuncts(conditions: Iterable[Condition]) -> Iterator[Condition]:
    """The conditions that must all hold, one by one."""
    for condition in conditions:
        inner = condition.element if isinstance(condition, Grouping) else condition
        if isinstance(inner, BooleanClauseList) and inner.operator is operators.and_:
            yield from _conjuncts(inner.clauses)
        else:
            yield condition


def _columns(elements: Iterable[ClauseElement]) -> Iterator[ColumnClause[Any]]:
    """All columns in them, in subqueries too."""
    for one in elements:
        for element in visitors.iterate(one):
            if isinstance(element, ColumnClause) and element.table is not None:
                yield element


def _mentioned(conditions: Iterable[Condition]) -> set[FromClause]:
    return {column.table for column in _columns(conditions) if column.table is not None}

"""The prefilter of a search: a condition on images, derived from the SELECT that contains it.

An image is admitted if ``EXISTS (SELECT 1 FROM froms WHERE conditions)``: the SELECT's own FROM and
WHERE, without the search. In there the search's name is an alias of the image's row, so that
``hits.c.image_id`` means the image's id wherever it is mentioned, and no expression is rewritten.

Conditions on values that are known only after the search (its score, for one) are left out. So the
prefilter admits more images than the SELECT will show, and never fewer: the SELECT itself, which
keeps its FROM and WHERE, drops the rest.
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
class Prefilter:
    """A condition on images: a row of ``froms`` exists for which all ``conditions`` hold; without
    froms, the conditions hold."""

    froms: Sequence[FromClause]
    conditions: Sequence[Condition]


def prefilter(
    froms: Sequence[FromClause],
    where: Iterable[Condition],
    hits: Hits,
    *,
    image: bool,
) -> Prefilter:
    """Derive the prefilter of a search from the SELECT that contains it.

    Args:
        froms: the sources in the SELECT's FROM.
        where: its WHERE.
        hits: the search.
        image: whether the image's row is there, under the search's name. Otherwise conditions on
            ``image_id`` are left out as well, and the other tables' rows are left.
    """
    return _PrefilterBuilder(froms, tuple(_conjuncts(where)), hits, image).build()


class OneRow(FromClause):
    """The image's row as a FROM source, under the search's name."""

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
    """Return the search's name as the statement spells it."""
    name = hits.name
    if isinstance(name, _truncated_label):
        name = compiler._truncated_identifier("alias", name)
    return str(compiler.preparer.format_alias(hits, name))


class _PrefilterBuilder:
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
        # Sources whose columns are unknown before the search: other searches, sources that were
        # left out, and those whose rows an outer join may lack because of the search. A condition
        # that mentions one of them is left out. The set grows while joins are visited.
        self._unknown: set[FromClause] = {part for part in self._searches if part.name != hits.name}
        joins = [part for part in parts if isinstance(part, Join)]
        self._mentioned_by = {join: _mentioned(_on(join)) for join in joins}
        self._mentioned_in_where = _mentioned(where)

    def build(self) -> Prefilter:
        froms, conditions = [], []
        for source in self._froms:
            some, more = self._split(source)
            froms += some
            conditions += more
        return Prefilter(froms, conditions + self._with_known_columns(self._where))

    def _split(self, source: FromClause) -> tuple[list[FromClause], list[Condition]]:
        """Split a source into its froms without searches, and its joins' conditions.

        Joins are visited from the inside out: a source that becomes unknown at one of them is
        unknown to those around it.
        """
        if source in self._searches:
            return [], []
        if not isinstance(source, Join) or not self._holds_search(source):
            if not self._is_known_lateral(source):
                self._unknown |= set(source._from_objects)
                return [], []
            return [self._without_unmentioned(source)], []
        if source.full:
            return self._as_one_row(source)
        if not source.isouter:
            return self._split_inner(source)
        if self._holds_search(source.right):
            # LEFT JOIN hits: rows without a hit are in the result whatever the search finds, so
            # only rows with a hit say which images are needed: as in an inner join. Conditions
            # further out may be true of a hit's absence (hits.c.score IS NULL), so that from here
            # on its columns are unknown.
            parts = self._split_inner(source)
            self._unknown |= set(source.right._from_objects)
            return parts
        return self._split_preserved(source)

    def _split_inner(self, join: Join) -> tuple[list[FromClause], list[Condition]]:
        left, left_conditions = self._split(join.left)
        right, right_conditions = self._split(join.right)
        conditions = self._with_known_columns(_conjuncts(_on(join)))
        return left + right, left_conditions + right_conditions + conditions

    def _split_preserved(self, join: Join) -> tuple[list[FromClause], list[Condition]]:
        """Split a left join whose left side holds the search.

        Its right side narrows nothing by itself: an image without a row there stays. It is kept
        only if a condition further out mentions it (``WHERE right.id IS NULL``), and then as a left
        join.
        """
        right = set(join.right._from_objects)
        on = _on(join)
        if not self._is_mentioned(join, right) or not self._is_known_lateral(join.right):
            self._unknown |= right
            return self._split(join.left)
        if join.left in self._searches:
            return self._as_one_row(join)
        froms, conditions = self._split(join.left)
        if not froms or len(self._with_known_columns(on)) < len(on):
            self._unknown |= right
            return froms, conditions
        outer = froms[0]
        for other in froms[1:]:
            outer = Join(outer, other, true())
        return [Join(outer, join.right, join.onclause, isouter=True)], conditions

    def _as_one_row(self, join: Join) -> tuple[list[FromClause], list[Condition]]:
        """Keep an outer join as it is, with the image as one row in the place of the search.

        It is left out if one of its conditions is unknown.
        """
        parts = set(join._from_objects)
        on = [one for part in parts if isinstance(part, Join) for one in _on(part)]
        unknown_searches = parts & self._searches & self._unknown
        if self._image and not unknown_searches and len(self._with_known_columns(on)) == len(on):
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

    def _without_unmentioned(self, source: FromClause) -> FromClause:
        """Strip left-joined tables that no condition mentions: an image is admitted with or without
        their rows, which would only be more to count."""
        while isinstance(source, Join) and source.isouter and not source.full:
            right = set(source.right._from_objects)
            if self._is_mentioned(source, right):
                break
            source = source.left
        return source

    def _is_mentioned(self, join: Join, sources: set[FromClause]) -> bool:
        """Whether a condition other than the join's own mentions one of the sources."""
        inner = {part for part in sources if isinstance(part, Join)}
        mentions = (used for one, used in self._mentioned_by.items() if one not in inner | {join})
        return any(not sources.isdisjoint(used) for used in (*mentions, self._mentioned_in_where))

    def _is_known_lateral(self, source: FromClause) -> bool:
        """Whether its LATERAL parts, if any, depend on known columns only."""
        laterals = (part for part in source._from_objects if isinstance(part, Lateral))
        return all(map(self._is_known, _columns(laterals)))

    def _holds_search(self, source: FromClause) -> bool:
        return not self._searches.isdisjoint(source._from_objects)

    def _with_known_columns(self, conditions: Iterable[Condition]) -> list[Condition]:
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
    """Flatten conditions joined by AND."""
    for condition in conditions:
        inner = condition.element if isinstance(condition, Grouping) else condition
        if isinstance(inner, BooleanClauseList) and inner.operator is operators.and_:
            yield from _conjuncts(inner.clauses)
        else:
            yield condition


def _columns(elements: Iterable[ClauseElement]) -> Iterator[ColumnClause[Any]]:
    """Find all columns in the elements, including those in subqueries."""
    for one in elements:
        for element in visitors.iterate(one):
            if isinstance(element, ColumnClause) and element.table is not None:
                yield element


def _mentioned(conditions: Iterable[Condition]) -> set[FromClause]:
    return {column.table for column in _columns(conditions) if column.table is not None}

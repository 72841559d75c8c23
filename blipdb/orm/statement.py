"""The SQL of a search, in the FROM of the SELECT that it is part of.

Recall has the policy of `blip._recall` (sql/recall.sql), in whose functions its numbers are: of few
admitted images all are compared; else the index is asked, and where that found too few, all are
compared after all. Each candidate counts once, however many rows it has. The model's id and
dimensions must be literals, which only the database knows: here they are placeholders, which
`execution.py` resolves when the statement runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from sqlalchemy import ClauseElement, Delete, Update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.selectable import FromClause

from . import placeholders
from .prefilter import Condition, Prefilter, name_of, prefilter
from .selectable import COLUMNS, Hits, Search

# Of the clause that the search stands in, these say where it stands, and not how to write it.
_CONTEXT_KEYWORDS = (
    "add_to_result_map",
    "asfrom",
    "ashint",
    "enclosing_alias",
    "enclosing_lateral",
    "from_linter",
    "fromhints",
    "iscrud",
    "lateral",
    "lateral_from_linter",
    "subquery",
)


_UNFILTERED_SEARCH = Template("""\
SELECT $columns FROM public.blip_search($query, $k, $most, NULL::pg_catalog.jsonb,\
 NULL::pg_catalog.uuid[], $threshold, $model) AS r""")

# The settings are made where the index scan's own vector comes from, so before it starts; they last
# until the transaction ends. Tokens are asked for of each candidate, as blip._nearest does.
_RECALL = Template("""\
WITH blip_query AS MATERIALIZED (SELECT $embedded$asked AS itc,\
 blip._set_scan(($most)::integer) AS scan),\
 blip_few AS MATERIALIZED ($few),\
 blip_near AS MATERIALIZED (SELECT n.image_id, n.distance FROM ($nearest\
 AND NOT (SELECT f.yes FROM blip_few AS f) ORDER BY $distance LIMIT $most) AS n\
 WHERE (SELECT true FROM blip.image_tokens AS t\
 WHERE t.model_id = $id AND t.image_id = n.image_id)),\
 blip_short AS MATERIALIZED (SELECT count(*) < $most AS yes FROM blip_near),\
 blip_exact AS MATERIALIZED ($nearest AND (SELECT s.yes FROM blip_short AS s)\
 AND (SELECT true FROM blip.image_tokens AS t\
 WHERE t.model_id = $id AND t.image_id = $name.image_id)\
 ORDER BY $distance + 0::double precision, $name.image_id LIMIT $most),\
 blip_recalled AS MATERIALIZED (SELECT\
 coalesce(pg_catalog.array_agg(c.image_id ORDER BY c.distance, c.image_id), '{}') AS ids,\
 coalesce(pg_catalog.array_agg((1::double precision - c.distance)::real\
 ORDER BY c.distance, c.image_id), '{}') AS itcs\
 FROM (SELECT * FROM blip_exact UNION ALL\
 SELECT * FROM blip_near WHERE NOT (SELECT s.yes FROM blip_short AS s)) AS c)$recalled""")
_PREFILTERED_SEARCH = Template("$recall SELECT $columns FROM blip_recalled AS c, $ranked AS r")
_EMBED = Template("public.blip_embed($query, $model)::$vector.halfvec($dims)")
_NEAREST = Template("""\
SELECT $name.image_id, $distance AS distance FROM blip.image_vectors AS $name\
 WHERE $name.model_id = $id AND $admitted""")
_DISTANCE = Template("""\
($name.itc::$vector.halfvec($dims) OPERATOR($vector.<=>) (SELECT q.itc FROM blip_query AS q))""")
_RERANK = Template("public.blip_rerank($query, c.ids, $k, $threshold, $model, c.itcs)")
_ITC_HITS = Template("blip._hits(c.ids, c.itcs, NULL, $k, $threshold)")

_IS_SMALL = Template("SELECT count(*) <= blip._countable() AS yes FROM ($rows) AS a")
_IS_SMALL_EITHER = Template("""\
SELECT CASE WHEN pg_catalog.row_security_active('blip.images')\
 THEN ($images) ELSE ($rows) END AS yes""")
_IMAGES = Template("SELECT 1 FROM blip.images AS $name WHERE $admitted LIMIT blip._countable() + 1")
_ROWS = Template("SELECT 1 FROM $froms WHERE $conditions")


@compiles(Search)
def render(search: Search, compiler: Any, **kw: Any) -> str:
    """Render the search as a subquery."""
    hits = kw.get("enclosing_alias")
    if not isinstance(hits, Hits):  # printed on its own
        hits = search.hits()
    return f"({_Writer(search, hits, compiler, kw).write()})"


class _Writer:
    def __init__(self, search: Search, hits: Hits, compiler: Any, kw: dict[str, Any]) -> None:
        self._compiler, self._hits = compiler, hits
        self._kw = {name: value for name, value in kw.items() if name not in _CONTEXT_KEYWORDS}
        values = {name: self._text(value) for name, value in search.values.items()}
        self._by_image = "image" in values
        self._parts = _constants(search.model, name_of(hits, compiler)) | {
            "most": placeholders.candidates(values["candidates"]),
            # Of exact types, as all other arguments: then nothing in public can fit better.
            "query": f"({values['image']})::pg_catalog.bytea"
            if self._by_image
            else f"({values['query']})::pg_catalog.text",
            "k": f"({values['k']})::integer",
            "threshold": f"({values.get('threshold', 'NULL')})::double precision",
        }
        bound = {name: compiler.bind_names.get(value) for name, value in search.values.items()}
        self._around = _Surroundings.of(compiler)
        self._opening = placeholders.opening(bound, is_correlated=self._around.is_correlated)

    def write(self) -> str:
        return f"{self._opening} {self._search()} {placeholders.SEARCH_END}"

    def _search(self) -> str:
        froms, where = self._around.froms, self._around.where
        admitted = prefilter(froms, where, self._hits, image=True)
        if not admitted.froms and not admitted.conditions:
            return self._fill(_UNFILTERED_SEARCH)
        exists = self._exists(admitted)
        rows = prefilter(froms, where, self._hits, image=False)
        few = self._few(exists, rows, len(rows.conditions) < len(admitted.conditions))
        recall = _recall(self._parts, exists, few, self._fill(_EMBED))
        ranked = self._fill(_ITC_HITS if self._by_image else _RERANK)
        return self._fill(_PREFILTERED_SEARCH, recall=recall, ranked=ranked)

    def _few(self, exists: str, rows: Prefilter, are_of_images: bool) -> str:
        """Build the condition that few images are admitted.

        The app's rows are counted, as that is quick; images where a policy may hide some of them,
        or where rows don't say which images they admit.
        """
        images = self._fill(_IS_SMALL, rows=self._fill(_IMAGES, admitted=exists))
        if not (rows.froms and are_of_images):
            return images
        own = self._fill(_IS_SMALL, rows=f"{self._select(rows)} LIMIT blip._countable() + 1")
        return self._fill(_IS_SMALL_EITHER, images=images, rows=own)

    def _exists(self, admitted: Prefilter) -> str:
        if admitted.froms:
            return f"EXISTS ({self._select(admitted)})"
        return self._conditions(admitted.conditions)

    def _select(self, rows: Prefilter) -> str:
        froms = ", ".join(self._text(source, asfrom=True) for source in rows.froms)
        return self._fill(_ROWS, froms=froms, conditions=self._conditions(rows.conditions))

    def _conditions(self, conditions: Sequence[Condition]) -> str:
        texts = (self._text(one.self_group(against=operators.and_)) for one in conditions)
        return " AND ".join(texts) or "true"

    def _text(self, element: ClauseElement, **place: bool) -> str:
        return str(self._compiler.process(element, **self._kw, **place))

    def _fill(self, template: Template, **parts: str) -> str:
        return template.substitute(self._parts | parts)


def _recall(parts: Mapping[str, str], admitted: str, few: str, embedded: str) -> str:
    distance = _DISTANCE.substitute(parts)
    nearest = _NEAREST.substitute(parts, distance=distance, admitted=admitted)
    return _RECALL.substitute(parts, few=few, nearest=nearest, distance=distance, embedded=embedded)


def _constants(model: str | None, name: str) -> dict[str, str]:
    return {
        **(named := vars(placeholders.ModelValues.of(model))),
        "model": f"{named['model']}::pg_catalog.text",
        "name": name,
        "columns": ", ".join(f"r.{column}" for column in COLUMNS),
        "asked": placeholders.QUERY_END,
        "recalled": placeholders.RECALL_END,
    }


@dataclass(frozen=True)
class _Surroundings:
    """The FROM and WHERE of the statement that is being written.

    Without what is correlated: of that, there are rows outside. An ORM statement has become one on
    tables by then, with all of its joins and criteria.
    """

    froms: Sequence[FromClause]
    where: Sequence[Condition]
    is_correlated: bool

    @classmethod
    def of(cls, compiler: Any) -> _Surroundings:
        if not compiler.stack:  # a search that is printed on its own
            return cls([], (), False)
        entry = compiler.stack[-1]
        statement, sources = entry["selectable"], entry["asfrom_froms"]
        if isinstance(statement, (Update, Delete)):
            from_tables = sorted(sources - {statement.table}, key=lambda source: str(source.name))
            return cls([statement.table, *from_tables], statement._where_criteria, False)
        froms = entry["compile_state"]._get_display_froms()
        inner = [source for source in froms if source in sources]
        return cls(inner, statement._where_criteria, len(inner) < len(froms))

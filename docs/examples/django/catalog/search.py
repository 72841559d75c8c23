"""Searches and uploads, through Django's own connection."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)

SEARCH = """
WITH admitted AS MATERIALIZED ({rows})
SELECT admitted.*, hits.score
FROM blip_search(%s, k => %s, within => ARRAY(SELECT image_id FROM admitted)) AS hits
JOIN admitted ON admitted.image_id = hits.image_id
ORDER BY hits.score DESC, admitted.{key}
"""


def search(queryset: models.QuerySet[Row], query: str | bytes, k: int = 10) -> list[Row]:
    """The queryset's rows that show its `k` best images for a text, or for an image file's bytes:
    best first, each with its `score`.

    The model has an `image_id`. What the queryset filters by, joins, annotates and slices holds;
    its order is that of the search.
    """
    rows = queryset.select_related(None)
    try:
        sql, parameters = rows.query.sql_with_params()
    except EmptyResultSet:  # Django knows already that there is none
        return []
    key = connection.ops.quote_name(queryset.model._meta.pk.column)
    statement = SEARCH.format(rows=sql, key=key)
    return list(queryset.model.objects.using(queryset.db).raw(statement, [*parameters, query, k]))


def add_image(content: bytes) -> UUID:
    """Store an image file's bytes, in the current transaction; a worker encodes it soon."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT blip_add(%s)", [content])
        return cursor.fetchone()[0]

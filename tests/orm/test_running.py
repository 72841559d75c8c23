"""Execution of statements with a search: compiled form, transactions, drivers, and errors."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, event, func, literal_column, select, text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from blipdb.errors import DatabaseError, EngineError, UsageError
from blipdb.orm import search
from blipdb.orm.selectable import Hits
from tests.engine import engines
from tests.orm.conftest import alchemy_url
from tests.orm.queries import CHEAP, ids
from tests.orm.shop import Product
from tests.sql.library import Library


def affordable(hits: Hits, price: int = 20) -> Any:
    return (
        select(Product.image_id)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.price < price, Product.id < 100)
        .order_by(hits.c.score.desc())
    )


class Heard:
    """The statements that reach the driver with a search, and how many of the compiled ones were
    found in the cache."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, Any]] = []
        self.from_cache: list[bool] = []

    def __call__(
        self, conn: Any, cursor: Any, sent: str, values: Any, context: Any, _: Any
    ) -> None:
        if "blip" in sent:
            self.statements.append((sent, values))
            self.from_cache.append(context.cache_hit.name == "CACHE_HIT")


@pytest.fixture
def heard(alchemy: Engine) -> Iterator[Heard]:
    heard = Heard()
    event.listen(alchemy, "before_cursor_execute", heard)
    yield heard
    event.remove(alchemy, "before_cursor_execute", heard)


# The compiled statement


def test_it_is_compiled_once(session: Session, library: Library, heard: Heard) -> None:
    """Whatever the query, the numbers and the conditions' values are."""
    search("dog", threshold=0.1)
    for query, k, candidates, price in (("dog", 5, None, 20), ("red", 7, 40, 30), ("a", 1, 9, 45)):
        hits = search(query, k, candidates=candidates)
        found = session.scalars(affordable(hits, price)).all()
        among = [n for n in range(50) if n * 7 % 50 < price]
        assert found == ids(library.best(query, k, candidates, among=among))
    assert heard.from_cache[1:] == [True, True]
    for sent, _ in heard.statements:
        assert "__blip_" not in sent


@pytest.mark.parametrize(
    "other",
    [
        search("dog", threshold=0.2),
        search(b"dog"),
        search("dog", model="tiny"),
        search("dog", model="deep"),
    ],
)
def test_other_searches_are_other_statements(other: Hits) -> None:
    key = affordable(search("dog"))._generate_cache_key()
    assert affordable(other)._generate_cache_key() != key
    assert affordable(search("cat", 3))._generate_cache_key() == key


def test_the_model_is_asked_for_each_time(session: Session, library: Library, heard: Heard) -> None:
    """A cached statement follows a switch of the active model."""
    statement = affordable(search("dog", 5))
    assert session.scalars(statement).all() == ids(library.best("dog", 5, among=CHEAP))
    session.execute(
        text(
            "UPDATE blip.active_models SET model_id = (SELECT model_id FROM blip.models"
            " WHERE name = 'deep')"
        )
    )
    assert session.scalars(statement).all() == []
    assert heard.from_cache[-1]


def test_a_name_is_no_sql(session: Session) -> None:
    for name in ("x'; DROP TABLE products --", "100%", "%(x)s", "é\\"):
        with pytest.raises(UsageError, match=r"no model .* with the role 'retrieval'"):
            session.scalars(affordable(search("dog", model=name)))
        session.rollback()


def test_queries_are_no_sql(session: Session, library: Library) -> None:
    odd = "dog '%s %% __blip_id___"
    expected = ids(library.best(odd, 5, among=CHEAP))
    assert session.scalars(affordable(search(odd, 5))).all() == expected


def test_percent_signs_in_the_apps_own_conditions(session: Session, library: Library) -> None:
    hits = search("dog", 5)
    condition = literal_column("products.id % 2") == 0
    found = session.scalars(affordable(hits).where(condition)).all()
    assert found == ids(library.best("dog", 5, among=[n for n in CHEAP if n % 2 == 0]))


def test_lists_of_values(session: Session, library: Library) -> None:
    hits = search("dog", 5)
    for few in ([3, 4], [7, 8, 9, 21], []):
        found = session.scalars(affordable(hits, 99).where(Product.id.in_(few))).all()
        assert found == ids(library.best("dog", 5, among=few))


def test_it_can_be_printed(alchemy: Engine) -> None:
    hits = search("dog")
    statement = affordable(hits)
    assert "blip_search" in str(hits)
    for printed in (
        str(statement),
        str(statement.compile(alchemy)),
        str(statement.compile(alchemy, compile_kwargs={"literal_binds": True})),
    ):
        assert "blip_rerank" in printed
    assert "'dog'" in printed


def test_literal_values_run_too(alchemy: Engine, library: Library) -> None:
    statement = affordable(search("dog", 5))
    literal = statement.compile(alchemy, compile_kwargs={"literal_binds": True})
    with alchemy.connect() as conn:
        found = conn.exec_driver_sql(str(literal)).scalars().all()
    assert found == ids(library.best("dog", 5, among=CHEAP))


# Transactions and drivers


def test_other_statements_are_left_alone(alchemy: Engine) -> None:
    with alchemy.connect() as conn:
        assert conn.scalar(text("SELECT '__blip_id___'")) == "__blip_id___"
        with pytest.raises(Exception, match="UndefinedTable"):
            conn.execute(text("SELECT FROM none"))


@pytest.mark.parametrize("level", ["AUTOCOMMIT", "READ COMMITTED", "SERIALIZABLE"])
def test_isolation_levels(alchemy: Engine, library: Library, level: Any) -> None:
    expected = ids(library.best("dog", 5, among=CHEAP))
    with alchemy.connect().execution_options(isolation_level=level) as conn:
        for _ in range(7):  # psycopg prepares what comes again
            assert conn.scalars(affordable(search("dog", 5))).all() == expected


def test_nothing_is_left_set(alchemy: Engine) -> None:
    """Settings last until the transaction ends; without one, for the statement."""
    show = select(*(func.current_setting(name, True) for name in ("hnsw.ef_search", "jit")))
    with alchemy.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SET jit = on"))
        conn.execute(affordable(search("dog"))).all()
        assert conn.execute(show).one() == ("40", "on")
        conn.execute(text("RESET jit"))
    with alchemy.connect() as conn:
        conn.execute(text("SET jit = on"))
        conn.commit()
        conn.execute(affordable(search("dog"))).all()
        assert conn.execute(show).one() == ("128", "off")
        conn.rollback()
        assert conn.execute(show).one() == ("40", "on")
        conn.execute(text("RESET jit"))
        conn.commit()


def test_async(library: Library) -> None:
    """Core and ORM, and a stream."""

    async def searches() -> list[list[UUID | None]]:
        made = create_async_engine(alchemy_url(library.url))
        statement = affordable(search("dog", 5))
        async with AsyncSession(made) as session, made.connect() as conn:
            found = [
                [*await session.scalars(statement)],
                [*(await conn.scalars(statement)).all()],
                [id async for id in await conn.stream_scalars(statement)],
            ]
            with pytest.raises(UsageError, match="the query is empty"):
                await session.scalars(affordable(search(" ")))
        await made.dispose()
        return found

    assert asyncio.run(searches()) == [ids(library.best("dog", 5, among=CHEAP))] * 3


def test_a_stream(session: Session, library: Library) -> None:
    rows = session.scalars(affordable(search("dog", 5)).execution_options(yield_per=2))
    assert [*rows] == ids(library.best("dog", 5, among=CHEAP))


def test_locking_the_apps_rows(session: Session, library: Library) -> None:
    statement = affordable(search("dog", 5)).with_for_update(of=Product)
    assert session.scalars(statement).all() == ids(library.best("dog", 5, among=CHEAP))


def test_row_level_security(session: Session, library: Library) -> None:
    session.execute(text("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY"))
    session.execute(text("CREATE POLICY spaces ON blip.images USING (space = 'red')"))
    session.execute(text("GRANT SELECT ON products TO blip_reader"))
    session.execute(text("SET LOCAL ROLE blip_reader"))
    found = session.scalars(affordable(search("dog", 5))).all()
    assert found == ids(library.best("dog", 5, among=[n for n in CHEAP if n % 3 == 1]))
    alone = search("dog", 5)
    found = session.scalars(select(alone.c.image_id).order_by(alone.c.score.desc())).all()
    assert found == ids(library.best("dog", 5, among=[n for n in range(60) if n % 3 == 1]))


def test_a_short_result_is_said(session: Session) -> None:
    said: list[str | None] = []
    conn = session.connection().connection.driver_connection
    assert isinstance(conn, psycopg.Connection)
    conn.add_notice_handler(lambda diag: said.append(diag.message_primary))
    session.scalars(affordable(search("dog", 5), 3)).all()
    assert said == ["only 3 of 5: no more images are encoded by model 'tiny' and admitted here"]


# What can't be searched


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"query": 3}, "The query is of type int"),
        ({"query": None}, "The query is of type NoneType"),
        ({"query": "dog", "k": 0}, "k must be between 1 and 1000, not 0"),
        ({"query": "dog", "k": 1001}, "k must be between 1 and 1000, not 1001"),
        ({"query": "dog", "k": "5"}, "k must be between 1 and 1000, not '5'"),
        ({"query": "dog", "candidates": 9}, "candidates must be between 10 and 1000, not 9"),
        ({"query": "dog", "candidates": 2000}, "candidates must be between 10 and 1000"),
    ],
)
def test_refused_at_once(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        search(**arguments)


@pytest.mark.parametrize(
    ("hits", "kind", "message"),
    [
        (search(""), UsageError, "the query is empty"),
        (search("x" * 20000), UsageError, "at most 10000 are read"),
        (search(b"no image"), UsageError, "image"),
        (search("dog", model="cat"), UsageError, "no model 'cat' with the role 'retrieval'"),
    ],
)
def test_refused_when_it_runs(session: Session, hits: Hits, kind: Any, message: str) -> None:
    for statement in (affordable(hits), select(hits)):
        with pytest.raises(kind, match=message):
            session.execute(statement)
        session.rollback()


def test_a_column_that_does_not_exist(session: Session) -> None:
    statement = affordable(search("dog")).where(literal_column("products.colour") == "red")
    with pytest.raises(DatabaseError, match=r"column products\.colour does not exist"):
        session.execute(statement)


def test_a_table_that_does_not_exist(session: Session) -> None:
    """It is the app's: no hint at blipdb's own."""
    statement = affordable(search("dog")).where(text("EXISTS (SELECT FROM colours)"))
    with pytest.raises(DatabaseError, match='relation "colours" does not exist') as caught:
        session.execute(statement)
    assert caught.value.hint is None


def test_a_transaction_that_failed_before(session: Session) -> None:
    with pytest.raises(Exception, match="UndefinedTable"):
        session.execute(text("SELECT FROM none"))
    with pytest.raises(DatabaseError, match="current transaction is aborted"):
        session.execute(affordable(search("dog")))


def test_no_model_is_active(session: Session) -> None:
    session.execute(text("DELETE FROM blip.active_models"))
    with pytest.raises(DatabaseError, match="no model is active in the role 'retrieval'") as caught:
        session.execute(affordable(search("dog")))
    assert "blipdb models activate" in str(caught.value)


def test_an_engine_that_does_not_run(session: Session) -> None:
    session.execute(
        text("UPDATE blip.settings SET value = '/tmp/none' WHERE name = 'engine_socket'")
    )
    with pytest.raises(EngineError, match="engine"):
        session.execute(affordable(search("dog")))
    session.rollback()
    assert session.scalars(affordable(search("dog", 1))).all()


def test_a_statement_that_takes_too_long(session: Session, engine: engines.Engine) -> None:
    session.execute(text("SET LOCAL statement_timeout = 300"))
    with engine.stopped(), pytest.raises(DatabaseError, match="statement timeout"):
        session.execute(affordable(search("dog")))


def test_a_connection_that_is_lost(alchemy: Engine, library: Library) -> None:
    """The pool learns of it: the next one is new."""
    with Session(alchemy) as session:
        pid = session.scalar(select(func.pg_backend_pid()))
        with psycopg.connect(library.url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [pid])
        with pytest.raises(DatabaseError, match="went away"):
            session.execute(affordable(search("dog")))
        session.rollback()
        assert session.scalars(affordable(search("dog", 1))).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE blip.alembic_version SET version_num = '0001'", "are of revision 0001"),
        ("UPDATE blip.alembic_version SET version_num = '9999'", "are of a newer blipdb"),
        (
            "CREATE OR REPLACE FUNCTION blip._build() RETURNS text LANGUAGE sql AS"
            " $$SELECT '0123456789abcdef'$$",
            "are of another blipdb: build 0123456789abcdef",
        ),
    ],
)
def test_another_version(library: Library, change: str, message: str) -> None:
    made = create_engine(alchemy_url(library.url))
    with Session(made) as session:
        session.execute(text(change))
        with pytest.raises(DatabaseError, match=message) as caught:
            session.execute(affordable(search("dog")))
        assert caught.value.hint
        session.rollback()
        assert session.scalars(affordable(search("dog", 1))).all()
    made.dispose()


def test_a_server_without_blipdb(cluster: Any) -> None:
    made = create_engine(alchemy_url(cluster.database_url()).replace("/blipdb?", "/postgres?"))
    hits = search("dog")
    with made.connect() as conn, pytest.raises(DatabaseError, match="has no tables of blipdb"):
        conn.execute(select(hits))
    made.dispose()


def test_other_drivers_are_refused() -> None:
    hits = search("dog")
    made = create_engine("sqlite://")
    with made.connect() as conn, pytest.raises(UsageError, match="sqlite") as caught:
        conn.execute(select(hits))
    assert "postgresql+psycopg" in str(caught.value)
    made.dispose()


def test_a_detached_row(session: Session, alchemy: Engine) -> None:
    """It is SQLAlchemy's to refuse; nothing of the search hides it."""
    product = session.scalars(select(Product).where(Product.id == 1)).one()
    session.expunge(product)
    with pytest.raises(InvalidRequestError):
        session.refresh(product)

"""A server whose functions ask no engine: this process computes. test_search has what it finds."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, bindparam, delete, event, func, insert, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from blipdb.client.inference import Inference
from blipdb.errors import DatabaseError, ModelError, UsageError
from blipdb.orm import search
from tests.orm.conftest import alchemy_url
from tests.orm.queries import CHEAP, ids
from tests.orm.shop import Product, Shop, Tag
from tests.orm.test_running import affordable
from tests.sql.library import Library

pytestmark = pytest.mark.usefixtures("models")


@pytest.fixture
def session(alchemy_of_tables: Engine) -> Any:
    with Session(alchemy_of_tables) as session:
        yield session
        session.rollback()


def test_what_reaches_the_server(session: Session, library: Library) -> None:
    """No function that asks an engine, and no vector but the query's."""
    sent: list[str] = []
    engine = session.get_bind()
    assert isinstance(engine, Engine)

    def hear(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    try:
        found = session.scalars(affordable(search("dog", 5))).all()
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    assert found == ids(library.best("dog", 5, among=CHEAP))
    assert "blip_rerank" not in sent[-1]
    assert "unnest" in sent[-1]


@pytest.mark.parametrize("level", ["AUTOCOMMIT", "READ COMMITTED"])
def test_isolation_levels(alchemy_of_tables: Engine, library: Library, level: Any) -> None:
    expected = ids(library.best("dog", 5, among=CHEAP))
    with alchemy_of_tables.connect().execution_options(isolation_level=level) as conn:
        for _ in range(7):
            assert conn.scalars(affordable(search("dog", 5))).all() == expected


def test_a_short_result_is_said(session: Session) -> None:
    said: list[str | None] = []
    conn = session.connection().connection.driver_connection
    assert isinstance(conn, psycopg.Connection)
    conn.add_notice_handler(lambda diag: said.append(diag.message_primary))
    session.scalars(affordable(search("dog", 5), 3)).all()
    assert said == ["only 3 of 5: no more images are encoded by model 'tiny' and admitted here"]


def test_async(tables: Library, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several at once: what is computed runs in threads, beside the event loop."""
    threads: list[threading.Thread] = []
    embed = Inference.embed_text

    def watched(self: Inference, *arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return embed(self, *arguments)

    monkeypatch.setattr(Inference, "embed_text", watched)

    async def searches() -> list[Any]:
        made = create_async_engine(alchemy_url(tables.url))

        async def find(query: str) -> list[Any]:
            async with AsyncSession(made) as session:
                return [*await session.scalars(affordable(search(query, 5)))]

        found = await asyncio.gather(*(find(query) for query in ("dog", "red", "house")))
        await made.dispose()
        return found

    assert asyncio.run(searches()) == [
        ids(library.best(query, 5, among=CHEAP)) for query in ("dog", "red", "house")
    ]
    assert len(threads) == 3
    assert threading.main_thread() not in threads


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


def test_a_correlated_search_is_refused(session: Session) -> None:
    hits = search("dog", 2)
    inner = (
        select(func.max(hits.c.score).label("most"))
        .select_from(Product)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.shop_id == Shop.id)
    )
    lateral = inner.lateral()
    for statement in (
        select(Shop.id, inner.correlate(Shop).scalar_subquery()),
        select(Shop.id, lateral.c.most).join_from(Shop, lateral, true()),
    ):
        with pytest.raises(UsageError, match="depends on rows of an outer SELECT") as caught:
            session.execute(statement)
        assert 'for table "shops"' in str(caught.value)
        session.rollback()


def test_a_table_that_does_not_exist(session: Session) -> None:
    statement = affordable(search("dog")).where(text("EXISTS (SELECT FROM colours)"))
    with pytest.raises(DatabaseError, match='relation "colours" does not exist'):
        session.execute(statement)


def test_many_sets_of_values_are_refused(session: Session) -> None:
    hits = search("dog", 2)
    change = delete(Product.__table__).where(  # type: ignore[arg-type]
        Product.image_id == hits.c.image_id, Product.price == bindparam("is")
    )
    with pytest.raises(UsageError, match="several sets of values"):
        session.connection().execute(change, [{"is": 1}, {"is": 2}])


def test_changes_beside_it_are_refused(session: Session) -> None:
    """They would be made twice."""
    hits = search("dog", 2)
    made = insert(Tag).values(product_id=1, word="new").returning(Tag.product_id).cte("made")
    statement = (
        select(Product.id)
        .join(made, made.c.product_id == Product.id)
        .join(hits, hits.c.image_id == Product.image_id)
    )
    with pytest.raises(UsageError, match="beside data that its statement changes"):
        session.execute(statement)
    session.rollback()
    assert session.scalars(select(Tag).where(Tag.word == "new")).all() == []


def test_literal_values_are_refused(alchemy_of_tables: Engine) -> None:
    statement = affordable(search("dog", 5))
    literal = statement.compile(alchemy_of_tables, compile_kwargs={"literal_binds": True})
    with alchemy_of_tables.connect() as conn, pytest.raises(UsageError, match="are written into"):
        conn.exec_driver_sql(str(literal))


@pytest.mark.parametrize(
    ("query", "model", "message"),
    [
        (" ", None, "the query is empty"),
        (b"no image", None, "image"),
        ("dog", "cat", "no model 'cat' with the role 'retrieval'"),
    ],
)
def test_refused(session: Session, query: Any, model: str | None, message: str) -> None:
    for statement in (affordable(search(query, model=model)), select(search(query, model=model))):
        with pytest.raises(UsageError, match=message):
            session.execute(statement)
        session.rollback()


def test_no_model_is_active(session: Session) -> None:
    session.execute(text("DELETE FROM blip.active_models"))
    with pytest.raises(DatabaseError, match="no model is active in the role 'retrieval'"):
        session.execute(affordable(search("dog")))


def test_a_model_that_is_not_here(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("BLIPDB_HOME", str(tmp_path))
    with pytest.raises(ModelError, match="its files are not in"):
        session.execute(affordable(search("dog")))

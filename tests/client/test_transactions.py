"""A client on an app's own connection: what is added commits or rolls back with the app's rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import blipdb
from blipdb.database import connection as db_connection
from blipdb.errors import UsageError
from blipdb.identity import image_id
from tests.album import picture
from tests.client.conftest import World

PICTURE = picture(7)
ID = image_id("", PICTURE)


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"
    __table_args__ = ({"schema": "public"},)

    name: Mapped[str] = mapped_column(primary_key=True)
    image_id: Mapped[UUID | None]


INSERT = "INSERT INTO public.products (name, image_id) VALUES ('bicycle', NULL)"


@pytest.fixture
def shop(write: World) -> World:
    """A world with an app's own table."""
    with psycopg.connect(write.admin) as conn:
        conn.execute("CREATE TABLE public.products (name text PRIMARY KEY, image_id uuid)")
        conn.execute("GRANT ALL ON public.products TO PUBLIC")
    return write


class App:
    """One of an app's ways to PostgreSQL: ``target`` is what a client is made of."""

    def __init__(self, target: Any, execute: Callable[[str], Any], commit: Any, rollback: Any):
        self.target, self.execute, self.commit, self.rollback = target, execute, commit, rollback


@contextmanager
def by_psycopg(url: str) -> Iterator[App]:
    with db_connection.connect(url) as conn:
        yield App(conn, lambda text: conn.execute(text.encode()), conn.commit, conn.rollback)


@contextmanager
def by_session(url: str) -> Iterator[App]:
    engine = create_engine("postgresql+psycopg://", creator=lambda: db_connection.connect(url))
    with Session(engine) as session:
        execute = lambda statement: session.execute(text(statement))  # noqa: E731
        yield App(session, execute, session.commit, session.rollback)
    engine.dispose()


@contextmanager
def by_connection(url: str) -> Iterator[App]:
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: db_connection.connect(url), poolclass=NullPool
    )
    with engine.connect() as connection:
        execute = lambda statement: connection.execute(text(statement))  # noqa: E731
        yield App(connection, execute, connection.commit, connection.rollback)


WAYS: list[Callable[[str], AbstractContextManager[App]]] = [by_psycopg, by_session, by_connection]


def stored(world: World) -> tuple[int, int]:
    """Count products, and images of that id, as other sessions see them."""
    with psycopg.connect(world.admin) as conn:
        row = conn.execute(
            "SELECT (SELECT count(*) FROM public.products),"
            " (SELECT count(*) FROM blip.images JOIN blip.jobs USING (image_id)"
            "  WHERE image_id = %s AND stage = 'encode' AND model_id = 1)",
            [ID],
        ).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("first", ["row", "image"])
def test_commit_and_rollback(
    shop: World, way: Callable[[str], AbstractContextManager[App]], first: str
) -> None:
    with way(shop.url) as app, blipdb.connect(app.target, home=shop.home) as db:
        for end, expected in ((app.rollback, (0, 0)), (app.commit, (1, 1))):
            if first == "row":
                app.execute(INSERT)
                assert db.add(PICTURE) == ID
            else:
                assert db.add(PICTURE) == ID
                app.execute(INSERT)
            assert db.image(ID).mime == "image/png"  # seen within the transaction,
            assert stored(shop) == (0, 0)  # and by nobody else yet
            end()
            assert stored(shop) == expected


@pytest.mark.parametrize("way", WAYS)
def test_an_image_alone_commits(
    shop: World, way: Callable[[str], AbstractContextManager[App]]
) -> None:
    """The app's commit is for what we did, where the app did nothing itself."""
    with way(shop.url) as app, blipdb.connect(app.target, home=shop.home) as db:
        db.add(PICTURE)
        app.rollback()
        assert stored(shop) == (0, 0)
        db.add(PICTURE)
        app.commit()
    assert stored(shop) == (0, 1)


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_call_in_between_spoils_nothing(
    shop: World, way: Callable[[str], AbstractContextManager[App]]
) -> None:
    with way(shop.url) as app, blipdb.connect(app.target, home=shop.home) as db:
        app.execute(INSERT)
        for query in ("zebra", " "):
            with pytest.raises(UsageError):
                db.search(query)
        with pytest.raises(blipdb.DatabaseError, match="unknown here"):
            db.match(UUID(int=1), "red")
        with pytest.raises(UsageError):
            db.add(b"no picture")
        db.add(PICTURE)
        assert len(db.search("red bicycle", 3)) == 3
        app.commit()
    assert stored(shop) == (1, 1)


@pytest.mark.parametrize("way", WAYS)
def test_a_search_alone_commits_and_changes_nothing(
    shop: World, way: Callable[[str], AbstractContextManager[App]]
) -> None:
    show = "SELECT current_setting('search_path') || current_setting('jit')"
    with way(shop.url) as app, blipdb.connect(app.target, home=shop.home) as db:
        before = list(app.execute(show))
        db.search("red bicycle", 2)
        assert list(app.execute(show)) == before
        assert db.similar(image_id("", shop.contents[0]), 2)
        app.execute(INSERT)
        db.search("red bicycle", 2)
        app.rollback()
    assert stored(shop) == (0, 0)


@pytest.mark.parametrize("way", WAYS)
def test_closing_the_client_leaves_the_connection(
    shop: World, way: Callable[[str], AbstractContextManager[App]]
) -> None:
    with way(shop.url) as app:
        with blipdb.connect(app.target, home=shop.home) as db:
            db.add(PICTURE)
        with pytest.raises(UsageError, match="The client is closed"):
            db.status()
        app.execute(INSERT)
        app.commit()
    assert stored(shop) == (1, 1)


def test_autocommit(shop: World) -> None:
    """Each call is a transaction of its own, whole or not at all."""
    with db_connection.connect(shop.url, autocommit=True) as conn:
        db = blipdb.connect(conn, home=shop.home)
        conn.execute(INSERT.encode())
        with pytest.raises(UsageError):
            db.search("zebra")
        assert len(db.search("red", 2)) == 2
        db.add(PICTURE)
        assert stored(shop) == (1, 1)
        with conn.transaction(force_rollback=True):  # in one of the app's, it is the app's to end
            db.add(picture(8))
        with pytest.raises(blipdb.DatabaseError, match="unknown here"):
            db.image(image_id("", picture(8)))


def test_a_session_is_flushed_before(shop: World) -> None:
    """A row that the app has only added to its session is there for a trigger, or for a policy."""
    with psycopg.connect(shop.admin) as conn:
        conn.execute(
            "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF NOT EXISTS (SELECT FROM public.products) THEN RAISE 'nothing was flushed'; END IF;"
            " RETURN NEW; END $$"
        )
        conn.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON blip.images"
            " FOR EACH ROW EXECUTE FUNCTION public.refuse()"
        )
    engine = create_engine("postgresql+psycopg://", creator=lambda: db_connection.connect(shop.url))
    with Session(engine) as session:
        session.add(Product(name="bicycle", image_id=None))
        db = blipdb.connect(session, home=shop.home)
        db.add(PICTURE)
        session.commit()
    with Session(engine, autoflush=False) as session:
        session.add(Product(name="tricycle", image_id=None))
        blipdb.connect(session, home=shop.home).status()
        assert len(session.new) == 1  # as the app wishes
    engine.dispose()
    assert stored(shop) == (1, 1)


def test_autocommit_of_sqlalchemy(shop: World) -> None:
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: db_connection.connect(shop.url), poolclass=NullPool
    ).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        db = blipdb.connect(connection, home=shop.home)
        db.add(PICTURE)
        assert stored(shop) == (0, 1)
        with pytest.raises(UsageError):
            db.search("zebra")
        assert len(db.search("red", 2)) == 2
    with blipdb.connect(engine, home=shop.home) as db:
        db.add(picture(8))
        assert db.image(image_id("", picture(8))).mime == "image/png"


def test_an_engine_gives_each_call_a_connection(shop: World) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: db_connection.connect(shop.url))
    with blipdb.connect(engine, home=shop.home) as db:
        db.add(PICTURE)
        assert stored(shop) == (0, 1)  # committed at once
        with pytest.raises(UsageError):
            db.search("zebra")
        assert len(db.search("red", 2)) == 2
    with engine.connect() as connection:  # still the app's
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()


# The same, asynchronously


@asynccontextmanager
async def by_async_psycopg(url: str) -> AsyncIterator[App]:
    async with await psycopg.AsyncConnection.connect(url) as conn:
        yield App(conn, lambda text: conn.execute(text.encode()), conn.commit, conn.rollback)


@asynccontextmanager
async def by_async_session(url: str) -> AsyncIterator[App]:
    engine = async_engine(url)
    async with AsyncSession(engine) as session:
        execute = lambda statement: session.execute(text(statement))  # noqa: E731
        yield App(session, execute, session.commit, session.rollback)
    await engine.dispose()


@asynccontextmanager
async def by_async_connection(url: str) -> AsyncIterator[App]:
    engine = async_engine(url)
    async with engine.connect() as connection:
        execute = lambda statement: connection.execute(text(statement))  # noqa: E731
        yield App(connection, execute, connection.commit, connection.rollback)
    await engine.dispose()


def async_engine(url: str) -> Any:
    async def connect() -> Any:
        return await psycopg.AsyncConnection.connect(url)

    return create_async_engine("postgresql+psycopg://", async_creator=connect, poolclass=NullPool)


ASYNC_WAYS: list[Callable[[str], AbstractAsyncContextManager[App]]] = [
    by_async_psycopg,
    by_async_session,
    by_async_connection,
]


@pytest.mark.parametrize("way", ASYNC_WAYS)
def test_asynchronously(
    shop: World, way: Callable[[str], AbstractAsyncContextManager[App]]
) -> None:
    async def main() -> None:
        async with way(shop.url) as app:
            async with blipdb.aconnect(app.target, home=shop.home) as db:
                for end, expected in ((app.rollback, (0, 0)), (app.commit, (1, 1))):
                    await app.execute(INSERT)
                    with pytest.raises(UsageError):
                        await db.search("zebra")
                    with pytest.raises(UsageError):
                        await db.add(b"no picture")
                    assert await db.add(PICTURE) == ID
                    assert len(await db.search("red bicycle", 3)) == 3
                    assert stored(shop) == (0, 0)
                    await end()
                    assert stored(shop) == expected
                await db.add(picture(8))
            await app.commit()  # the client's end is not the connection's
        assert len(await counts(shop)) > 0

    asyncio.run(main())


@pytest.mark.parametrize("way", ASYNC_WAYS)
def test_an_image_alone_commits_asynchronously(
    shop: World, way: Callable[[str], AbstractAsyncContextManager[App]]
) -> None:
    async def main() -> None:
        async with way(shop.url) as app:
            await blipdb.aconnect(app.target, home=shop.home).add(PICTURE)
            await app.commit()
        assert stored(shop) == (0, 1)

    asyncio.run(main())


async def counts(world: World) -> Any:
    async with blipdb.aconnect(world.url, home=world.home) as db:
        assert (await db.image(image_id("", picture(8)))).mime == "image/png"
        return await db.status()


def test_an_async_engine_gives_each_call_a_connection(shop: World) -> None:
    async def main() -> None:
        engine = async_engine(shop.url)
        async with blipdb.aconnect(engine, home=shop.home) as db:
            await db.add(PICTURE)
            assert stored(shop) == (0, 1)
            hits = await asyncio.gather(*(db.search("red", 2) for _ in range(3)))
            assert hits[0] == hits[1] == hits[2]
        await engine.dispose()

    asyncio.run(main())


def test_tasks_share_an_apps_connection(shop: World) -> None:
    """They take turns: a connection does one thing at a time."""

    async def main() -> None:
        async with by_async_psycopg(shop.url) as app:
            db = blipdb.aconnect(app.target, home=shop.home)
            hits = await asyncio.gather(
                db.search("red bicycle", 3), db.add(PICTURE), db.search("red bicycle", 3)
            )
            assert hits[0] == hits[2]
            await app.commit()
        assert stored(shop) == (0, 1)

    asyncio.run(main())

"""Models in the client's own process: loaded when needed, once, verified; and what is said."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

import blipdb
from blipdb import registry
from blipdb.client import modes, singletons
from blipdb.client.inference import Inference, shared
from blipdb.database import connection
from blipdb.errors import ModelError, StoppedError, UsageError
from blipdb.model.compute import Compute
from blipdb.model.runtime import Runtime
from blipdb.settings import Settings
from blipdb.work.executors import run_jobs
from tests.album import picture
from tests.client.conftest import World
from tests.tiny import tiny_artifact


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The graphs of each load of a model from here on; none is loaded yet."""
    seen: list[tuple[str, ...]] = []
    load = Runtime.load.__func__  # type: ignore[attr-defined]
    more = Runtime.open

    def loading(cls: Any, /, *arguments: Any, graphs: Any = None, **options: Any) -> Runtime:
        seen.append(tuple(graphs))
        time.sleep(0.05)  # so that two at once would meet
        runtime: Runtime = load(cls, *arguments, graphs=graphs, **options)
        return runtime

    def opening(self: Runtime, *graphs: str) -> None:
        if missing := tuple(graph for graph in graphs if graph not in self._sessions):
            seen.append(missing)
        more(self, *graphs)

    monkeypatch.setattr(Runtime, "load", classmethod(loading))
    monkeypatch.setattr(Runtime, "open", opening)
    for key, instance in list(singletons._instances.items()):
        if isinstance(instance, Inference):
            del singletons._instances[key]
    return seen


def test_only_what_a_call_needs_is_loaded(with_tables: World, loads: list[tuple[str, ...]]) -> None:
    with blipdb.connect(with_tables.url, home=with_tables.home) as db:
        db.status()
        assert loads == []
        db.embed("red")
        assert loads == [("text",)]
        db.search("red bicycle", 2)
        assert loads == [("text",), ("rerank",)]
        db.search(with_tables.contents[0], 2)
        assert loads[2:] == [("image",)]
        db.caption(with_tables.ids[0])
        assert loads[3:] == [("caption",)]
        db.similar(with_tables.ids[0])
        db.search("red bicycle", 2)
        assert len(loads) == 4


def test_all_clients_share_a_model(with_tables: World, loads: list[tuple[str, ...]]) -> None:
    """Eight threads, each with a client of its own, load each graph once."""
    barrier = threading.Barrier(8)

    def call(_: int) -> Any:
        with blipdb.connect(with_tables.url, home=with_tables.home) as db:
            barrier.wait(10)
            return db.search("red bicycle", 3)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(call, range(8)))
    assert all(hits == found[0] for hits in found)
    assert sorted(loads) == [("rerank",), ("text",)]


def test_a_model_that_is_not_on_this_machine(write: World, tmp_path: Path) -> None:
    """Another than the bundled one, whose files come with the package."""
    with blipdb.connect(write.url, home=tmp_path, inference="client") as db:
        assert db.search("red bicycle", 2)
        with pytest.raises(ModelError, match="registered, but its files are not in") as caught:
            db.answer(write.ids[0], "what is red")
        assert str(tmp_path / "models") in caught.value.message
        assert caught.value.hint == "Put them there with: blipdb models add PATH"
    assert list(tmp_path.iterdir()) == []  # nothing was written to a home that is only looked at


def test_a_model_that_was_altered(with_tables: World, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(with_tables.home / "models", home / "models")
    with connection.connect(with_tables.url) as conn:
        vqa = registry.find(conn, "vqa")
    graph = vqa.folder(Settings(home)) / "question.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    with (
        blipdb.connect(with_tables.url, home=home) as db,
        pytest.raises(ModelError, match=r"question\.onnx"),
    ):
        db.answer(with_tables.ids[0], "what is red")


def test_the_bundled_model_goes_into_a_home_that_ingests(write: World, tmp_path: Path) -> None:
    with psycopg.connect(write.admin) as conn:
        conn.execute("DELETE FROM blip.active_models WHERE role = 'answerer'")
    path = tmp_path / "a.png"
    path.write_bytes(picture(4, side=64))
    home = tmp_path / "home"
    with blipdb.connect(write.url, home=home) as db:
        report = db.ingest(path)
        assert (report.added, report.encoded, report.failed) == (1, 1, [])
    with connection.connect(write.url) as conn:
        scenes = registry.find(conn, "scenes")
        assert scenes.folder(Settings(home)).is_dir()
        active = {model.name: model.active for model in registry.models(conn)}
    # No role was given or taken.
    assert active == {"scenes": ["captioner", "filter", "retrieval"], "vqa": []}


def test_strangers_pictures_are_decoded_by_a_child(
    with_tables: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never here: Pillow is out of reach in this process."""
    from PIL import Image

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("decoded in the client's own process")

    monkeypatch.setattr(Image, "open", refuse)
    bomb = picture(1)[:-20]
    with blipdb.connect(with_tables.url, home=with_tables.home) as db:
        assert db.search(with_tables.contents[0], 1)[0].image_id == with_tables.ids[0]
        for call in (db.embed, db.caption, lambda image: db.match(image, "red")):
            with pytest.raises(UsageError, match="the image is refused: "):
                call(bomb)
        assert len(db.pictures(with_tables.ids)) == len(with_tables.ids)


def test_who_computes_is_said_once(
    read: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modes, "_logged", set())
    with caplog.at_level(logging.INFO, "blipdb.client"):
        for _ in range(2):
            with blipdb.connect(read.url, home=read.home) as db:
                db.status()
    said = [record.getMessage() for record in caplog.records if record.name == "blipdb.client"]
    assert len(said) == 1
    assert {
        "server": "the server's functions and their engine compute",
        "client": "this process computes, as the extension blipdb is not there",
    }[read.kind] in said[0]


def test_a_short_result_is_said(read: World, caplog: pytest.LogCaptureFixture) -> None:
    with blipdb.connect(read.url, home=read.home) as db:
        db.status()
        with caplog.at_level(logging.INFO, "blipdb.client"):
            db.search("red", 100)
            db.search("red", 10, within=read.ids[:2])
            db.rerank("red", [read.ids[0], UUID(int=1)])
            db.similar(read.ids[0], 10, within=read.ids[:2])
            db.search("red", 2)
    said = [record.getMessage() for record in caplog.records]
    ends = ": no more images are encoded by model 'scenes' and admitted here"
    assert [line.partition(ends)[0] for line in said] == [
        *("only 8 of 100", "only 2 of 10", "only 1 of 2", "only 1 of 10")
    ]
    assert all("0 images wait to be encoded" in line for line in said)


def test_what_can_not_be_found_is_said(write: World, caplog: pytest.LogCaptureFixture) -> None:
    with psycopg.connect(write.admin) as conn:
        conn.execute("DELETE FROM blip.active_models")
    with blipdb.connect(write.url, home=write.home) as db:
        with caplog.at_level(logging.INFO, "blipdb.client"):
            id = db.add(picture(1))
        assert db.image(id).mime == "image/png"
    assert any("stored, but not to be found" in r.getMessage() for r in caplog.records)


@pytest.mark.parametrize("kind", ["client"])
def test_images_that_go_away_meanwhile(write: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within an app's transaction, others' deletions are seen between two statements: such images
    are no hits. A client's own transaction sees one moment throughout."""
    embed = Inference.embed_text
    gone: list[UUID] = []

    def deleting(self: Inference, model: Any, query: str) -> Any:
        with psycopg.connect(write.admin) as conn:
            conn.execute("DELETE FROM blip.images WHERE image_id = %s", [gone[0]])
        return embed(self, model, query)

    with blipdb.connect(write.url, home=write.home) as db:
        everything = db.search("red bicycle", 10)
        monkeypatch.setattr(Inference, "embed_text", deleting)
        gone[:] = [everything[0].image_id]
        assert db.search("red bicycle", 10) == everything
    with connection.connect(write.url) as conn:
        gone[:] = [everything[1].image_id]
        found = blipdb.connect(conn, home=write.home).search("red bicycle", 10)
    assert found == everything[2:]


def test_work_that_nobody_waits_for_is_stopped(
    with_tables: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = threading.Event()

    def rerank(self: Runtime, *_: Any, stop: Any, **__: Any) -> Any:
        for _turn in range(1000):
            if stop():
                stopped.set()
                raise StoppedError("nobody waits")
            time.sleep(0.01)
        raise AssertionError("it was not stopped")

    monkeypatch.setattr(Runtime, "rerank", rerank)

    async def main() -> None:
        async with blipdb.aconnect(with_tables.url, home=with_tables.home) as db:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(db.search("red bicycle", 3), 1)
            assert await asyncio.to_thread(stopped.wait, 5)
            assert await db.status()

    asyncio.run(main())


def test_the_loop_goes_on_while_it_computes(with_tables: World) -> None:
    async def main() -> None:
        async with blipdb.aconnect(with_tables.url, home=with_tables.home) as db:
            await db.search("red bicycle", 3)
            turns = 0
            task = asyncio.create_task(db.caption(with_tables.ids[0], beams=10))
            while not task.done():
                await asyncio.sleep(0.001)
                turns += 1
            assert await task
            assert turns > 5

    asyncio.run(main())


@pytest.fixture
def forked() -> Iterator[None]:
    """The parent's tools are as they were."""
    made = dict(singletons._instances)
    yield
    assert {key: singletons._instances[key] for key in made} == made


def test_a_forked_child_makes_its_own(with_tables: World, forked: None) -> None:
    with blipdb.connect(with_tables.url, home=with_tables.home) as db:
        expected = db.search(with_tables.contents[1], 2).image_ids
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with blipdb.connect(with_tables.url, home=with_tables.home) as db:
                same = db.search(with_tables.contents[1], 2).image_ids == expected
            singletons._close()
            os.write(writer, b"same" if same else b"other")
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        assert file.read() == "same"
    os.waitpid(pid, 0)
    with blipdb.connect(with_tables.url, home=with_tables.home) as db:
        assert db.search(with_tables.contents[1], 2).image_ids == expected
    assert shared(with_tables.settings) is shared(with_tables.settings)


@pytest.mark.parametrize("kind", ["server"])
def test_a_model_that_merges_tokens(write: World, tmp_path: Path) -> None:
    """And of eight bits: whoever computes, the same hits, from one and the same table."""
    folder = tiny_artifact(tmp_path, 5, name="merged", compute=Compute("int8", 3)).folder
    with connection.connect(write.url, autocommit=True) as conn:
        registry.register(conn, write.settings, folder)
    run_jobs(write.settings)
    found = []
    for inference in ("server", "client"):
        with blipdb.connect(write.url, home=write.home, inference=inference) as db:
            found.append(
                (
                    [db.search(query, 8) for query in ("red bicycle", "a big dog and a tree")],
                    db.match(write.ids[0], "a red car"),
                    db.match(write.contents[0], "a red car"),
                    db.caption(write.ids[0]),
                )
            )
    (hits, *others), (again, *others_again) = found
    for one, other in zip(hits, again, strict=True):
        assert one.image_ids == other.image_ids
        scores = [[hit.score for hit in each] for each in (one, other)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-3)
    assert others[:2] == pytest.approx(others_again[:2], abs=1e-3)
    assert others[2] == others_again[2]

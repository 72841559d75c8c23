"""Models in the database and in the home folder."""

from __future__ import annotations

import shutil
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from blipdb import registry
from blipdb.database import connection, jobs
from blipdb.database.jobs import Counts
from blipdb.errors import ModelError, UsageError
from blipdb.model.artifact import MANIFEST
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from tests.database.test_jobs import add_images
from tests.tiny import ARCHITECTURE, MAX_TOKENS, tiny_artifact


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """A fresh database without a model."""
    return Settings(tmp_path / "home", database)


@pytest.fixture
def boss(settings: Settings) -> Iterator[Connection]:
    with connection.connect(settings.database_url(), autocommit=True) as conn:
        yield conn


@pytest.fixture
def another(tmp_path: Path) -> Path:
    """The folder of a second model, of the same name and other weights."""
    return tiny_artifact(tmp_path / "another", seed=1).folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_registered_model_has_its_row_files_partitions_and_roles(
    boss: Connection, settings: Settings, tiny_folder: Path
) -> None:
    model = registry.register(boss, settings, tiny_folder)
    assert model == Model(
        model_id=model.model_id,
        name="tiny",
        digest=model.digest,
        roles=["retrieval", "captioner", "filter"],
        image_size=ARCHITECTURE.image_size,
        itc_dims=ARCHITECTURE.embed_dim,
        token_count=ARCHITECTURE.image_tokens,
        token_width=ARCHITECTURE.vision_width,
        merged=False,
        max_tokens=MAX_TOKENS,
        knows="nothing: its weights are random",
        active=["captioner", "filter", "retrieval"],
    )
    assert registry.models(boss) == [model]
    assert model.folder(settings) == settings.models_dir / model.digest[:16]
    assert files(model.folder(settings)) == files(tiny_folder)
    for table in ("image_vectors", "image_tokens"):
        partition = f"blip.{table}_{model.model_id}"
        assert boss.execute("SELECT to_regclass(%s) IS NULL", [partition]).fetchone() == (False,)


def test_others_may_read_the_files_and_only_we_may_write(
    boss: Connection, settings: Settings, tiny_folder: Path
) -> None:
    folder = registry.register(boss, settings, tiny_folder).folder(settings)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o644}


def test_registering_again_changes_nothing(
    boss: Connection, settings: Settings, tiny_folder: Path
) -> None:
    model = registry.register(boss, settings, tiny_folder)
    before = model.folder(settings).stat().st_mtime_ns
    assert registry.register(boss, settings, tiny_folder) == model
    assert model.folder(settings).stat().st_mtime_ns == before
    assert len(list(settings.models_dir.iterdir())) == 1


def test_registering_again_puts_altered_and_lost_files_back(
    boss: Connection, settings: Settings, tiny_folder: Path
) -> None:
    model = registry.register(boss, settings, tiny_folder)
    with (model.folder(settings) / "image.onnx").open("r+b") as file:
        file.write(b"?")
    (model.folder(settings) / "text.onnx").unlink()
    registry.register(boss, settings, tiny_folder)
    assert files(model.folder(settings)) == files(tiny_folder)


def test_an_altered_artifact_is_refused_and_nothing_is_left(
    boss: Connection, settings: Settings, tiny_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_folder, tmp_path / "altered")
    with (tmp_path / "altered" / "image.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match=r"image\.onnx was altered"):
        registry.register(boss, settings, tmp_path / "altered")
    with pytest.raises(ModelError, match=r"model\.json can't be read"):
        registry.register(boss, settings, tmp_path)
    assert registry.models(boss) == []
    assert not settings.models_dir.exists()


def test_two_that_register_at_once_make_one_row(settings: Settings, tiny_folder: Path) -> None:
    found: list[Model] = []

    def register() -> None:
        with connection.connect(settings.database_url(), autocommit=True) as conn:
            found.append(registry.register(conn, settings, tiny_folder))

    threads = [threading.Thread(target=register) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 3
    assert len({model.model_id for model in found}) == 1
    assert [path.name for path in settings.models_dir.iterdir()] == [found[0].digest[:16]]


def test_a_model_added_without_activating_takes_only_vacant_roles(
    boss: Connection, settings: Settings, tiny_folder: Path, another: Path
) -> None:
    first = registry.register(boss, settings, tiny_folder, activate=False)
    assert first.active == ["captioner", "filter", "retrieval"]
    second = registry.register(boss, settings, another, activate=False)
    assert second.active == []
    assert registry.active(boss, "retrieval") == first


def test_activating_moves_roles_and_enqueues_every_image(
    boss: Connection, settings: Settings, tiny_folder: Path, another: Path
) -> None:
    first = registry.register(boss, settings, tiny_folder)
    ids = add_images(boss, 3)
    jobs.enqueue(boss, first.encoding, ids)
    second = registry.register(boss, settings, another, activate=False)
    assert jobs.counts(boss, second.encoding) == Counts()
    assert registry.activate(boss, second.digest[:8], ["retrieval"]) == 3
    assert registry.active(boss, "retrieval").digest == second.digest
    assert registry.active(boss, "captioner").digest == first.digest
    assert registry.activate(boss, second.digest) == 3
    assert registry.active(boss, "captioner").digest == second.digest
    assert jobs.counts(boss, second.encoding) == Counts(pending=3)


def test_a_model_is_found_by_name_or_digest(
    boss: Connection, settings: Settings, tiny_folder: Path, another: Path
) -> None:
    first = registry.register(boss, settings, tiny_folder)
    second = registry.register(boss, settings, another)
    assert registry.find(boss, "tiny").digest == second.digest, "the last of that name"
    assert registry.find(boss, first.digest[:10]).digest == first.digest
    with pytest.raises(UsageError) as caught:
        registry.find(boss, "blip-large")
    assert first.digest[:16] in caught.value.message
    assert caught.value.hint is not None
    assert "blipdb models add" in caught.value.hint


def test_a_role_that_the_model_or_nobody_has_is_an_error(
    boss: Connection, settings: Settings, tiny_folder: Path
) -> None:
    with pytest.raises(ModelError, match="No model is active as retrieval"):
        registry.active(boss, "retrieval")
    registry.register(boss, settings, tiny_folder)
    with pytest.raises(
        UsageError, match="tiny can't be answerer; it can be retrieval, captioner, filter"
    ):
        registry.activate(boss, "tiny", ["answerer"])


def test_the_filter_is_the_model_for_retrieval_until_another_is_chosen(
    boss: Connection, settings: Settings, tiny_folder: Path, another: Path, tmp_path: Path
) -> None:
    first = registry.register(boss, settings, tiny_folder)
    second = registry.register(boss, settings, another)
    assert registry.active(boss, "filter").digest == second.digest, "as it is for retrieval now"
    registry.activate(boss, first.digest, ["captioner"])
    assert registry.active(boss, "filter").digest == second.digest
    registry.activate(boss, first.digest, ["filter"])
    assert registry.active(boss, "filter").digest == first.digest
    folder = tiny_artifact(tmp_path / "third", seed=2).folder
    third = registry.register(boss, settings, folder)
    assert third.active == ["captioner", "retrieval"], "the choice holds"
    registry.activate(boss, third.digest, ["filter"])
    registry.activate(boss, second.digest)
    assert registry.active(boss, "filter").digest == second.digest, "and is taken back so"


def test_a_model_for_the_filter_alone_takes_that_role(
    boss: Connection, settings: Settings, tiny_folder: Path, tmp_path: Path
) -> None:
    registry.register(boss, settings, tiny_folder)
    judge = registry.register(
        boss, settings, tiny_artifact(tmp_path / "judge", 2, roles=("filter",)).folder
    )
    assert (judge.roles, judge.active) == (["filter"], ["filter"])
    assert registry.find(boss, "tiny").model_id == judge.model_id
    assert registry.models(boss)[0].active == ["captioner", "retrieval"]


def test_no_active_filter_names_the_command_that_makes_one(
    boss: Connection, settings: Settings, tiny_folder: Path
) -> None:
    with pytest.raises(ModelError) as caught:
        registry.active(boss, "filter")
    assert caught.value.hint == "Add one with: blipdb models add PATH"
    registry.register(boss, settings, tiny_folder, roles=())
    with pytest.raises(ModelError) as caught:
        registry.active(boss, "filter")
    assert caught.value.hint == "Make it one: blipdb models activate tiny --role filter"


def test_loading_gives_the_graphs_that_are_named(
    boss: Connection, settings: Settings, tiny_folder: Path
) -> None:
    model = registry.register(boss, settings, tiny_folder)
    runtime = registry.load(settings, model, "image")
    pixels = np.zeros((1, model.image_size, model.image_size, 3), np.uint8)
    assert runtime.encode_images(pixels).itc.shape == (1, model.itc_dims)
    with pytest.raises(ModelError, match="no text graph"):
        runtime.embed_texts(["red"])


def test_loading_refuses_what_is_not_what_was_registered(
    boss: Connection, settings: Settings, tiny_folder: Path, another: Path
) -> None:
    model = registry.register(boss, settings, tiny_folder)
    folder = model.folder(settings)
    with (folder / "image.onnx").open("r+b") as file:
        file.write(b"?")
    with pytest.raises(ModelError, match=r"image\.onnx was altered"):
        registry.load(settings, model, "image")
    shutil.rmtree(folder)
    shutil.copytree(another, folder)
    with pytest.raises(ModelError, match=f"{MANIFEST} was altered"):
        registry.load(settings, model, "image")
    shutil.rmtree(folder)
    with pytest.raises(ModelError, match="its files are not in"):
        registry.load(settings, model, "image")


@pytest.mark.alone
def test_the_bundled_model_is_registered_once_and_quickly(
    boss: Connection,
    settings: Settings,
    tiny_folder: Path,
    another: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the tiny model in the bundled one's place, which may be megabytes."""
    monkeypatch.setattr(registry, "bundled_folder", lambda: tiny_folder)
    model = registry.register_bundled(boss, settings)
    assert model.active == ["captioner", "filter", "retrieval"]
    begin = time.perf_counter()
    for _ in range(20):
        assert registry.register_bundled(boss, settings) == model
    assert (time.perf_counter() - begin) / 20 < 0.05
    other = registry.register(boss, settings, another)
    assert registry.register_bundled(boss, settings).active == []
    assert registry.active(boss, "retrieval") == other
    shutil.rmtree(model.folder(settings))
    registry.register_bundled(boss, settings)
    assert files(model.folder(settings)) == files(tiny_folder)


def test_few_vectors_are_searched_exactly_and_many_get_an_index_once(
    boss: Connection, settings: Settings, tiny_folder: Path
) -> None:
    model = registry.register(boss, settings, tiny_folder)
    boss.execute(
        """
        WITH added AS (
            INSERT INTO blip.images (image_id, sha256, mime, bytes)
            SELECT gen_random_uuid(), sha256(n::text::bytea), 'image/png', 1
            FROM generate_series(1, %s) n RETURNING image_id)
        INSERT INTO blip.image_vectors (image_id, model_id, itc)
        SELECT image_id, %s, ARRAY(SELECT random() FROM generate_series(1, %s), (SELECT image_id) i)
        FROM added
        """,
        [registry.EXACT_UNTIL, model.model_id, model.itc_dims],
    )
    assert not registry.index_vectors(boss, model)
    [id] = add_images(boss, 1)
    boss.execute(
        "INSERT INTO blip.image_vectors VALUES (%s, %s, %s)",
        [id, model.model_id, [1.0] * model.itc_dims],
    )
    assert registry.index_vectors(boss, model)
    assert not registry.index_vectors(boss, model)
    methods = boss.execute(
        "SELECT amname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_am a ON a.oid = c.relam WHERE indrelid = %s::regclass ORDER BY 1",
        [f"blip.image_vectors_{model.model_id}"],
    ).fetchall()
    assert methods == [("btree",), ("hnsw",)]

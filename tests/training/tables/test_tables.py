"""The experiments: what they are, what is measured, and that they run and resume."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from uuid import UUID

import numpy as np
import psycopg
import pytest

from blipdb.scenes.plain import plain_caption
from blipdb.scenes.world import Scene, Thing
from blipdb.settings import Settings
from blipdb.training.tables import document, schedule
from blipdb.training.tables.arms import BOTH, NONE, TABLE_1, Arm, all_arms, sweep_arms
from blipdb.training.tables.measure import captions_right
from blipdb.training.tables.paper import TABLES
from blipdb.training.tables.results import Results, spread
from blipdb.training.tables.run import Workspace, read_result
from blipdb.training.tables.schedule import Task, plan, run_all
from blipdb.training.tables.setup import CONFIG, Setup, Written, read_setup, read_truth, write_shard
from blipdb.training.tables.verdicts import THRESHOLDS, read_verdicts

ROOT = Path(__file__).parents[3]
CAR = Thing("car", "red", "medium", 0.3, 0.5, 0.3)
TREE = Thing("tree", "blue", "medium", 0.7, 0.5, 0.3)
ONE, TWO = Scene((CAR,), "plain", 1), Scene((CAR, TREE), "plain", 1)


@pytest.fixture(scope="module")
def setup() -> Setup:
    return read_setup(CONFIG)


def tiny(setup: Setup) -> str:
    """The file of a run of seconds."""
    text: str = CONFIG.read_text()
    for name, value in (
        ("seeds = [1, 2, 3]", "seeds = [1]"), ("test_images = 500", "test_images = 20"),
        ("human = 2000", "human = 32"), ("small = 8000", "small = 32"),
        ("vision = 100_000", "vision = 64"), ("small = 28_000", "small = 64"),
        ("captioner = 8_000", "captioner = 32"), ("filter = 8_000", "filter = 32"),
        ("noise = [0.2, 0.8]", "noise = []"),
    ):  # fmt: skip
        assert name in text
        text = text.replace(name, value)
    return text


def test_the_wheel_leaves_the_experiments_out() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    names = [*options["packages"], *options["package-data"]]
    assert "blipdb.training.run" in names
    assert not [name for name in names if name.startswith("blipdb.training.tables")]


def test_every_arm_has_its_own_name() -> None:
    arms = [*all_arms(), *sweep_arms((0.2, 0.8))]
    assert len({arm.name for arm in arms}) == len(arms)
    assert Arm("large", "L", "B", "B").name == "large-L-cB-fB"


def test_teachers_are_arms_too() -> None:
    arms = [*all_arms(), *sweep_arms((0.2,))]
    assert {arm.teachers for arm in arms if arm.bootstraps} <= set(arms)
    assert BOTH.teachers == NONE
    assert TABLE_1[6].teachers == Arm("large", "L")


def test_every_arm_is_in_a_table() -> None:
    assert {arm for table in TABLES.values() for arm in table.rows} == set(all_arms())


def test_nothing_runs_before_what_it_needs(setup: Setup) -> None:
    tasks = plan(setup)
    assert len(tasks) == 2 + 3 * len(all_arms()) + 2 * len(setup.sweep)
    assert {need for task in tasks for need in task.needs()} <= set(tasks)
    assert Task(2, NONE, "B") in Task(2, BOTH, "B").needs()


def test_the_sweep_keeps_the_proportions(setup: Setup) -> None:
    mix = setup.mix_of(0.3)
    assert mix.noise == pytest.approx(0.3)
    assert mix.other / mix.half == pytest.approx(setup.mix.other / setup.mix.half)


def test_tested_scenes_are_told_apart(setup: Setup) -> None:
    texts = [plain_caption(scene) for scene in setup.test(pairs=True)]
    assert len(set(texts)) == setup.test_images
    assert all(len(text.split()) > 5 for text in texts)


def test_shards_hold_the_truth(setup: Setup, tmp_path: Path) -> None:
    path = tmp_path / "web.tar"
    write_shard(path, setup.web(4, 6, setup.mix), 32)
    truth = read_truth(path, setup.web(4, 6, setup.mix))
    assert len(truth) == 6
    assert [one.text for one in truth.values()] == [one.text for one in setup.web(4, 6, setup.mix)]


def test_captions_are_measured_exactly() -> None:
    right = captions_right(["a red car", "a red car left of a blue tree"], [ONE, TWO])
    assert right["captions"] == right["kinds"] == right["all said is true"] == 100
    wrong = captions_right(["a blue car", "a red car right of a blue tree"], [ONE, TWO])
    assert (wrong["captions"], wrong["kinds"], wrong["colours"]) == (0, 100, 50)
    assert wrong["counts"] == 100
    assert wrong["all said is true"] == 0
    fewer = captions_right(["a red car", ""], [TWO, ONE])
    assert (fewer["captions"], fewer["counts"], fewer["all said is true"]) == (0, 0, 50)


def test_verdicts_against_the_truth(database: str) -> None:
    texts = (("a red car", 0.9), ("a blue car", 0.6), ("a red car", 0.3), ("car", 0.1))
    truth = {}
    with psycopg.connect(database) as conn:
        conn.execute(
            "INSERT INTO blip.models (name, digest, roles, image_size, itc_dims, token_count,"
            " token_width, max_tokens) VALUES ('m', repeat('0', 64), '{filter}', 8, 3, 1, 4, 9)"
        )
        for number, (text, itm) in enumerate(texts):
            id = UUID(int=number)
            truth[id] = Written(ONE, text, "true" if number % 2 == 0 else "half")
            conn.execute(
                "INSERT INTO blip.images (image_id, sha256, mime, bytes)"
                " VALUES (%s, sha256(%s), 'image/png', 1)",
                [id, text.encode()],
            )
            conn.execute(
                "INSERT INTO blip.captions (image_id, caption_id, text, origin, itm, filter_id)"
                " VALUES (%s, %s, %s, 'web', %s, 1)",
                [id, UUID(int=9), text, itm],
            )
        found = read_verdicts(conn, truth)
    assert found.texts == {"web": 4}
    assert found.right == {"web": 0.5}
    assert found.kept == {"web": 0.5}
    assert found.kinds == {"half": 0.5, "true": 0.5}
    assert found.curve["web"][THRESHOLDS.index(0.5)] == (0.5, 0.5, 0.5)
    assert found.curve["web"][THRESHOLDS.index(0.7)] == (0.25, 1.0, 0.5)
    assert found.examples["web kept"] == ["a red car [right]", "a blue car [wrong]"]


def quality(value: float) -> dict[str, dict[str, dict[str, float]]]:
    figures = dict.fromkeys((*document.FIGURES, *document.PARTS), value)
    return {"quality": dict.fromkeys(document.STAGES, figures)}


def test_gains_are_counted_in_deviations() -> None:
    results = Results(
        {NONE: [quality(v) for v in (1, 2, 3)], BOTH: [quality(v) for v in (6, 7, 8)]}
    )
    assert str(results.quality(NONE, "pretrained", "IR")) == "2.0 ± 1.0"
    assert results.gain(BOTH, NONE, "pretrained", "IR") == (5, pytest.approx(5))
    assert str(spread([])) == "–"


@pytest.mark.slow
def test_experiments_run_and_resume(
    setup: Setup, cluster: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two arms in processes of their own, on the session's server; then the document."""
    arms = [NONE, dataclasses.replace(BOTH, joined=True)]
    monkeypatch.setattr(schedule, "all_arms", lambda: arms)
    monkeypatch.setattr(document, "all_arms", lambda: arms)
    config, out = tmp_path / "tiny.toml", tmp_path / "out"
    config.write_text(tiny(setup))
    out.mkdir()
    (out / "home").symlink_to(cluster.home)
    small = read_setup(config)
    shown: list[tuple[int, int]] = []
    run_all(config, out, small, 2, lambda _, done, total: shown.append((done, total)))
    assert shown[-1] == (4, 4)
    place = Workspace(small, out, Settings(out / "home"))
    result = read_result(place.folder(1, arms[1].name))
    assert result["verdicts"]["texts"] == {"web": 32, "synthetic": 32}
    assert set(result["quality"]["finetuned"]) >= {"TR", "IR", "captions", "CIDEr"}
    with psycopg.connect(cluster.database_url()) as conn:
        left = conn.execute("SELECT datname FROM pg_database WHERE datname ~ '^tables_'").fetchall()
    assert left == []
    stamps = {path: path.stat().st_mtime_ns for path in out.glob("*/*/result.json")}
    run_all(config, out, small, 1, lambda *_: None)
    assert {path: path.stat().st_mtime_ns for path in out.glob("*/*/result.json")} == stamps
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "capfilt.md").write_text(f"# Above\n\n{document.BEGIN}\nold\n{document.END}\n\nBelow\n")
    document.write_document(place, docs)
    text = (docs / "capfilt.md").read_text()
    assert text.startswith("# Above\n")
    assert text.endswith("Below\n")
    assert "\nold\n" not in text
    assert "### Table 13" in text
    assert (docs / document.SWEEP_PLOT).stat().st_size > 5_000
    assert np.isnan(spread([]).mean)

"""Another model becomes active while searches run: each search is of one of them, whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from PIL import Image

from blipdb import registry
from blipdb.ingest.run import ingest
from blipdb.model.compute import Compute
from blipdb.settings import Settings
from blipdb.work.executors import run_jobs
from tests.tiny import tiny_artifact

QUERY = "a red bicycle"
SEARCH = b"SELECT image_id, score FROM blip_search(%s)"
SECONDS = 2.0

Scores = Mapping[UUID, float]


def scores(conn: psycopg.Connection[Any]) -> Scores:
    return dict(conn.execute(SEARCH, [QUERY]).fetchall())


def is_of(found: Scores, expected: Scores) -> bool:
    return found.keys() == expected.keys() and all(
        found[id] == pytest.approx(score, abs=1e-4) for id, score in expected.items()
    )


def test_models_switched_while_searches_run(
    served: Settings, elsewhere: str, tmp_path: Path
) -> None:
    settings = Settings(served.home, elsewhere)
    folders = [
        tiny_artifact(tmp_path / "first", 1, name="first").folder,
        tiny_artifact(tmp_path / "second", 2, name="second", compute=Compute("int8", 3)).folder,
    ]
    (tmp_path / "in").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    for n, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / "in" / f"{n}.png")
    expected: list[Scores] = []
    with psycopg.connect(elsewhere, autocommit=True) as conn:
        for folder in folders:
            registry.register(conn, settings, folder)
            if not expected:
                ingest(settings, [tmp_path / "in"])
            else:
                run_jobs(settings)
            expected.append(scores(conn))
        assert not is_of(*expected)

        seen: set[int] = set()
        failures: list[object] = []
        end = time.monotonic() + SECONDS

        def search() -> None:
            with psycopg.connect(elsewhere, autocommit=True) as own:
                while time.monotonic() < end:
                    try:
                        found = scores(own)
                    except psycopg.Error as error:
                        failures.append(error)
                        return
                    of = [n for n, wanted in enumerate(expected) if is_of(found, wanted)]
                    if of:
                        seen.update(of)
                    else:
                        failures.append(found)

        threads = [threading.Thread(target=search) for _ in range(4)]
        for thread in threads:
            thread.start()
        turn = 0
        while time.monotonic() < end:
            registry.activate(conn, ("first", "second")[turn % 2])
            turn += 1
            time.sleep(0.02)
        for thread in threads:
            thread.join()
    assert failures == []
    assert seen == {0, 1}
    assert turn > 10

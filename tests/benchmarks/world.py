"""A deployment of its own for each section, and albums of held-out scenes for it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg
from PIL import Image

from blipdb import services
from blipdb.ingest.run import ingest
from blipdb.scenes import sampling as scenes
from blipdb.scenes.sampling import Scene
from blipdb.settings import Settings

SEED = 20_220_128  # training's seeds are small numbers


@contextmanager
def deployed() -> Iterator[Settings]:
    """A private cluster with the bundled model and its engine, removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="blipbench", dir="/tmp"))
    home.chmod(0o755)  # PostgreSQL's user enters it
    settings = Settings(home)
    try:
        services.up(settings)
        yield settings
    finally:
        services.down(settings)
        shutil.rmtree(home)


def connect(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(settings.database_url(), autocommit=True)


@dataclass(frozen=True)
class Album:
    """Scenes, a full caption of each, and the file each was drawn into."""

    scenes: list[Scene]
    texts: list[str]
    files: list[Path]

    def __len__(self) -> int:
        return len(self.scenes)


def held_out(
    count: int, *, seed: int, split: str = "test", unseen: str | None = None
) -> tuple[list[Scene], list[str]]:
    """Scenes that training never drew, and a full caption of each, no two the same."""
    rng = np.random.default_rng([SEED, seed])
    found: dict[str, Scene] = {}
    while len(found) < count:
        scene = scenes.sample_scene(rng, split=split, unseen=unseen)
        found.setdefault(scenes.full_caption(scene, rng), scene)
    return list(found.values()), list(found)


def draw(folder: Path, drawn: list[Scene], texts: list[str], size: int, kind: str = "png") -> Album:
    """Write each scene as a picture of `size` pixels; nothing in a file tells what it shows."""
    folder.mkdir(parents=True)
    files = [folder / f"{n:05}.{kind}" for n in range(len(drawn))]
    for scene, file in zip(drawn, files, strict=True):
        Image.fromarray(scenes.draw(scene, size)).save(file)
    return Album(drawn, texts, files)


def take_in(settings: Settings, folder: Path, space: str) -> None:
    """Ingest a folder whole.

    Raises:
        RuntimeError: a picture was refused.
    """
    report = ingest(settings, [folder], space=space)
    if report.failed or report.waiting or report.parked:
        raise RuntimeError(f"ingest of {folder} left something: {report}")


def ids_by_file(conn: psycopg.Connection) -> dict[str, str]:
    """image_id of each file's path."""
    return dict(conn.execute("SELECT uri, image_id::text FROM blip.files").fetchall())

"""The main job from end to end: an album of drawn scenes, ingested and searched.

The album is the same on every machine and in every run. It holds pictures only, so searches find by
sight alone. The structure behind each scene stays here, so that every hit can be judged exactly.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..client.results import Hit
from .plain import plain_caption
from .sampling import Scene, draw, is_true, sample_scene

SCENES = 500
SEED = 1
PIXELS = 256  # of a side
QUALITY = 90  # of JPEG: a tenth of the size of a PNG of these grainy pictures

SEARCHES = ("red bicycle", "two green clocks", "a purple shoe inside a black frame")
HITS = 5


@dataclass(frozen=True)
class Picture:
    """A scene of the album, and its image file."""

    path: Path
    scene: Scene


def plan_album(folder: Path) -> list[Picture]:
    """The album's scenes with their files in ``folder``, drawn or not; the same in every run."""
    folder = Path(os.path.abspath(folder))
    rng = np.random.default_rng(SEED)
    return [
        Picture(folder / f"scene-{number:03d}.jpg", sample_scene(rng, split="test"))
        for number in range(1, SCENES + 1)
    ]


def draw_missing(album: Sequence[Picture]) -> Iterator[Picture]:
    """Draw the files that are missing; yield each."""
    for picture in album:
        if picture.path.exists():
            continue
        picture.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = picture.path.with_suffix(".part")
        with unfinished.open("wb") as file:
            Image.fromarray(draw(picture.scene, PIXELS)).save(file, "JPEG", quality=QUALITY)
        unfinished.replace(picture.path)  # a kill in between leaves no half picture
        yield picture


@dataclass(frozen=True)
class Judged:
    """A hit, the words for its scene, and whether it is correct."""

    hit: Hit
    truth: str | None
    is_right: bool


def judge(query: str, hits: Sequence[Hit], album: Sequence[Picture]) -> list[Judged]:
    """Compare ``hits`` with the scenes behind them; a picture from outside the album is wrong."""
    pictures = {str(picture.path): picture for picture in album}
    judged = []
    for hit in hits:
        picture = pictures.get(hit.uri or "")
        right = picture is not None and is_true(query, picture.scene)
        judged.append(Judged(hit, plain_caption(picture.scene) if picture else None, right))
    return judged


def count_true(query: str, album: Sequence[Picture]) -> int:
    """Count the pictures of the album that show exactly what ``query`` says."""
    return sum(is_true(query, picture.scene) for picture in album)

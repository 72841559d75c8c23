"""WebDataset shards of the captions that CapFilt kept, for training elsewhere."""

from __future__ import annotations

import io
import itertools
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from blipdb.settings import Settings

from ..datasets.database import database
from ..datasets.sample import Broken, Sample
from ..evaluation.tasks.progress import Show, silent

SAMPLES_PER_SHARD = 10_000


class Exported(NamedTuple):
    samples: int
    shards: int
    broken: int


def export_shards(
    settings: Settings,
    folder: Path,
    *,
    space: str | None = None,
    per_shard: int = SAMPLES_PER_SHARD,
    show: Show = silent,
) -> Exported:
    """Write the captions of `blip.capfilt` and their images as capfilt-00000.tar and so on: an
    image's file and its text under one name. A shard is complete or absent. space: whose images;
    None: everybody's.

    Raises:
        DataError: there is nothing to write.
        DatabaseError: the database is gone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dataset = database(settings.database_url(), space=space)
    samples, result = dataset.once(), Exported(0, 0, 0)
    for first in samples:
        shard = itertools.chain([first], itertools.islice(samples, per_shard - 1))
        path = folder / f"capfilt-{result.shards:05}.tar"
        beside = path.with_name(f".{path.name}.partial")
        good, broken = _write(beside, shard, result.samples)
        os.replace(beside, path)
        result = Exported(result.samples + good, result.shards + 1, result.broken + broken)
        show("writing shards", result.samples + result.broken, len(dataset))
    return result


def _write(path: Path, samples: Iterable[Sample | Broken], first: int) -> tuple[int, int]:
    """Write samples to a tar file. Return the number written, and the number broken."""
    good = broken = 0
    with tarfile.open(path, "w") as tar:
        for sample in samples:
            if isinstance(sample, Broken):
                broken += 1
                continue
            for suffix, data in _files(sample):
                member = tarfile.TarInfo(f"{first + good:09}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
            good += 1
    return good, broken


def _files(sample: Sample) -> Iterator[tuple[str, bytes]]:
    (image,) = sample.images
    data = image if isinstance(image, bytes) else image.read_bytes()
    yield _suffix(data), data
    yield "txt", sample.text.encode()


def _suffix(data: bytes) -> str:
    """Choose the suffix by the file's first bytes; readers look at the content alone."""
    if data.startswith(b"\x89PNG"):
        return "png"
    if data.startswith(b"RIFF"):
        return "webp"
    return "jpg"

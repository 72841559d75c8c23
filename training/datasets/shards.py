"""WebDataset shards: tars of images and captions, read as streams from files or URLs.

In each epoch the shards are shuffled, and a few of a part's shards are open at a time and give a
sample in turn: a shuffle that has no buffer, so that nothing is lost or read twice when a run goes
on. How many samples a shard has is noted once it was read to its end, and lets a later start pass
over it.
"""

from __future__ import annotations

import glob
import hashlib
import itertools
import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .braces import expand
from .download import Download, is_url, redact_url
from .permutation import Permutation
from .sample import Broken, DataError, Sample
from .table import cache_folder, explained
from .tarred import Shard
from .turns import Turns

OPEN_SHARDS = 4  # of a part, at a time
BUFFER_BYTES = 1 << 20  # of an open file

Item = Sample | Broken


def webdataset(shards: str | Sequence[str], samples: int | None = None) -> Shards:
    """Shards by pattern: shards-{000..012}.tar, a glob of files, an http or https URL, or several
    of them. samples: how many there are in all; needed only to weigh them against other datasets
    before all shards were read once.

    Raises:
        DataError: a pattern matches nothing, a file isn't there, or a shard is named twice.
    """
    patterns = [shards] if isinstance(shards, str) else shards
    names = [name for pattern in patterns for one in expand(pattern) for name in _matches(one)]
    if not names:
        raise DataError("webdataset: shards is empty")
    for before, name in itertools.pairwise(sorted(names)):
        if name == before:
            raise DataError(f"webdataset: the shard {name} is named twice")
    return Shards(names, samples)


def _matches(name: str) -> list[str]:
    if is_url(name):
        return [name]
    if "://" in name or name.startswith("pipe:"):
        raise DataError(f"webdataset: {name} is neither a file nor an http or https URL")
    if glob.has_magic(name) and not Path(name).exists():
        paths = sorted(glob.glob(name, recursive=True))
    else:
        paths = [name] if Path(name).is_file() else []
    if not paths:
        raise DataError(f"webdataset: there is no file {name}")
    return paths


class Shards:
    """A dataset of tars."""

    def __init__(self, names: Sequence[str], samples: int | None = None) -> None:
        """`names`: paths and URLs. samples: how many there are in all, where that is known."""
        self._names, self._samples = names, samples
        self._counts = ShardCounts(names)

    @property
    def size(self) -> int | None:
        """Number of samples, where it was given or all shards were read; else None."""
        if self._samples is not None:
            return self._samples
        counts = [self._counts.get(shard) for shard in range(len(self._names))]
        complete = [count for count in counts if count is not None]
        return sum(complete) if len(complete) == len(counts) else None

    def stream(self, seed: int, part: int, parts: int, start: int) -> Iterator[Item]:
        """As `Dataset.stream`. Where there are fewer shards than parts, a part takes some of the
        samples of a shard. To start, what was read of the open shards is read again; so are shards
        whose counts aren't known."""
        epochs = ShardEpochs(len(self._names), seed, part, parts)
        number, turns, readers = self._begin(epochs, start)
        while True:
            yield from turns.read(readers, partial(self._open_reader, epochs[number]))
            number += 1
            turns = Turns(len(epochs[number]), OPEN_SHARDS)
            readers = turns.open(partial(self._open_reader, epochs[number]))

    def once(self) -> Iterator[Item]:
        """As `Dataset.once`: shard by shard."""
        for shard in range(len(self._names)):
            yield from self._read(shard)

    def _begin(self, epochs: ShardEpochs, start: int) -> tuple[int, Turns, list[Iterator[Item]]]:
        """Find the epoch of the part's position `start`, and the position in it."""
        while True:
            number, turns = self._turns_at(epochs, start)
            with suppress(ShorterError):  # try again: the shard's count is known now
                return number, turns, turns.open(partial(self._open_reader, epochs[number]))

    def _turns_at(self, epochs: ShardEpochs, start: int) -> tuple[int, Turns]:
        """Turns by the known counts; shards without a count may have any number."""
        for number in itertools.count():
            turns = Turns(len(epochs[number]), OPEN_SHARDS)
            start = turns.skip(start, partial(self._size_of, epochs[number]))
            if start == 0:
                return number, turns
        raise AssertionError("epochs never end")

    def _size_of(self, epoch: Sequence[Piece], reader: int) -> float:
        piece = epoch[reader]
        count = self._counts.get(piece.shard)
        return math.inf if count is None else len(range(piece.first, count, piece.every))

    def _open_reader(self, epoch: Sequence[Piece], reader: int, start: int) -> Iterator[Item]:
        piece = epoch[reader]
        if start == self._size_of(epoch, reader):
            return iter(())
        items = itertools.islice(self._read(piece.shard), piece.first, None, piece.every)
        if sum(1 for _ in itertools.islice(items, start)) < start:
            raise ShorterError
        return items

    def _read(self, number: int) -> Iterator[Item]:
        """Read a shard's samples; note their count at the end."""
        name = self._names[number]
        shown_name = redact_url(name) if is_url(name) else name
        try:
            stream = _stream(name)
        except OSError as error:
            yield Broken(shown_name, f"it can't be read: {error.strerror}")
            self._counts.note(number, 1, lasting=False)
            return
        count = 0
        with closing(stream):
            shard = Shard(stream, shown_name)
            for item in shard.samples():
                yield item
                count += 1
        self._counts.note(number, count, lasting=not shard.failed)


class ShorterError(Exception):
    """A shard has fewer samples than the start needs; its count is noted now."""


class Piece(NamedTuple):
    """Every `every`-th sample of a shard, starting with the number `first`."""

    shard: int
    first: int
    every: int


class ShardEpochs:
    """Pieces of shards that a part reads in each epoch, in order."""

    def __init__(self, shards: int, seed: int, part: int, parts: int) -> None:
        self._every = -(-parts // shards)  # so that there is a piece for each part
        self._count, self._seed = shards * self._every, seed
        self._own = range(part, self._count, parts)

    def __getitem__(self, number: int) -> list[Piece]:
        order = Permutation(self._count, self._seed, number)
        pieces = (divmod(order[place], self._every) for place in self._own)
        return [Piece(shard, first, self._every) for shard, first in pieces]


class ShardCounts:
    """Number of samples of each shard, kept in `cache_folder` for the next run. A file that has
    changed since, and a URL that is read for the first time, have none yet."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        key = hashlib.sha256("\n".join(map(_same, names)).encode("utf-8", "surrogateescape"))
        self._path = cache_folder() / f"{key.hexdigest()[:32]}.counts"
        self._noted = self._load()
        self._by_number: dict[int, int] = {}

    def get(self, number: int) -> int | None:
        """Return the count of the shard of that number."""
        if number not in self._by_number:
            count = self._noted.get(_state(self._names[number]))
            if count is None:
                return None
            self._by_number[number] = count
        return self._by_number[number]

    def note(self, number: int, count: int, *, lasting: bool) -> None:
        """Keep a shard's count; for this process only, unless it is lasting."""
        is_new = self.get(number) != count
        self._by_number[number] = count
        if not lasting or not is_new:
            return
        line = json.dumps([_state(self._names[number]), count]) + "\n"
        with explained(self._path.parent):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._path.open("ab", buffering=0) as file:
                file.write(line.encode())  # at once, as other processes write here, too

    def _load(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                with suppress(ValueError):  # of a line that a crash cut off
                    state, count = json.loads(line)
                    counts[str(state)] = int(count)
        return counts


def _stream(name: str) -> Download | BinaryIO:
    if is_url(name):
        return Download(name)
    return open(name, "rb", buffering=BUFFER_BYTES)


def _same(name: str) -> str:
    """Identity of a shard, whatever its content."""
    return redact_url(name) if is_url(name) else str(Path(name).resolve())


def _state(name: str) -> str:
    """Identity of a shard's content: its name, size and time of change."""
    if is_url(name):
        return _same(name)
    try:
        state = os.stat(name)
    except OSError:
        return f"{_same(name)} missing"
    return f"{_same(name)} {state.st_size} {state.st_mtime_ns}"

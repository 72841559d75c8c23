"""Rows of a fixed size in a file: an index, built once and read row by row."""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from .sample import DataError

VERSION = 1  # of what is in the files

Write = Callable[[IO[bytes]], None]


class Table:
    """Rows in a file, none of which is kept in memory. Forked processes may read it together."""

    def __init__(self, descriptor: int, row: struct.Struct) -> None:
        """Take over the open file `descriptor`."""
        self._descriptor, self._row = descriptor, row
        self._count = os.fstat(descriptor).st_size // row.size
        weakref.finalize(self, os.close, descriptor)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        if not 0 <= number < self._count:
            raise IndexError(f"row {number} of {self._count}")
        size = self._row.size
        return self._row.unpack(os.pread(self._descriptor, size, number * size))


def cached_table(source: Path, name: str, row: struct.Struct, write: Write) -> Table:
    """Return the table called `name` of the file `source`; `write` builds it where the cache has
    none for the file's present content. It is kept in `cache_folder`; of several processes one
    builds it.

    Raises:
        DataError: the source can't be read, or the table can't be written.
    """
    try:
        state = source.stat()
    except OSError as error:
        raise DataError(f"{source} can't be read: {error.strerror}") from None
    described = f"{VERSION} {name} {source.resolve()} {state.st_size} {state.st_mtime_ns}"
    key = hashlib.sha256(described.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return Table(os.open(made_once(key, write), os.O_RDONLY | os.O_CLOEXEC), row)


def unlisted_table(row: struct.Struct, write: Write) -> Table:
    """Build a table in a file without a name, private to this process."""
    with tempfile.TemporaryFile(buffering=1 << 20) as file:
        write(file)
        file.flush()
        return Table(os.dup(file.fileno()), row)


def kept_table(path: Path, row: struct.Struct, write: Write) -> Table:
    """Return the table at `path`; `write` builds it where there is none."""
    with explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path, write)
    return Table(os.open(path, os.O_RDONLY | os.O_CLOEXEC), row)


def cache_folder() -> Path:
    """Return `$XDG_CACHE_HOME/blipdb/datasets`, by default in `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "blipdb" / "datasets"


def made_once(key: str, write: Write) -> Path:
    """Return the cached file called `key`; `write` builds it where there is none."""
    folder = cache_folder()
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(folder / f"{key}.index", write)
    return folder / f"{key}.index"


def _make(path: Path, write: Write) -> None:
    with _locked(path.with_name(f"{path.name}.lock")):
        if path.exists():
            return
        with tempfile.NamedTemporaryFile(dir=path.parent, buffering=1 << 20, delete=False) as file:
            try:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)  # at once, so that a broken one is never found
            except BaseException:
                os.unlink(file.name)
                raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Translate an OSError to one about a dataset's index, with the remedy."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"the index of a dataset can't be written into {folder}: {error.strerror};"
            " XDG_CACHE_HOME names another place for it"
        ) from error

"""Find and read the files of an ingest.

A path is a folder (walked to its depth), a file (whatever its name), a glob, a URL
(`blipdb.sources.remote`), or ``-`` for a list on standard input. A file's URI is its absolute path,
links unresolved: a folder reached in two ways has two URIs. Nothing here knows the database.
"""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ..errors import ImageError, UsageError
from . import remote
from .prefetch import ahead
from .records import Content, Failure, SourceFile

IMAGE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"]
)
READERS = 16  # remote files that are read at a time
CAPTION_SUFFIXES = frozenset([".txt", ".csv", ".json", ".jsonl"])


@dataclass
class Listing:
    """Files that paths lead to, sorted by URI, each place once; and those that can't be read."""

    files: list[SourceFile] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def find(paths: Sequence[str | Path], *, stdin: BinaryIO | None = None) -> Listing:
    """List the image files that ``paths`` name.

    In a folder, and among the matches of a glob, a file counts as an image by its suffix; names
    that begin with a dot are passed over and linked folders are not followed. A path that
    is named itself must exist and be readable. ``-`` reads paths from ``stdin``, one a line
    or, if it holds a NUL, ended by NULs (``find -print0``); there a missing file is a failure
    like any other, for a list grows stale.

    Raises:
        UsageError: no paths; a path that isn't there or may not be read; no images at all.
    """
    if not paths:
        raise UsageError("Nothing to ingest was named.", "As in: blipdb ingest ./photos")
    walk = _Walk()
    for path in map(str, paths):
        if path == "-":
            for line in _listed(stdin or sys.stdin.buffer):
                walk.listed(line)
        elif remote.is_remote(path):
            walk.remote(path)
        else:
            walk.named(path)
    found = walk.found()
    if not found.files and not found.failures:
        where = ", ".join(map(str, paths))
        raise UsageError(
            f"There are no images in {where}.",
            f"Files with these suffixes are taken: {' '.join(sorted(IMAGE_SUFFIXES))}"
            + ("; captions are given with --captions FILE." if walk.saw_captions else "."),
        )
    return found


def is_readable(uri: str) -> bool:
    """Whether a file's URI can be opened: a path, or a URL of a scheme that we know."""
    return uri.startswith("/") or remote.is_remote(uri)


def read(uri: str, limit: int) -> Content:
    """Read a file of at most ``limit`` bytes, by its path or its URL.

    Raises:
        ImageError: it is gone, not readable, not a regular file, or larger.
        SetupError: what reads such URLs is not installed.
        UsageError: the variables that say which URLs are allowed make no sense.
    """
    return remote.read(uri, limit) if remote.is_remote(uri) else _read(uri, limit)


def read_all(
    files: Iterable[SourceFile], limit: int
) -> Iterator[tuple[SourceFile, Content | ImageError]]:
    """Read files, remote ones last and several at a time."""

    def outcome(file: SourceFile) -> Content | ImageError:
        try:
            return read(file.uri, limit)
        except ImageError as error:
            return error

    far: list[SourceFile] = []
    for file in files:
        if remote.is_remote(file.uri):
            far.append(file)
        else:
            yield file, outcome(file)
    if far:
        yield from ahead(outcome, far, READERS)


def _read(path: str, limit: int) -> Content:
    try:
        # Non-blocking, since opening a named pipe would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ImageError("not a regular file")
            if status.st_size > limit:
                raise ImageError(f"{status.st_size:,} bytes; at most {limit:,} are read")
            data = _whole(descriptor, status.st_size)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ImageError(_plain(error)) from None
    if len(data) != status.st_size:
        raise ImageError("it changed while it was read")
    return Content(data, status.st_size, status.st_mtime_ns)


def _whole(descriptor: int, size: int) -> bytes:
    """Read a file of ``size`` bytes, or one byte more if it has grown."""
    data = os.read(descriptor, size + 1)
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return data


class _Walk:
    """Collects files and failures by URI."""

    def __init__(self) -> None:
        self._files: dict[str, SourceFile] = {}
        self._failures: dict[str, Failure] = {}
        self.saw_captions = False

    def found(self) -> Listing:
        failures = [f for uri, f in self._failures.items() if uri not in self._files]
        return Listing(sorted(self._files.values()), sorted(failures, key=lambda f: f.uri))

    def named(self, path: str) -> None:
        """Add a path that somebody typed: a fault of it is raised as a UsageError."""
        if not path:
            raise UsageError("One of the paths is empty.", "A folder here is: blipdb ingest .")
        try:
            status = os.stat(path)
        except FileNotFoundError:
            self._glob(path)
            return
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} can't be read: {_plain(error)}.") from None
        if stat.S_ISDIR(status.st_mode):
            self._folder(path, named=True)
        elif not stat.S_ISREG(status.st_mode):
            raise UsageError(f"{path} is neither a file nor a folder.")
        elif os.path.splitext(path)[1].lower() in CAPTION_SUFFIXES:
            self.saw_captions = True  # a shell's photos/* names them too
        elif not os.access(path, os.R_OK, effective_ids=True):
            raise UsageError(f"{path} can't be read: permission denied.")
        else:
            self._add(path, status)

    def remote(self, url: str) -> None:
        """Add a URL, or a folder of an object store."""
        try:
            found = remote.find(url, IMAGE_SUFFIXES)
        except ImageError as error:
            raise UsageError(f"{remote.shown(url)} can't be read: {error.reason}.") from None
        self._files |= {file.uri: file for file in found}

    def listed(self, path: str) -> None:
        """Add a line of a list: a fault of it is noted as that file's failure."""
        if remote.is_remote(path):
            path = os.fsencode(path).decode("utf-8", "backslashreplace")
            try:
                self._files |= {file.uri: file for file in remote.find(path, IMAGE_SUFFIXES)}
            except (ImageError, UsageError) as error:
                self._failures[path] = Failure(path, error.message)
            return
        try:
            status = os.stat(path)
        except OSError as error:
            self._fail(path, _plain(error))
            return
        if stat.S_ISDIR(status.st_mode):
            self._folder(path)
        elif stat.S_ISREG(status.st_mode):
            self._add(path, status)
        else:
            self._fail(path, "not a regular file")

    def _glob(self, pattern: str) -> None:
        matches = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else []
        if not matches:
            raise UsageError(
                f"{pattern} matches nothing."
                if glob.has_magic(pattern)
                else f"{pattern} doesn't exist."
            )
        for path in matches:
            if os.path.isdir(path):
                self._folder(path)
            elif _is_image(path):
                self.listed(path)

    def _folder(self, top: str, *, named: bool = False) -> None:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    waiting.extend(self._entries(entries))
            except OSError as error:
                if named and folder == top:
                    raise UsageError(f"{top} can't be read: {_plain(error)}.") from None
                self._fail(folder, _plain(error))

    def _entries(self, entries: Iterable[os.DirEntry[str]]) -> Iterator[str]:
        """Add the images of one folder; yield the folders in it."""
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield entry.path
            elif _is_image(entry.name):
                self._entry(entry)

    def _entry(self, entry: os.DirEntry[str]) -> None:
        try:
            status = entry.stat()
        except OSError as error:
            self._fail(entry.path, _plain(error))
            return
        if stat.S_ISREG(status.st_mode):
            self._add(entry.path, status)
        elif not stat.S_ISDIR(status.st_mode):  # a linked folder is not followed
            self._fail(entry.path, "not a regular file")

    def _add(self, path: str, status: os.stat_result) -> None:
        uri = os.path.abspath(path)
        try:
            uri.encode()
        except UnicodeEncodeError:
            self._fail(path, "the file's name is not valid UTF-8: rename it")
            return
        self._files[uri] = SourceFile(uri, status.st_size, status.st_mtime_ns)

    def _fail(self, path: str, reason: str) -> None:
        uri = os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")
        self._failures[uri] = Failure(uri, reason)


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def _listed(stream: BinaryIO) -> Iterator[str]:
    """Split a list into paths, in the system's encoding of file names."""
    data = stream.read()
    lines = data.split(b"\0" if b"\0" in data else b"\n")
    return (os.fsdecode(line.rstrip(b"\r")) for line in lines if line.strip())


def _plain(error: OSError | ValueError) -> str:
    """Format an error without number and path: ``permission denied``."""
    text = error.strerror if isinstance(error, OSError) else str(error)
    return (text or str(error)).lower()

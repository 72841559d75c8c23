"""Samples of one WebDataset shard: a tar in which a sample's files are adjacent and share their
name up to the first dot, as 00017.jpg, 00017.txt and 00017.json."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, Protocol, cast

from .download import DownloadError
from .lists import caption_of
from .sample import Broken, Sample, SampleError
from .transforms import LIMITS

IMAGES = ("jpg", "jpeg", "png", "webp")
TEXTS = ("txt", "json")
MAX_TEXT_BYTES = 1 << 20
NAME = re.compile(r"((?:.*/)?[^/.][^/.]*)\.([^/]+)", re.DOTALL)
BLOCK_BYTES = 512  # a tar ends with two that are zero

Files = dict[str, bytes | str]
"""A sample's files by suffix; a str is the reason why a file can't be used."""


class Stream(Protocol):
    def read(self, size: int) -> bytes: ...


class Shard:
    """Reader of a shard, for one pass. `failed`: the download broke; a retry may find more."""

    def __init__(self, stream: Stream, name: str) -> None:
        """`name`: where the samples say that they are from."""
        self._stream, self._name = stream, name
        self._tail = b""  # the last bytes that were read
        self.failed = False

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._tail = (self._tail + data)[-BLOCK_BYTES:]
        return data

    def samples(self) -> Iterator[Sample | Broken]:
        """Samples of one name, a caption each; at least one, if only a broken one."""
        count = 0
        try:
            for one in self._all():
                yield one
                count += 1
        except DownloadError as error:
            self.failed = True
            yield Broken(self._name, str(error))
        except (tarfile.TarError, EOFError, OSError) as error:
            yield Broken(self._name, f"damaged tar: {error}")
        else:
            if self._tail.strip(b"\0"):
                yield Broken(self._name, "truncated tar: its end is missing")
            elif count == 0:
                yield Broken(self._name, "it holds no samples")

    def _all(self) -> Iterator[Sample | Broken]:
        keys: set[str] = set()
        for key, files in self._groups():
            where = f"{self._name}/{key}"
            if key in keys:
                yield Broken(where, "its name occurs twice in the shard")
            else:
                keys.add(key)
                yield from _samples(where, key, files)

    def _groups(self) -> Iterator[tuple[str, Files]]:
        """Group the files of each sample, by its name."""
        key, files = "", Files()
        with tarfile.open(fileobj=cast(IO[bytes], self), mode="r|") as tar:
            while (member := tar.next()) is not None:
                cast(Any, tar).members = []  # it would keep them all
                name = NAME.fullmatch(member.name)
                if name is None or not member.isfile():
                    continue
                if files and name[1] != key:
                    yield key, files
                    files = {}
                key, suffix = name[1], name[2].lower()
                files[suffix] = "two files of one name" if suffix in files else _read(tar, member)
        if files:
            yield key, files


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | str:
    suffix = member.name.rpartition(".")[2].lower()
    if suffix not in (*IMAGES, *TEXTS):
        return b""
    most = LIMITS.bytes if suffix in IMAGES else MAX_TEXT_BYTES
    if member.size > most:
        return f"{suffix} too large: {member.size:,} bytes; at most {most:,} are read"
    file = tar.extractfile(member)
    return b"" if file is None else file.read()


def _samples(where: str, key: str, files: Files) -> Iterator[Sample | Broken]:
    image = next((files[suffix] for suffix in IMAGES if suffix in files), None)
    try:
        captions = _captions(files)
        if image is None:
            raise SampleError(f"it has no image, none of {', '.join(IMAGES)}")
        if isinstance(image, str):
            raise SampleError(image)
    except SampleError as error:
        yield Broken(where, str(error))
        return
    for caption in captions:
        if text := caption.strip():
            yield Sample((image,), where, text, id=key)
        else:
            yield Broken(where, "its text is empty")


def _captions(files: Files) -> Sequence[str]:
    """Captions of the text file, else of the JSON."""
    if "txt" in files:
        return [_decoded(files["txt"])]
    if "json" not in files:
        raise SampleError("it has no caption, neither txt nor json")
    try:
        record = json.loads(_decoded(files["json"]))
    except (ValueError, RecursionError) as error:
        raise SampleError(f"no JSON: {error}") from None
    if not isinstance(record, dict):
        raise SampleError("its json is no object with fields")
    captions = record.get("caption", record.get("text"))
    count = len(captions) if isinstance(captions, list) else 1
    return [caption_of(record, part) for part in range(max(count, 1))]


def _decoded(file: bytes | str) -> str:
    if isinstance(file, str):
        raise SampleError(file)
    return file.decode("utf-8", "replace").strip()

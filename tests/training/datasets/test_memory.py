"""A corpus larger than memory is read in constant memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import psycopg
import pytest

from tests.album import picture

MARGIN = 12 << 20  # bytes above what a process needs that has only imported what it uses
RECORDS = 100_000
NOTE = "x" * 500  # of a record, which no sample needs

READER = """
import itertools, json, resource, sys
from blipdb.training.datasets import open, records, shards, transforms
from blipdb.training.datasets.sample import Sample

def used():
    with __builtins__.open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData"))

spec, margin, count, once = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_DATA, (used() + margin, used() + margin))
dataset = open.open_dataset(spec)
all_of_it = dataset.once() if once else ()
found = sum(isinstance(one, Sample) for one in all_of_it)
stream = dataset.stream(1, 0, 1, count // 2)
streamed = len({one.key for one in itertools.islice(stream, 2000)})
try:
    bytearray(margin)
except MemoryError:
    print(found, streamed)
"""


def read(spec: dict[str, str], count: int, *, once: bool = True) -> list[int]:
    """Count the samples, once each, and the different images among 2,000 of a stream, read by a
    process that may not have `MARGIN` of memory."""
    command = [sys.executable, "-c", READER, json.dumps([spec, MARGIN, count, once])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(map(int, done.stdout.split()))


@pytest.mark.parametrize(
    "kind",
    [
        "jsonl",
        pytest.param("json", marks=pytest.mark.slow),
        pytest.param("csv", marks=pytest.mark.slow),
    ],
)
def test_lists(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"list.{kind}"
    ends = {"json": ("[", ",\n", "]"), "jsonl": ("", "\n", ""), "csv": ("", "\n", "")}[kind]
    with path.open("w") as file:
        file.write(ends[0] + ("note,image,caption\n" if kind == "csv" else ""))
        for number in range(RECORDS):
            record = {"note": NOTE, "image": f"{number}.jpg", "caption": f"a dog {number}"}
            row = ",".join(record.values()) if kind == "csv" else json.dumps(record)
            file.write((ends[1] if number else "") + row)
        file.write(ends[2])
    assert path.stat().st_size > 4 * MARGIN
    assert read({"kind": kind, "path": str(path)}, RECORDS) == [RECORDS, 2000]


def test_shards(tmp_path: Path) -> None:
    """Of pictures that are large for what they show."""
    data = picture(1) + bytes(100_000)
    for shard in range(2):
        with tarfile.open(tmp_path / f"{shard}.tar", "w") as tar:
            for number in range(600):
                for suffix, content in (("png", data), ("txt", b"a dog")):
                    member = tarfile.TarInfo(f"{shard}-{number}.{suffix}")
                    member.size = len(content)
                    tar.addfile(member, BytesIO(content))
    assert sum(path.stat().st_size for path in tmp_path.glob("*.tar")) > 4 * MARGIN
    spec = {"kind": "webdataset", "shards": f"{tmp_path}/{{0..1}}.tar"}
    assert read(spec, 1200) == [1200, 1200]


FILL = """
WITH image AS (
    INSERT INTO blip.images (image_id, sha256, mime, bytes, content)
    VALUES (encode(substr(sha256('\\x00'::bytea || 'pixels'), 1, 16), 'hex')::uuid,
            sha256('pixels'), 'image/png', 6, 'pixels')
    RETURNING image_id)
INSERT INTO blip.captions (image_id, caption_id, text, origin)
SELECT image_id, gen_random_uuid(), 'a dog ' || n, 'human' FROM image, generate_series(1, %s) n
"""


@pytest.mark.slow
def test_the_database(database: str) -> None:
    with psycopg.connect(database) as conn:
        conn.execute(FILL, [RECORDS])
    assert read({"kind": "database", "url": database}, RECORDS, once=False) == [0, 1]

"""Tiny datasets on disk, in every layout that training reads: drawn pictures with captions.

Picture n is `picture(n)` as JPEG, and says `caption(n)`; a further text of it `caption(n, part)`.
"""

from __future__ import annotations

import http.server
import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.album import picture

COLOURS = ("red", "green", "blue", "yellow", "black")
THINGS = ("bicycle", "dog", "car", "house", "tree", "boat", "star")


def caption(number: int, part: int = 0) -> str:
    """Another text for each number and part, of words that drawn scenes know, too."""
    colour, thing = COLOURS[number % len(COLOURS)], THINGS[number % len(THINGS)]
    return f"a {colour} {thing} {'left of a ' * part}{number}"


def write_picture(path: Path, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(number, "JPEG"))
    return path


def write_json(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def records(folder: Path, count: int, first: int = 0) -> list[dict[str, Any]]:
    """BLIP's records of `count` pictures, which are written into the folder."""
    for number in range(first, first + count):
        write_picture(folder / f"{number}.jpg", number)
    return [
        {"image": f"{number}.jpg", "caption": caption(number), "image_id": f"own_{number}"}
        for number in range(first, first + count)
    ]


def json_list(folder: Path, count: int) -> Path:
    """A list of BLIP's kind with its pictures beside it."""
    return write_json(folder / "list.json", records(folder, count))


def jsonl_list(folder: Path, count: int) -> Path:
    path = folder / "list.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in records(folder, count)))
    return path


def csv_list(folder: Path, count: int, delimiter: str = ",") -> Path:
    path = folder / ("list.tsv" if delimiter == "\t" else "list.csv")
    lines = [["image", "caption"]]
    lines += [[one["image"], f'"{one["caption"]}"'] for one in records(folder, count)]
    path.write_text("".join(delimiter.join(line) + "\r\n" for line in lines))
    return path


SPLITS = ("train", "restval", "val", "test")


def karpathy(folder: Path, dataset: str = "coco", captions: int = 2) -> Path:
    """dataset_coco.json or dataset_flickr30k.json, with two images of each split and their files:
    8 images, of which image n is of split n % 4."""
    images = []
    for number in range(8):
        split = SPLITS[number % 4]
        filename = f"{1000 + number}.jpg"
        entry: dict[str, Any] = {"imgid": number, "split": split}
        if dataset == "coco":
            entry |= {"filepath": "val2014", "cocoid": 1000 + number}
            filename = f"COCO_val2014_{1000 + number:012d}.jpg"
        elif split == "restval":
            entry["split"] = "train"  # Flickr30K has none
        place = folder / ("val2014" if dataset == "coco" else "flickr30k-images")
        write_picture(place / filename, number)
        sentences = [
            {"raw": caption(number, part), "tokens": caption(number, part).split(), "sentid": part}
            for part in range(captions)
        ]
        images.append(entry | {"filename": filename, "sentences": sentences})
    return write_json(folder / f"dataset_{dataset}.json", {"images": images, "dataset": dataset})


def blip_split(folder: Path, split: str, count: int = 3) -> Path:
    """coco_karpathy_{split}.json as BLIP has it: of train a caption a record, else a list."""
    entries: list[dict[str, Any]] = []
    for number in range(count):
        name = f"val2014/COCO_val2014_{1000 + number:012d}.jpg"
        write_picture(folder / name, number)
        if split == "train":
            entries += [
                {"image": name, "caption": caption(number, part), "image_id": f"coco_{number}"}
                for part in range(2)
            ]
        else:
            captions = [caption(number, part) for part in range(2)]
            entries.append({"image": name, "caption": captions})
    return write_json(folder / f"coco_karpathy_{split}.json", entries)


def region_descriptions(folder: Path) -> Path:
    """Visual Genome's own file: two images with two regions each, in either folder."""
    images = []
    for number, half in ((1, "VG_100K"), (2, "VG_100K_2")):
        write_picture(folder / half / f"{number}.jpg", number)
        regions = [
            {"region_id": 10 * number + n, "image_id": number, "phrase": caption(number, n),
             "x": 1, "y": 2, "width": 3, "height": 4}
            for n in range(2)
        ]  # fmt: skip
        images.append({"id": number, "regions": regions})
    return write_json(folder / "region_descriptions.json", images)


def vqa_release(folder: Path, split: str = "train") -> tuple[Path, Path]:
    """Questions and annotations of a split of VQA v2: two questions on each of two images. Of the
    ten annotators seven say yes, two no, one maybe; of the last question all say 2."""
    year = {"train": "train2014", "val": "val2014", "test": "test2015"}[split]
    questions, annotations = [], []
    for number in range(4):
        image = 262 + number // 2
        write_picture(folder / year / f"COCO_{year}_{image:012d}.jpg", number // 2)
        id = image * 1000 + number % 2
        questions.append({"image_id": image, "question": f"Is it {number}?", "question_id": id})
        said = ["2"] * 10 if number == 3 else ["yes"] * 7 + ["no"] * 2 + ["maybe"]
        answers = [
            {"answer": answer, "answer_confidence": "yes", "answer_id": n}
            for n, answer in enumerate(said, 1)
        ]
        annotations.append({"question_id": id, "image_id": image, "answers": answers})
    info: dict[str, Any] = {
        "info": {"year": 2017},
        "data_subtype": year,
        "license": {"name": "[none]"},
    }
    return (
        write_json(folder / "questions.json", info | {"questions": questions}),
        write_json(folder / "annotations.json", info | {"annotations": annotations[::-1]}),
    )


def vqa_list(folder: Path, count: int = 4) -> Path:
    """vqa_train.json as BLIP has it."""
    entries = []
    for number in range(count):
        name = f"train2014/COCO_train2014_{number:012d}.jpg"
        write_picture(folder / name, number)
        entries.append(
            {"question_id": 1000 + number, "question": f"Is it {number}?", "image": name,
             "answer": ["yes", "no", "yes", "yes"], "dataset": "vqa"}
        )  # fmt: skip
    return write_json(folder / "vqa_train.json", entries)


def vg_qa(folder: Path) -> Path:
    """vg_qa.json as BLIP has it: one answer, by one person."""
    write_picture(folder / "VG_100K/1.jpg", 1)
    entry = {"question_id": 9, "question": "What is it?", "image": "VG_100K/1.jpg",
             "answer": "a dog", "dataset": "vg"}  # fmt: skip
    return write_json(folder / "vg_qa.json", [entry])


def nlvr2(folder: Path, count: int = 4) -> Path:
    """nlvr_train.json as BLIP has it."""
    entries = []
    for number in range(count):
        names = [f"train/images/{number}-{side}.png" for side in ("img0", "img1")]
        for side, name in enumerate(names):
            write_picture(folder / name, 2 * number + side)
        entries.append(
            {"images": names, "sentence": f"The left image shows {number} dogs.",
             "label": "True" if number % 2 else "False", "identifier": f"train-{number}"}
        )  # fmt: skip
    return write_json(folder / "nlvr_train.json", entries)


def write_tar(path: Path, files: Sequence[tuple[str, bytes]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def write_shards(folder: Path, counts: Sequence[int]) -> str:
    """Shards of so many pictures each, numbered through; their pattern."""
    number = 0
    for shard, count in enumerate(counts):
        files = []
        for _ in range(count):
            files.append((f"{number:06d}.jpg", picture(number, "JPEG")))
            files.append((f"{number:06d}.txt", caption(number).encode()))
            number += 1
        write_tar(folder / f"shards-{shard:03d}.tar", files)
    return str(folder / f"shards-{{000..{len(counts) - 1:03d}}}.tar")


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder, with ranges. `breaks`: after how many bytes the next answers are cut off;
    `answers`: status codes that the next requests get instead; `ranges`: whether it knows them;
    `requests`: path and range of each request."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.breaks: list[int] = []
        self.answers: list[int] = []
        self.ranges = True
        self.tag = "1"
        self.requests: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        path = self.server.folder / self.path.partition("?")[0].lstrip("/")
        if self.server.answers:
            self.send_error(self.server.answers.pop(0))
            return
        if not path.is_file():
            self.send_error(404)
            return
        data, start = path.read_bytes(), 0
        if wanted and self.server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("ETag", f'"{self.server.tag}"')
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cut = self.server.breaks.pop(0) if self.server.breaks else len(data)
        self.wfile.write(data[start : start + cut])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

"""Published datasets that BLIP was trained and evaluated on, in their authors' own layout and in
that of BLIP's lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .indexed import IndexedDataset, JoinedDataset
from .lists import (
    CAPTIONS,
    Listed,
    Read,
    caption_of,
    find_files,
    image_of,
    require_folder,
)
from .records import Expansion, Record, Records
from .sample import DataError, Sample, SampleError

SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "restval"),  # as everybody trains who uses Karpathy's splits
    "val": ("val",),
    "test": ("test",),
}
Name = Callable[[Path], str]
"""An image's own id, from where it is."""

VG_FOLDERS = ("VG_100K", "VG_100K_2")
VG_WEIGHT = 0.2  # of Visual Genome's answers, which one person gave
VQA_FOLDERS = {"train": "train2014", "val": "val2014", "test": "test2015"}
LABELS: Mapping[Any, int] = {"True": 1, "False": 0, "true": 1, "false": 0, True: 1, False: 0}


def coco(path: str | Path, images: str | Path, split: str | None = None) -> IndexedDataset:
    """COCO captions in A. Karpathy's splits: his dataset_coco.json, or BLIP's
    coco_karpathy_{train,val,test}.json, whose split is the file's. images: the folder that holds
    train2014 and val2014. A sample's id is COCO's number of the image.

    Raises:
        DataError: a file, a folder or the split isn't there, or an image occurs twice.
    """
    return _karpathy(Path(path), require_folder(images), split, _coco_number)


def flickr30k(path: str | Path, images: str | Path, split: str | None = None) -> IndexedDataset:
    """Flickr30K in A. Karpathy's splits: his dataset_flickr30k.json, or BLIP's
    flickr30k_{train,val,test}.json. images: the folder that holds flickr30k-images. A sample's id
    is the image's name.

    Raises:
        DataError: as `coco`.
    """
    return _karpathy(Path(path), require_folder(images), split, lambda path: path.stem)


def _coco_number(path: Path) -> str:
    """COCO_val2014_000000522418.jpg -> 522418."""
    number = path.stem.rpartition("_")[2]
    return str(int(number)) if number.isdecimal() else path.stem


def _karpathy(path: Path, images: Path, split: str | None, name: Name) -> IndexedDataset:
    original = begins_with(path) == "{"
    if original and split is None:
        raise DataError(f"{path} holds all splits; split can be {', '.join(SPLITS)}")
    if original and split not in SPLITS:
        raise DataError(f"{path} has no split {split!r}; it can be {', '.join(SPLITS)}")
    if not original and split is not None:
        raise DataError(f"{path} is the list of one split: leave out split = {split!r}")
    if not original:
        return _blip_list(path, images, name)
    records = Records(path, _split(split or ""), key="images")
    records.keys("image", lambda record: str(record["filename"]))
    return Listed(records, _read_karpathy(images, name))


def _split(split: str) -> Expansion:
    def count(record: Record) -> int:
        return len(record["sentences"]) if record["split"] in SPLITS[split] else 0

    return Expansion(f"sentences of {split}", count)


def _read_karpathy(images: Path, name: Name) -> Read:
    inside = images / "flickr30k-images"
    root = inside if inside.is_dir() else images

    def read(record: Record, part: int) -> Sample:
        image = root / record.get("filepath", "") / record["filename"]
        return Sample((image,), str(image), record["sentences"][part]["raw"], id=name(image))

    return read


def _blip_list(path: Path, images: Path, name: Name) -> IndexedDataset:
    def read(record: Record, part: int) -> Sample:
        image = images / image_of(record)
        return Sample((image,), str(image), caption_of(record, part), id=name(image))

    records = Records(path, CAPTIONS)
    listed = Listed(records, read)
    if isinstance(_first(records).get("caption"), list):  # an evaluation's: each image once
        records.keys("image", image_of)
    return listed


def visual_genome(path: str | Path, images: str | Path) -> IndexedDataset:
    """Visual Genome's region_descriptions.json, or BLIP's vg_caption.json. images: the folder that
    holds VG_100K and VG_100K_2.

    Raises:
        DataError: a file or a folder isn't there.
    """
    path, folder = Path(path), require_folder(images)
    if "regions" not in _first(Records(path)):
        return _blip_list(path, folder, lambda image: image.stem)
    records = Records(path, Expansion("regions", lambda record: len(record["regions"])))

    def read(record: Record, part: int) -> Sample:
        region = record["regions"][part]
        image = _vg_image(folder, region["image_id"])
        return Sample((image,), str(image), region["phrase"], id=str(region["region_id"]))

    return Listed(records, read)


def _vg_image(folder: Path, number: int) -> Path:
    places = [folder / half / f"{number}.jpg" for half in VG_FOLDERS]
    return next((place for place in places if place.exists()), places[0])


def vqa(
    images: str | Path,
    path: str | Path | Sequence[str] | None = None,
    questions: str | Path | None = None,
    annotations: str | Path | None = None,
    split: str | None = None,
) -> IndexedDataset:
    """VQA v2. Either path: BLIP's vqa_{train,val,test}.json, also its vg_qa.json, whose answers
    weigh 0.2. Or questions and annotations: the official release's files of a split, the latter
    left out where nobody knows the answers. images: the folder that holds train2014, val2014 and
    test2015, or VG_100K. An answer weighs what share of the annotators gave it.

    Raises:
        DataError: a file, a folder or the split isn't there, or a question occurs twice.
    """
    folder = require_folder(images)
    if path is not None and questions is None and annotations is None and split is None:
        lists = [_vqa_list(file, folder) for file in find_files(path)]
        return lists[0] if len(lists) == 1 else JoinedDataset(lists)
    if path is not None or questions is None:
        raise DataError("vqa: give path, or questions, annotations and split")
    if split not in VQA_FOLDERS:
        raise DataError(f"vqa: split is {split!r}; it can be {', '.join(VQA_FOLDERS)}")
    return _vqa_release(Path(questions), annotations, folder, VQA_FOLDERS[split])


def _question_id(record: Record) -> str:
    return str(record["question_id"])


def _vqa_list(path: Path, images: Path) -> IndexedDataset:
    def read(record: Record, part: int) -> Sample:
        image = images / image_of(record)
        answers, weights = _answers(record.get("answer", []))
        id = str(record.get("question_id", ""))
        return Sample((image,), str(image), record["question"], answers, weights, id=id)

    records = Records(path)
    records.keys("question_id", _question_id)
    return Listed(records, read)


def _answers(texts: str | Sequence[str]) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Unique answers with their weights, in the order in which they were first given."""
    if isinstance(texts, str):
        return (texts,), (VG_WEIGHT,)
    counts = Counter(texts)
    return tuple(counts), tuple(count / len(texts) for count in counts.values())


def _vqa_release(
    questions: Path, annotations: str | Path | None, images: Path, subset: str
) -> IndexedDataset:
    records = Records(questions, key="questions")
    records.keys("question_id", _question_id)
    answered = None
    if annotations is not None:
        answered = Records(annotations, key="annotations").keys("question_id", _question_id)

    def read(record: Record, part: int) -> Sample:
        image = images / subset / f"COCO_{subset}_{record['image_id']:012d}.jpg"
        id = _question_id(record)
        if answered is None:
            return Sample((image,), str(image), record["question"], id=id)
        if (annotation := answered.find(id)) is None:
            raise SampleError(f"no annotation: question {id} isn't in {annotations}")
        answers, weights = _answers([one["answer"] for one in annotation["answers"]])
        return Sample((image,), str(image), record["question"], answers, weights, id=id)

    return Listed(records, read)


def nlvr2(path: str | Path, images: str | Path) -> IndexedDataset:
    """NLVR2 as BLIP's nlvr_{train,dev,test}.json. images: the folder where the images' paths begin.
    Where nobody has said what is true there is no label.

    Raises:
        DataError: the file or the folder isn't there.
    """
    folder = require_folder(images)

    def read(record: Record, part: int) -> Sample:
        left, right = (folder / image for image in record["images"])
        label = LABELS.get(record["label"]) if "label" in record else None
        if label is None and "label" in record:
            raise SampleError(f"its label is neither True nor False: {record['label']!r:.40}")
        id = str(record.get("identifier", ""))
        return Sample((left, right), f"{left} {right}", record["sentence"], label=label, id=id)

    records = Records(path)
    records.keys("identifier", lambda record: str(record["identifier"]))
    return Listed(records, read)


def begins_with(path: Path) -> str:
    """Return the first character of a JSON file that is not white space.

    Raises:
        DataError: the file can't be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(1 << 10).decode("utf-8-sig", "replace").lstrip()[:1]
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from None


def _first(records: Records) -> Record:
    try:
        return records[0][0] if len(records) else {}
    except SampleError:
        return {}

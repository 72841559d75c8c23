"""Rules of every dataset: each sample once an epoch, in one part; begun anywhere; mixed."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blipdb.training.datasets.indexed import IndexedDataset, JoinedDataset, shuffled
from blipdb.training.datasets.mixing import PERIOD, MixedDataset
from blipdb.training.datasets.open import open_dataset, open_datasets
from blipdb.training.datasets.permutation import Permutation
from blipdb.training.datasets.sample import Broken, DataError, Dataset, Sample
from tests.training.datasets import corpora

Open = Callable[[Path], Dataset]


def captions(path: Path) -> Dataset:
    return open_dataset({"kind": "json", "path": str(path)})


def shards(folder: Path, *counts: int) -> Dataset:
    return open_dataset({"kind": "webdataset", "shards": corpora.write_shards(folder, counts)})


def coco(folder: Path, path: Path, **options: str) -> Dataset:
    return open_dataset({"kind": "coco", "path": str(path), "images": str(folder), **options})


def mixed(folder: Path) -> Dataset:
    specs = [
        {"kind": "json", "path": str(corpora.json_list(folder / "list", 5)), "weight": 2},
        {"kind": "webdataset", "shards": corpora.write_shards(folder, (3, 2)), "samples": 5},
    ]
    return open_datasets(specs)


INDEXED: dict[str, tuple[Open, int]] = {  # and how many samples there are
    "json": (lambda folder: captions(corpora.json_list(folder, 7)), 7),
    "one": (lambda folder: captions(corpora.json_list(folder, 1)), 1),
    "jsonl": (lambda folder: captions(corpora.jsonl_list(folder, 8)), 8),
    "csv": (lambda folder: captions(corpora.csv_list(folder, 9)), 9),
    "tsv": (lambda folder: captions(corpora.csv_list(folder, 9, "\t")), 9),
    "karpathy": (lambda folder: coco(folder, corpora.karpathy(folder), split="train"), 8),
    "blip": (lambda folder: coco(folder, corpora.blip_split(folder, "val")), 6),
}
ALL = INDEXED | {
    "shards": (lambda folder: shards(folder, 3, 1, 4, 2, 5), 15),
    "a shard": (lambda folder: shards(folder, 7), 7),
    "equal shards": (lambda folder: shards(folder, 2, 2, 2, 2, 2, 2), 12),
    "mixed": (mixed, 10),
}


def texts(samples: Iterator[Sample | Broken], count: int) -> list[str]:
    found = []
    for one in itertools.islice(samples, count):
        assert isinstance(one, Sample), str(one)
        found.append(one.text)
    return found


@pytest.mark.parametrize("name", ALL)
def test_once_has_each_sample(name: str, tmp_path: Path) -> None:
    make, count = ALL[name]
    data = make(tmp_path)
    found = texts(data.once(), count + 1)
    assert len(found) == count
    assert found == texts(data.once(), count + 1)
    if name != "mixed":
        assert len(set(found)) == count


@pytest.mark.parametrize("parts", [1, 2, 5])
@pytest.mark.parametrize("name", INDEXED)
def test_an_epoch_has_each_sample_in_one_part(name: str, parts: int, tmp_path: Path) -> None:
    make, count = INDEXED[name]
    data = make(tmp_path)
    dealt = [texts(data.stream(3, part, parts, 0), 3 * count) for part in range(parts)]
    turns = [text for turn in zip(*dealt, strict=True) for text in turn]
    for epoch in range(3):
        found = turns[epoch * count : (epoch + 1) * count]
        assert sorted(found) == sorted(texts(data.once(), count))


@pytest.mark.parametrize("parts", [1, 3, 8])
@pytest.mark.parametrize("name", ALL)
def test_a_stream_can_begin_anywhere(name: str, parts: int, tmp_path: Path) -> None:
    make, _ = ALL[name]
    for part in range(parts):
        whole = texts(make(tmp_path).stream(3, part, parts, 0), 50)
        for start in (1, 2, 7, 23, 40):
            again = texts(make(tmp_path).stream(3, part, parts, start), 10)
            assert again == whole[start : start + 10]


@pytest.mark.parametrize("name", ["json", "shards", "equal shards", "mixed"])
def test_epochs_and_seeds_have_orders_of_their_own(name: str, tmp_path: Path) -> None:
    make, count = ALL[name]
    data = make(tmp_path)
    two = texts(data.stream(3, 0, 1, 0), 2 * count)
    assert two[:count] != two[count:]
    assert two[:count] != texts(data.stream(4, 0, 1, 0), count)
    assert two == texts(data.stream(3, 0, 1, 0), 2 * count)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 17, 64, 65, 1000])
def test_a_permutation_has_each_number_once(count: int) -> None:
    for key in range(5):
        order = Permutation(count, 7, key)
        assert sorted(order[place] for place in range(count)) == list(range(count))
    with pytest.raises(IndexError, match=f"permutation of {count}"):
        Permutation(count)[count]


def test_a_permutation_of_any_size_takes_no_time() -> None:
    order = Permutation(10**15, 1)
    assert len({order[place] for place in range(1000)}) == 1000


def test_each_number_comes_everywhere_as_often() -> None:
    """Chi-squared of 7 numbers at 7 places over 2,000 keys, 36 degrees of freedom."""
    seen = Counter((place, Permutation(7, key)[place]) for key in range(2000) for place in range(7))
    expected = 2000 / 7
    assert sum((seen[p, n] - expected) ** 2 for p in range(7) for n in range(7)) / expected < 67


def test_neighbours_are_separated() -> None:
    order = Permutation(10_000, 3)
    steps = [order[place + 1] - order[place] for place in range(9_999)]
    assert len(set(steps)) > 6_000
    assert sum(abs(step) < 100 for step in steps) < 300


def test_a_later_epoch_costs_no_more() -> None:
    numbers = shuffled(1000, 1, 3, 16, 10**12)
    assert len(set(itertools.islice(numbers, 50))) == 50


def test_datasets_without_weights_are_shuffled_as_one(tmp_path: Path) -> None:
    paths = [corpora.json_list(tmp_path / name, count) for name, count in (("a", 3), ("b", 5))]
    data = open_datasets([{"kind": "json", "path": str(path)} for path in paths])
    assert isinstance(data, JoinedDataset)
    assert len(data) == 8
    found = [
        one.key for one in itertools.islice(data.stream(1, 0, 1, 0), 8) if isinstance(one, Sample)
    ]
    assert len(set(found)) == 8
    assert [one.key for one in data.once() if isinstance(one, Sample)] == sorted(found)


def test_a_weight_is_how_often_a_dataset_is_seen(tmp_path: Path) -> None:
    paths = [corpora.json_list(tmp_path / name, count) for name, count in (("a", 40), ("b", 20))]
    specs = [{"kind": "json", "path": str(path)} for path in paths]
    data = open_datasets([specs[0] | {"weight": 0.5}, specs[1] | {"weight": 3}])
    assert isinstance(data, MixedDataset)
    slots = data.slots()
    assert slots.sum() == PERIOD
    assert slots[0] / PERIOD == pytest.approx(20 / 80, abs=2 / PERIOD)
    seen = Counter(
        Path(one.key).parent.name
        for one in itertools.islice(data.stream(1, 0, 1, 0), 800)
        if isinstance(one, Sample)
    )
    assert seen["a"] == pytest.approx(200, abs=50)
    period = itertools.islice(data.stream(1, 0, 1, PERIOD), PERIOD)
    exact = Counter(Path(one.key).parent.name for one in period if isinstance(one, Sample))
    assert [exact["a"], exact["b"]] == slots.tolist()


def test_a_small_share_is_never_none() -> None:
    none: tuple[IndexedDataset, ...] = ()
    assert MixedDataset(none, (1e9, 1, 1)).slots().tolist() == [PERIOD - 2, 1, 1]


def test_broken_samples_are_counted_by_their_kind() -> None:
    found = [
        Broken("a", "truncated JPEG: 12 bytes"),
        Broken("b", "truncated JPEG: 3 bytes"),
        Broken("c", "30,000 x 20,000 pixels; at most 120,000,000 are decoded"),
        Broken("d", "1 x 999,999,999 pixels; at most 120,000,000 are decoded"),
    ]
    counts = {"truncated JPEG": 2, "N x N pixels; at most N are decoded": 2}
    assert Counter(broken.kind for broken in found) == counts
    assert str(found[0]) == "a: truncated JPEG: 12 bytes"


def test_unknown_kinds_and_keys_stop(tmp_path: Path) -> None:
    path = str(corpora.json_list(tmp_path, 1))
    for spec, message in (
        ({}, r"kind is 'missing'; it can be json, .*webdataset, .*database"),
        ({"kind": "parquet"}, "kind is 'parquet'; it can be"),
        (
            {"kind": "json", "path": path, "root": "x"},
            "json: unknown root; known: path, images, weight",
        ),
        ({"kind": "json"}, "json: path is missing"),
        ({"kind": "coco"}, "coco: path, images is missing"),
        ({"kind": "webdataset"}, "webdataset: shards is missing"),
    ):
        with pytest.raises(DataError, match=message):
            open_dataset(spec)
    with pytest.raises(DataError, match=r"no \[\[data\]\]"):
        open_datasets([])
    with pytest.raises(DataError, match="json: weight is 0; it has to be above 0"):
        open_datasets([{"kind": "json", "path": path, "weight": 0}] * 2)


def test_mixing_needs_sizes(tmp_path: Path) -> None:
    pattern = corpora.write_shards(tmp_path, (2, 3))
    specs = [
        {"kind": "json", "path": str(corpora.json_list(tmp_path, 2))},
        {"kind": "webdataset", "shards": pattern},
    ]
    with pytest.raises(
        DataError, match=r"webdataset: its samples aren't counted yet.* give samples"
    ):
        open_datasets(specs)
    assert len(list(open_dataset(specs[1]).once())) == 5  # counts them
    data = open_datasets(specs)
    assert isinstance(data, MixedDataset)
    assert list(data.shares) == [2, 5]

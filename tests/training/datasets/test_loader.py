"""Batches of datasets: full, reproducible, begun anywhere, shared among processes."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blipdb.training.datasets.loader import BatchPlan, make_batch_plan, read_batches, replace_broken
from blipdb.training.datasets.open import open_dataset
from blipdb.training.datasets.pairs import key_of, pair_batches, prompted
from blipdb.training.datasets.questions import QuestionBatch, question_batches
from blipdb.training.datasets.sample import (
    Broken,
    DataError,
    Dataset,
    Sample,
    SampleError,
)
from blipdb.training.datasets.scenes import Batch, pad_texts
from blipdb.training.datasets.statements import StatementBatch, mirrored, statement_batches
from blipdb.training.datasets.transforms import square
from blipdb.training.datasets.vocabulary import build_tokenizer
from blipdb.training.run.config import Config, ConfigError, read_config
from blipdb.training.run.world import World
from tests.training.conftest import TINY
from tests.training.datasets import corpora

WORDS = (
    *corpora.COLOURS, *corpora.THINGS, *map(str, range(100)), "a", "left", "right", "of", "the",
    "image", "shows", "dogs", "is", "it", "yes", "no", "maybe", "picture", "what",
)  # fmt: skip
TOKENIZER = build_tokenizer(WORDS)

Change = Callable[..., Config]


@pytest.fixture
def configure(tmp_path: Path) -> Change:
    """A tiny configuration of 10 steps with batches of 8, of datasets."""

    def change(*data: dict[str, Any], **options: Any) -> Config:
        path = tmp_path / "tiny.toml"
        path.write_text(TINY)
        config = read_config(path, TOKENIZER.get_vocab_size())
        stage = dataclasses.replace(config.stages[1], samples=80)
        options = {"stages": (stage,), "data": data, **options}
        return dataclasses.replace(config, **options)

    return change


def listed(path: Path) -> dict[str, Any]:
    return {"kind": "json", "path": str(path)}


def words(row: Any) -> str:
    return str(TOKENIZER.decode(row.tolist()))


def same(a: Batch, b: Batch) -> bool:
    names = ("images", "texts", "captions", "keys")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


def test_a_batch_of_pairs(configure: Change, tmp_path: Path) -> None:
    config = configure(
        listed(corpora.json_list(tmp_path, 20)), augment="none", prompt="a picture of "
    )
    batch = next(pair_batches(config, TOKENIZER, 0))
    assert batch.images.shape == (8, 32, 32, 3)
    assert batch.images.dtype == np.uint8
    assert batch.also_true is None
    assert batch.patches is None
    assert (batch.facts.size, batch.skipped) == (0, ())
    assert batch.keys.dtype == batch.texts.dtype == np.int64
    assert (batch.keys >= 0).all()
    for row in range(8):
        text = words(batch.texts[row])
        number = int(text.split()[-1])
        assert text == corpora.caption(number)
        assert words(batch.captions[row]) == f"a picture of {text}"
        path = tmp_path / f"{number}.jpg"
        assert np.array_equal(batch.images[row], square(path, 32))
        assert batch.keys[row].tolist() == [key_of(str(path)), key_of(text)]


def test_equal_images_and_equal_texts_have_equal_keys(configure: Change, tmp_path: Path) -> None:
    records = corpora.records(tmp_path, 2)
    records += [
        {"image": "0.jpg", "caption": "A RED dog!"},
        {"image": "1.jpg", "caption": "a red dog"},
    ]
    config = configure(listed(corpora.write_json(tmp_path / "x.json", records)))
    batch = next(pair_batches(config, TOKENIZER, 0))
    assert len(set(batch.keys[:, 0].tolist())) == 2
    assert len(set(batch.keys[:, 1].tolist())) == 3
    for row in range(8):
        for other in range(8):
            is_same_text = words(batch.texts[row]) == words(batch.texts[other])
            assert (batch.keys[row, 1] == batch.keys[other, 1]) == is_same_text


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_go_on_at_any_step(workers: int, configure: Change, tmp_path: Path) -> None:
    pattern = corpora.write_shards(tmp_path / "shards", (3, 5, 4))
    specs = [
        listed(corpora.json_list(tmp_path, 11)) | {"weight": 2},
        {"kind": "webdataset", "shards": pattern, "samples": 12},
    ]
    config = configure(*specs, workers=workers)
    whole = list(pair_batches(config, TOKENIZER, 0))
    assert len(whole) == 10
    assert not any(same(a, b) for a, b in itertools.pairwise(whole))
    for start in (1, 4, 9):
        again = list(pair_batches(config, TOKENIZER, start))
        assert len(again) == 10 - start
        assert all(map(same, whole[start:], again))
    other = next(pair_batches(dataclasses.replace(config, seed=4), TOKENIZER, 0))
    assert not same(whole[0], other)


def test_processes_share_an_epoch(configure: Change, tmp_path: Path) -> None:
    """Two processes with two workers each: 40 samples are 5 steps of 8."""
    config = configure(listed(corpora.json_list(tmp_path, 40)), augment="none")
    seen: Counter[str] = Counter()
    first: list[list[int]] = []
    for rank in range(2):
        found = list(pair_batches(config, TOKENIZER, 0, World(rank, 2)))
        assert all(len(batch.texts) == 4 for batch in found)
        seen.update(words(row) for batch in found for row in batch.texts)
        first.append(found[0].keys[:, 0].tolist())
    assert set(seen) == {corpora.caption(number) for number in range(40)}
    assert set(seen.values()) == {2}
    assert not set(first[0]) & set(first[1])


def test_processes_have_to_share_evenly(configure: Change, tmp_path: Path) -> None:
    config = configure(listed(corpora.json_list(tmp_path, 4)))
    with pytest.raises(ConfigError, match="batch 8 is no multiple of the 3 processes"):
        pair_batches(config, TOKENIZER, 0, World(0, 3))
    config = configure({"kind": "database", "url": "postgresql:///none"})
    with pytest.raises(ConfigError, match=r"database: .* need the same index"):
        make_batch_plan(config, World(0, 2))
    assert make_batch_plan(config, World()) == BatchPlan(seed=3, batch=8, workers=2)


def test_broken_samples_are_replaced_and_reported(configure: Change, tmp_path: Path) -> None:
    path = corpora.json_list(tmp_path, 8)
    (tmp_path / "3.jpg").unlink()
    (tmp_path / "4.jpg").write_bytes((tmp_path / "4.jpg").read_bytes()[:300])
    records = json.loads(path.read_text())
    records[5]["caption"] = "..."
    del records[6]["caption"]
    config = configure(listed(corpora.write_json(path, records)), workers=1)
    for batch in itertools.islice(pair_batches(config, TOKENIZER, 0), 3):
        assert len(batch.images) == len(batch.texts) == len(batch.keys) == 8
        good = {int(words(row).split()[-1]) for row in batch.texts}
        assert good == {0, 1, 2, 7}
        assert Counter(broken.kind for broken in batch.skipped) == {
            "no such file or directory": 1,
            "truncated JPEG": 1,
            "its text is empty": 1,
            "it has no caption, in none of caption, text": 1,
        }
        assert str(tmp_path / "3.jpg") in {broken.where for broken in batch.skipped}
        for row, key in enumerate(batch.keys[:, 0]):  # in the place of a broken one: all of it
            twins = (batch.keys[:, 0] == key).nonzero()[0]
            assert all(np.array_equal(batch.images[row], batch.images[twin]) for twin in twins)


def test_the_nearest_good_one_takes_a_place() -> None:
    bad = Broken("x", "y")
    assert replace_broken([1, bad, 2], 0) == ([1, 1, 2], (bad,))
    assert replace_broken([bad, bad, 1, 2, bad], 0) == ([1, 1, 1, 2, 2], (bad, bad, bad))
    assert replace_broken([1, bad, bad, 2], 0) == ([1, 1, 2, 2], (bad, bad))
    with pytest.raises(DataError, match=r"none of the 2 samples of step 7 can be used.*x: y"):
        replace_broken([bad, bad], 7)


def test_a_batch_without_a_good_sample_is_one_clear_error(
    configure: Change, tmp_path: Path
) -> None:
    path = corpora.json_list(tmp_path, 4)
    for number in range(4):
        (tmp_path / f"{number}.jpg").unlink()
    with pytest.raises(DataError, match=r"none of the 8 samples of step 0 .*jpg: no such file"):
        next(pair_batches(configure(listed(path)), TOKENIZER, 0))


def test_a_dataset_that_cannot_be_opened_is_one_clear_error(
    configure: Change, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"none\.json can't be read"):
        pair_batches(configure(listed(tmp_path / "none.json")), TOKENIZER, 0)


def test_any_batch_can_be_made_of_any_dataset(tmp_path: Path) -> None:
    class Numbers:
        def stream(self, seed: int, part: int, parts: int, start: int) -> Iterator[Sample | Broken]:
            for n in itertools.count(start):
                yield Sample((), f"{part}/{parts}", str(n)) if n % 5 else Broken(str(n), "five")

        def once(self) -> Iterator[Sample | Broken]:
            return iter(())

    def ready(sample: Sample, rng: np.random.Generator) -> str:
        if sample.text.endswith("3"):
            raise SampleError("three")
        return f"{sample.key} {sample.text}"

    dataset: Dataset = Numbers()
    plan = BatchPlan(seed=1, batch=4, workers=2, rank=1, size=3)
    found = list(
        read_batches(dataset, plan, ready, lambda rows, broken: (rows, broken), range(3, 6))
    )
    assert [rows for rows, _ in found] == [
        ["3/6 4", "3/6 4", "3/6 6", "3/6 7"],
        ["2/6 8", "2/6 9", "2/6 9", "2/6 11"],
        ["3/6 8", "3/6 9", "3/6 9", "3/6 11"],
    ]
    assert [broken for _, broken in found] == [
        (Broken("5", "five"),), (Broken("10", "five"),), (Broken("10", "five"),)
    ]  # fmt: skip


def test_a_prompt_stands_before_captions() -> None:
    assert prompted("a picture of ", "a dog") == "a picture of a dog"
    assert prompted("a picture of", "a dog") == "a picture of a dog"
    assert prompted("", "a dog") == "a dog"


def test_questions_have_weighed_answers(configure: Change, tmp_path: Path) -> None:
    questions, annotations = corpora.vqa_release(tmp_path)
    vqa = {"kind": "vqa", "images": str(tmp_path)}
    release = vqa | {
        "questions": str(questions), "annotations": str(annotations), "split": "train",
    }  # fmt: skip
    genome = vqa | {"path": str(corpora.vg_qa(tmp_path))}
    config = configure(release, genome, augment="finetune")
    seen: dict[str, tuple[str, dict[str, float]]] = {}
    for batch in question_batches(config, TOKENIZER, 0):
        assert isinstance(batch, QuestionBatch)
        assert batch.images.shape == (8, 32, 32, 3)
        assert len(batch.answers) == len(batch.weights) == len(batch.rows)
        assert batch.weights.dtype == np.float32
        assert batch.rows.dtype == batch.answers.dtype == np.int64
        for row, id in enumerate(batch.ids):
            own = (batch.rows == row).nonzero()[0]
            answers = {words(batch.answers[n]): float(batch.weights[n]) for n in own}
            seen[id] = words(batch.questions[row]), answers
    assert seen.keys() == {"262000", "262001", "263000", "263001", "9"}
    for id, question, answers in (
        ("262000", "is it 0", {"yes": 0.7, "no": 0.2, "maybe": 0.1}),
        ("263001", "is it 3", {"2": 1.0}),
        ("9", "what is it", {"a dog": 0.2}),
    ):
        assert seen[id][0] == question
        assert seen[id][1] == pytest.approx(answers)


def test_questions_without_answers_cannot_be_learned_from(
    configure: Change, tmp_path: Path
) -> None:
    questions, _ = corpora.vqa_release(tmp_path, "test")
    spec = {"kind": "vqa", "questions": str(questions), "images": str(tmp_path), "split": "test"}
    with pytest.raises(DataError, match=r"none of the 8 samples .* it has no answers"):
        next(question_batches(configure(spec), TOKENIZER, 0))


def test_statements_are_about_two_images(configure: Change, tmp_path: Path) -> None:
    spec = {"kind": "nlvr2", "path": str(corpora.nlvr2(tmp_path)), "images": str(tmp_path)}
    config = configure(spec, augment="none")
    sides: Counter[str] = Counter()
    for batch in statement_batches(config, TOKENIZER, 0):
        assert isinstance(batch, StatementBatch)
        assert batch.left.shape == batch.right.shape == (8, 32, 32, 3)
        assert batch.labels.dtype == np.int64
        for row in range(8):
            _, side, _, _, number, _ = words(batch.texts[row]).split()
            sides[side] += 1
            assert batch.labels[row] == int(number) % 2
            names = [f"{number}-img0.png", f"{number}-img1.png"]
            paths = [tmp_path / "train/images" / name for name in names]
            shown = paths if side == "left" else paths[::-1]
            assert np.array_equal(batch.left[row], square(shown[0], 32))
            assert np.array_equal(batch.right[row], square(shown[1], 32))
    assert sides.keys() == {"left", "right"}
    assert mirrored("a left and a right one are leftover") == "a right and a left one are leftover"


def test_pairs_are_no_statements(configure: Change, tmp_path: Path) -> None:
    config = configure(listed(corpora.json_list(tmp_path, 4)))
    with pytest.raises(DataError, match="it is no statement about two images"):
        next(statement_batches(config, TOKENIZER, 0))


def test_half_characters_in_texts_do_not_stop_a_run(configure: Change, tmp_path: Path) -> None:
    corpora.write_picture(tmp_path / "a.jpg", 1)
    path = tmp_path / "x.json"
    path.write_text(r'[{"image": "a.jpg", "caption": "a \ud800 dog"}]')
    batch = next(pair_batches(configure(listed(path)), TOKENIZER, 0))
    assert words(batch.texts[0]) == "a dog"


def test_texts_are_as_long_as_the_longest(configure: Change, tmp_path: Path) -> None:
    config = configure(listed(corpora.json_list(tmp_path, 8)))
    batch = next(pair_batches(config, TOKENIZER, 0))
    texts = [words(row) for row in batch.texts]
    assert np.array_equal(batch.texts, pad_texts(TOKENIZER, texts))


def test_pictures_of_every_mode_and_size_fit(configure: Change, tmp_path: Path) -> None:
    records = []
    for number, mode in enumerate(("L", "RGB", "RGBA", "P", "1", "CMYK", "I;16")):
        suffix = "tif" if mode == "CMYK" else "png"
        size = (1, 40) if number % 2 else (90, 3)
        Image.new(mode, size).save(tmp_path / f"{number}.{suffix}")
        records.append({"image": f"{number}.{suffix}", "caption": f"a dog {number}"})
    config = configure(listed(corpora.write_json(tmp_path / "x.json", records)))
    batch = next(pair_batches(config, TOKENIZER, 0))
    assert batch.images.shape == (8, 32, 32, 3)
    assert batch.skipped == ()
    assert len(list(open_dataset(config.data[0]).once())) == 7

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from tokenizers import Regex, normalizers

from blipdb.training.datasets.sample import Broken, DataError, Sample
from blipdb.training.evaluation.tasks.models import TorchModel
from blipdb.training.evaluation.tasks.reading import (
    Texts,
    all_samples,
    read_ahead,
    read_pairs,
    see_image,
)
from tests.tiny import SPECIAL
from tests.training.tasks.tinies import SIDE, pictures, save_pictures


def test_ids_are_cut_and_padded(model: TorchModel) -> None:
    texts = model.texts.limited(5)
    first, second = texts.words("red bicycle")
    ids = texts.ids(["red bicycle", "red", "red bicycle red bicycle"])
    assert ids.tolist() == [
        [SPECIAL.cls, first, second, SPECIAL.sep, SPECIAL.pad],
        [SPECIAL.cls, first, SPECIAL.sep, SPECIAL.pad, SPECIAL.pad],
        [SPECIAL.cls, first, second, first, SPECIAL.sep],
    ]


def test_no_limit_is_raised(model: TorchModel) -> None:
    assert model.texts.limit == model.source.arch.max_positions
    assert model.texts.limited(10_000).limit == model.texts.limit


def test_a_text_is_cut_to_what_is_read(model: TorchModel) -> None:
    texts = model.texts.limited(5)
    assert texts.cut("red bicycle") == "red bicycle"
    assert texts.cut("red  bicycle red bicycle dog") == "red  bicycle red"


def test_a_word_is_cut_between_its_pieces(tmp_path: Path) -> None:
    """WordPiece: the first pieces of a word are pieces without the rest, too."""
    from blipdb.checkpoints.vocabulary import find_tokenizer

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "bi", "##cycle", "##s", "red"]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces))
    texts = Texts(find_tokenizer(tmp_path), SPECIAL, limit=5)
    assert texts.cut("red bicycles") == "red bicycle"
    assert texts.ids(["red bicycles"]).tolist() == texts.ids([texts.cut("red bicycles")]).tolist()


def test_a_text_that_cannot_be_cut_is_refused(model: TorchModel) -> None:
    """Here a word is read otherwise than it is with the words behind it."""
    tokenizer = tokenizers.Tokenizer.from_str(model.source.tokenizer.to_str())
    tokenizer.normalizer = normalizers.Replace(Regex("red(?= dog)"), "blue")
    with pytest.raises(DataError, match="more than 3 tokens and can't be cut"):
        Texts(tokenizer, SPECIAL, limit=3).cut("red dog")


class Given:
    def __init__(self, *samples: Sample | Broken) -> None:
        self.samples = samples

    def once(self) -> Iterator[Sample | Broken]:
        return iter(self.samples)

    def stream(self, seed: int, part: int, parts: int, start: int) -> Any:
        raise NotImplementedError


def test_captions_of_an_image_stand_together() -> None:
    cat, dog = Path("cat.png"), Path("dog.png")
    samples = [
        Sample((cat,), "cat", "A cat."),
        Sample((dog,), "dog", "a DOG"),
        Sample((cat,), "cat", "another: cat"),
    ]
    pairs = read_pairs(all_samples(Given(*samples)))
    assert pairs.images == [cat, dog]
    assert pairs.texts == ["a cat", "a dog", "another cat"]
    assert pairs.texts_of == [[0, 2], [1]]
    assert pairs.image_of == [0, 1, 0]


def test_no_sample_is_left_out() -> None:
    with pytest.raises(DataError, match=r"list\.json, byte 7: truncated; an evaluation leaves"):
        all_samples(Given(Broken("list.json, byte 7", "truncated")))
    with pytest.raises(DataError, match="no samples"):
        all_samples(Given())


def test_an_image_is_seen_as_one_frame(tmp_path: Path) -> None:
    (path,) = save_pictures(tmp_path, 1)
    assert np.array_equal(see_image(path, SIDE), pictures(1))
    assert np.array_equal(see_image(path.read_bytes(), SIDE), pictures(1))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"000\.png: .*; an evaluation leaves no image out"):
        see_image(path, SIDE)


def test_reading_ahead_keeps_the_order_and_is_one_part_in_front() -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def read(item: int) -> int:
        with lock:
            begun.append(item)
        return item * item

    parts = read_ahead(read, range(7), 2)
    assert next(parts) == [0, 1]
    assert max(begun) <= 3  # the next part, and no more
    assert list(parts) == [[4, 9], [16, 25], [36]]
    assert list(read_ahead(read, [], 2)) == []


def test_what_a_thread_raises_is_raised_here() -> None:
    def read(item: int) -> int:
        raise DataError(f"no {item}")

    with pytest.raises(DataError, match="no 0"):
        list(read_ahead(read, [0, 1], 1))

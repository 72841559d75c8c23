"""Scores of captions by a filter, and a captioner's options."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pytest

from blipdb.errors import UsageError
from blipdb.model.compute import EXACT, Compute
from blipdb.model.runtime import PAIRS, Encoded, Runtime
from blipdb.model.scoring import Score, embed, score
from blipdb.model.writing import Writing
from tests.tiny import WORDS, tiny_artifact


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder: Path = tmp_path_factory.mktemp("tiny") / "model"
    runtime = Runtime.load(tiny_artifact(folder).folder)
    runtime.open(PAIRS)
    return runtime


@pytest.fixture
def images(runtime: Runtime) -> Encoded:
    size = runtime.artifact.architecture.image_size
    pixels = np.random.default_rng(1).integers(0, 256, (3, size, size, 3), np.uint8)
    return runtime.encode_images(pixels)


def scored(
    runtime: Runtime, texts: list[str], images: Encoded, places: list[int] | None = None
) -> list[Score]:
    return score(runtime, embed(runtime, texts), images, places or list(range(len(texts))))


def half(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return vector.astype(np.float16).astype(np.float64)


def test_scores_are_those_of_search(runtime: Runtime, images: Encoded) -> None:
    texts, places = ["red bicycle", "a Blue car!", "red bicycle", "the big dog"], [0, 1, 2, 0]
    found = scored(runtime, texts, images, places)
    for text, row, one in zip(texts, places, found, strict=True):
        logits = runtime.rerank(text, images.tokens[row : row + 1], images.scales[row : row + 1])[0]
        assert one.itm == pytest.approx(1 / (1 + np.exp(logits[0] - logits[1])), abs=1e-7)
        one_half, other = half(runtime.embed_texts([text])[0]), half(images.itc[row])
        cosine = one_half @ other / np.linalg.norm(one_half) / np.linalg.norm(other)
        assert one.itc == pytest.approx(cosine, abs=1e-9)
        assert one.unread is None


@pytest.mark.parametrize("compute", [EXACT, Compute("int8"), Compute("int8", 3)])
def test_pairs_are_matched_as_each_alone_bit_for_bit(tmp_path: Path, compute: Compute) -> None:
    runtime = Runtime.load(tiny_artifact(tmp_path / "m", compute=compute).folder)
    runtime.open(PAIRS)
    rng = np.random.default_rng(3)
    size = runtime.artifact.architecture.image_size
    images = runtime.encode_images(rng.integers(0, 256, (5, size, size, 3), np.uint8))
    texts = [" ".join(rng.choice(WORDS, n)) for n in rng.integers(1, 12, 80)]
    places = rng.integers(0, 5, 80).tolist()
    ids = [runtime.tokenizer.encode(text, runtime.tokenizer.special.cls) for text in texts]
    together = runtime.match(ids, images.tokens, images.scales, places)
    alone = [
        runtime.rerank(text, images.tokens[[place]], images.scales[[place]])[0]
        for text, place in zip(texts, places, strict=True)
    ]
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(
        runtime.embed_texts(texts), [runtime.embed_texts([text])[0] for text in texts]
    )


def test_a_known_vector_is_not_computed_again(runtime: Runtime, images: Encoded) -> None:
    known = [0.0] * 15 + [1.0]
    found = embed(runtime, ["red dog", "blue dog"], {1: known})
    assert found.vectors[1].tolist() == known
    assert found.vectors[0] == pytest.approx(runtime.embed_texts(["red dog"])[0])
    assert found.ids[1] == runtime.tokenizer.encode("blue dog", runtime.tokenizer.special.cls)


def test_a_text_that_is_too_long_is_cut_to_what_is_read(runtime: Runtime, images: Encoded) -> None:
    most = runtime.tokenizer.max_tokens - 2
    long, cut, short = scored(
        runtime, ["red " * 500, "red " * most, "red " * (most - 1)], images, [0, 0, 0]
    )
    assert long == cut
    assert cut != short


def test_what_cannot_be_read_has_no_score(runtime: Runtime, images: Encoded) -> None:
    found = scored(runtime, ["красный", "!!!", "red"], images)
    assert [(one.itc, one.itm) for one in found[:2]] == [(None, None)] * 2
    assert "knows no word of this text: 'красный'" in (found[0].unread or "")
    assert found[1].unread == "The text '!!!' has no words."
    assert found[2].itm is not None


def test_an_image_has_its_own_random_numbers() -> None:
    ids = [UUID(int=1), UUID(int=2)]
    seeds = Writing(beams=None, nucleus=0.9).options(ids)["seed"]
    assert seeds[0] != seeds[1]
    assert Writing(beams=None, nucleus=0.9).options(ids[::-1])["seed"] == seeds[::-1]
    assert Writing(beams=None, nucleus=0.9, seed=1).options(ids)["seed"] != seeds


def test_how_it_was_written_is_kept() -> None:
    assert Writing().to_dict() == {"beams": 3}
    sampled = Writing(beams=None, nucleus=0.9, seed=2, max_tokens=20)
    assert sampled.to_dict() == {"nucleus": 0.9, "seed": 2, "max_tokens": 20}


@pytest.mark.parametrize("options", [{"nucleus": 0.9}, {"beams": None}])
def test_either_beams_or_a_nucleus(options: dict[str, float | None]) -> None:
    with pytest.raises(UsageError, match="either by beams or from a nucleus"):
        Writing(**options)  # type: ignore[arg-type]

"""What a filter says of captions, and how captions are to be written."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from blipdb.errors import UsageError
from blipdb.runtime import Encoded, Runtime
from blipdb.scoring import score
from blipdb.writing import Writing
from tests.tiny import tiny_artifact


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder: Path = tmp_path_factory.mktemp("tiny") / "model"
    return Runtime.load(tiny_artifact(folder).folder)


@pytest.fixture
def images(runtime: Runtime) -> Encoded:
    size = runtime.artifact.architecture.image_size
    pixels = np.random.default_rng(1).integers(0, 256, (3, size, size, 3), np.uint8)
    return runtime.encode_images(pixels)


def test_scores_are_those_of_search(runtime: Runtime, images: Encoded) -> None:
    texts = ["red bicycle", "a Blue car!", "red bicycle"]
    found = score(runtime, texts, images)
    for row, (text, one) in enumerate(zip(texts, found, strict=True)):
        logits = runtime.rerank(text, images.tokens[row : row + 1], images.scales[row : row + 1])[0]
        assert one.itm == pytest.approx(1 / (1 + np.exp(logits[0] - logits[1])), abs=1e-6)
        assert one.itc == pytest.approx(
            float(runtime.embed_texts([text])[0] @ images.itc[row]), abs=1e-6
        )
        assert one.unread is None


def test_a_long_text_is_cut(runtime: Runtime, images: Encoded) -> None:
    long, cut = score(runtime, ["red " * 500, "red " * 30], Encoded(*(x[[0, 0]] for x in images)))  # type: ignore[arg-type]
    assert long == cut
    assert (
        len(runtime.tokenizer.fitted("red " * 500, 30).split()) <= runtime.tokenizer.max_tokens - 2
    )


def test_what_cannot_be_read_has_no_score(runtime: Runtime, images: Encoded) -> None:
    found = score(runtime, ["красный", "!!!", "red"], images)
    assert [(one.itc, one.itm) for one in found[:2]] == [(None, None)] * 2
    assert "knows no word of this text: 'красный'" in (found[0].unread or "")
    assert found[1].unread == "The text is empty."
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

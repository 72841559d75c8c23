"""Questions, by a MED that continues them: a real model, if no good one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from blipdb.errors import UsageError
from blipdb.model.generate import Rules
from blipdb.training.datasets.sample import DataError, ImageSource, Sample
from blipdb.training.datasets.transforms import Pixels
from blipdb.training.evaluation.tasks.answering import (
    answer,
    exact_accuracy,
    require_candidates,
    vqa_accuracy,
)
from blipdb.training.evaluation.tasks.decoder import captioner, search
from blipdb.training.evaluation.tasks.models import TorchModel
from blipdb.training.evaluation.tasks.reading import see_image
from tests.tiny import SPECIAL
from tests.training.tasks.tinies import CPU, pictures, save_pictures

CANDIDATES = ["red", "blue", "a big house", "the dog"]


class Continuing:
    """Answers by continuing the question: the candidate that the captioner loses least on."""

    def __init__(self, model: TorchModel) -> None:
        self.model = model
        self.encoded = 0

    def image_tokens(self, pixels: Tensor) -> Tensor:
        self.encoded += len(pixels)
        tokens: Tensor = self.model.med.image_tokens(pixels)
        return tokens

    @torch.inference_mode()
    def rank(
        self, tokens: Tensor, questions: Sequence[str], candidates: Sequence[str]
    ) -> list[str]:
        found = []
        for row, question in enumerate(questions):
            memory = self.model.med.image_memory(tokens[row : row + 1])
            opening = [SPECIAL.cls, *self.model.texts.words(question)]
            losses = [self._loss(opening, text, memory) for text in candidates]
            found.append(candidates[int(np.argmin(losses))])
        return found

    def _loss(self, opening: list[int], candidate: str, memory: Sequence[Tensor]) -> float:
        words = [*self.model.texts.words(candidate), SPECIAL.sep]
        ids = torch.tensor([opening + words])
        logits = self.model.med.next_words(ids[:, :-1], memory)[0, -len(words) :]
        return float(torch.nn.functional.cross_entropy(logits, torch.tensor(words)))

    @torch.inference_mode()
    def generate(self, tokens: Tensor, questions: Sequence[str]) -> list[str]:
        never = [token for token in SPECIAL.to_dict().values() if token != SPECIAL.sep]
        rules = Rules(SPECIAL.dec, SPECIAL.sep, never, 1, 10)
        found = []
        for row, question in enumerate(questions):
            opening = [SPECIAL.dec, *self.model.texts.words(question)]
            decoder = captioner(self.model.med, tokens[row : row + 1], opening)
            found += search(decoder, 1, rules, 3)
        return [self.model.texts.decode(ids) for ids in found]


@pytest.fixture
def asked(tmp_path: Path) -> list[Sample]:
    """Seven questions about three images, in turns."""
    paths = save_pictures(tmp_path, 3)
    texts = ["Is the big house red?", "a dog", "the tree", "the boat is on", "left", "car", "green"]
    return [
        Sample((paths[n % 3],), str(paths[n % 3]), text, id=str(n)) for n, text in enumerate(texts)
    ]


@pytest.mark.parametrize("candidates", [CANDIDATES, []])
@torch.inference_mode()
def test_each_question_is_answered_about_its_image(
    model: TorchModel, asked: list[Sample], candidates: list[str]
) -> None:
    answerer, told = Continuing(model), []
    found = answer(
        *(answerer, model.source, asked, see_image, candidates),
        batch=4,
        device=CPU,
        show=lambda *step: told.append(step),
    )
    tokens = model.med.image_tokens(model.pixels(pictures(3)))
    questions = [
        "is the big house red?",
        "a dog",
        "the tree",
        "the boat is on",
        "left",
        "car",
        "green",
    ]
    own = tokens[[n % 3 for n in range(7)]]
    if candidates:
        assert found == answerer.rank(own, questions, candidates)
    else:
        assert found == answerer.generate(own, questions)
    assert len(set(found)) > 1
    assert told == [("answers", 4, 7), ("answers", 7, 7)]


def test_an_image_is_encoded_once_for_its_questions(model: TorchModel, asked: list[Sample]) -> None:
    answerer = Continuing(model)
    answer(answerer, model.source, asked, see_image, CANDIDATES, batch=7, device=CPU)
    assert answerer.encoded == 3


@torch.inference_mode()
def test_frames_are_read_as_one_image(model: TorchModel, asked: list[Sample]) -> None:
    """Two frames: 2 N tokens, of the frames in their order."""
    answerer, given = Continuing(model), []

    def see(source: ImageSource, size: int) -> Pixels:
        assert isinstance(source, Path)
        return pictures(2, seed=int(source.stem))

    class Listening(Continuing):
        def rank(
            self, tokens: Tensor, questions: Sequence[str], candidates: Sequence[str]
        ) -> list[str]:
            given.append(tokens)
            return super().rank(tokens, questions, candidates)

    answerer = Listening(model)
    answer(answerer, model.source, asked[:3], see, CANDIDATES, batch=3, device=CPU)
    frames = np.concatenate([pictures(2, seed=n) for n in range(3)])
    expected = model.med.image_tokens(model.pixels(frames))
    torch.testing.assert_close(given[0], expected.view(3, -1, expected.shape[2]))


def question(answers: Sequence[str], weights: Sequence[float]) -> Sample:
    return Sample((b"",), "key", "what?", tuple(answers), tuple(weights), id="9")


def test_vqa_accuracy_is_the_mean_over_questions() -> None:
    samples = [question(["red", "blue"], [0.8, 0.2]), question(["yes"], [1.0])]
    assert vqa_accuracy(samples, ["Blue!", "yes"]) == pytest.approx(100 * (0.6 + 1) / 2)
    with pytest.raises(DataError, match=r"question 9: .*10 annotators"):
        vqa_accuracy([question(["red"], [0.2])], ["red"])


def test_exact_accuracy_needs_one_answer() -> None:
    samples = [question(["Red car"], [1.0]), question(["dog"], [1.0])]
    assert exact_accuracy(samples, ["red  car", "cat"]) == 50.0
    with pytest.raises(DataError, match="'what\\?' has 0 answers"):
        exact_accuracy([question([], [])], ["red"])


def test_a_mode_has_what_it_needs() -> None:
    require_candidates("rank", CANDIDATES)
    require_candidates("generate", [])
    with pytest.raises(UsageError, match="needs answers to choose from"):
        require_candidates("rank", [])
    with pytest.raises(UsageError, match="chooses from no --answers"):
        require_candidates("generate", CANDIDATES)

"""Ranking and generating answers, against the model's own passes over whole texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from blipdb.model.artifact import Decoding
from blipdb.model.runtime import Runtime
from blipdb.training.evaluation.tasks import answerer as answerers
from blipdb.training.evaluation.tasks.answerer import AnswersByTexts
from blipdb.training.evaluation.tasks.decoder import CachedDecoder
from blipdb.training.evaluation.tasks.models import TorchModel, load_answerer
from blipdb.training.models.answerer import Answerer
from blipdb.training.models.med import dequantize_tokens
from tests.tiny import SPECIAL, WORDS, tiny_artifact
from tests.training.tasks.tinies import CPU, pictures, sentences, tiny_answerer

QUESTIONS = ["is the big house red", "a dog", "the tree on the left", "boat"]


@pytest.fixture(scope="module")
def answerer(model: TorchModel) -> Answerer:
    return tiny_answerer(model)


@pytest.fixture
def tokens(model: TorchModel, answerer: Answerer) -> Tensor:
    with torch.inference_mode():
        found: Tensor = answerer.image_tokens(model.pixels(pictures(len(QUESTIONS))))
    return found


@torch.inference_mode()
def losses(model: TorchModel, answerer: Answerer, tokens: Tensor, candidates: list[str]) -> Tensor:
    """Of each question on each candidate [B, C], one at a time; log-probabilities by hand."""
    found = []
    for row, question in enumerate(QUESTIONS):
        ids = torch.from_numpy(model.texts.ids([question]))
        states = answerer.question_states(ids, tokens[row : row + 1])
        memory, words = answerer.question_memory(states), answerer.words(ids)
        for candidate in candidates:
            answer = torch.from_numpy(model.texts.ids([candidate]))
            logits = answerer.next_words(answer, memory, words)[0, :-1]
            likely = F.log_softmax(logits, dim=1)
            true = likely.gather(1, answer[0, 1:, None])[:, 0]
            found.append(-(0.9 * true + 0.1 * likely.mean(dim=1)).sum())
    return torch.stack(found).view(len(QUESTIONS), len(candidates))


@pytest.mark.parametrize("pairs", [1000, 7])
def test_the_candidate_with_the_lowest_loss_is_best(
    *,
    model: TorchModel,
    answerer: Answerer,
    tokens: Tensor,
    monkeypatch: pytest.MonkeyPatch,
    pairs: int,
) -> None:
    monkeypatch.setattr(answerers, "PAIRS_PER_CALL", pairs)
    candidates = sentences(20)
    expected = losses(model, answerer, tokens, candidates).argmin(dim=1)
    found = AnswersByTexts(answerer, model.texts).rank(tokens, QUESTIONS, candidates)
    assert found == [candidates[place] for place in expected]


def test_only_those_with_likely_first_tokens_are_compared(
    model: TorchModel, answerer: Answerer, tokens: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answerers, "SHORTLIST_ANSWERS", 3)
    rare = "right"  # on the whole the likeliest, as it is the shortest
    candidates = [word if word == rare else f"{word} dog dog" for word in WORDS]
    whole = losses(model, answerer, tokens, candidates)
    asking = AnswersByTexts(answerer, model.texts)
    found = asking.rank(tokens, QUESTIONS, candidates)
    for row, question in enumerate(QUESTIONS):
        ids = torch.from_numpy(model.texts.ids([question]))
        with torch.inference_mode():
            states = answerer.question_states(ids, tokens[row : row + 1])
            start = torch.tensor([[SPECIAL.cls]])
            memory = answerer.question_memory(states)
            logits = answerer.next_words(start, memory, answerer.words(ids))[0, 0]
        firsts = logits[torch.tensor([model.texts.words(word)[0] for word in WORDS])]
        likely = firsts.topk(3).indices
        assert found[row] == candidates[likely[whole[row, likely].argmin()]]
    assert {candidates[place] for place in whole.argmin(dim=1)} == {rare}
    assert rare not in found


@torch.inference_mode()
def test_the_cached_decoder_reads_the_questions_words_alone(
    model: TorchModel, answerer: Answerer, tokens: Tensor
) -> None:
    """The second question is padded; its logits are those without padding and without a cache."""
    ids = torch.from_numpy(model.texts.ids(QUESTIONS))
    states = answerer.question_states(ids, tokens)
    memory, words = answerer.question_memory(states), answerer.words(ids)
    parts = answerer.text_decoder
    decoder = CachedDecoder(parts.bert, parts.cls.predictions, memory, [SPECIAL.dec], words)
    texts, past = np.full((4, 1), SPECIAL.dec), None
    for step in range(4):
        logits, past = decoder(texts[:, -1:], past, np.arange(4))
        expected = answerer.next_words(torch.from_numpy(texts), memory, words)[:, -1]
        np.testing.assert_allclose(logits, expected.numpy(), atol=1e-5)
        texts = np.concatenate([texts, np.full((4, 1), 8 + step)], axis=1)


def test_answers_do_not_depend_on_the_batch(
    model: TorchModel, answerer: Answerer, tokens: Tensor
) -> None:
    asking = AnswersByTexts(answerer, model.texts)
    together = asking.generate(tokens, QUESTIONS)
    alone = [asking.generate(tokens[n : n + 1], [q])[0] for n, q in enumerate(QUESTIONS)]
    assert together == alone
    assert len(set(together)) > 1
    assert max(len(model.texts.words(text)) for text in together) <= 9  # and [DEC]: 10


def test_answers_are_those_of_the_runtime(tmp_path: Path) -> None:
    """The same weights and image tokens: what SQL says, torch says."""
    decoding = Decoding(beams=3, min_length=1, max_length=10)
    folder = tiny_artifact(tmp_path, roles=("answerer",), decoding=decoding).folder
    runtime, (asking, _) = Runtime.load(folder), load_answerer(folder, CPU)
    _, tokens, scales = runtime.encode_images(pictures(len(QUESTIONS)))
    values = dequantize_tokens(torch.from_numpy(tokens), torch.from_numpy(scales))
    assert asking.generate(values, QUESTIONS) == runtime.answer(tokens, scales, QUESTIONS)
    candidates = sentences(40)
    expected = runtime.answer(tokens, scales, QUESTIONS, among=candidates)
    assert asking.rank(values, QUESTIONS, candidates) == expected

"""Training of visual question answering (arXiv 2201.12086, section 5.3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blipdb.model.architecture import SpecialTokens

from ..datasets.questions import QuestionBatch
from ..datasets.scenes import normalise
from ..models.answerer import Answerer
from ..objectives.losses import IGNORED
from ..run.config import Config


class VQALearner(nn.Module):
    """An `Answerer` in training. Called, it returns the step's loss, named "lm"."""

    is_sparing = False

    def __init__(self, config: Config, special: SpecialTokens) -> None:
        super().__init__()
        self.config = config
        self.answerer = Answerer(config.model, special)
        self.answerer.regularise(
            config.dropout, config.drop_path, recomputes=config.scale.recomputes
        )

    @property
    def trained(self) -> nn.Module:
        """Module whose weights a run saves."""
        return self.answerer

    def forward(self, batch: QuestionBatch, step: int) -> dict[str, Tensor]:
        """Compute the loss; each question is encoded once for all its answers."""
        model = self.answerer
        device = model.text_encoder.embeddings.word_embeddings.weight.device
        questions, answers, weights, rows = (
            torch.from_numpy(array).to(device)
            for array in (batch.questions, batch.answers, batch.weights, batch.rows)
        )
        is_half = self.config.scale.precision == "bf16"
        with torch.autocast(device.type, torch.bfloat16, enabled=is_half):
            tokens = model.image_tokens(normalise(batch.images, device))
            memory = model.question_memory(model.question_states(questions, tokens))
            row_memory = [layer.rows(rows) for layer in memory]
            logits = model.next_words(answers, row_memory, model.words(questions)[rows])
        each = answer_losses(logits.float(), answers, model.special.pad, self.config.smoothing)
        return {"lm": (each * weights).sum() / len(questions)}


def answer_losses(logits: Tensor, answers: Tensor, pad: int, smoothing: float) -> Tensor:
    """The sum over each answer's tokens of their cross-entropy, float [A]. logits [A, L, V] at the
    answers' tokens int64 [A, L]."""
    targets = answers[:, 1:].masked_fill(answers[:, 1:] == pad, IGNORED)
    losses = F.cross_entropy(
        logits[:, :-1].flatten(0, 1),
        targets.flatten(),
        ignore_index=IGNORED,
        label_smoothing=smoothing,
        reduction="none",
    )
    return losses.view(targets.shape).sum(dim=1)

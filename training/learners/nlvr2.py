"""Training of NLVR2: is a statement true of two images?"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blipdb.model.architecture import SpecialTokens

from ..datasets.scenes import normalise
from ..datasets.statements import StatementBatch
from ..models.nlvr2 import Reasoner
from ..run.config import Config


class NLVR2Learner(nn.Module):
    """A `Reasoner` in training. Called, it returns the step's loss, named "itm": a statement that
    is true of two images matches them."""

    is_sparing = False

    def __init__(self, config: Config, special: SpecialTokens) -> None:
        super().__init__()
        self.config = config
        self.reasoner = Reasoner(config.model, special)
        self.reasoner.regularise(
            config.dropout, config.drop_path, recomputes=config.scale.recomputes
        )

    @property
    def trained(self) -> nn.Module:
        """Module whose weights a run saves."""
        return self.reasoner

    def forward(self, batch: StatementBatch, step: int) -> dict[str, Tensor]:
        device = self.reasoner.text_encoder.embeddings.word_embeddings.weight.device
        pixels = [normalise(images, device) for images in (batch.left, batch.right)]
        is_half = self.config.scale.precision == "bf16"
        with torch.autocast(device.type, torch.bfloat16, enabled=is_half):
            logits = self.reasoner(pixels, torch.from_numpy(batch.texts).to(device))
        labels = torch.from_numpy(batch.labels).to(device)
        return {"itm": F.cross_entropy(logits.float(), labels)}

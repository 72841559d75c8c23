"""Reasoning over two images (NLVR2): is a statement true of both? (arXiv 2201.12086, section 5.4.)

One vision transformer for both images. Each text layer has a cross-attention for each of them, both
begun with the same weights; what they give is averaged in the first half of the layers, and joined
by a linear layer in the second. A head of two layers reads the first token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blipdb.model.architecture import Architecture, SpecialTokens

from .med import (
    MED,
    Attention,
    Intermediate,
    Memory,
    Projections,
    Recomputes,
    Residual,
    TextEmbeddings,
    VisionModel,
    initialise,
    merge_heads,
    regularise,
    run_layer,
)

TWINS = ("self0", "self1", "output.dense0", "output.dense1")


class TwinOutput(nn.Module):
    """Output of both cross-attentions: their mean, or a linear layer of both; residual and
    LayerNorm."""

    def __init__(self, arch: Architecture, *, merges: bool) -> None:
        super().__init__()
        width = arch.text_width
        self.dense0, self.dense1 = nn.Linear(width, width), nn.Linear(width, width)
        self.merge_layer = nn.Linear(2 * width, width) if merges else None
        self.LayerNorm = nn.LayerNorm(width, eps=arch.text_eps)
        self.dropout = nn.Dropout(0.0)

    def forward(self, left: Tensor, right: Tensor, x: Tensor) -> Tensor:
        left, right = self.dense0(left), self.dense1(right)
        if self.merge_layer is None:
            joined = (left + right) / 2
        else:
            joined = self.merge_layer(torch.cat([left, right], dim=-1))
        return cast(Tensor, self.LayerNorm(self.dropout(joined) + x))


class TwinAttention(nn.Module):
    """Cross-attention to two images."""

    def __init__(self, arch: Architecture, *, merges: bool) -> None:
        super().__init__()
        sizes = arch.text_width, arch.vision_width, arch.text_heads
        self.self0, self.self1 = Projections(*sizes), Projections(*sizes)
        self.output = TwinOutput(arch, merges=merges)

    def forward(self, x: Tensor, left: Memory, right: Memory) -> Tensor:
        contexts = [
            merge_heads(F.scaled_dot_product_attention(part.queries(x), *memory))
            for part, memory in ((self.self0, left), (self.self1, right))
        ]
        return cast(Tensor, self.output(*contexts, x))


class TwinLayer(nn.Module):
    """Self-attention, cross-attention to both images, the MLP."""

    def __init__(self, arch: Architecture, *, merges: bool) -> None:
        super().__init__()
        self.attention = Attention(arch, arch.text_width)
        self.crossattention = TwinAttention(arch, merges=merges)
        self.intermediate = Intermediate(arch)
        self.output = Residual(arch.text_mlp, arch.text_width, arch.text_eps)

    def forward(self, x: Tensor, mask: Tensor, left: Tensor, right: Tensor) -> Tensor:
        x = self.attention(x, self.attention.self.memory(x), mask)
        twins = self.crossattention
        x = twins(x, twins.self0.memory(left), twins.self1.memory(right))
        return cast(Tensor, self.output(self.intermediate(x), x))


class TwinEncoder(nn.Module):
    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        half = arch.text_layers // 2
        self.layer = nn.ModuleList(
            TwinLayer(arch, merges=n >= half) for n in range(arch.text_layers)
        )


class TwinTextModel(nn.Module, Recomputes):
    """Text transformer with cross-attention to two images."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.embeddings = TextEmbeddings(arch)
        self.encoder = TwinEncoder(arch)

    def forward(self, ids: Tensor, mask: Tensor, left: Tensor, right: Tensor) -> Tensor:
        """ids int64 [B, L], mask as `TextModel`'s, image tokens [B, N, D] each -> [B, L, D]."""
        x = cast(Tensor, self.embeddings(ids))
        for layer in self.encoder.layer:
            x = run_layer(layer, x, mask, left, right, recomputes=self.recomputes)
        return x


class Reasoner(nn.Module):
    """Two images and a statement -> logits [B, 2]; class 1 is "it is true". Names in the state dict
    are those of Salesforce's NLVR2 model, with the vision transformer under Hugging Face's."""

    def __init__(self, arch: Architecture, special: SpecialTokens) -> None:
        super().__init__()
        self.arch, self.special = arch, special
        self.vision_model = VisionModel(arch)
        self.text_encoder = TwinTextModel(arch)
        self.cls_head = nn.Sequential(
            nn.Linear(arch.text_width, arch.text_width), nn.ReLU(), nn.Linear(arch.text_width, 2)
        )
        initialise(self)

    def begin(self, med: MED) -> None:
        """Load a pretrained model's weights; both cross-attentions start with the same."""
        self.vision_model.load_state_dict(med.vision_model.state_dict())
        pretrained = med.text_encoder.state_dict()
        own = self.text_encoder.state_dict()
        initial = {name: pretrained[_source(name)] for name in own if ".merge_layer." not in name}
        self.text_encoder.load_state_dict(own | initial)

    def regularise(self, dropout: float, drop_path: float, *, recomputes: bool = False) -> None:
        """As `MED.regularise`."""
        regularise(self, dropout, drop_path, recomputes=recomputes)

    def forward(self, pixels: Sequence[Tensor], ids: Tensor) -> Tensor:
        """Left and right images [B, 3, S, S] each, statements int64 [B, L] -> logits [B, 2]."""
        left, right = self.vision_model(torch.cat(list(pixels))).chunk(2)
        ids = ids.clone()
        ids[:, 0] = self.special.enc
        mask = (ids != self.special.pad)[:, None, None, :]
        states = self.text_encoder(ids, mask, left, right)
        return cast(Tensor, self.cls_head(states[:, 0]))


def _source(name: str) -> str:
    """Return the name of the pretrained weight: `crossattention.self.key.bias` for
    `crossattention.self1.key.bias`."""
    for twin in TWINS:
        name = name.replace(f"crossattention.{twin}.", f"crossattention.{twin[:-1]}.")
    return name

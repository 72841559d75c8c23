"""transformers' models of the true sizes, ViT-B/16 and ViT-L/16, with random weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from blipdb.checkpoints.convert import MEAN, STD
from blipdb.model.architecture import SpecialTokens
from tests.checkpoints import published, reference

SPECIAL = SpecialTokens(pad=0, unk=100, cls=101, sep=102, dec=30522, enc=30523)


def vocabulary() -> list[str]:
    """As many pieces as BERT's, with its special tokens in their places."""
    words = [f"w{n}" for n in range(30522)]
    own = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
    for place, word in (own | {1037: "a", 3861: "picture", 1997: "of"}).items():
        words[place] = word
    return words


class Published(NamedTuple):
    """transformers' models over one vision transformer; `retrieval` and `captioner` share what
    BLIP's pretrained encoder and decoder do. pixels uint8 [B, S, S, 3], tokens [B, N, D] of them.
    """

    retrieval: Any
    captioner: Any
    answerer: Any
    pixels: npt.NDArray[np.uint8]
    tokens: Tensor

    def pretrained_file(self, folder: Path) -> Path:
        """As Salesforce's pretraining saves it: it retrieves and captions."""
        state = self.captioner.state_dict() | self.retrieval.state_dict()
        torch.save({"model": published.renamed(state)}, folder / "model.pth")
        (folder / "vocab.txt").write_text("\n".join(vocabulary()))
        return folder / "model.pth"

    @torch.no_grad()
    def round(self) -> None:
        """Give every weight the value that an artifact keeps of it."""
        for parameter in nn.ModuleList(self[:3]).parameters():
            parameter.copy_(parameter.half())


@torch.no_grad()
def publish(sizes: Mapping[str, Mapping[str, Any]], **vision: int) -> Published:
    """Of these sizes, seeing one image. The answerer's encoder is the retriever's, too: what is not
    shared has to be its decoder, and memory is dear."""
    sizes = {**sizes, "vision_config": {**sizes["vision_config"], **vision}}
    config: Any = published.configuration(sizes)
    models: Any = nn.ModuleDict({kind: published.planned(kind, config) for kind in published.KINDS})
    retrieval, captioner, answerer = models.values()
    captioner.vision_model = answerer.vision_model = retrieval.vision_model
    answerer.text_encoder = retrieval.text_encoder
    share(captioner.text_decoder.bert, retrieval.text_encoder)
    published.settled(models)
    size = config.vision_config.image_size
    pixels = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    tokens = reference.image_tokens(retrieval, normalised(pixels))
    return Published(retrieval, captioner, answerer, pixels, tokens)


def share(decoder: Any, encoder: Any) -> None:
    """All but self-attention (BLIP, Table 3)."""
    decoder.embeddings = encoder.embeddings
    for mine, theirs in zip(decoder.encoder.layer, encoder.encoder.layer, strict=True):
        mine.crossattention, mine.intermediate = theirs.crossattention, theirs.intermediate
        mine.output = theirs.output


def normalised(pixels: npt.NDArray[np.uint8]) -> Tensor:
    values = (pixels / 255 - np.array(MEAN)) / np.array(STD)
    return torch.from_numpy(values).permute(0, 3, 1, 2).float()

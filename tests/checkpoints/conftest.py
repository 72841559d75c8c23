"""A tiny BLIP with random weights, as transformers saves it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BlipConfig, BlipForImageTextRetrieval

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "blue", "bi", "##cycle", "dog"]
VOCABULARY = len(WORDS) + 2  # [DEC] and [ENC]


@pytest.fixture(scope="module")
def theirs() -> BlipForImageTextRetrieval:
    """Random weights, rounded to float16; every one of them matters."""
    vision = {
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "image_size": 24, "patch_size": 8, "layer_norm_eps": 1e-6,
    }  # fmt: skip
    text = {
        "vocab_size": VOCABULARY, "hidden_size": 24, "encoder_hidden_size": 32,
        "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3,
        "max_position_embeddings": 16, "layer_norm_eps": 1e-12, "pad_token_id": 0,
        "bos_token_id": VOCABULARY - 2, "sep_token_id": 3, "eos_token_id": 3,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip
    config = BlipConfig(vision_config=vision, text_config=text, image_text_hidden_size=16)
    generator = torch.Generator().manual_seed(1)
    model = BlipForImageTextRetrieval(config)
    model.train(False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
            parameter.copy_(parameter.half().float())
    assert isinstance(model, BlipForImageTextRetrieval)
    return model


@pytest.fixture
def folder(theirs: BlipForImageTextRetrieval, tmp_path: Path) -> Path:
    """As `save_pretrained` leaves it, with BERT's list of pieces."""
    path = tmp_path / "blip-tiny"
    theirs.save_pretrained(path)
    (path / "vocab.txt").write_text("\n".join(WORDS))
    return path

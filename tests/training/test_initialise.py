from __future__ import annotations

import torch

from blipdb.architecture import Architecture, SpecialTokens
from blipdb.training.initialise import initialise_vision, waves
from blipdb.training.med import MED

ARCHITECTURE = Architecture(
    image_size=32, patch_size=8, vision_width=64, vision_layers=2, vision_heads=2, vision_mlp=128,
    vocab_size=50, text_width=32, text_layers=1, text_heads=2, text_mlp=64, max_positions=10,
    embed_dim=16,
)  # fmt: skip


def test_near_patches_have_like_positions() -> None:
    found = torch.nn.functional.normalize(waves(5, 63), dim=1)
    assert found.shape == (25, 63)
    alike = (found @ found.T)[12].view(5, 5)  # to the patch in the middle
    assert alike[2, 2] == alike.max()
    assert (alike[2, 3] - alike[3, 2]).abs() < 1e-5
    assert alike[2, 3] > alike[2, 4]
    assert alike[3, 3] > alike[4, 4]


def test_attention_begins_with_what_is_alike() -> None:
    torch.manual_seed(1)
    vision = MED(ARCHITECTURE, SpecialTokens()).vision_model
    initialise_vision(vision)
    assert not vision.embeddings.position_embedding[0, 0].any()
    assert torch.equal(vision.embeddings.position_embedding[0, 1:], waves(4, 64))
    for layer in vision.encoder.layers:
        query, key, value = layer.self_attn.qkv.weight.chunk(3)
        for head in (slice(0, 32), slice(32, 64)):
            product = query[head].T @ key[head]
            assert product.trace() > 10  # of 64; random weights give 0 on average
        taken_off = layer.self_attn.projection.weight @ value
        assert -30 < taken_off.trace() < -20

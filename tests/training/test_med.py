from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
)

from blipdb.model.architecture import Architecture, ArchitectureError, SpecialTokens
from blipdb.training.models.med import MED, dequantize_tokens
from blipdb.training.run.checkpoint import load_weights, save_weights
from blipdb.training.run.config import SHARINGS

SPECIAL = SpecialTokens()


def tiny(**changes: Any) -> Architecture:
    sizes = {
        "image_size": 24,
        "patch_size": 8,
        "vision_width": 32,
        "vision_layers": 2,
        "vision_heads": 4,
        "vision_mlp": 48,
        "vocab_size": 20,
        "text_width": 24,
        "text_layers": 2,
        "text_heads": 3,
        "text_mlp": 40,
        "max_positions": 12,
        "embed_dim": 16,
    }
    return Architecture(**{**sizes, **changes})


def random_med(arch: Architecture) -> MED:
    """A model whose every weight matters, biases and norms too."""
    generator = torch.Generator().manual_seed(1)
    model = MED(arch, SPECIAL)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.eval()


def huggingface_config(arch: Architecture) -> BlipConfig:
    vision = {
        "hidden_size": arch.vision_width,
        "intermediate_size": arch.vision_mlp,
        "num_hidden_layers": arch.vision_layers,
        "num_attention_heads": arch.vision_heads,
        "image_size": arch.image_size,
        "patch_size": arch.patch_size,
        "layer_norm_eps": arch.vision_eps,
        "projection_dim": arch.embed_dim,
    }
    text = {
        "vocab_size": arch.vocab_size,
        "hidden_size": arch.text_width,
        "encoder_hidden_size": arch.vision_width,
        "intermediate_size": arch.text_mlp,
        "num_hidden_layers": arch.text_layers,
        "num_attention_heads": arch.text_heads,
        "max_position_embeddings": arch.max_positions,
        "layer_norm_eps": arch.text_eps,
        "projection_dim": arch.embed_dim,
        "pad_token_id": SPECIAL.pad,
        "bos_token_id": SPECIAL.dec,
        "sep_token_id": SPECIAL.sep,
        "eos_token_id": SPECIAL.sep,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    return BlipConfig(vision_config=vision, text_config=text, image_text_hidden_size=arch.embed_dim)


def load_all(theirs: torch.nn.Module, model: MED) -> None:
    """Give Hugging Face's model our weights; every name of theirs has to be among ours."""
    ours = model.state_dict()
    missing, _ = theirs.load_state_dict(ours, strict=False)
    assert [name for name in missing if not name.endswith("position_ids")] == []


@pytest.fixture
def pixels() -> torch.Tensor:
    return torch.randn(3, 3, 24, 24, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def ids() -> torch.Tensor:
    """Three texts, padded."""
    ids = torch.randint(6, 20, (3, 9), generator=torch.Generator().manual_seed(3))
    for row, length in zip(ids, (9, 6, 3), strict=True):
        row[0], row[length - 1] = SPECIAL.cls, SPECIAL.sep
        row[length:] = SPECIAL.pad
    return ids


def opened(ids: torch.Tensor, first: int) -> torch.Tensor:
    ids = ids.clone()
    ids[:, 0] = first
    return ids


@torch.no_grad()
def test_retrieval_equals_huggingface(pixels: torch.Tensor, ids: torch.Tensor) -> None:
    model = random_med(tiny())
    theirs = BlipForImageTextRetrieval(huggingface_config(tiny())).train(False)
    load_all(theirs, model)
    mask = (ids != SPECIAL.pad).long()

    itc = theirs(ids, pixels, attention_mask=mask, use_itm_head=False)
    tokens = model.image_tokens(pixels)
    torch.testing.assert_close(tokens, itc.last_hidden_state, atol=1e-5, rtol=0)
    cosine = model.image_vector(tokens) @ model.text_vector(ids).T
    torch.testing.assert_close(cosine, itc.itm_score, atol=1e-5, rtol=0)

    itm = theirs(opened(ids, SPECIAL.enc), pixels, attention_mask=mask, use_itm_head=True)
    logits = model.match(ids, model.image_memory(tokens))
    torch.testing.assert_close(logits, itm.itm_score, atol=1e-5, rtol=0)
    assert logits[:, 1].std() > 0.01


@torch.no_grad()
def test_captioner_equals_huggingface(pixels: torch.Tensor, ids: torch.Tensor) -> None:
    model = random_med(tiny())
    theirs = BlipForConditionalGeneration(huggingface_config(tiny())).train(False)
    load_all(theirs, model)
    mask = (ids != SPECIAL.pad).long()

    expected = theirs(pixels, opened(ids, SPECIAL.dec), attention_mask=mask).logits
    logits = model.next_words(ids, model.image_memory(model.image_tokens(pixels)))
    written = mask.bool()
    torch.testing.assert_close(logits[written], expected[written], atol=1e-5, rtol=0)


@torch.no_grad()
def test_decoder_is_causal(pixels: torch.Tensor, ids: torch.Tensor) -> None:
    model = random_med(tiny())
    memory = model.image_memory(model.image_tokens(pixels))
    changed = ids.clone()
    changed[:, 5] = 7 + (ids[:, 5] == 7)
    before, after = model.next_words(ids, memory), model.next_words(changed, memory)
    torch.testing.assert_close(before[:, :5], after[:, :5], atol=1e-6, rtol=0)
    assert (before[:, 5:] - after[:, 5:]).abs().amax(dim=(1, 2)).min() > 1e-3


@torch.no_grad()
def test_padding_changes_nothing(pixels: torch.Tensor, ids: torch.Tensor) -> None:
    model = random_med(tiny())
    memory = model.image_memory(model.image_tokens(pixels))
    short = ids[2:, :3]
    rows = [layer.rows(torch.tensor([2])) for layer in memory]
    torch.testing.assert_close(model.text_vector(ids)[2:], model.text_vector(short))
    torch.testing.assert_close(model.match(ids, memory)[2:], model.match(short, rows))


def shared_and_own(model: MED) -> tuple[set[str], set[str]]:
    """Names within the decoder's transformer that are the encoder's, and that are not."""
    encoder = dict(model.text_encoder.named_parameters())
    decoder = dict(model.text_decoder.bert.named_parameters())
    assert encoder.keys() == decoder.keys()
    shared = {name for name in encoder if encoder[name] is decoder[name]}
    return shared, encoder.keys() - shared


def assert_shares_all_but_self_attention(model: MED) -> None:
    shared, own = shared_and_own(model)
    assert all(".attention." in name for name in own)
    assert not any(".attention." in name for name in shared)
    words = model.text_encoder.embeddings.word_embeddings.weight
    head = model.text_decoder.cls.predictions
    assert head.decoder.weight is words
    assert head.bias is head.decoder.bias


def test_sharing_survives_copying_and_saving(tmp_path: Path) -> None:
    model = random_med(tiny())
    assert_shares_all_but_self_attention(model)
    assert_shares_all_but_self_attention(copy.deepcopy(model))

    save_weights(tmp_path / "weights.safetensors", model)
    loaded = MED(tiny(), SPECIAL)
    load_weights(tmp_path / "weights.safetensors", loaded)
    assert_shares_all_but_self_attention(loaded)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


def test_shared_parameters_train_as_one(pixels: torch.Tensor, ids: torch.Tensor) -> None:
    model = random_med(tiny())
    model.next_words(ids, model.image_memory(model.image_tokens(pixels))).sum().backward()
    encoder_mlp = model.text_encoder.layers[0].intermediate.dense.weight
    encoder_attention = model.text_encoder.layers[0].attention.self.query.weight
    assert encoder_mlp.grad is not None
    assert encoder_mlp.grad.abs().max() > 0
    assert encoder_attention.grad is None  # the captioner's own is another


@pytest.mark.parametrize(
    ("sharing", "millions"), list(zip(SHARINGS, (224, 252, 252, 361), strict=True))
)
def test_paper_sizes(sharing: str, millions: int) -> None:
    """The parameters of a ViT-B MED are those of BLIP's Table 3."""
    base = Architecture(
        224, 16, 768, 12, 12, 3072, 30524, 768, 12, 12, 3072, 512, 256
    )  # fmt: skip
    with torch.device("meta"):
        model = MED(base, SPECIAL, sharing)
    assert round(sum(p.numel() for p in model.parameters()) / 1e6) == millions


@pytest.mark.parametrize("sharing", SHARINGS)
def test_a_decoder_looks_through_what_it_shares(sharing: str) -> None:
    model = MED(tiny(), SPECIAL, sharing)
    tokens = torch.randn(2, model.arch.image_tokens, model.arch.vision_width)
    encoders = model.image_memory(tokens)
    own = model.writing_memory(tokens, encoders)
    is_shared = sharing in ("all", "all but self-attention")
    assert (own is encoders) == is_shared
    assert torch.equal(own[0].keys, encoders[0].keys) == is_shared


def test_dequantized_tokens() -> None:
    values = torch.tensor([[[127, -64, 0, 2], [0, 0, 0, 0]]], dtype=torch.int8)
    tokens = dequantize_tokens(values, torch.tensor([[0.01, 0.0]]))
    expected = torch.tensor([[[1.27, -0.64, 0.0, 0.02], [0.0, 0.0, 0.0, 0.0]]])
    torch.testing.assert_close(tokens, expected)


def test_architecture_refuses_what_it_does_not_know() -> None:
    values = tiny().to_dict()
    assert Architecture.from_dict(values) == tiny()
    with pytest.raises(ArchitectureError, match="no field depth"):
        Architecture.from_dict({**values, "depth": 3})
    del values["patch_size"]
    with pytest.raises(ArchitectureError, match="patch_size"):
        Architecture.from_dict(values)
    with pytest.raises(ArchitectureError, match="image_size 24 is not a multiple of patch_size 7"):
        tiny(patch_size=7)
    with pytest.raises(ArchitectureError, match="text_layers is 0"):
        tiny(text_layers=0)

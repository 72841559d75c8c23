from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from blipdb.model.architecture import Architecture, SpecialTokens
from blipdb.training.models.initialise import initialise_vision, load_text, load_vision, waves
from blipdb.training.models.med import MED
from blipdb.training.run.checkpoint import CheckpointError
from tests.training.test_med import SPECIAL, tiny

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


def timm_state(arch: Architecture, size: int) -> dict[str, Tensor]:
    """A vision transformer as timm names it, for images of `size` pixels."""
    model = MED(dataclasses.replace(arch, image_size=size), SPECIAL)
    names = {
        ".embeddings.class_embedding": ".cls_token",
        ".embeddings.position_embedding": ".pos_embed",
        ".embeddings.patch_embedding": ".patch_embed.proj",
        ".encoder.layers": ".blocks",
        "layer_norm1": "norm1",
        "layer_norm2": "norm2",
        "self_attn.qkv": "attn.qkv",
        "self_attn.projection": "attn.proj",
        ".post_layernorm": ".norm",
    }
    state = {}
    for name, value in model.vision_model.state_dict(prefix=".").items():
        for mine, theirs in names.items():
            name = name.replace(mine, theirs)
        state[name.removeprefix(".")] = value.clone()
    return state | {"head.weight": torch.zeros(5, arch.vision_width)}


def test_a_vision_transformer_by_timms_names(tmp_path: Path) -> None:
    state = timm_state(tiny(), 24)
    assert "blocks.1.attn.qkv.weight" in state
    save_file(state, tmp_path / "vit.safetensors")
    model = MED(tiny(), SPECIAL)
    load_vision(tmp_path / "vit.safetensors", model)
    assert torch.equal(
        model.vision_model.encoder.layers[1].self_attn.qkv.weight, state["blocks.1.attn.qkv.weight"]
    )
    assert torch.equal(model.vision_model.post_layernorm.weight, state["norm.weight"])
    assert torch.equal(model.vision_model.embeddings.position_embedding, state["pos_embed"])


def test_positions_of_larger_images_are_interpolated(tmp_path: Path) -> None:
    """As salesforce/BLIP's interpolate_pos_embed: bicubic, [CLS] untouched."""
    state = timm_state(tiny(), 24)
    save_file(state, tmp_path / "vit.safetensors")
    model = MED(tiny(image_size=48), SPECIAL)
    load_vision(tmp_path / "vit.safetensors", model)
    found = model.vision_model.embeddings.position_embedding
    given = state["pos_embed"]
    assert torch.equal(found[:, 0], given[:, 0])
    grid = given[:, 1:].reshape(1, 3, 3, 32).permute(0, 3, 1, 2)
    larger = torch.nn.functional.interpolate(grid, size=(6, 6), mode="bicubic")
    torch.testing.assert_close(found[:, 1:], larger.permute(0, 2, 3, 1).flatten(1, 2))


def bert_state(arch: Architecture, prefix: str = "bert.") -> dict[str, Tensor]:
    """BERT as Hugging Face names it: no cross-attention, a pooler, two words fewer."""
    model = MED(arch, SPECIAL)
    state = {
        prefix + name: value.clone()
        for name, value in model.text_encoder.state_dict().items()
        if ".crossattention." not in name
    }
    words = f"{prefix}embeddings.word_embeddings.weight"
    state[words] = state[words][:-2].clone()
    state[f"{prefix}embeddings.token_type_embeddings.weight"] = torch.zeros(2, arch.text_width)
    state[f"{prefix}pooler.dense.weight"] = torch.zeros(arch.text_width, arch.text_width)
    for name, value in model.text_decoder.state_dict().items():
        if name.startswith("cls.predictions.transform."):
            state[name] = value.clone()
    return state


def test_bert_begins_encoder_and_decoder(tmp_path: Path) -> None:
    state = bert_state(tiny())
    save_file(state, tmp_path / "bert.safetensors")
    model = MED(tiny(), SPECIAL)
    untouched = model.text_encoder.layers[0].crossattention.self.key.weight.clone()
    added = model.text_encoder.embeddings.word_embeddings.weight[-2:].clone()
    load_text(tmp_path / "bert.safetensors", model)
    words = model.text_encoder.embeddings.word_embeddings.weight
    assert torch.equal(words[:-2], state["bert.embeddings.word_embeddings.weight"])
    assert torch.equal(words[-2:], added)
    for part in (model.text_encoder, model.text_decoder.bert):
        found = part.layers[1].attention.self.query.weight
        assert torch.equal(found, state["bert.encoder.layer.1.attention.self.query.weight"])
    found = model.text_decoder.cls.predictions.transform.dense.weight
    assert torch.equal(found, state["cls.predictions.transform.dense.weight"])
    assert torch.equal(model.text_encoder.layers[0].crossattention.self.key.weight, untouched)
    assert model.text_decoder.cls.predictions.decoder.weight is words


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    state = bert_state(tiny())
    name = "encoder.layer.1.output.dense.weight"
    save_file(state | {f"bert.{name}": torch.zeros(3, 3)}, tmp_path / "bert.safetensors")
    with pytest.raises(CheckpointError, match=rf"{name} has shape \(3, 3\); \(24, 40\) fits"):
        load_text(tmp_path / "bert.safetensors", MED(tiny(), SPECIAL))
    del state[f"bert.{name}"]
    save_file(state, tmp_path / "bert.safetensors")
    with pytest.raises(CheckpointError, match=f"has no {name}"):
        load_text(tmp_path / "bert.safetensors", MED(tiny(), SPECIAL))
    save_file({"head.weight": torch.zeros(2, 2)}, tmp_path / "vit.safetensors")
    with pytest.raises(CheckpointError, match=r"has no vision_model\.embeddings\.class_embedding"):
        load_vision(tmp_path / "vit.safetensors", MED(tiny(), SPECIAL))

"""Tiny checkpoints, as transformers and Salesforce write them, into artifacts that compute what
transformers computes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BlipForImageTextRetrieval

from blipdb.architecture import SpecialTokens
from blipdb.artifact import Artifact
from blipdb.checkpoints.convert import convert
from blipdb.checkpoints.names import to_huggingface
from blipdb.errors import ModelError
from blipdb.runtime import Runtime
from tests.checkpoints.conftest import VOCABULARY, WORDS


def salesforce(name: str) -> str:
    """The name that a weight has in Salesforce's files."""
    layer, block = r"^vision_model\.encoder\.layers\.(\d+)\.", r"visual_encoder.blocks.\1."
    for new, old in (
        (layer + "layer_norm", block + "norm"),
        (layer + r"self_attn\.qkv", block + "attn.qkv"),
        (layer + r"self_attn\.projection", block + "attn.proj"),
        (layer, block),
        (r"^vision_model\.post_layernorm", "visual_encoder.norm"),
        (r"^vision_model\.embeddings\.class_embedding", "visual_encoder.cls_token"),
        (r"^vision_model\.embeddings\.position_embedding", "visual_encoder.pos_embed"),
        (r"^vision_model\.embeddings\.patch_embedding", "visual_encoder.patch_embed.proj"),
    ):
        name = re.sub(new, old, name)
    return name


def assert_same(artifact: Artifact, theirs: BlipForImageTextRetrieval) -> None:
    """ITC vectors and ITM logits of the artifact's graphs and of transformers, on the same ids."""
    runtime = Runtime.load(artifact.folder)
    special = artifact.manifest.special_tokens
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (3, 24, 24, 3), dtype=np.uint8)
    image = artifact.manifest.image
    normalised = (pixels / 255 - np.array(image.mean)) / np.array(image.std)
    values = torch.from_numpy(normalised).permute(0, 3, 1, 2).float()
    encoded = runtime.encode_images(pixels)
    text = "a red bicycle"
    ids = torch.tensor([runtime.tokenizer.encode(text, special.cls)])
    assert ids.tolist() == [[2, 5, 6, 8, 9, 3]]
    with torch.no_grad():
        cosines = theirs(ids, values, use_itm_head=False).itm_score
        opened = ids.clone()
        opened[:, 0] = special.enc  # the paper's; transformers leaves [CLS] there
        # transformers' own ITM head on the int8 tokens that were stored
        tokens = torch.from_numpy(encoded.tokens * encoded.scales[..., None])
        states = theirs.text_encoder(
            opened.expand(3, -1), torch.ones(3, 6), encoder_hidden_states=tokens
        ).last_hidden_state
        itm = theirs.itm_head(states[:, 0])
    found = encoded.itc @ runtime.embed_texts([text])[0]
    np.testing.assert_allclose(found, cosines[:, 0], atol=1e-5)
    logits = runtime.rerank(text, encoded.tokens, encoded.scales)
    np.testing.assert_allclose(logits, itm, atol=1e-4)
    assert np.ptp(logits[:, 1]) > 1e-3


def test_a_folder_of_hugging_face(
    folder: Path, theirs: BlipForImageTextRetrieval, tmp_path: Path
) -> None:
    artifact = convert(folder, tmp_path / "out", name="tiny")
    manifest = artifact.manifest
    assert manifest.roles == ("retrieval",)
    assert manifest.special_tokens == SpecialTokens(0, 1, 2, 3, VOCABULARY - 2, VOCABULARY - 1)
    assert (manifest.architecture.vision_eps, manifest.architecture.text_eps) == (1e-6, 1e-12)
    assert_same(artifact, theirs)


@pytest.mark.parametrize("suffix", [".pth", ".bin"])
def test_a_file_of_salesforce(
    folder: Path, theirs: BlipForImageTextRetrieval, tmp_path: Path, suffix: str
) -> None:
    state = {salesforce(name): value for name, value in theirs.state_dict().items()}
    assert "visual_encoder.blocks.1.attn.proj.bias" in state
    momentum = {
        re.sub(r"^(visual_encoder|text_encoder|vision_proj|text_proj)\.", r"\1_m.", name): value
        for name, value in state.items()
        if not name.startswith("itm_head")
    }
    queues = {
        "image_queue": torch.zeros(16, 8), "text_queue": torch.zeros(16, 8),
        "queue_ptr": torch.zeros(1), "ptr_queue": torch.zeros(1), "idx_queue": torch.zeros(1, 8),
        "text_encoder.embeddings.position_ids": torch.arange(16)[None],
        "temp": torch.tensor(0.05),
    }  # fmt: skip
    file = tmp_path / f"model{suffix}"
    torch.save({"model": state | momentum | queues, "config": {"epoch": 3}}, file)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())  # 8-wide heads
    artifact = convert(file, tmp_path / "out", name="tiny")
    assert artifact.manifest.temperature == pytest.approx(0.05)
    assert_same(artifact, theirs)


def test_shards_and_half_precision(
    folder: Path, theirs: BlipForImageTextRetrieval, tmp_path: Path
) -> None:
    state = {name: value.half() for name, value in load_file(folder / "model.safetensors").items()}
    (folder / "model.safetensors").unlink()
    places: dict[str, str] = {}
    for shard in range(2):
        file = f"model-{shard + 1:05}-of-00002.safetensors"
        part = {name: value for i, (name, value) in enumerate(state.items()) if i % 2 == shard}
        save_file(part, folder / file)
        places |= dict.fromkeys(part, file)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    assert_same(convert(folder, tmp_path / "out", name="tiny"), theirs)

    index.write_text(json.dumps({"weight_map": places | {"more.weight": file}}))
    with pytest.raises(ModelError, match=r"1 weights of .* are in no shard, as more\.weight"):
        convert(folder, tmp_path / "out", name="tiny")
    index.write_text(json.dumps({"weight_map": places | {"itm_head.bias": "../other.safetensors"}}))
    with pytest.raises(ModelError, match="outside its folder"):
        convert(folder, tmp_path / "out", name="tiny")
    (folder / file).unlink()
    index.write_text(json.dumps({"weight_map": places}))
    with pytest.raises(ModelError, match=f"{file} is not there"):
        convert(folder, tmp_path / "out", name="tiny")


def test_a_tokenizer_json_is_taken_first(
    folder: Path, theirs: BlipForImageTextRetrieval, tmp_path: Path
) -> None:
    from blipdb.checkpoints.vocabulary import bert

    bert(folder / "vocab.txt").save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").unlink()
    assert_same(convert(folder, tmp_path / "out", name="tiny"), theirs)


def change(folder: Path, name: str, value: torch.Tensor | None) -> None:
    """Alter, add or (None) remove a weight of the folder's file."""
    file = folder / "model.safetensors"
    state = load_file(file)
    state.pop(name, None)
    save_file(state if value is None else state | {name: value}, file, {"format": "pt"})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("itm_head.weight", None, r"1 weights are missing, the first is itm_head.weight"),
        ("text_proj.weight", None, r"The weight text_proj.weight is missing"),
        ("itm_head.weight", torch.zeros(3, 24), r"itm_head.weight has shape \(3, 24\); \(2, 24\)"),
        ("itm_head.bias", torch.tensor([1.0, torch.inf]), "itm_head.bias holds a value that"),
        ("itm_head.bias", torch.tensor([1e9, 0.0]), "itm_head.bias holds a value that float16"),
        (
            "text_encoder.embeddings.word_embeddings.weight", torch.zeros(12, 24),
            r"has 13 tokens with \[DEC\] and \[ENC\]; the weights have 12",
        ),
        (
            "vision_model.embeddings.position_embedding", torch.zeros(1, 12, 32),
            r"position_embedding has shape \(1, 12, 32\); \(1, 10, 32\) fits",
        ),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_named(
    folder: Path, tmp_path: Path, name: str, value: torch.Tensor | None, message: str
) -> None:
    change(folder, name, value)
    with pytest.raises(ModelError, match=message):
        convert(folder, tmp_path / "out", name="tiny")
    assert not (tmp_path / "out").exists()


def test_files_that_are_no_checkpoint(folder: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "out", folder / "model.safetensors"
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"\xff" * 100):
        file.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"model.safetensors can't be read"):
            convert(folder, out, name="tiny")
    file.unlink()
    with pytest.raises(ModelError, match=r"holds no weights: looked for model\.safetensors"):
        convert(folder, out, name="tiny")
    with pytest.raises(ModelError, match="is not there"):
        convert(folder / "gone.pth", out, name="tiny")
    with pytest.raises(ModelError, match="is no file of weights"):
        convert(folder / "config.json", out, name="tiny")


class Hostile:
    """Unpickled, it would leave a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    torch.save({"model": Hostile(tmp_path / "run")}, tmp_path / "model.pth")
    with pytest.raises(ModelError, match=r"can't be read as weights(.|\n)*nothing in it was run"):
        convert(tmp_path / "model.pth", tmp_path / "out", name="tiny")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_mean": [0.5, 0.5]}, "image_mean is .* no three numbers"),
        ({"image_std": [0.5, 0.0, 0.5]}, "deviations are above 0"),
        ([1, 2], "is no JSON object"),
    ],
)
def test_a_preprocessor_that_makes_no_sense(
    folder: Path, tmp_path: Path, values: object, message: str
) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match=message):
        convert(folder, tmp_path / "out", name="tiny")


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("visual_encoder.norm.weight", "vision_model.post_layernorm.weight"),
        ("visual_encoder.blocks.11.norm2.bias", "vision_model.encoder.layers.11.layer_norm2.bias"),
        ("visual_encoder_m.blocks.1.norm2.bias", None),
        ("text_decoder_m.cls.predictions.bias", None),
        ("queue_ptr", None),
        ("text_encoder.embeddings.position_ids", None),
        ("text_decoder.cls.predictions.bias", "text_decoder.cls.predictions.bias"),
        ("temp", "temp"),
    ],
)
def test_names(name: str, theirs: str | None) -> None:
    assert to_huggingface(name) == theirs

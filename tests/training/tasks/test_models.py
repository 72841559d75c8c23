"""A run, an artifact and published checkpoints give the same model."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipForQuestionAnswering,
    PreTrainedModel,
)

from blipdb.errors import ModelError
from blipdb.training.evaluation.tasks.answerer import AnswersByTexts
from blipdb.training.evaluation.tasks.models import (
    TorchModel,
    load_answerer,
    load_model,
    load_reasoner,
    normalised,
)
from blipdb.training.models.med import MED
from tests.training.tasks.tinies import (
    CPU,
    pictures,
    save_run,
    tiny_answerer,
    tiny_model,
    tiny_reasoner,
)

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "blue", "bi", "##cycle", "dog"]
SIDE = 24
SIZES = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
}  # fmt: skip


def blip_config() -> BlipConfig:
    vision = {**SIZES, "image_size": SIDE, "patch_size": 8, "layer_norm_eps": 1e-6}
    text = {
        **SIZES, "vocab_size": len(WORDS) + 2, "encoder_hidden_size": 32, "layer_norm_eps": 1e-12,
        "max_position_embeddings": 24, "pad_token_id": 0, "bos_token_id": len(WORDS),
        "sep_token_id": 3, "eos_token_id": 3, "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0, "is_decoder": True,
    }  # fmt: skip
    return BlipConfig(vision_config=vision, text_config=text, image_text_hidden_size=16)


def saved(theirs: PreTrainedModel, folder: Path) -> Path:
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    theirs.train(False)
    theirs.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    return folder


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> tuple[BlipForImageTextRetrieval, Path]:
    """Hugging Face's, and the folder that it saves."""
    theirs = BlipForImageTextRetrieval(blip_config())
    return theirs, saved(theirs, tmp_path_factory.mktemp("hub") / "retriever")


def assert_same(found: TorchModel, expected: TorchModel) -> None:
    theirs = expected.med.state_dict()
    for name, value in found.med.state_dict().items():
        assert torch.equal(value, theirs[name]), name


def test_a_run_is_what_it_saved(model: TorchModel, tmp_path: Path) -> None:
    run = save_run(tmp_path / "run", model.med, model, prompt="a picture of")
    found = load_model(run, CPU)
    assert_same(found, model)
    assert found.source.prompt == "a picture of"
    assert found.source.digest is None
    assert found.missing == frozenset()
    assert found.texts.ids(["red dog"]).tolist() == model.texts.ids(["red dog"]).tolist()
    assert not found.med.training


def test_an_artifact_has_a_digest_and_its_own_normalisation(model: TorchModel) -> None:
    assert model.source.digest is not None
    assert model.source.mean == (0.48, 0.46, 0.41)
    frames = pictures(2)
    expected = (frames / 255 - [0.48, 0.46, 0.41]) / [0.27, 0.26, 0.28]
    found = model.pixels(frames).permute(0, 2, 3, 1)
    torch.testing.assert_close(found, torch.from_numpy(expected).float())


@torch.inference_mode()
def test_hugging_faces_checkpoint(
    retriever: tuple[BlipForImageTextRetrieval, Path],
) -> None:
    theirs, folder = retriever
    model = load_model(folder, CPU)
    assert model.source.prompt == ""
    model.require("retrieval", "vision_model", "text_encoder", "itm_head")
    with pytest.raises(ModelError, match="evaluated for captioning: it has no weight text_decoder"):
        model.require("captioning", "text_decoder")
    pixels = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    ids = torch.from_numpy(model.texts.ids(["a red dog", "a blue dog"]))
    expected = theirs(ids, pixels, attention_mask=torch.ones_like(ids), use_itm_head=False)
    tokens = model.med.image_tokens(pixels)
    cosines = model.med.image_vector(tokens) @ model.med.text_vector(ids).T
    torch.testing.assert_close(cosines, expected.itm_score, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_a_captioner_alone(tmp_path: Path) -> None:
    theirs = BlipForConditionalGeneration(blip_config())
    model = load_model(saved(theirs, tmp_path / "captioner"), CPU)
    assert model.source.prompt == "a picture of "  # as it was finetuned
    model.require("captioning", "vision_model", "text_decoder")
    with pytest.raises(ModelError, match="evaluated for retrieval: it has no weight itm_head"):
        model.require("retrieval", "itm_head", "text_proj")
    pixels = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    ids = torch.from_numpy(model.texts.ids(["a red dog", "a blue dog"]))
    ids[:, 0] = model.source.special.dec
    expected = theirs(pixels, ids, attention_mask=torch.ones_like(ids)).logits
    memory = model.med.image_memory(model.med.image_tokens(pixels))
    torch.testing.assert_close(model.med.next_words(ids, memory), expected, atol=1e-5, rtol=0)


SALESFORCES = {
    "vision_model.embeddings.class_embedding": "visual_encoder.cls_token",
    "vision_model.embeddings.position_embedding": "visual_encoder.pos_embed",
    "vision_model.embeddings.patch_embedding": "visual_encoder.patch_embed.proj",
    "vision_model.post_layernorm": "visual_encoder.norm",
    "vision_model.encoder.layers": "visual_encoder.blocks",
    ".layer_norm1": ".norm1",
    ".layer_norm2": ".norm2",
    ".self_attn.qkv": ".attn.qkv",
    ".self_attn.projection": ".attn.proj",
}


def save_as_salesforce(path: Path, state: Mapping[str, torch.Tensor]) -> None:
    """One file, under {"model": ...}, with what only training needs beside it."""
    found = {"image_queue": torch.zeros(16, 8), "text_encoder_m.x": torch.zeros(1)}
    for name, value in state.items():
        for ours, theirs in SALESFORCES.items():
            name = name.replace(ours, theirs)
        found[name] = value
    torch.save({"model": found}, path)


def test_salesforces_names(
    retriever: tuple[BlipForImageTextRetrieval, Path], tmp_path: Path
) -> None:
    _, folder = retriever
    path = tmp_path / "model_base_retrieval.pth"
    save_as_salesforce(path, load_file(folder / "model.safetensors"))
    for file in ("vocab.txt", "config.json"):
        shutil.copy(folder / file, tmp_path)
    assert_same_retrieval(load_model(path, CPU), folder)


@torch.inference_mode()
def test_salesforces_reasoner(
    retriever: tuple[BlipForImageTextRetrieval, Path], tmp_path: Path
) -> None:
    begun = load_model(retriever[1], CPU)
    reasoner = tiny_reasoner(begun)
    save_as_salesforce(tmp_path / "model_base_nlvr.pth", reasoner.state_dict())
    for file in ("vocab.txt", "config.json"):
        shutil.copy(retriever[1] / file, tmp_path)
    found, source = load_reasoner(tmp_path / "model_base_nlvr.pth", CPU)
    pixels = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    ids = torch.from_numpy(source.texts.ids(["a red dog"]))
    expected = reasoner([pixels[:1], pixels[1:]], ids)
    torch.testing.assert_close(found.logits(pixels[:1], pixels[1:], ["a red dog"]), expected)


def assert_same_retrieval(found: TorchModel, folder: Path) -> None:
    expected = load_model(folder, CPU)
    given = set(expected.source.state)
    assert found.missing == expected.missing
    for name in given:
        assert torch.equal(found.med.state_dict()[name], expected.med.state_dict()[name]), name


def test_a_model_of_another_kind_is_refused(model: TorchModel, tmp_path: Path) -> None:
    run = save_run(tmp_path / "run", model.med, model)
    state = load_file(run / "weights.safetensors")
    name = "text_decoder.bert.encoder.layer.0.output.dense.weight"
    save_file({**state, name: state[name] + 1}, run / "weights.safetensors")
    with pytest.raises(ModelError, match=f"{name}.* differ, which are one weight"):
        load_model(run, CPU)
    save_file({**state, "extra": torch.zeros(1)}, run / "weights.safetensors")
    with pytest.raises(ModelError, match=r"it has a weight extra \(1 have no place\)"):
        load_model(run, CPU)
    save_file({**state, "itm_head.bias": torch.zeros(3)}, run / "weights.safetensors")
    with pytest.raises(ModelError, match=r"don't fit: .*itm_head\.bias"):
        load_model(run, CPU)


def test_what_is_no_model_is_refused(model: TorchModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not there"):
        load_model(tmp_path / "nothing", CPU)
    with pytest.raises(ModelError, match="holds no weights"):
        load_model(tmp_path, CPU)
    run = save_run(tmp_path / "run", model.med, model)
    (run / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no weights\.safetensors"):
        load_model(run, CPU)
    (run / "weights.safetensors").touch()
    (run / "architecture.json").write_text("{}")
    with pytest.raises(ModelError, match=r"architecture\.json.*'preprocessing'"):
        load_model(run, CPU)


@torch.inference_mode()
def test_a_reasoners_run(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model")
    reasoner = tiny_reasoner(model)
    run = save_run(tmp_path / "run", reasoner, model)
    found, source = load_reasoner(run, CPU)
    left, right = (normalised(pictures(3, seed), source, CPU) for seed in (0, 1))
    statements = ["a red dog", "the house", "red and blue"]
    expected = reasoner([left, right], torch.from_numpy(source.texts.ids(statements)))
    assert torch.equal(found.logits(left, right, statements), expected)
    with pytest.raises(ModelError, match="another kind of model"):
        load_model(run, CPU)


def test_a_med_is_no_reasoner(model: TorchModel, tmp_path: Path) -> None:
    run = save_run(tmp_path / "run", model.med, model)
    with pytest.raises(ModelError, match="another kind of model"):
        load_reasoner(run, CPU)
    vision = MED(model.source.arch, model.source.special).vision_model
    weights = {f"vision_model.{name}": value for name, value in vision.state_dict().items()}
    save_file(weights, run / "weights.safetensors")
    with pytest.raises(ModelError, match=r"(?s)no model for NLVR2: .*nlvr2_vit_b\.toml"):
        load_reasoner(run, CPU)


def test_an_answerers_run(model: TorchModel, tmp_path: Path) -> None:
    answerer = tiny_answerer(model)
    run = save_run(tmp_path / "run", answerer, model)
    found, source = load_answerer(run, CPU)
    own = AnswersByTexts(answerer, source.texts)
    tokens = own.image_tokens(normalised(pictures(3), source, CPU))
    questions, candidates = ["a red dog", "the house", "is it blue"], ["red", "dog", "a big car"]
    assert found.rank(tokens, questions, candidates) == own.rank(tokens, questions, candidates)
    assert found.generate(tokens, questions) == own.generate(tokens, questions)
    with pytest.raises(ModelError, match=r"is another kind of model: .* differ"):
        load_model(run, CPU)


def test_hugging_faces_answerer(tmp_path: Path) -> None:
    theirs = BlipForQuestionAnswering(blip_config())
    folder = saved(theirs, tmp_path / "answerer")
    found, _ = load_answerer(folder, CPU)
    ours, state = found.answerer.state_dict(), theirs.state_dict()
    assert all(torch.equal(ours[name], state[name]) for name in state if name in ours)
    assert not [name for name in ours if name not in state]


def test_a_med_is_no_answerer(model: TorchModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="another kind of model"):
        load_answerer(save_run(tmp_path / "run", model.med, model), CPU)

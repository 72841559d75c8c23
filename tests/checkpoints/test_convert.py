"""Tiny checkpoints, as transformers and Salesforce write them, into artifacts that compute what
transformers computes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from blipdb.checkpoints.convert import convert
from blipdb.checkpoints.names import to_huggingface
from blipdb.errors import ModelError
from blipdb.model.architecture import SpecialTokens
from blipdb.model.artifact import Artifact, Decoding
from blipdb.model.runtime import Encoded, Runtime
from tests.checkpoints import reference
from tests.checkpoints.published import TINY, VOCABULARY, WORDS, leftovers, renamed, write

SPECIAL = SpecialTokens(0, 1, 2, 3, VOCABULARY - 2, VOCABULARY - 1)
PIXELS = np.random.default_rng(1).integers(0, 256, (3, 24, 24, 3), dtype=np.uint8)
QUESTIONS = ["is the red dog a picture of a bicycle?", "red?", "is the bicycle blue?"]
ANSWERS = ["a red dog", "blue", "red", "a bicycle", "is.", "the picture of a red bicycle"]


def normalised(artifact: Artifact) -> Tensor:
    image = artifact.manifest.image
    values = (PIXELS / 255 - np.array(image.mean)) / np.array(image.std)
    return torch.from_numpy(values).permute(0, 3, 1, 2).float()


def stored(encoded: Encoded) -> Tensor:
    """The image tokens as they are kept, in int8: what transformers is given, too."""
    return torch.from_numpy(encoded.tokens * encoded.scales[..., None])


def assert_sees(artifact: Artifact, theirs: Any, encoded: Encoded) -> None:
    """The image tokens, but for half a level of int8."""
    expected = reference.image_tokens(theirs, normalised(artifact))
    half = torch.from_numpy(encoded.scales)[..., None] / 2
    assert ((stored(encoded) - expected).abs() <= half + 1e-5).all()


@torch.no_grad()
def assert_retrieves(artifact: Artifact, theirs: Any) -> None:
    runtime = Runtime.load(artifact.folder)
    assert artifact.manifest.special_tokens == SPECIAL
    encoded = runtime.encode_images(PIXELS)
    assert_sees(artifact, theirs, encoded)
    text = "a red bicycle"
    ids = torch.tensor([runtime.tokenizer.encode(text, SPECIAL.cls)])
    assert ids.tolist() == [[2, 5, 6, 8, 9, 3]]
    cosines = theirs(ids, normalised(artifact), use_itm_head=False).itm_score
    found = encoded.itc @ runtime.embed_texts([text])[0]
    np.testing.assert_allclose(found, cosines[:, 0], atol=1e-5)
    itm = reference.match(theirs, ids.expand(3, -1), stored(encoded), SPECIAL)
    logits = runtime.rerank(text, encoded.tokens, encoded.scales)
    np.testing.assert_allclose(logits, itm, atol=1e-4)
    assert np.ptp(logits[:, 1]) > 1e-3


@torch.no_grad()
def assert_captions(artifact: Artifact, theirs: Any) -> None:
    runtime = Runtime.load(artifact.folder)
    encoded = runtime.encode_images(PIXELS)
    assert_sees(artifact, theirs, encoded)
    seen = stored(encoded)
    opening = [SPECIAL.dec, 5, 11, 12]  # a picture of
    lengths = {"min_length": 5, "max_length": 20}
    written = reference.write(theirs, opening, seen, SPECIAL, **lengths)
    found = runtime.caption(encoded.tokens, encoded.scales)
    assert found == [runtime.tokenizer.decode(ids) for ids in written]
    assert all(found)
    assert len(set(found)) > 1


@torch.no_grad()
def assert_answers(artifact: Artifact, theirs: Any) -> None:
    runtime = Runtime.load(artifact.folder)
    encoded = runtime.encode_images(PIXELS)
    assert_sees(artifact, theirs, encoded)
    found = runtime.answer(encoded.tokens, encoded.scales, QUESTIONS)
    chosen = runtime.answer(encoded.tokens, encoded.scales, QUESTIONS, among=ANSWERS)
    answers = [runtime.tokenizer.encode(text, SPECIAL.dec, str)[1:] for text in ANSWERS]
    for n, question in enumerate(QUESTIONS):
        ids = torch.tensor([runtime.tokenizer.encode(question, SPECIAL.enc)])
        states = reference.states(theirs, ids, stored(encoded)[[n]], SPECIAL)
        lengths = {"min_length": 1, "max_length": 10}
        (written,) = reference.write(theirs, [SPECIAL.dec], states, SPECIAL, **lengths)
        assert found[n] == runtime.tokenizer.decode(written)
        place, _ = reference.rank(theirs, answers, states, SPECIAL, shortlist=128)
        assert chosen[n] == ANSWERS[place]
    assert len(set(found)) == 3


def test_a_folder_for_retrieval(folder: Path, theirs: Any, tmp_path: Path) -> None:
    artifact = convert(folder, tmp_path / "out", name="tiny")
    manifest = artifact.manifest
    assert (manifest.roles, manifest.decoding, manifest.max_tokens) == (("retrieval",), None, 24)
    assert (manifest.architecture.vision_eps, manifest.architecture.text_eps) == (1e-6, 1e-12)
    assert_retrieves(artifact, theirs)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    readme = artifact.read("README.md").decode()
    assert "Made of the checkpoint blip-tiny by blipdb" in readme
    assert f"- model.safetensors, SHA-256 {digest}\n" in readme


def test_a_folder_that_captions(captioner: Any, tmp_path: Path) -> None:
    artifact = convert(write(captioner, tmp_path / "in"), tmp_path / "out", name="tiny")
    manifest = artifact.manifest
    assert (manifest.roles, list(manifest.graphs)) == (("captioner",), ["image", "caption"])
    assert manifest.decoding == Decoding("a picture of ", 3, 5, 20)
    assert_captions(artifact, captioner)


def test_a_folder_that_answers(answerer: Any, tmp_path: Path) -> None:
    artifact = convert(write(answerer, tmp_path / "in"), tmp_path / "out", name="tiny")
    manifest = artifact.manifest
    assert (manifest.roles, list(manifest.graphs)) == (
        ("answerer",),
        ["image", "question", "answer"],
    )
    assert manifest.decoding == Decoding("", 3, 1, 10)
    assert_answers(artifact, answerer)


def salesforce_file(
    folder: Path, state: dict[str, Tensor], config: Any, suffix: str = ".pth"
) -> Path:
    """A file as Salesforce's training leaves it, with BERT's list beside it, and a configuration
    that says how many heads there are: at these widths they are not 64 wide."""
    folder.mkdir(exist_ok=True)
    torch.save({"model": renamed(state), "config": {"epoch": 3}}, folder / f"model{suffix}")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    config.save_pretrained(folder)
    return folder / f"model{suffix}"


@pytest.mark.parametrize("suffix", [".pth", ".bin"])
def test_a_file_of_salesforce_for_retrieval(theirs: Any, tmp_path: Path, suffix: str) -> None:
    state = theirs.state_dict() | {"temp": torch.tensor(0.05)}
    assert "visual_encoder.blocks.1.attn.proj.bias" in renamed(state)
    file = salesforce_file(tmp_path, state, theirs.config, suffix)
    whole = torch.load(file)
    torch.save(whole | {"model": whole["model"] | leftovers(whole["model"], 16)}, file)
    artifact = convert(file, tmp_path / "out", name="tiny")
    assert artifact.manifest.temperature == pytest.approx(0.05)
    assert_retrieves(artifact, theirs)


def test_files_of_salesforce_that_write(captioner: Any, answerer: Any, tmp_path: Path) -> None:
    file = salesforce_file(tmp_path / "c", captioner.state_dict(), captioner.config)
    assert_captions(convert(file, tmp_path / "captioner", name="tiny"), captioner)
    file = salesforce_file(tmp_path / "a", answerer.state_dict(), answerer.config)
    assert_answers(convert(file, tmp_path / "answerer", name="tiny"), answerer)


def test_a_pretrained_file_retrieves_and_captions_without_a_prompt(
    theirs: Any, captioner: Any, tmp_path: Path
) -> None:
    """Both of them over one vision transformer, as salesforce/BLIP's model_base.pth."""
    state = captioner.state_dict() | theirs.state_dict()
    captioner.vision_model.load_state_dict(theirs.vision_model.state_dict())
    artifact = convert(salesforce_file(tmp_path, state, theirs.config), tmp_path / "o", name="tiny")
    assert artifact.manifest.roles == ("retrieval", "captioner")
    assert artifact.manifest.decoding is None
    assert_retrieves(artifact, theirs)
    runtime = Runtime.load(artifact.folder)
    encoded = runtime.encode_images(PIXELS)
    seen = stored(encoded)
    with torch.no_grad():
        lengths = {"min_length": 2, "max_length": 20}
        written = reference.write(captioner, [SPECIAL.dec], seen, SPECIAL, **lengths)
    found = runtime.caption(encoded.tokens, encoded.scales, max_tokens=19)
    assert found == [runtime.tokenizer.decode(ids) for ids in written]


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_shards_and_other_precisions(
    folder: Path, theirs: Any, tmp_path: Path, kind: str, dtype: torch.dtype
) -> None:
    state = {name: value.to(dtype) for name, value in theirs.state_dict().items()}
    (folder / "model.safetensors").unlink()
    stem = {"safetensors": "model", "bin": "pytorch_model"}[kind]
    places: dict[str, str] = {}
    for shard in range(2):
        file = f"{stem}-{shard + 1:05}-of-00002.{kind}"
        part = {name: value for i, (name, value) in enumerate(state.items()) if i % 2 == shard}
        save_file(part, folder / file) if kind == "safetensors" else torch.save(part, folder / file)
        places |= dict.fromkeys(part, file)
    index = folder / f"{stem}.{kind}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    artifact = convert(folder, tmp_path / "out", name="tiny")
    if dtype != torch.bfloat16:
        assert_retrieves(artifact, theirs)
        return
    with torch.no_grad():
        coarse = {name: value.float() for name, value in state.items()}
        exact = {name: value.clone() for name, value in theirs.state_dict().items()}
        theirs.load_state_dict(coarse)
        try:
            assert_retrieves(artifact, theirs)
        finally:
            theirs.load_state_dict(exact)


def test_shards_that_are_not_whole(folder: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "out", "model-00001-of-00001.safetensors"
    (folder / "model.safetensors").rename(folder / file)
    places = dict.fromkeys(load_file(folder / file), file)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places | {"more.weight": file}}))
    with pytest.raises(ModelError, match=r"1 weights of .* are in no shard, as more\.weight"):
        convert(folder, out, name="tiny")
    index.write_text(json.dumps({"weight_map": places | {"itm_head.bias": "../other.safetensors"}}))
    with pytest.raises(ModelError, match="outside its folder"):
        convert(folder, out, name="tiny")
    index.write_text(json.dumps({"weight_map": [1]}))
    with pytest.raises(ModelError, match="is no index of shards"):
        convert(folder, out, name="tiny")
    (folder / file).unlink()
    index.write_text(json.dumps({"weight_map": places}))
    with pytest.raises(ModelError, match=f"{file} is not there"):
        convert(folder, out, name="tiny")


def test_a_tokenizer_json_is_taken_first(folder: Path, theirs: Any, tmp_path: Path) -> None:
    from blipdb.checkpoints.vocabulary import bert

    bert(folder / "vocab.txt").save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").unlink()
    assert_retrieves(convert(folder, tmp_path / "out", name="tiny"), theirs)


def change(folder: Path, name: str, value: Tensor | None) -> None:
    """Alter, add or (None) remove a weight of the folder's file."""
    file = folder / "model.safetensors"
    state = load_file(file)
    state.pop(name, None)
    save_file(state if value is None else state | {name: value}, file, {"format": "pt"})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("itm_head.weight", None, r"1 weight is missing, the first is itm_head.weight"),
        ("text_proj.weight", None, r"The weight text_proj.weight is missing"),
        (
            "text_encoder.encoder.layer.1.output.dense.bias", None,
            r"1 weight is missing, the first is text_encoder.encoder.layer.1.output.dense.bias"
        ),
        (
            "vision_model.post_layernorm.gamma", torch.zeros(32),
            r"1 weight is unknown, the first is vision_model.post_layernorm.gamma(.|\n)*retrieval"
        ),
        ("itm_head.weight", torch.zeros(3, 24), r"itm_head.weight has shape \(3, 24\); \(2, 24\)"),
        ("itm_head.bias", torch.tensor([1.0, torch.inf]), "itm_head.bias holds a value that"),
        ("itm_head.bias", torch.tensor([1e9, 0.0]), "itm_head.bias holds a value that float16"),
        ("itm_head.bias", torch.zeros(2).to(torch.float8_e4m3fn), "itm_head.bias is F8_E4M3"),
        ("temp", torch.zeros(2), r"temp has shape \(2,\); one number is wanted"),
        (
            "text_encoder.embeddings.word_embeddings.weight", torch.zeros(12, 24),
            rf"has {VOCABULARY} tokens with \[DEC\] and \[ENC\]; the weights have 12",
        ),
        (
            "vision_model.embeddings.position_embedding", torch.zeros(1, 12, 32),
            r"position_embedding has shape \(1, 12, 32\); \(1, 10, 32\) fits",
        ),
        (
            "vision_model.embeddings.position_embedding", torch.zeros(12, 32),
            r"position_embedding has shape \(12, 32\); 3 axes are wanted",
        ),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_named(
    folder: Path, tmp_path: Path, name: str, value: Tensor | None, message: str
) -> None:
    change(folder, name, value)
    with pytest.raises(ModelError, match=message):
        convert(folder, tmp_path / "out", name="tiny")
    assert not (tmp_path / "out").exists()


def test_a_renamed_weight_is_named_twice(folder: Path, tmp_path: Path) -> None:
    change(folder, "itm_head.bias", None)
    change(folder, "itm_head.beta", torch.zeros(2))
    message = r"missing, the first is itm_head\.bias; 1 weight is unknown, the first is itm_head\.b"
    with pytest.raises(ModelError, match=message):
        convert(folder, tmp_path / "out", name="tiny")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["query_tokens", "qformer.layernorm.weight"], "looks like a BLIP-2.*qformer"),
        (["Qformer.bert.encoder.layer.0.output.dense.bias"], "looks like a BLIP-2"),
        (["vision_model.embeddings.class_embedding", "language_model.lm_head.weight"], "a BLIP-2"),
        (["visual.conv1.weight", "transformer.resblocks.0.ln_1.bias"], "looks like a CLIP"),
        (["text_model.encoder.layers.0.self_attn.k_proj.bias", "logit_scale"], "like a CLIP"),
        (["model.layers.0.self_attn.q_proj.weight"], "a CLIP, or a language model"),
        (["text_model.encoder.layer.0.output.dense.bias", "logit_scale"], "BlipModel, whose proj"),
        (["text_encoder.bert.embeddings.LayerNorm.bias", "temp"], "looks like an ALBEF"),
        (["text_encoder.encoder.layer.0.crossattention.self0.key.bias"], "two images .NLVR2"),
        (["cls_head.0.weight"], "two images"),
        (["bert.encoder.layer.0.output.dense.bias"], "looks like a BERT"),
        (["blocks.0.attn.qkv.weight", "cls_token"], "a vision transformer alone"),
        (["features.0.weight", "classifier.bias"], "begin with classifier.bias, features.0.weight"),
        (["vision_model.post_layernorm.bias", "text_encoder.encoder.layer.0.output.dense.bias"],
         "has a text encoder, and neither heads for retrieval .vision_proj, text_proj, itm_head."),
        (["vision_model.post_layernorm.bias"], "is no BLIP that blipdb knows"),
        (["epoch_m.x"], "holds no weights"),
    ],
)  # fmt: skip
def test_other_architectures_are_called_by_their_names(
    tmp_path: Path, names: list[str], message: str
) -> None:
    save_file({name: torch.zeros(2, 2) for name in names}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=message):
        convert(tmp_path, tmp_path / "out", name="tiny")


def test_what_the_configuration_says_it_is(tmp_path: Path) -> None:
    save_file({"a.weight": torch.zeros(2)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "resnet"}))
    with pytest.raises(ModelError, match=r"its config\.json says model_type 'resnet'"):
        convert(tmp_path, tmp_path / "out", name="tiny")


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


def test_a_pickle_that_is_cut_short_or_holds_something_else(theirs: Any, tmp_path: Path) -> None:
    file, out = salesforce_file(tmp_path, theirs.state_dict(), theirs.config), tmp_path / "out"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="can't be read as weights"):
        convert(file, out, name="tiny")
    torch.save({"epoch": 3, "state": {"a": torch.zeros(2)}}, file)
    with pytest.raises(ModelError, match="holds no weights by name; it has epoch, state"):
        convert(file, out, name="tiny")
    torch.save([torch.zeros(2)], file)
    with pytest.raises(ModelError, match="holds a list, no weights by name"):
        convert(file, out, name="tiny")


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
        ({"resample": 2}, "resized by PIL's filter 2; BLIP's is bicubic, 3"),
        ([1, 2], "is no JSON object"),
    ],
)
def test_a_preprocessor_that_makes_no_sense(
    folder: Path, tmp_path: Path, values: object, message: str
) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match=message):
        convert(folder, tmp_path / "out", name="tiny")


def test_another_activation_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"vision_config": {"hidden_act": "quick_gelu"}}))
    with pytest.raises(ModelError, match="vision_config wants 'quick_gelu' for hidden_act"):
        convert(folder, tmp_path / "out", name="tiny")


def test_a_prompt_of_its_own_in_the_configuration(captioner: Any, tmp_path: Path) -> None:
    folder = write(captioner, tmp_path / "in")
    config = json.loads((folder / "config.json").read_text())
    for prefix, decoding in (
        ("a red ", Decoding("a red ", 3, 5, 20)),
        ("", None),
        (None, Decoding("a picture of ", 3, 5, 20)),
    ):
        (folder / "config.json").write_text(json.dumps(config | {"prefix": prefix}))
        assert convert(folder, tmp_path / "out", name="tiny").manifest.decoding == decoding
    (folder / "config.json").write_text(json.dumps(config | {"prefix": 3}))
    with pytest.raises(ModelError, match="can't be decoded by"):
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


def test_sizes_of_the_tiny_models() -> None:
    """So small that they are quick, and no two of them alike where that would hide a mistake."""
    vision, text = TINY["vision_config"], TINY["text_config"]
    assert vision["hidden_size"] != text["hidden_size"]

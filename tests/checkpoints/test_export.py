"""Artifacts as folders that transformers loads, and back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoProcessor, BlipProcessor

from blipdb import registry
from blipdb.checkpoints.convert import convert
from blipdb.checkpoints.export import CLASSES, export
from blipdb.errors import ModelError, UsageError
from blipdb.model.artifact import Artifact, Decoding
from blipdb.model.runtime import Runtime
from tests.checkpoints import reference
from tests.checkpoints.published import KINDS, write
from tests.checkpoints.test_convert import assert_answers, assert_captions, assert_retrieves
from tests.tiny import ARCHITECTURE, SPECIAL, tiny_artifact

PROMPTED = Decoding("a dog of ", 3, 5, 20)


def loaded(folder: Path, role: str) -> Any:
    """By transformers, with nothing missing and nothing that has no place."""
    kind: Any = KINDS[role]
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    return model.train(False)


def assert_same_graphs(first: Artifact, second: Artifact) -> None:
    assert first.manifest.graphs == second.manifest.graphs
    for graph in first.manifest.graphs.values():
        assert first.manifest.files[graph] == second.manifest.files[graph]
    for what in ("architecture", "special_tokens", "image", "roles", "decoding"):
        assert getattr(first.manifest, what) == getattr(second.manifest, what), what


@pytest.mark.parametrize("role", KINDS)
def test_transformers_loads_it_and_computes_the_same(
    request: pytest.FixtureRequest, tmp_path: Path, role: str
) -> None:
    theirs = request.getfixturevalue({"retrieval": "theirs"}.get(role, role))
    check = {
        "retrieval": assert_retrieves, "captioner": assert_captions, "answerer": assert_answers,
    }[role]  # fmt: skip
    artifact = convert(write(theirs, tmp_path / "in"), tmp_path / "artifact", name="tiny")
    if role == "answerer":  # as ViT-L: its decoder is as wide as a question
        with pytest.raises(ModelError, match=r"as many features as an image has, 32, .* 24\."):
            export(artifact, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return
    assert export(artifact, tmp_path / "out") == CLASSES[role]
    check(artifact, loaded(tmp_path / "out", role))
    assert_same_graphs(artifact, convert(tmp_path / "out", tmp_path / "again", name="tiny"))


@pytest.mark.parametrize("role", KINDS)
def test_there_and_back(tmp_path: Path, role: str) -> None:
    """Another tokenizer than BERT's, heads that are not 64 wide, mean and deviation of its own."""
    decoding = {"captioner": PROMPTED, "answerer": Decoding("", 3, 1, 10)}.get(role)
    artifact = tiny_artifact(tmp_path / "a", roles=(role,), decoding=decoding)
    export(artifact, tmp_path / "out")
    back = convert(tmp_path / "out", tmp_path / "back", name="tiny", knows="nothing")
    assert_same_graphs(artifact, back)
    state = artifact.state_dict()
    theirs = loaded(tmp_path / "out", role).state_dict()
    assert theirs.keys() == state.keys() - {"temp"}
    for name, value in theirs.items():
        np.testing.assert_array_equal(value, state[name], err_msg=name)


def test_a_captioner_without_a_prompt_stays_so(tmp_path: Path) -> None:
    artifact = tiny_artifact(tmp_path / "a", roles=("captioner",))
    export(artifact, tmp_path / "out")
    assert convert(tmp_path / "out", tmp_path / "b", name="tiny").manifest.decoding is None


@torch.no_grad()
def test_the_answers_of_a_model_as_wide_as_its_images(tmp_path: Path) -> None:
    roles, decoding = ("answerer",), Decoding("", 3, 1, 10)
    artifact = tiny_artifact(tmp_path / "a", roles=roles, decoding=decoding)
    export(artifact, tmp_path / "out")
    theirs, runtime = loaded(tmp_path / "out", "answerer"), Runtime.load(artifact.folder)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    encoded = runtime.encode_images(pixels)
    seen = torch.from_numpy(encoded.tokens * encoded.scales[..., None])
    questions = ["is the dog red", "a big house", "red", "is the car on the left of a boat"]
    for n, question in enumerate(questions):
        ids = torch.tensor([runtime.tokenizer.encode(question, SPECIAL.enc)])
        states = reference.states(theirs, ids, seen[[n]], SPECIAL)
        lengths = {"min_length": 1, "max_length": 10}
        (written,) = reference.write(theirs, [SPECIAL.dec], states, SPECIAL, **lengths)
        found = runtime.answer(encoded.tokens[[n]], encoded.scales[[n]], [question])
        assert found == [runtime.tokenizer.decode(written)]


def test_its_processor_reads_as_we_do(tmp_path: Path) -> None:
    artifact = tiny_artifact(tmp_path / "a")
    export(artifact, tmp_path / "out", "retrieval")
    auto: Any = AutoProcessor
    processor = auto.from_pretrained(tmp_path / "out")
    assert isinstance(processor, BlipProcessor)
    pixels = np.random.default_rng(0).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    found = processor(images=pixels, text=["a red dog", "boat"], padding=True, return_tensors="pt")
    assert found["pixel_values"].shape == (1, 3, 32, 32)
    tokenizer = Runtime.load(artifact.folder, graphs=[]).tokenizer
    first, second = (tokenizer.encode(text, SPECIAL.cls) for text in ("a red dog", "boat"))
    assert found["input_ids"].tolist() == [first, second + [SPECIAL.pad] * 2]
    assert found["attention_mask"].tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    assert processor.tokenizer.convert_tokens_to_ids(["[ENC]", "[DEC]"]) == [5, 4]


def test_the_configuration_has_the_papers_numbers(tmp_path: Path) -> None:
    export(tiny_artifact(tmp_path / "a"), tmp_path / "out", "captioner")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["vision_config"]["layer_norm_eps"] == 1e-6
    assert config["text_config"]["layer_norm_eps"] == 1e-12
    assert config["text_config"]["num_attention_heads"] == ARCHITECTURE.text_heads
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "BlipForConditionalGeneration" in readme


def test_the_bundled_model(tmp_path: Path) -> None:
    artifact = Artifact.open(registry.bundled_folder())
    for role in ("retrieval", "captioner"):
        export(artifact, tmp_path / role, role)
        loaded(tmp_path / role, role)
    back = convert(tmp_path / "retrieval", tmp_path / "back", name="scenes")
    for graph in ("image", "text", "rerank"):
        assert back.read(f"{graph}.onnx") == artifact.read(artifact.manifest.graphs[graph])


def test_what_is_refused(tmp_path: Path) -> None:
    both = tiny_artifact(tmp_path / "a")
    with pytest.raises(UsageError, match="is retrieval and captioner, and transformers has a cla"):
        export(both, tmp_path / "out")
    with pytest.raises(UsageError, match="tiny is no answerer; it is retrieval, captioner"):
        export(both, tmp_path / "out", "answerer")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is there already, and not empty"):
        export(both, tmp_path / "full", "retrieval")
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"
    (tmp_path / "a" / "rerank.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"rerank\.onnx was altered"):
        export(both, tmp_path / "out", "retrieval")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "full"]


def test_exporting_needs_no_torch(tmp_path: Path) -> None:
    tiny_artifact(tmp_path / "a")
    script = (
        "import sys; from pathlib import Path; from blipdb.model.artifact import Artifact;"
        "from blipdb.checkpoints.export import export;"
        f"export(Artifact.open({str(tmp_path / 'a')!r}), Path({str(tmp_path / 'out')!r}),"
        " 'retrieval'); print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"

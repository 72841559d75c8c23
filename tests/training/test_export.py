"""A real run, minutes shorter than a useful one, becomes a model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from blipdb.errors import ModelError, TextError
from blipdb.model.artifact import Artifact
from blipdb.model.runtime import Runtime
from blipdb.training import pretrain
from blipdb.training.evaluation.agreement import check
from blipdb.training.export import export, main

CONFIG = """
seed = 1
batch = 8
smoothing = 0.0
max_text = 40
threads = 1
workers = 1
[model]
image_size = 32
patch_size = 8
vision_width = 32
vision_layers = 2
vision_heads = 2
vision_mlp = 64
text_width = 32
text_layers = 2
text_heads = 2
text_mlp = 64
max_positions = 40
embed_dim = 16
[optimiser]
learning_rate = 1e-3
warmup = 8
[reports]
evaluate = 32
checkpoint = 32
scenes = 9
harder = 1
candidates = 4
[[stages]]
samples = 32
things = [1, 1, 1, 1]
full = 0.5
variants = 0.5
itc = 1.0
itm = 1.0
lm = 1.0
"""
ARGUMENTS = ("--name", "nano", "--knows", "drawn scenes, hardly")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "nano.toml").write_text(CONFIG)
    pretrain.main([str(folder / "nano.toml"), "--out", str(folder / "out")])
    return folder / "out"


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """The run, to be changed."""
    return Path(shutil.copytree(run, tmp_path / "run"))


def test_a_run_becomes_a_model(run: Path, tmp_path: Path) -> None:
    artifact = export(run, tmp_path / "model", name="nano", knows="drawn scenes, hardly")
    assert artifact == Artifact.open(tmp_path / "model")
    manifest = artifact.manifest
    assert (manifest.name, manifest.roles) == ("nano", ("retrieval", "captioner"))
    assert (manifest.max_tokens, manifest.image.size) == (40, 32)
    assert manifest.knows == "drawn scenes, hardly"
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        *("README.md", "caption.onnx", "curve.png", "image.onnx", "model.json"),
        *("rerank.onnx", "text.onnx", "tokenizer.json"),
    ]
    readme = artifact.read("README.md").decode()
    assert "Trained on 32 samples" in readme
    assert "| text to image, R@1 with the ITM rerank | 0." in readme
    assert " bicycle, " in readme


def test_the_weights_are_those_of_the_run_rounded_to_float16(run: Path, tmp_path: Path) -> None:
    found = export(run, tmp_path / "model", name="nano", knows="little").state_dict()
    trained = load_file(run / "weights.safetensors")
    assert found.keys() == trained.keys()
    for name, value in trained.items():
        rounded = value if name == "temp" else value.astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(found[name], rounded, err_msg=name)


def test_every_graph_agrees_with_torch(run: Path, tmp_path: Path) -> None:
    found = check(export(run, tmp_path / "model", name="nano", knows="little"))
    assert max(found.values()) < 1e-5, found


def test_check_refuses_graphs_that_differ(run: Path, tmp_path: Path) -> None:
    """A model whose rerank was built from other weights than its text encoder."""
    one = export(run, tmp_path / "model", name="nano", knows="little")
    trained = load_file(run / "weights.safetensors")
    weights = {name: np.asarray(value * 1.5) for name, value in trained.items()}
    shutil.copytree(run, tmp_path / "other")
    save_file(weights, tmp_path / "other" / "weights.safetensors")
    two = export(tmp_path / "other", tmp_path / "second", name="nano", knows="little")
    shutil.copy(two.folder / "rerank.onnx", one.folder)
    values = json.loads((one.folder / "model.json").read_text())
    values["files"]["rerank.onnx"] = two.manifest.files["rerank.onnx"]
    (one.folder / "model.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match=r"differs from torch by"):
        check(Artifact.open(one.folder))


def test_the_model_searches(run: Path, tmp_path: Path) -> None:
    runtime = Runtime.load(export(run, tmp_path / "model", name="nano", knows="little").folder)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    itc, tokens, scales = runtime.encode_images(pixels)
    assert (runtime.embed_texts(["a red bicycle"]) @ itc.T).shape == (1, 4)
    assert runtime.rerank("a red bicycle", tokens, scales).shape == (4, 2)
    assert len(runtime.caption(tokens, scales)) == 4
    with pytest.raises(TextError, match="at most 40"):  # training would have cut it
        runtime.embed_texts(["red " * 50])


def test_the_command_replaces_a_model_and_nothing_else(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model"
    main([str(run), str(out), *ARGUMENTS])
    (out / "stale.onnx").write_bytes(b"of an earlier export")
    main([str(run), str(out), *ARGUMENTS, "--check"])
    assert not (out / "stale.onnx").exists()
    printed = capsys.readouterr().out
    assert printed.count(f"digest {Artifact.open(out).digest}") == 2
    assert "caption logits: differs from torch by at most" in printed

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_bytes(b"precious")
    with pytest.raises(ModelError, match="holds something that is not a model"):
        main([str(run), str(tmp_path / "photos"), *ARGUMENTS])
    assert (tmp_path / "photos" / "mine.jpg").read_bytes() == b"precious"
    assert {path.name for path in tmp_path.iterdir()} == {"model", "photos"}


def test_export_needs_no_torch(run: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['torch'] = None; from blipdb.training.export import main; "
        f"main([{str(run)!r}, {str(tmp_path / 'model')!r}, *{ARGUMENTS!r}])"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
    assert Artifact.open(tmp_path / "model").name == "nano"


def test_an_unfinished_run_is_refused(copy: Path, tmp_path: Path) -> None:
    metrics = copy / "metrics.jsonl"
    metrics.write_text("")
    with pytest.raises(ModelError, match="holds nothing yet"):
        export(copy, tmp_path / "model", name="nano", knows="little")
    (copy / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"run has no weights\.safetensors"):
        export(copy, tmp_path / "model", name="nano", knows="little")
    assert not (tmp_path / "model").exists()


def test_another_preprocessing_is_refused(copy: Path, tmp_path: Path) -> None:
    values = json.loads((copy / "architecture.json").read_text())
    values["preprocessing"]["resize"] = "crop"
    (copy / "architecture.json").write_text(json.dumps(values))
    with pytest.raises(ModelError, match="wants images resized by crop, bicubic"):
        export(copy, tmp_path / "model", name="nano", knows="little")

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blipdb.errors import ModelError
from blipdb.model.artifact import Artifact, Decoding, Manifest
from tests.tiny import tiny_artifact, tiny_state

FILES = ("image.onnx", "text.onnx", "rerank.onnx", "caption.onnx", "tokenizer.json", "README.md")


def test_opened_as_written(tmp_path: Path) -> None:
    written = tiny_artifact(tmp_path / "model")
    opened = Artifact.open(tmp_path / "model")
    assert opened == written
    assert opened.manifest.files.keys() == set(FILES)
    assert opened.digest == hashlib.sha256((tmp_path / "model/model.json").read_bytes()).hexdigest()
    assert Manifest.from_json(opened.manifest.to_json()) == opened.manifest


@pytest.mark.parametrize("file", FILES)
def test_an_altered_byte_is_refused_by_name(tmp_path: Path, file: str) -> None:
    artifact = tiny_artifact(tmp_path)
    data = bytearray((tmp_path / file).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / file).write_bytes(data)
    with pytest.raises(ModelError, match=rf"{file} was altered: its SHA-256 is"):
        Artifact.open(tmp_path)
    with pytest.raises(ModelError, match=rf"{file} was altered"):
        artifact.read(file)


def test_another_manifest_is_another_digest(tmp_path: Path) -> None:
    artifact = tiny_artifact(tmp_path)
    values = _change(tmp_path, lambda values: values.update(knows="something else"))
    assert values["knows"] == "something else"
    assert Artifact.open(tmp_path).digest != artifact.digest


@pytest.mark.parametrize("file", ["model.json", "rerank.onnx"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    tiny_artifact(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(ModelError, match=rf"{file} can't be read: No such file"):
        Artifact.open(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.update(format=2), "has format 2; this version of blipdb reads 1"),
        (lambda v: v.update(name="../up"), "can't be called '../up'"),
        (lambda v: v.pop("image"), "model.json has no 'image'"),
        (lambda v: v.update(roles=["retrieval", "cook"]), "not cook"),
        (lambda v: v["text"].update(max_tokens=25), "max_tokens is 25; .* has 24 positions"),
        (lambda v: v["image"].update(size=64), "resized to 64, .* reads 32"),
        (lambda v: v["architecture"].update(depth=3), "Architecture has no field depth"),
        (lambda v: v["files"].pop("text.onnx"), "model.json has no digest of text.onnx"),
        (lambda v: v["files"].update({"../../etc/passwd": "00"}), "can't hold a file called"),
        (lambda v: v["graphs"].update(text="/etc/passwd"), "no digest of /etc/passwd"),
        (lambda v: v.update(files=3), "model.json can't be read"),
        (lambda v: v.update(decoding={"beams": 0}), "can't be decoded with 0 beams"),
        (lambda v: v.update(decoding={"speed": 3}), "model.json can't be read"),
        (lambda v: v.update(decoding={"max_length": 30}), "max_length is 30; .* has 24 positions"),
        (lambda v: v.update(roles=["answerer", "captioner"]), "answers questions has no other"),
    ],
)
def test_a_manifest_that_does_not_fit_says_why(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    tiny_artifact(tmp_path)
    _change(tmp_path, change)
    with pytest.raises(ModelError, match=message):
        Artifact.open(tmp_path)


def test_how_to_decode_is_kept(tmp_path: Path) -> None:
    decoding = Decoding("a dog of ", 2, 5, 20)
    artifact = tiny_artifact(tmp_path, decoding=decoding)
    assert Artifact.open(tmp_path).manifest.decoding == decoding
    assert artifact.digest != tiny_artifact(tmp_path / "other").digest


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": 1}'])
def test_what_is_no_manifest_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model.json").write_bytes(data)
    with pytest.raises(ModelError, match=r"model\.json"):
        Artifact.open(tmp_path)


def test_state_dict_has_every_name_that_torch_wants(tmp_path: Path) -> None:
    expected = tiny_state()
    found = tiny_artifact(tmp_path).state_dict()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
        assert found[name].dtype == np.float32


def _change(folder: Path, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "model.json").read_text())
    change(values)
    (folder / "model.json").write_text(json.dumps(values))
    return values

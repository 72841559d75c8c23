"""The same model, computing otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pytest
from safetensors.numpy import load_file

from blipdb import registry
from blipdb.checkpoints.add import add
from blipdb.checkpoints.export import export
from blipdb.checkpoints.rebuild import rebuild
from blipdb.errors import ModelError, UsageError
from blipdb.model.artifact import Artifact
from blipdb.model.compute import EXACT, Compute
from blipdb.model.runtime import Runtime
from blipdb.settings import Settings
from tests.tiny import ARCHITECTURE, tiny_artifact

MANY = replace(ARCHITECTURE, patch_size=4)  # 65 tokens


def test_it_is_what_one_builds_of_the_weights(tmp_path: Path) -> None:
    exact = tiny_artifact(tmp_path / "exact", arch=MANY)
    for compute in (Compute("int8"), Compute("int8", 9), Compute("fp32", 5)):
        wanted = tiny_artifact(tmp_path / "wanted", arch=MANY, compute=compute)
        found = rebuild(exact, tmp_path / "found", compute)
        assert found.digest == wanted.digest
        assert found.manifest.compute == compute


def test_back_and_forth_changes_nothing(tmp_path: Path) -> None:
    exact = tiny_artifact(tmp_path / "exact", arch=MANY)
    few = rebuild(exact, tmp_path / "few", Compute(tokens=9))
    assert rebuild(few, tmp_path / "all", EXACT).digest == exact.digest


def test_bytes_stay_as_they_are(tmp_path: Path) -> None:
    """Of an int8 model the tokens can be changed: its levels don't move."""
    whole = tiny_artifact(tmp_path / "whole", arch=MANY, compute=Compute("int8"))
    few = rebuild(whole, tmp_path / "few", Compute("int8", 9))
    before, after = whole.state_dict(), few.state_dict()
    for name, value in after.items():
        np.testing.assert_allclose(value, before[name], rtol=1e-6, err_msg=name)
    text = "a red bicycle"
    first, second = (Runtime.load(a.folder).embed_texts([text]) for a in (whole, few))
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_bytes_do_not_become_floats(tmp_path: Path) -> None:
    artifact = tiny_artifact(tmp_path / "a", compute=Compute("int8"))
    with pytest.raises(ModelError, match="weights of tiny were rounded to eight bits") as error:
        rebuild(artifact, tmp_path / "b", EXACT)
    assert error.value.hint == "Add it from where it came, with: --precision fp32"


def test_what_is_exported_of_bytes(tmp_path: Path) -> None:
    artifact = tiny_artifact(tmp_path / "a", compute=Compute("int8"), decoding=None)
    export(artifact, tmp_path / "out", "retrieval")
    assert "rounded to eight bits" in (tmp_path / "out" / "README.md").read_text()
    state = artifact.state_dict()
    for name, value in load_file(tmp_path / "out" / "model.safetensors").items():
        np.testing.assert_array_equal(value, state[name])


def test_an_artifact_is_added_as_one_says(ready: Settings, tmp_path: Path) -> None:
    folder = tiny_artifact(tmp_path / "many", arch=MANY, name="many").folder
    with psycopg.connect(ready.database_url(), autocommit=True) as conn:
        as_it_is = add(conn, ready, str(folder))
        assert as_it_is.digest == Artifact.open(folder).digest
        assert as_it_is.record == (65, 32, False)
        model = add(conn, ready, str(folder), precision="int8", tokens=9)
        assert model.name == "many"
        assert model.record == (9, 32, True)
        assert registry.load(ready, model, "text").artifact.manifest.compute == Compute("int8", 9)
        (size,) = conn.execute(
            "SELECT token_bytes FROM blip._choose(NULL, 'retrieval')"
        ).fetchone() or (None,)
        assert size == 9 * (32 + 8)
        assert add(conn, ready, str(folder), precision="int8", tokens=9) == model
        with pytest.raises(UsageError, match="tokens is 65; the model has 65 of an image"):
            add(conn, ready, str(folder), tokens=65)

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from blipdb.checkpoints.hub import fetch, is_spec
from blipdb.errors import ModelError, UsageError
from tests.checkpoints.hub import COMMIT, Hub, serving
from tests.terminal import in_terminal

WEIGHTS = bytes(range(256)) * 100_000
PIECE = 10 << 20  # which the library writes at once
NAMES = ["config.json", "vocab.txt", "model.safetensors"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    files = {
        "config.json": b'{"model_type": "blip"}',
        "vocab.txt": b"[PAD]\n[UNK]",
        "README.md": b"# tiny",
        "model.safetensors": WEIGHTS,
        "pytorch_model.bin": b"older",
        "tf_model.h5": b"another",
    }
    with serving(Hub(files, large={"model.safetensors"})) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_PROGRESS_BARS", True)
        # The library waits a second before it tries again.
        monkeypatch.setattr("huggingface_hub.file_download.time", SimpleNamespace(sleep=id))
        yield served


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def test_what_is_read_is_fetched_and_nothing_else(hub: Hub, kept: Path) -> None:
    found = fetch("you/blip-tiny", kept)
    assert (found.repo, found.commit) == ("you/blip-tiny", COMMIT)
    assert sorted(path.name for path in found.folder.iterdir()) == sorted(NAMES)
    assert (found.folder / "model.safetensors").read_bytes() == WEIGHTS
    fetched = [path for method, path, _ in hub.asked if method == "GET" and "resolve" in path]
    assert all(COMMIT in path for path in fetched)
    hub.asked.clear()
    assert fetch(f"you/blip-tiny@{COMMIT}", kept) == found
    assert not [path for method, path, _ in hub.asked if method == "GET" and "resolve" in path]


def test_a_broken_connection_is_taken_up_where_it_broke(hub: Hub, kept: Path) -> None:
    hub.cut, hub.cuts = PIECE + 1_000_000, 2
    assert (fetch("you/blip-tiny", kept).folder / "model.safetensors").read_bytes() == WEIGHTS
    ranges = [asked for _, _, asked in hub.asked if asked]
    assert ranges == [f"bytes={PIECE}-", f"bytes={2 * PIECE}-"]


def test_a_download_that_was_given_up_goes_on(hub: Hub, kept: Path) -> None:
    hub.cut, hub.cuts = PIECE + 1_000_000, 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "gone_after_cut", True)
        with pytest.raises(ModelError, match=r"can't be fetched(.|\n)*goes on where it stopped"):
            fetch("you/blip-tiny", kept)
    hub.asked.clear()
    assert (fetch("you/blip-tiny", kept).folder / "model.safetensors").read_bytes() == WEIGHTS
    assert [asked for _, _, asked in hub.asked if asked] == [f"bytes={PIECE}-"]


def test_progress_is_shown_to_a_person_alone(hub: Hub, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from blipdb.checkpoints.hub import fetch;"
        "fetch('you/blip-tiny', Path(sys.argv[1]))"
    )
    environment = dict(os.environ) | {"HF_ENDPOINT": hub.url}
    command = [sys.executable, "-c", program]
    shown, code = in_terminal([*command, str(tmp_path / "a")], tmp_path, environment)
    assert code == 0
    assert "model.safetensors: 100%" in shown
    assert "25.6M/25.6M" in shown
    ran = subprocess.run([*command, str(tmp_path / "b")], env=environment, capture_output=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


def test_shards_are_fetched_with_their_index(hub: Hub, kept: Path) -> None:
    for form in ("model", "safetensors"), ("pytorch_model", "bin"):
        stem, suffix = form
        shards = [f"{stem}-{n:05}-of-00002.{suffix}" for n in (1, 2)]
        index = f"{stem}.{suffix}.index.json"
        hub.files = dict.fromkeys(("config.json", "vocab.txt", index, *shards, "x.onnx"), b"{}")
        hub.large = set(shards)
        found = fetch("you/blip-tiny", kept / stem)
        assert sorted(path.name for path in found.folder.iterdir()) == sorted(
            ["config.json", "vocab.txt", index, *shards]
        )


def test_a_file_with_another_digest_is_refused_and_fetched_anew(hub: Hub, kept: Path) -> None:
    hub.digests["model.safetensors"] = "f" * 64
    with pytest.raises(ModelError, match=r"model.safetensors has the SHA-256 .* lists ffffffff"):
        fetch("you/blip-tiny", kept)
    hub.digests.clear()
    assert (fetch("you/blip-tiny", kept).folder / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "GatedRepo", "open only to those who accepted its terms"),
        (401, "RepoNotFound", "no repository you/blip-tiny, or it is private"),
        (404, "RevisionNotFound", "no revision of you/blip-tiny"),
        (500, "Broken", "can't be fetched"),
    ],
)
def test_refusals_say_what_to_do(
    hub: Hub, kept: Path, status: int, code: str, message: str
) -> None:
    hub.refusal = (status, code)
    with pytest.raises(ModelError, match=message):
        fetch("you/blip-tiny", kept)


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository_whose_names_are_public(hub: Hub, kept: Path, status: int) -> None:
    hub.locked = (status, "GatedRepo")
    message = r"open only to those who accepted its terms(.|\n)*set HF_TOKEN"
    with pytest.raises(ModelError, match=message):
        fetch("you/blip-tiny", kept)


def test_a_repository_without_weights(hub: Hub, kept: Path) -> None:
    del hub.files["model.safetensors"], hub.files["pytorch_model.bin"]
    with pytest.raises(ModelError, match=r"holds no weights: looked for model\.safetensors"):
        fetch("you/blip-tiny", kept)


def test_a_file_that_is_listed_and_gone(hub: Hub, kept: Path) -> None:
    listed = hub.listing()
    del hub.files["model.safetensors"]
    hub.listing = lambda: listed  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="A file of you/blip-tiny is missing"):
        fetch("you/blip-tiny", kept)


def test_an_unknown_revision_and_a_hub_that_is_not_there(
    hub: Hub, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="no revision"):
        fetch("you/blip-tiny@older", kept)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="can't be fetched"):
        fetch("you/blip-tiny", kept)


@pytest.mark.destructive
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk(hub: Hub, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)
    try:
        with pytest.raises(ModelError, match="The disk is full"):
            fetch("you/blip-tiny", small)
    finally:
        subprocess.run(["umount", small], check=True)


def test_specs(kept: Path) -> None:
    assert is_spec("Salesforce/blip-itm-base-coco")
    assert is_spec("you/model@v1.0")
    for other in ("./model", "model", "a/b/c", "/srv/model", "https://hub/a/b"):
        assert not is_spec(other)
    with pytest.raises(UsageError, match="is no repository"):
        fetch("model", kept)

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from blipdb.training.run.checkpoint import (
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
    write_atomically,
    write_json,
)


def small_run() -> tuple[torch.nn.Linear, torch.optim.AdamW]:
    torch.manual_seed(1)
    model = torch.nn.Linear(3, 2)
    return model, torch.optim.AdamW(model.parameters(), lr=0.1)


def step(model: torch.nn.Module, optimiser: torch.optim.Optimizer) -> None:
    optimiser.zero_grad()
    model(torch.ones(1, 3)).square().sum().backward()
    optimiser.step()


def test_a_restored_run_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    model, optimiser = small_run()
    step(model, optimiser)
    save_checkpoint(tmp_path, model, optimiser, 1, "this run")
    step(model, optimiser)

    restored, its_optimiser = small_run()
    assert load_checkpoint(tmp_path, restored, its_optimiser, "this run") == 1
    step(restored, its_optimiser)
    assert torch.equal(model.weight, restored.weight)


def test_without_a_checkpoint_a_run_begins(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, *small_run(), "this run") == 0


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, *small_run(), 1, "this run")
    with pytest.raises(CheckpointError, match="another configuration"):
        load_checkpoint(tmp_path, *small_run(), "that run")


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, {"old": 1})

    def fail_halfway(beside: Path) -> None:
        beside.write_text('{"new"')
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, fail_halfway)
    assert path.read_text() == '{\n  "old": 1\n}\n'

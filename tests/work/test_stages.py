"""The registry of stages."""

from __future__ import annotations

from typing import get_args

import pytest

from blipdb.cli import backlog
from blipdb.cli.progress import _label
from blipdb.model.artifact import ROLES
from blipdb.work import stages


def test_a_stage_comes_after_those_that_feed_it() -> None:
    assert sorted(stages.ORDER) == sorted(stages.NAMES)
    for place, name in enumerate(stages.ORDER):
        assert set(stages.get(name).feeds) <= set(stages.ORDER[place + 1 :])


@pytest.mark.parametrize("name", [*stages.NAMES, "write"])
def test_a_stage_has_roles_and_graphs(name: str) -> None:
    stage = stages.get(name)
    assert stage.name == name
    assert stage.roles
    assert set(stage.roles) <= set(ROLES)
    assert stage.graphs
    assert stage.shared == (name in stages.NAMES)


def test_the_command_line_knows_all_stages() -> None:
    """Its help is written there, so that it need not load them."""
    _, argument = get_args(backlog.Stages)
    for name in stages.WORK:
        assert f"{name}: " in argument.help
        assert _label(name)

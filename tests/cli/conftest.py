"""The command line on a home where all is up, with a few drawn scenes to work on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from blipdb.cli.app import app
from blipdb.scenes.demo import draw_missing, plan_album
from blipdb.settings import Settings

Run = Callable[..., Result]
BLIPDB = str(Path(sys.executable).parent / "blipdb")
COUNT = 12


@pytest.fixture(scope="session")
def run(served: Settings) -> Run:
    """Run a command in this process: ``run("search", "red")``."""

    def run(*arguments: str | Path, given: str | bytes = "", **environment: str) -> Result:
        return CliRunner().invoke(
            app,
            [str(argument) for argument in arguments],
            input=given,
            env={"BLIPDB_HOME": str(served.home)} | environment,
        )

    return run


@pytest.fixture(scope="session")
def scenes(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve drawn scenes that were ingested."""
    folder = tmp_path_factory.mktemp("scenes")
    for _ in islice(draw_missing(plan_album(folder)), COUNT):
        pass
    assert run("ingest", folder).exit_code == 0
    return folder

"""The setup that `make` does: pinned versions, and the scripts of .setup."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def name_of(requirement: str) -> str:
    """A distribution's name in its normal form (PEP 503)."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {name_of(name): version for name, version in pairs}


def test_every_dependency_has_one_exact_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {name_of(requirement) for group in groups for requirement in group}
    assert wanted - {"blipdb"} <= pins().keys()


def test_no_version_is_bound_to_one_index() -> None:
    """A local label such as +cpu, or an address, is found on some machines and on others not."""
    for version in pins().values():
        assert re.fullmatch(r"[0-9][0-9a-z.]*", version), version


def test_the_demo_needs_no_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not {"torch", "transformers"} & {name_of(name) for name in project["dependencies"]}
    makefile = (ROOT / "Makefile").read_text()
    assert "demo: .venv/base" in makefile
    assert "$(PIP) -e .\n" in makefile


def python(*candidates: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / ".setup" / "python"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": " ".join(candidates)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_python_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("#!/bin/sh\nexit 1\n")
    new.write_text("#!/bin/sh\nexit 0\n")
    for path in (old, new):
        path.chmod(0o755)
    done = python("/no/such/python", str(old), str(new))
    assert done.stdout == f"{new}\n"


def test_no_python_that_is_new_enough(tmp_path: Path) -> None:
    done = python("/no/such/python")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "apt-get install python3" in done.stderr


@pytest.mark.parametrize("script", ["system", "python", "pgvector"])
def test_scripts_parse(script: str) -> None:
    subprocess.run(["bash", "-n", ROOT / ".setup" / script], check=True)


def test_a_machine_with_everything_is_left_alone() -> None:
    """The tests run on one: the system's check finds all it needs, and says and does nothing."""
    script = ROOT / ".setup" / "system"
    tried = ROOT / ".cache" / "pgvector-tried"
    tried.parent.mkdir(exist_ok=True)
    tried.touch()  # today's question to the mirror has been asked
    done = subprocess.run([script], capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == ("", "")

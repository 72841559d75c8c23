"""The wheel and the sdist: whole, with the licence, and enough to run the demo elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "runs")


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command in a folder; return its stdout."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BLIPDB_", "PYTHON"))}
    done = subprocess.run(
        command, cwd=cwd, env=environment | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both packages, built from a copy of the checkout."""
    folder = tmp_path_factory.mktemp("packages")
    source = shutil.copytree(ROOT, folder / "source", ignore=LEFT_OUT)
    build = (sys.executable, "-m", "build", "--outdir", folder)
    run(*build, "--wheel", "--sdist", source, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder outside of the checkout that the decoders' user may read."""
    folder = Path(tempfile.mkdtemp(prefix="blip", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_the_licence_is_in_both(packages: dict[str, Path]) -> None:
    text = (ROOT / "LICENSE").read_bytes()
    with zipfile.ZipFile(packages["wheel"]) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith("licenses/LICENSE"))
        assert wheel.read(name) == text
    with tarfile.open(packages["sdist"]) as sdist:
        (name,) = (name for name in sdist.getnames() if name.count("/") == 1 and "LICENSE" in name)
        member = sdist.extractfile(name)
        assert member is not None
        assert member.read() == text


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_the_demo_runs_from_an_empty_environment(
    packages: dict[str, Path], kind: str, elsewhere: Path
) -> None:
    run(sys.executable, "-m", "venv", "env", cwd=elsewhere)
    scripts = elsewhere / "env/bin"
    pip = (scripts / "python", "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt")
    run(*pip, packages[kind], cwd=elsewhere)
    home = str(elsewhere / "home")
    try:
        shown = run(scripts / "blipdb", "demo", cwd=elsewhere, BLIPDB_HOME=home)
        assert "a red bicycle" in shown
        assert (elsewhere / "album/contact-sheet.png").is_file()
    finally:
        run(scripts / "blipdb", "down", cwd=elsewhere, BLIPDB_HOME=home)

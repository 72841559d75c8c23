"""Examples run as their users run them: in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def run(example: str, url: str, home: Path, *command: str) -> str:
    """Run a Python module in an example's folder with that database, and return its output."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=EXAMPLES / example,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # of blipdb's command
            "BLIPDB_URL": url,
            "BLIPDB_HOME": str(home),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_tests(example: str, url: str, home: Path) -> str:
    return run(example, url, home, "pytest", "-q", "-p", "no:cacheprovider")

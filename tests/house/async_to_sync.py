"""Generate the synchronous client from `aclient`: ``python -m tests.house.async_to_sync``."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parents[2] / "blipdb" / "client"
ORIGINAL, GENERATED = CLIENT / "aclient.py", CLIENT / "client.py"

TEXTS = {
    """`client` is generated from this module by ``python -m tests.house.async_to_sync``.
""": """It is generated from `aclient` by ``python -m tests.house.async_to_sync``: edit that one.
""",
    """    It belongs to the event loop that first uses it, and computes in threads. A task that is
    cancelled ends its operation, but for an ingest, which runs to its end.
""": """    Safe to use from several threads.
""",
    "The asynchronous client": "The synchronous client",
    "An asynchronous client": "A client",
    "`blipdb.aconnect`": "`blipdb.connect`",
}
"""Prose that differs; each text is in the original exactly once."""

CODE = {
    r"\basync def\b": "def",
    r"\bawait ": "",
    r"\bAsync(?=Client\b|Driver\b)": "",
}


def synchronous(original: str) -> str:
    """Return the synchronous twin of the asynchronous client's source.

    Raises:
        ValueError: a text to be replaced is missing, or asynchronous code is left.
    """
    generated = original
    for text, other in TEXTS.items():
        if generated.count(text) != 1:
            raise ValueError(f"the original has not exactly one {text!r}")
        generated = generated.replace(text, other)
    for pattern, other in CODE.items():
        generated = re.sub(pattern, other, generated)
    code = re.sub(r'"""(?:.|\n)*?"""', "", generated)
    if left := re.search(r"(?i)\w*(?:async|await)\w*", code):
        raise ValueError(f"{left[0]} is left")
    return formatted(generated)


def formatted(code: str) -> str:
    """Format code as ``ruff format`` does."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(GENERATED), "-"]
    return subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    GENERATED.write_text(synchronous(ORIGINAL.read_text()))

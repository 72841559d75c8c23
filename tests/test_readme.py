"""The README's examples: each is run, in their order, and must show what the README shows.

A block ```console holds commands after `$ ` and their output, as on a terminal; ```sql and
```python are run, and what they print is in the ```text that follows. ```sh is not run: it installs
software or changes a server, and says so by its name. There are no other kinds but plain ```, for
signatures.

`python -m tests.test_readme` writes the present output into the README, and the contact sheet of
the demo into docs/.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from blipdb import services
from blipdb.cli.app import app
from blipdb.database import extension
from blipdb.settings import Settings
from tests.terminal import STYLE, in_terminal

README = Path(__file__).parents[1] / "README.md"
SHEET = README.parent / "docs" / "contact-sheet.png"
PICTURES = "/home/you/photos"  # what the README calls the folder where its commands run
HOME = "/home/you/.local/share/blipdb"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KINDS = {"", "console", "sql", "python", "text", "sh"}
# What differs from run to run, or from machine to machine, and is shown as it once was.
ANY = re.compile(
    r"…|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{16}\b"
    r"|(?<=process )\d+|(?<=\()\d+\.\d(?= s\))"
)
NUMBER = re.compile(r"-?\d+\.\d+")
TOLERANCE = 0.02  # of scores: other processors round otherwise


@dataclass(frozen=True)
class Example:
    """Something to run and the output that the README shows; ``line`` is where it stands."""

    line: int
    kind: str
    code: str
    shown: str

    @property
    def is_refused(self) -> bool:
        """Whether the README shows it to fail."""
        return bool(re.search(r"^(error|failed): ", self.shown, re.MULTILINE))


def examples(text: str) -> Iterator[Example]:
    """Yield the examples to run. Raises ValueError for a block of an unknown kind."""
    blocks = list(FENCE.finditer(text))
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        kind, body = block.groups()
        line = text.count("\n", 0, block.start()) + 1
        if kind not in KINDS:
            raise ValueError(f"line {line}: a block of the unknown kind {kind!r}")
        if kind == "console":
            yield from _commands(line, body)
        elif kind in ("sql", "python"):
            follows = after is not None and text[block.end() : after.start()].isspace()
            shown = after[2] if after and follows and after[1] == "text" else ""
            yield Example(line, kind, body, shown)


def _commands(line: int, body: str) -> Iterator[Example]:
    parts = re.split(r"^\$ (.*)\n", body, flags=re.MULTILINE)
    if parts[0]:
        raise ValueError(f"line {line}: a console block begins with '$ '")
    for number in range(1, len(parts), 2):
        yield Example(line, "console", parts[number], parts[number + 1])


@dataclass(frozen=True)
class Place:
    """A folder to run examples in, and a home of their own."""

    folder: Path
    home: Path

    def run(self, example: Example) -> tuple[str, int]:
        """Run an example; return the text that a terminal would show, and the exit code."""
        folder = str(Path(sys.executable).parent)
        environment = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "BLIPDB_HOME": str(self.home),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PAGER": "cat",
            "PGTZ": "UTC",
            "TERM": "xterm",
            "NO_COLOR": "1",
            "TTY_INTERACTIVE": "0",  # to rich: no progress bars
        }
        if example.kind == "console":
            command, given = ["bash", "-c", example.code], ""
        elif example.kind == "sql":
            command, given = ["blipdb", "psql", "--no-psqlrc", "--quiet"], example.code
        else:
            command, given = [sys.executable, "-W", "error", "-"], example.code
        shown, code = in_terminal(command, self.folder, environment, given=given)
        shown = "\n".join(line.rstrip() for line in STYLE.sub("", shown).split("\n"))
        for real, said in ((self.folder, PICTURES), (self.home, HOME)):
            shown = shown.replace(str(real), said).replace(quote(str(real), ""), quote(said, ""))
        return shown.strip("\n") + "\n" if shown.strip() else "", code


def is_shown(shown: str, real: str) -> bool:
    """Whether ``real`` is what the README shows: numbers within the tolerance, any white space."""
    pattern, numbers, at = "", [], 0
    for found in re.finditer(f"{ANY.pattern}|(?P<number>{NUMBER.pattern})", shown):
        pattern += _literal(shown[at : found.start()])
        if found["number"]:
            numbers.append(float(found["number"]))
            pattern += f"({NUMBER.pattern})"
        else:
            pattern += ".*?" if found[0] == "…" else _like(found[0])
        at = found.end()
    match = re.fullmatch(pattern + _literal(shown[at:]), real, re.DOTALL)
    return match is not None and all(
        abs(float(is_now) - was) <= TOLERANCE * max(1, abs(was))
        for is_now, was in zip(match.groups(), numbers, strict=True)
    )


def _like(text: str) -> str:
    return r"[\d.]+" if text.replace(".", "").isdecimal() and len(text) < 16 else r"[0-9a-f-]+"


def _literal(text: str) -> str:
    escaped = re.escape(text).replace(r"\-", "-")
    return re.sub(r"-{3,}", "-+", re.sub(r"(?:\\?\s)+", r"\\s+", escaped))


@contextmanager
def somewhere() -> Iterator[Place]:
    """A folder for the examples, with a path as long as `PICTURES`, so that tables look alike."""
    folder, home = (Path(tempfile.mkdtemp(prefix=p, dir="/tmp")) for p in ("pho", "blip"))
    home.chmod(0o755)
    try:
        yield Place(folder, home)
    finally:
        services.down(Settings(home))
        shutil.rmtree(home)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with somewhere() as place:
        yield place


EXAMPLES = list(examples(README.read_text(encoding="utf-8")))


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=[f"line-{e.line}-{e.kind}" for e in EXAMPLES])
def test_the_readme_shows_what_happens(place: Place, example: Example) -> None:
    real, code = place.run(example)
    assert (code != 0) == example.is_refused, real
    assert is_shown(example.shown, real), f"It shows\n{example.shown}\nbut now it is\n{real}"


def test_each_sort_of_example_is_there() -> None:
    assert {example.kind for example in EXAMPLES} == {"console", "sql", "python"}
    assert len(EXAMPLES) > 30


@pytest.mark.parametrize("page", [README, README.parent / "docs" / "design.md"])
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    local = [link for link in links if not link.startswith("https://")]
    assert local
    for link in local:
        path, _, anchor = link.partition("#")
        assert (page.parent / path).exists() if path else anchor in anchors, link


def test_everything_is_in_the_manual() -> None:
    text = README.read_text(encoding="utf-8")
    functions = set(re.findall(r"^CREATE FUNCTION public\.(\w+)", extension.script(), re.MULTILINE))
    assert functions >= {"blip_search", "blip_add"}
    assert [name for name in functions if f"{name}(" not in text] == []
    commands = [command.name or "" for command in app.registered_commands]
    assert {"search", "ingest", "install-extension"} <= set(commands)
    assert [name for name in commands if f"blipdb {name}" not in text] == []


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ("score  1.23\n", "score 1.24\n", True),
        ("score  1.23\n", "score 1.33\n", False),
        ("score  1.23\n", "store 1.23\n", False),
        ("3 images (0.4 s)\n", "3 images (12.5 s)\n", True),
        ("3 images (0.4 s)\n", "4 images (0.4 s)\n", False),
        ("a … b\n", "a what ever\n b\n", True),
        ("a ------+--- b\n", "a --+------- b\n", True),
        ("runs, process 12\n", "runs, process 4711\n", True),
        ("id 0123456789abcdef\n", "id fedcba9876543210\n", True),
        ("-1.0\n", "1.0\n", False),
        ("yes\n", "yes\nno\n", False),
    ],
)
def test_what_counts_as_the_same(shown: str, real: str, same: bool) -> None:
    assert is_shown(shown, real) is same


def test_unknown_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"line 3.*'bash'"):
        list(examples("one\n\n```bash\nls\n```\n"))
    with pytest.raises(ValueError, match="begins with"):
        list(examples("```console\nls\n```\n"))


def rewritten(text: str, place: Place) -> str:
    """The README with each output that is no longer true replaced by the present one."""
    out, at, printed = [], 0, ""
    for block in FENCE.finditer(text):
        kind, body = block.groups()
        between = text[at : block.start()]
        if printed and not (kind == "text" and between.isspace()):
            out.append(f"\n\n```text\n{printed}```")
        out.append(between)
        if kind == "text" and printed:
            body = printed
        printed = ""
        if kind == "console":
            commands = _commands(0, body)
            body = "".join(f"$ {one.code}\n{_present(one, place)}" for one in commands)
        elif kind in ("sql", "python"):
            (example,) = (e for e in EXAMPLES if e.kind == kind and e.code == body)
            printed = _present(example, place)
        out.append(f"```{kind}\n{body}```")
        at = block.end()
    return "".join([*out, text[at:]])


def _present(example: Example, place: Place) -> str:
    real, code = place.run(example)
    print(f"line {example.line}: {example.code.strip()}\n{real}exit code {code}", file=sys.stderr)
    return example.shown if is_shown(example.shown, real) else real


if __name__ == "__main__":
    with somewhere() as there:
        README.write_text(rewritten(README.read_text("utf-8"), there), "utf-8")
        shutil.copy(there.folder / "album" / SHEET.name, SHEET)

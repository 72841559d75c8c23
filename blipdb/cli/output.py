"""Output of commands: results on stdout, messages for a person on stderr.

On a terminal results are a table; in a pipe they are lines with tabs between the fields, nothing
else. File names, captions and metadata come from strangers: whatever could move a terminal's
cursor, change its colours or reverse its text is shown as its escape (``\\x1b``), never sent.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..escapes import UNSAFE, visible


@dataclass(frozen=True)
class Column:
    """A column of a table.

    A ``number`` is aligned to the right; a ``word`` is never broken; a ``text`` wraps; a ``path``
    that takes at most half of the width is not broken either, so that a click selects it.
    """

    title: str
    kind: Literal["word", "number", "path", "text"] = "word"


def note(message: str) -> None:
    """Print a message on stderr; its line breaks are kept."""
    print("\n".join(visible(line) for line in message.split("\n")), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print one JSON document, with UUIDs and times as strings."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    # json.dumps has escaped C0, so what is left is the document's own line breaks and the rest.
    lines = (UNSAFE.sub(lambda m: f"\\u{ord(m.group()):04x}", line) for line in text.split("\n"))
    print("\n".join(lines))


def print_paths(paths: Iterable[str], *, null: bool = False) -> None:
    """Print one path a line, unescaped, for ``xargs``; with ``null`` each ends with NUL instead."""
    end = b"\0" if null else b"\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(b"".join(os.fsencode(path) + end for path in paths))
    sys.stdout.buffer.flush()


def print_rows(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on a terminal, and in a pipe its rows with tabs, without titles."""
    shown = [[visible(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and shown:
        _print_table(columns, shown)
    else:
        for row in shown:
            print("\t".join(row))


def _print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    has_titles = any(column.title for column in columns)
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=has_titles)
    for number, column in enumerate(columns):
        longest = max(cell_len(row[number]) for row in rows)
        table.add_column(
            column.title,
            justify="right" if column.kind == "number" else "left",
            no_wrap=column.kind != "text" and longest <= console.width // 2,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def short_path(uri: str) -> str:
    """Shorten ``uri`` to a path relative to the working folder, where it lies inside it."""
    if not os.path.isabs(uri):
        return uri
    try:
        return str(Path(uri).relative_to(Path.cwd()))
    except (ValueError, FileNotFoundError):  # elsewhere; or the working folder is gone
        return uri

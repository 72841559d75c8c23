"""``blipdb models``: list, add, activate and export models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import UsageError
from ..model.compute import MERGED_TOKENS
from . import options
from .options import Db, Home, Json
from .output import Column, note, print_json, print_rows

app = typer.Typer(no_args_is_help=True, help="List, add, activate and export models.")

if TYPE_CHECKING:
    import psycopg

    from ..settings import Settings


class Precision(StrEnum):
    """Precision of a model's graphs."""

    FP32 = "fp32"
    INT8 = "int8"


COLUMNS = (
    Column("name"),
    Column("digest"),
    Column("can be", "text"),
    Column("active as", "text"),
    Column("knows", "text"),
)


@contextmanager
def _opened(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    from .opening import opened

    with opened(settings) as database:
        yield database.conn


@app.command("list")
def list_models(as_json: Json = False, db: Db = None, home: Home = None) -> None:
    """List the models that the database knows."""
    from .. import registry

    with _opened(options.settings(db, home)) as conn:
        models = registry.models(conn)
    if as_json:
        print_json([asdict(model) for model in models])
        return
    print_rows(
        COLUMNS,
        [
            (
                model.name,
                model.digest[: registry.DIGITS],
                ", ".join(model.roles),
                ", ".join(model.active),
                model.knows,
            )
            for model in models
        ],
    )


Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A folder that blipdb exported, a BLIP checkpoint (Hugging Face's folder, or a "
        "file like model.pth), or a repository of the Hugging Face hub: owner/name.",
    ),
]
Name = Annotated[
    str | None,
    typer.Option(envvar="BLIPDB_MODEL_NAME", help="What to call it; default: after its source."),
]
Activate = Annotated[
    bool,
    typer.Option(
        "--activate/--no-activate",
        envvar="BLIPDB_ACTIVATE",
        help="Use it from now on in every role that it can have.",
    ),
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(
        envvar="BLIPDB_PRECISION",
        help="fp32: as torch computes; int8: in eight bits, several times quicker and nearly "
        "the same. Default: int8 for a checkpoint, and an artifact as it was built.",
    ),
]
Tokens = Annotated[
    str | None,
    typer.Option(
        envvar="BLIPDB_TOKENS",
        metavar="COUNT|all",
        help="How many image tokens to store of an image, similar ones merged. "
        f"Default: {MERGED_TOKENS} of a checkpoint that has more, and an artifact as it was built.",
    ),
]


@app.command()
def add(
    source: Source,
    name: Name = None,
    activate: Activate = True,
    precision: PrecisionOption = None,
    tokens: Tokens = None,
    as_json: Json = False,
    db: Db = None,
    home: Home = None,
) -> None:
    """Make a model known, and use it from now on."""
    from .. import registry
    from ..checkpoints.add import add as add_model

    settings = options.settings(db, home)
    with _opened(settings) as conn:
        model = add_model(
            conn,
            settings,
            source,
            name=name,
            activate=activate,
            precision=precision,
            tokens=_count(tokens),
        )
    if as_json:
        print_json(asdict(model))
    else:
        print(f"{model.name} {model.digest[: registry.DIGITS]}")
    if model.active:
        note("stored images are encoded with it by: blipdb run")


def _count(tokens: str | None) -> int | Literal["all"] | None:
    if tokens is None:
        return None
    if tokens == "all":
        return "all"
    if not tokens.isdecimal():
        raise UsageError(f"--tokens is {tokens!r}; it is a number, or all.")
    return int(tokens)


class Format(StrEnum):
    """Formats of an export."""

    HF = "hf"


@app.command("export")
def export_model(
    model: Annotated[
        str,
        typer.Argument(
            help="A model's name, the beginning of its digest, or an artifact's folder."
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make.")],
    to: Annotated[
        Format,
        typer.Option("--to", envvar="BLIPDB_TO", help="hf: a folder that transformers loads."),
    ],
    role: Annotated[
        str | None,
        typer.Option(
            envvar="BLIPDB_EXPORT_ROLE",
            help="Which of its roles, where it has several: retrieval, captioner or answerer.",
        ),
    ] = None,
    db: Db = None,
    home: Home = None,
) -> None:
    """Write a model as a folder that other programs load."""
    from .. import registry
    from ..checkpoints.export import export
    from ..model.artifact import MANIFEST, Artifact

    folder = Path(model).expanduser()
    if not (folder / MANIFEST).exists():
        settings = options.settings(db, home)
        with _opened(settings) as conn:
            folder = registry.find(conn, model).folder(settings)
    print(f"{out}: {export(Artifact.open(folder), out.expanduser(), role)}")


@app.command("activate")
def activate_model(
    name: Annotated[str, typer.Argument(help="A model's name, or the beginning of its digest.")],
    role: Annotated[
        list[str] | None,
        typer.Option(
            envvar="BLIPDB_ROLE",
            help="retrieval, captioner, answerer or filter; default: all that it can be. The filter"
            " is the model for retrieval, unless another is chosen.",
        ),
    ] = None,
    as_json: Json = False,
    db: Db = None,
    home: Home = None,
) -> None:
    """Use a model from now on."""
    from .. import registry
    from ..database import captions

    with _opened(options.settings(db, home)) as conn:
        waiting = registry.activate(conn, name, role)
        model = registry.find(conn, name)
        unscored = captions.waiting(conn, model.scoring) if registry.FILTER in model.active else 0
        is_asked = captions.active(conn).filter is None
    if as_json:
        print_json({**asdict(model), "waiting": waiting, "unscored": unscored})
    else:
        print(f"{model.name} is active as {', '.join(model.active)}")
    if waiting:
        note(f"{waiting} images are to be encoded with it; workers do that, or: blipdb run")
    if unscored:
        does = "scores are off, but for: blipdb run score"
        note(
            f"{unscored} captions are to be judged by it; "
            + (does if is_asked else "workers do that, or: blipdb run")
        )

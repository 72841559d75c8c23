"""The SQL functions of ``sql/``, as an extension and as a plain script.

PostgreSQL reads an extension from two files in its own share folder. Here they are written there;
``CREATE EXTENSION`` is `blipdb.database`'s. Servers that refuse PL/Python get the functions that
ask no engine, by a script that needs no superuser.
"""

from __future__ import annotations

import os
import re
import tempfile
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from ..errors import SetupError

NAME = "blipdb"
# In this order: PL/pgSQL looks names up when it runs, but the types of arguments must exist.
PARTS = (
    "model", "engine", "embed", "recall", "hits", "rerank", "search", "similar", "match", "caption",
    "answer", "captions", "add", "attach_source", "attach_reader", "attach_rows", "attach_live",
    "attach_triggers", "attach", "status", "failures",
)  # fmt: skip
# Those of them that ask no engine, and that an ordinary role may create.
SCRIPT_PARTS = ("model", "recall", "hits", "similar", "captions", "add", "status", "failures")
ALLOW = "allow"  # last: gives each function the owner and the callers that are stated beside it

_HEADING = """\
-- Assembled from blipdb's sql/ folder; not to be edited here.
\\echo Use "CREATE EXTENSION blipdb CASCADE" to load this file. \\quit
"""
_BUILD = """
-- Which text these functions were made from: `blipdb init` renews them when it differs.
CREATE FUNCTION blip._build() RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN '{build}'; END $$;
COMMENT ON FUNCTION blip._build() IS 'The first digits of the SHA-256 of the extension''s source';
SELECT blip._allow('blip._build()', 'owner');
"""
# Names are read from the source: a superuser calls no function that another role may have made.
_PARTS = """
CREATE FUNCTION blip._parts() RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN ARRAY[
    {functions}
]; END $$;
COMMENT ON FUNCTION blip._parts() IS 'The functions that `blipdb init` made without the extension';
SELECT blip._allow('blip._parts()', 'owner');
"""
_ALLOW_CALL = re.compile(r"^SELECT blip\._allow\(([^;]+)\);\n", re.MULTILINE)
_EMPTY_ARRAY = "ARRAY[]::text[]"


def source(part: str) -> str:
    """Read one file of ``sql/``."""
    return files("blipdb.sql").joinpath(f"{part}.sql").read_text(encoding="utf-8")


def control() -> str:
    return files("blipdb.sql").joinpath(f"{NAME}.control").read_text(encoding="utf-8")


@cache
def version() -> str:
    """Read ``default_version`` from the control file: the package's version, as a test proves."""
    match = re.search(r"^default_version = '(.+)'$", control(), re.MULTILINE)
    assert match is not None, "the control file names no default_version"
    return match[1]


@cache
def build() -> str:
    """Compute digits of the source's SHA-256, which tell apart two states of the same version."""
    text = "".join([control(), *map(source, PARTS), *SCRIPT_PARTS, _BUILD, _PARTS, source(ALLOW)])
    return sha256(text.encode()).hexdigest()[:16]


def script() -> str:
    """Assemble the statements that ``CREATE EXTENSION`` runs."""
    functions = _functions()
    return "\n".join([_HEADING, _ALLOW_CALL.sub("", functions), _access(functions)])


def access() -> str:
    """Assemble the block that gives each function its owner and its callers."""
    return _access(_functions())


def plain_script() -> str:
    """Assemble the statements that create the functions of `SCRIPT_PARTS` without the extension.

    All are in the schema ``blip``, as the tables' owner may lack the right to create in ``public``.
    """
    functions = _plain_functions()
    return "\n".join([_ALLOW_CALL.sub("", functions), _access(functions)])


def plain_access() -> str:
    """Assemble the block of `access` for the functions of `plain_script`."""
    return _access(_plain_functions())


def plain_names() -> list[str]:
    """List the functions of `plain_script`, with the types of their arguments."""
    return [function for function, *_ in allow_calls(_plain_functions())]


def _access(functions: str) -> str:
    rows = []
    for function, callers, *definer in allow_calls(functions):
        rows.append(f"        '{function}', '{callers}', '{''.join(definer)}'")
    block = source(ALLOW)
    assert block.count(_EMPTY_ARRAY) == 1
    return block.replace(_EMPTY_ARRAY, "ARRAY[\n" + ",\n".join(rows) + "]")


def allow_calls(functions: str | None = None) -> list[list[str]]:
    """Extract the literals of each ``SELECT blip._allow(…)``: function, callers, definer."""
    calls = _ALLOW_CALL.findall(_functions() if functions is None else functions)
    return [re.findall(r"'([^']*)'", arguments) for arguments in calls]


def _functions() -> str:
    return "\n".join([*map(source, PARTS), _BUILD.format(build=build())])


def _plain_functions() -> str:
    text = "\n".join([*map(source, SCRIPT_PARTS), _BUILD.format(build=build())])
    text = text.replace("public.blip_", "blip.blip_")
    names = ",\n    ".join(f"'{function}'" for function, *_ in allow_calls(text))
    return text + _PARTS.format(functions=names + ",\n    'blip._parts()'")


def install(extension_dir: str | os.PathLike[str]) -> bool:
    """Write the extension's two files where they are missing or differ; False if nothing did.

    Raises:
        SetupError: the folder is not there, or not ours to write to.
    """
    folder = Path(extension_dir)
    texts = {f"{NAME}.control": control(), f"{NAME}--{version()}.sql": script()}
    try:
        changed = [name for name, text in texts.items() if _read(folder / name) != text]
        for name in changed:
            _write(folder / name, texts[name])
    except FileNotFoundError:
        raise SetupError(
            f"There is no folder {folder}, where a PostgreSQL server would look for extensions.",
            "Its own one is: $(pg_config --sharedir)/extension",
        ) from None
    except PermissionError:
        raise SetupError(
            f"The folder {folder} is not ours to write to.",
            "Run as its owner: sudo blipdb install-extension",
        ) from None
    return bool(changed)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _write(path: Path, text: str) -> None:
    """Replace a file atomically: a server may be reading it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{NAME}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise

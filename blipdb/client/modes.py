"""Inference modes: the server's functions with their engine compute, or this process does."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Literal
from weakref import WeakKeyDictionary

from ..database import requirements
from ..database.requirements import InstalledParts
from ..database.steps import Steps
from ..errors import UsageError
from ..settings import Settings
from .notices import log
from .server import Server
from .verbs import Verbs

InferenceMode = Literal["server", "client"]

# By an app's connection, as an app may make many clients of one connection in turn.
_requirements: MutableMapping[Any, InstalledParts] = WeakKeyDictionary()
_logged: set[tuple[str, str]] = set()


def require_inference(mode: str | None) -> None:
    """Check an ``inference`` argument.

    Raises:
        UsageError: it is neither None nor a mode.
    """
    if mode not in (None, "server", "client"):
        raise UsageError(f"inference must be 'server' or 'client', not {mode!r}.")


def remember(conn: Any, parts: InstalledParts) -> None:
    """Remember a database's parts, so that clients of ``conn`` need not look them up."""
    _requirements[conn] = parts


def choose(settings: Settings, mode: InferenceMode | None, conn: Any) -> Steps[Verbs]:
    """Choose the verbs for a database: its functions if it has the extension, else those with
    models in this process.

    Args:
        settings: of the home with the models.
        mode: the mode that the caller asked for.
        conn: the connection that the operation runs on.

    Raises:
        DatabaseError: the database's tables or functions are missing, or of another version.
    """
    parts = _requirements.get(conn) or (yield from requirements.look())
    parts.require_tables()
    by_server = mode == "server" or (mode is None and parts.extension is not None)
    if by_server:
        parts.require_extension()
    parts.require_functions()
    _requirements[conn] = parts
    _log_mode(parts, by_server=by_server)
    if by_server:
        return Server()
    from .inference import shared  # and with it the runtime, which clients of servers don't need
    from .local import Local

    return Local(shared(settings), "blip" if parts.extension is None else "public")


def _log_mode(parts: InstalledParts, *, by_server: bool) -> None:
    """Log the mode, once per database and process."""
    way = "the server's functions and their engine compute"
    if not by_server:
        way = "this process computes"
        if parts.extension is None:
            way += ", as the extension blipdb is not there"
    if (parts.database, way) not in _logged:
        _logged.add((parts.database, way))
        log.info("database %s: %s", parts.database, way)

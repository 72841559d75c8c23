"""Inference modes: the server's functions with their engine compute, or this process does."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Literal
from weakref import WeakKeyDictionary

from ..database import requirements
from ..database.requirements import Found
from ..database.steps import Steps
from ..errors import UsageError
from ..settings import Settings
from .notices import log
from .server import Server
from .verbs import Verbs

InferenceMode = Literal["server", "client"]

# By an app's connection, as an app may make many clients of one connection in turn.
_requirements: MutableMapping[Any, Found] = WeakKeyDictionary()
_logged: set[tuple[str, str]] = set()


def require_inference(wanted: str | None) -> None:
    """Check an ``inference`` argument.

    Raises:
        UsageError: it is neither None nor a mode.
    """
    if wanted not in (None, "server", "client"):
        raise UsageError(f"inference must be 'server' or 'client', not {wanted!r}.")


def remember(conn: Any, found: Found) -> None:
    """Spare the clients of ``conn`` a look at the database, which somebody has had."""
    _requirements[conn] = found


def choose(settings: Settings, wanted: InferenceMode | None, conn: Any) -> Steps[Verbs]:
    """Choose the verbs for a database: its functions if it has the extension, else those with
    models in this process.

    Args:
        settings: of the home with the models.
        wanted: the mode that the caller asked for.
        conn: the connection that the operation runs on.

    Raises:
        DatabaseError: the database's tables or functions are missing, or of another version.
    """
    found = _requirements.get(conn) or (yield from requirements.look())
    found.require_tables()
    by_server = wanted == "server" or (wanted is None and found.extension is not None)
    if by_server:
        found.require_extension()
    found.require_functions()
    _requirements[conn] = found
    _log_mode(found, by_server=by_server)
    if by_server:
        return Server()
    from .inference import shared  # and with it the runtime, which clients of servers don't need
    from .local import Local

    return Local(shared(settings), "blip" if found.extension is None else "public")


def _log_mode(found: Found, *, by_server: bool) -> None:
    """Log the mode, once per database and process."""
    way = "the server's functions and their engine compute"
    if not by_server:
        way = "this process computes"
        if found.extension is None:
            way += ", as the extension blipdb is not there"
    if (found.database, way) not in _logged:
        _logged.add((found.database, way))
        log.info("database %s: %s", found.database, way)

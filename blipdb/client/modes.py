"""Who computes: the server's functions with their engine, or this process."""

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

Inference = Literal["server", "client"]

# What was found through a connection of an app's, so that it is looked for once and not by each of
# the clients that use it in turn.
_found: MutableMapping[Any, Found] = WeakKeyDictionary()
_said: set[tuple[str, str]] = set()


def require_inference(wanted: str | None) -> None:
    """
    Raises:
        UsageError: it is none of those that there are.
    """
    if wanted not in (None, "server", "client"):
        raise UsageError(f"inference must be 'server' or 'client', not {wanted!r}.")


def remember(conn: Any, found: Found) -> None:
    """Spare the clients of ``conn`` a look at the database, which somebody has had."""
    _found[conn] = found


def choose(settings: Settings, wanted: Inference | None, conn: Any) -> Steps[Verbs]:
    """The verbs for the database that ``conn`` is connected to: by its functions where it has the
    extension, else computed here.

    Raises:
        DatabaseError: its tables or functions are missing, or of another version.
    """
    found = _found.get(conn) or (yield from requirements.look())
    found.require_tables()
    by_server = wanted == "server" or (wanted is None and found.extension is not None)
    if by_server:
        found.require_functions()
    _found[conn] = found
    _say(found, by_server=by_server)
    if by_server:
        return Server()
    from .inference import shared  # and with it the runtime, which servers' clients don't need
    from .local import Local

    assert found.pgvector_schema is not None, "there are tables, and they need it"
    return Local(shared(settings), found.pgvector_schema)


def _say(found: Found, *, by_server: bool) -> None:
    """Once for each database and way in a process."""
    way = "the server's functions and their engine compute"
    if not by_server:
        way = "this process computes"
        if found.extension is None:
            way += ", as the extension blipdb is not there"
    if (found.database, way) not in _said:
        _said.add((found.database, way))
        log.info("database %s: %s", found.database, way)

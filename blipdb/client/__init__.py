"""The Python client: `connect`, `aconnect`, and the types of their results.

Private: the modules in this package; the public names are those in ``__all__``, also in `blipdb`.

    connecting.py    make a client of a URL, or of an app's own connection
    aclient.py       the asynchronous client; client.py, the synchronous one, is generated from it
    drivers.py       run their operations
    verbs.py         the operations: server.py by SQL functions, local.py in this process
    pools.py         a client's own connections
    borrowed.py      an app's psycopg connection; alchemy.py, SQLAlchemy's
    hits.py          search results, as they print
    pictures.py      small pictures of stored images; sheet.py, contact sheets
    singletons.py    objects made once per process

Names are imported on first use, so that ``import blipdb`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .aclient import AsyncClient
    from .client import Client
    from .connecting import aconnect, connect
    from .hits import Hits
    from .results import Caption, Count, Failed, Hit, Image
else:
    _MODULES = {
        "AsyncClient": "aclient",
        "Caption": "results",
        "Client": "client",
        "Count": "results",
        "Failed": "results",
        "Hit": "results",
        "Hits": "hits",
        "Image": "results",
        "aconnect": "connecting",
        "connect": "connecting",
    }

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        return value

    def __dir__():
        return sorted({*globals(), *_MODULES})


__all__ = [
    "AsyncClient",
    "Caption",
    "Client",
    "Count",
    "Failed",
    "Hit",
    "Hits",
    "Image",
    "aconnect",
    "connect",
]

"""BLIP inside PostgreSQL: images are rows, understanding them is SQL.

    with blipdb.connect() as db:
        for hit in db.search("red bicycle"):
            print(hit.score, hit.uri)

`connect` and `aconnect` make clients of a URL, or of an app's own connection or session;
`docs/client.md` is their manual. All else is imported by its module's name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import (
    BlipdbError,
    BrokerError,
    DatabaseError,
    EngineError,
    ImageError,
    ModelError,
    SetupError,
    StoppedError,
    TextError,
    UsageError,
)

if TYPE_CHECKING:
    from .client.aclient import AsyncClient
    from .client.client import Client
    from .client.connecting import aconnect, connect
    from .client.hits import Hits
    from .client.results import Caption, Count, Failed, Hit, Image
else:
    # What takes time to import comes when it is first asked for.
    _LAZY = {
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
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".client.{_LAZY[name]}", __name__), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *_LAZY})


__all__ = [
    "AsyncClient",
    "BlipdbError",
    "BrokerError",
    "Caption",
    "Client",
    "Count",
    "DatabaseError",
    "EngineError",
    "Failed",
    "Hit",
    "Hits",
    "Image",
    "ImageError",
    "ModelError",
    "SetupError",
    "StoppedError",
    "TextError",
    "UsageError",
    "aconnect",
    "connect",
]

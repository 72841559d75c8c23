"""BLIP inside PostgreSQL: images are rows, understanding them is SQL.

    with blipdb.connect() as db:
        for hit in db.search("red bicycle"):
            print(hit.score, hit.uri)

`connect` and `aconnect` make clients of a URL, or of an app's own connection or session;
`docs/client.md` is their manual.

Public are the names in ``__all__`` of `blipdb`, `blipdb.client`, `blipdb.orm`, `blipdb.orm.alembic`
and `blipdb.errors`, Celery's app `blipdb.workers`, and the commands: ``blipdb`` and
``python -m blipdb.training.…``. Private: all other modules, which may change in any release.
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
    from .client import (
        AsyncClient,
        Caption,
        Client,
        Count,
        Failed,
        Hit,
        Hits,
        Image,
        aconnect,
        connect,
    )
else:
    # The client's names are imported on first use, as that takes time.

    def __getattr__(name):
        if name in __all__:
            value = globals()[name] = getattr(import_module(".client", __name__), name)
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})


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

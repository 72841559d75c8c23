"""The state that both clients share: their options, and the checks that they may be used."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from ..database.connection import without_password
from ..errors import UsageError
from ..settings import Settings
from .modes import InferenceMode
from .verbs import Verbs

SourceT = TypeVar("SourceT")


@dataclass(frozen=True)
class ClientOptions:
    """Options of a client."""

    settings: Settings
    url: str | None
    """None if the connections are an app's own."""
    inference: InferenceMode | None
    """None: chosen by what the server has."""


class ClientBase(Generic[SourceT]):
    """A client's state. The verbs are chosen at the first call, by what the server has."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._verbs: Verbs | None = None
        self._source: SourceT | None = None
        self._is_closed = False
        self._process = os.getpid()
        self._lock = threading.Lock()

    @property
    def inference(self) -> InferenceMode | None:
        """The inference mode, "server" or "client"; None before the first call."""
        if self._verbs is None:
            return None
        return "server" if self._verbs.one_statement else "client"

    def __repr__(self) -> str:
        url = self._options.url
        where = "an app's connection" if url is None else without_password(url)
        state = ", closed" if self._is_closed else ""
        return f"<blipdb.{type(self).__name__} of {where}{state}>"

    def _require_usable(self) -> None:
        if self._is_closed:
            raise UsageError(
                "The client is closed.", f"Make another one: blipdb.{self._constructor()}(…)"
            )
        if os.getpid() != self._process:
            raise UsageError(
                f"The client was made by process {self._process}, and this is its child"
                f" {os.getpid()}: they would share connections.",
                f"Make one in each process: blipdb.{self._constructor()}(…)",
            )

    def _require_own_settings(self, operation: str) -> Settings:
        """Return the settings of a client that opens its own connections.

        Raises:
            UsageError: the connections are an app's.
        """
        if self._options.url is None:
            raise UsageError(
                f"{operation} needs connections and transactions of its own; this client has the"
                " app's.",
                f"Make another one for it: blipdb.{self._constructor()}(url)",
            )
        return self._options.settings

    def _constructor(self) -> str:
        return "connect"

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "A client can't be pickled or copied: it holds connections of this process.",
            f"Send the URL instead, and make one there: blipdb.{self._constructor()}(url)",
        )

"""What both clients have in common: whose connections they use, and when they may not be used."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from ..database.connection import without_password
from ..errors import UsageError
from ..settings import Settings
from .modes import Inference
from .verbs import Verbs

Source = TypeVar("Source")


@dataclass(frozen=True)
class Options:
    """``url`` is None where the connections are an app's own."""

    settings: Settings
    url: str | None
    inference: Inference | None


class Base(Generic[Source]):
    """A client's state. ``verbs`` is known after the first look at the server."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._verbs: Verbs | None = None
        self._source: Source | None = None
        self._is_closed = False
        self._process = os.getpid()
        self._lock = threading.Lock()

    @property
    def inference(self) -> Inference | None:
        """Who computes: "server" or "client"; None before the first look at the server."""
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
                "The client is closed.", f"Make another one: blipdb.{self._maker()}(…)"
            )
        if os.getpid() != self._process:
            raise UsageError(
                f"The client was made by process {self._process}, and this is its child"
                f" {os.getpid()}: they would share connections.",
                f"Make one in each process: blipdb.{self._maker()}(…)",
            )

    def _settings_of_our_own(self, what: str) -> Settings:
        """For what needs connections of its own.

        Raises:
            UsageError: we were given an app's.
        """
        if self._options.url is None:
            raise UsageError(
                f"{what} needs connections and transactions of its own; this client has the app's.",
                f"Make another one for it: blipdb.{self._maker()}(url)",
            )
        return self._options.settings

    def _maker(self) -> str:
        return "connect"

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "A client can't be pickled or copied: it holds connections of this process.",
            f"Send the URL instead, and make one there: blipdb.{self._maker()}(url)",
        )

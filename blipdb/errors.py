"""Every error that blipdb raises on purpose.

    BlipdbError                exit code 1
    ├── UsageError             exit code 2: a wrong argument, path, variable or place
    │   └── TextError          a query that the model can't read: empty, unknown words, too long
    ├── SetupError             something is not installed, too old, or may not be reached
    ├── DatabaseError          PostgreSQL is not there, or its schema or extension does not fit
    ├── EngineError            the engine is not there, busy, or answered with an error
    ├── BrokerError            the broker is not there, or refuses us; nothing is lost by that
    ├── ModelError             an artifact that is missing, altered or of another format
    ├── ImageError             a picture that is refused, with its reason
    └── StoppedError           work that its caller no longer wants

The message has the values that were wrong, and ``hint`` the next step, mostly a command.
"""

from __future__ import annotations

__all__ = [
    "BlipdbError",
    "BrokerError",
    "DatabaseError",
    "EngineError",
    "ImageError",
    "ModelError",
    "SetupError",
    "StoppedError",
    "TextError",
    "UsageError",
]


class BlipdbError(Exception):
    """Base of all: ``message`` is one or two plain sentences, ``hint`` the next step or None."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"


class UsageError(BlipdbError):
    """The caller's arguments make no sense."""

    exit_code = 2


class TextError(UsageError):
    """The text is empty, holds no word that the model knows, or is longer than it reads."""


class SetupError(BlipdbError):
    """A part of the system is missing, too old or unreachable; ``hint`` is what installs it."""


class DatabaseError(BlipdbError):
    """The database can't be reached, or is not one that this version can work with."""


class EngineError(BlipdbError):
    """The engine does not run, does not answer, is busy, or refused the request."""


class BrokerError(BlipdbError):
    """The broker can't be reached or refuses us. Jobs are in the database and wait there."""


class ModelError(BlipdbError):
    """A model's folder is missing, incomplete, altered, or of a format that is not known."""


class ImageError(BlipdbError):
    """A picture is refused; ``reason`` is the short text that ``blip_failures()`` shows. It is
    ``for_good`` where another try would end alike."""

    def __init__(self, reason: str, hint: str | None = None, *, for_good: bool = False) -> None:
        super().__init__(reason, hint)
        self.reason = reason
        self.for_good = for_good


class StoppedError(BlipdbError):
    """The work was stopped before its end, because its caller cancelled it or has gone."""

"""Errors of the driver, translated into our own with a way out in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from ..errors import BlipdbError, DatabaseError, EngineError, UsageError

RETRY = "then try again."
RESUME = "then the same command again: it goes on where this one stopped."


@contextmanager
def translate(advice: str = RESUME) -> Iterator[None]:
    """Translate errors of a server in bad health, or gone, into a `DatabaseError`.

    Errors of the statement itself pass as they are.

    Args:
        advice: the end of the hint, for when the server is well again.
    """
    try:
        yield
    except errors.DiskFull as error:
        raise DatabaseError(
            f"The database's disk is full: {_words(error)}", f"Free some space there, {advice}"
        ) from error
    except errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"The database doesn't let us: {_words(error)}",
            "Whoever runs jobs needs the role blip_worker: GRANT blip_worker TO <user>",
        ) from error
    except errors.QueryCanceled as error:
        raise DatabaseError(f"The database stopped us: {_words(error)}", None) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise DatabaseError(
            f"The database went away: {_words(error)}",
            f"Its log says why. Start the private cluster with: blipdb up; {advice}",
        ) from error


@contextmanager
def translate_all() -> Iterator[None]:
    """Translate all errors of the driver: those of the server as `translate` does, those of the
    statement by their SQLSTATE, in the database's words."""
    with translate(RETRY):
        try:
            yield
        except psycopg.Error as error:
            if (kind := _kind(error)) is None:
                raise
            detail = error.diag.message_detail
            sentence = (error.diag.message_primary or str(error)) + (
                f" ({detail})" if detail else ""
            )
            raise kind(sentence, error.diag.message_hint or _hint(error)) from error


def _kind(error: psycopg.Error) -> type[BlipdbError] | None:
    """Choose the error class by SQLSTATE; None for failures of the server, left to `translate`."""
    state = error.sqlstate or ""
    if state.startswith("22") or isinstance(error, psycopg.DataError):  # data: an argument
        return UsageError
    if state.startswith("08") or state in ("53200", "53400"):  # not there, or too busy
        return EngineError
    if not state or state == "53100" or state.startswith("57"):
        return None
    return DatabaseError


def _hint(error: psycopg.Error) -> str | None:
    """Return a hint for an error without one."""
    if isinstance(error, errors.InsufficientPrivilege):
        return (
            "Searching needs the role blip_reader, adding blip_writer: GRANT blip_reader TO <user>"
        )
    if isinstance(error, errors.UndefinedFunction | errors.UndefinedTable):
        return "Bring it up to date with: blipdb init"
    return None


def _words(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error)).strip().rstrip(".") + "."

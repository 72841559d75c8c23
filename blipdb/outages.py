"""A database that went away or filled up in the middle of work, said in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from .errors import DatabaseError

AGAIN = "then the same command again: it goes on where this one stopped."


@contextmanager
def explained(again: str = AGAIN) -> Iterator[None]:
    """Raise what PostgreSQL's state of health makes fail as a DatabaseError with a way out, which
    ends with ``again``.

    A statement that is wrong in itself stays the error that it is.
    """
    try:
        yield
    except errors.DiskFull as error:
        raise DatabaseError(
            f"The database's disk is full: {_words(error)}", f"Free some space there, {again}"
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
            f"Its log says why. Start the private cluster with: blipdb up; {again}",
        ) from error


def _words(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error)).strip().rstrip(".") + "."

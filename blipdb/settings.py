"""Settings: the home folder and the database, read from the environment.

home/
├── cluster/     the private PostgreSQL: its own tree (pg15/) and its data (data/)
├── run/         sockets of PostgreSQL and of the engine, pid files; 0750
├── models/      one folder per model, named by the first 16 digits of its digest
└── log/         what PostgreSQL and the engine write
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .errors import UsageError

DATABASE = "blipdb"
SUPERUSER = "postgres"  # the private cluster's first role, whoever owns its files
UNFIT = set("\"'$`\\,")  # mean something to libpq, PostgreSQL's configuration or pg_ctl's shell
SOCKET_LIMIT = 107 if sys.platform == "linux" else 103  # sockaddr_un.sun_path less its NUL


@dataclass(frozen=True)
class Settings:
    """Locations of a home and of its database."""

    home: Path
    """Absolute."""
    url: str | None = None
    """None for the private cluster of ``home``."""

    @property
    def is_private(self) -> bool:
        """True where the database is the private cluster, not a server that was named."""
        return self.url is None

    @property
    def cluster_dir(self) -> Path:
        """PostgreSQL's data folder."""
        return self.home / "cluster" / "data"

    def pg_tree(self, major: int) -> Path:
        """The private copy of PostgreSQL ``major``'s programs, as ``home/cluster/pg15``."""
        return self.home / "cluster" / f"pg{major}"

    @property
    def run_dir(self) -> Path:
        return self.home / "run"

    @property
    def models_dir(self) -> Path:
        return self.home / "models"

    @property
    def logs_dir(self) -> Path:
        return self.home / "log"

    @property
    def postgres_socket(self) -> Path:
        return self._socket(".s.PGSQL.5432")

    @property
    def engine_socket(self) -> Path:
        return self._socket("engine.sock")

    def _socket(self, name: str) -> Path:
        path = self.run_dir / name
        if (length := len(os.fsencode(path))) > SOCKET_LIMIT:
            raise UsageError(
                f"The socket {path} would need {length} bytes; the system allows {SOCKET_LIMIT}.",
                "Choose a shorter home folder: set BLIPDB_HOME.",
            )
        return path

    def database_url(self) -> str:
        """A libpq URI that psql, psycopg and SQLAlchemy understand."""
        if self.url is not None:
            return self.url
        host = quote(str(self.postgres_socket.parent), safe="")
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={host}"


def load(
    environ: Mapping[str, str] | None = None,
    *,
    home: str | Path | None = None,
    url: str | None = None,
) -> Settings:
    """Read ``BLIPDB_HOME`` and ``BLIPDB_URL``; an argument overrides its variable.

    Raises:
        UsageError: the URL is not a PostgreSQL URI, or the home's path can't serve.
    """
    environ = os.environ if environ is None else environ
    chosen = home or environ.get("BLIPDB_HOME") or default_home(environ)
    url = url or environ.get("BLIPDB_URL") or None
    if url is not None and not url.startswith(("postgresql://", "postgres://")):
        raise UsageError(
            "The database's URL must start with postgresql://.",
            "As in: BLIPDB_URL=postgresql://user@host:5432/database",
        )
    path = Path(os.path.abspath(os.path.expanduser(chosen)))
    if unfit := sorted(c for c in str(path) if c in UNFIT or not c.isprintable()):
        raise UsageError(
            f"The home folder's path {str(path)!r} may not contain {' '.join(map(repr, unfit))}.",
            "Name another with BLIPDB_HOME.",
        )
    return Settings(home=path, url=url)


def default_home(environ: Mapping[str, str]) -> Path:
    """``/var/lib/blipdb`` as root, else ``blipdb`` in the XDG data folder."""
    if os.geteuid() == 0:
        return Path("/var/lib/blipdb")
    data = environ.get("XDG_DATA_HOME", "")
    # The XDG base directory specification: a relative path there is to be ignored.
    base = Path(data) if os.path.isabs(data) else Path("~/.local/share")
    return base / "blipdb"

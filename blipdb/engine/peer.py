"""User ids at the other end of a Unix socket, and those that may call the engine."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from contextlib import suppress
from typing import Final

CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))
POSTGRESQL: Final = "postgres"


def peer_uid(sock: socket.socket) -> int:
    """Return the user id of the process at the other end, as of when it connected."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return int(CREDENTIALS.unpack(credentials)[1])


def allowed_uids() -> frozenset[int]:
    """Return the users that may call the engine: our own, root, and PostgreSQL's."""
    uids = {os.geteuid(), 0}
    with suppress(KeyError):
        uids.add(pwd.getpwnam(POSTGRESQL).pw_uid)
    return frozenset(uids)

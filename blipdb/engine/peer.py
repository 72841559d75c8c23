"""Who is at the other end of a Unix socket."""

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
    """The user id of the process at the other end, as the kernel noted it when it connected."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return int(CREDENTIALS.unpack(credentials)[1])


def allowed_uids() -> frozenset[int]:
    """Who may ask an engine of ours: ourselves, root, and whoever PostgreSQL runs as."""
    uids = {os.geteuid(), 0}
    with suppress(KeyError):
        uids.add(pwd.getpwnam(POSTGRESQL).pw_uid)
    return frozenset(uids)

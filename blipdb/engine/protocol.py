"""uvicorn's HTTP, for those alone who may ask."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .peer import peer_uid

log = logging.getLogger(__name__)

FORBIDDEN: Final = json.dumps(
    {"sqlstate": "42501", "message": "the blipdb engine is not for this user", "hint": None}
).encode()


class PeerProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which hangs up on users that are not ``allowed``."""

    allowed: ClassVar[frozenset[int]] = frozenset()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        uid = peer_uid(transport.get_extra_info("socket"))
        if uid not in self.allowed:
            log.warning("user %d is refused", uid)
            transport.write(
                b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\n"
                b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                % (len(FORBIDDEN), FORBIDDEN)
            )
            transport.close()

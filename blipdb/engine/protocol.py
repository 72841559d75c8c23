"""uvicorn's HTTP, for those alone who may ask."""

from __future__ import annotations

import asyncio
import logging
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .app import forbid
from .peer import peer_uid

log = logging.getLogger(__name__)


class PeerProtocol(HttpToolsProtocol):
    """A connection whose requests reach the application only if its user is ``allowed``."""

    allowed: ClassVar[frozenset[int]] = frozenset()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        uid = peer_uid(transport.get_extra_info("socket"))
        if uid not in self.allowed:
            log.warning("user %d is refused", uid)
            self.app = forbid

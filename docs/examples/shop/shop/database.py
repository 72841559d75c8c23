"""The database of BLIPDB_URL; `blipdb url` prints that of the private cluster."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncSession


def url() -> URL:
    return make_url(os.environ["BLIPDB_URL"]).set(drivername="postgresql+psycopg")


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    """One transaction for each request: committed when it went well, else rolled back."""
    async with AsyncSession(request.app.state.engine) as session, session.begin():
        yield session


Session = Annotated[AsyncSession, Depends(_session, scope="function")]

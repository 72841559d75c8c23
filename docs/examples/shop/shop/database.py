"""The database: the one of BLIPDB_URL, else blipdb's private one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncSession

from blipdb import settings


def url() -> URL:
    return make_url(settings.load().database_url()).set(drivername="postgresql+psycopg")


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    """One transaction for each request: committed when it went well, else rolled back."""
    async with AsyncSession(request.app.state.engine) as session, session.begin():
        yield session


Session = Annotated[AsyncSession, Depends(_session, scope="function")]

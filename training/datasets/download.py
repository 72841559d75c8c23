"""Download of an http or https URL, read once from beginning to end."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

MAX_TRIES = 5  # in a row, without a byte gained
PAUSE_SECONDS = 1.0  # seconds before the second; each further one takes twice as long
TIMEOUT_SECONDS = 60.0  # seconds without a byte
BUSY_STATUSES = (408, 425, 429)  # transient client errors, worth retrying
FAILURES = (OSError, http.client.HTTPException)  # also what urllib raises


class DownloadError(Exception):
    """A download that can't be started or finished; the message is the reason."""


def is_url(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def redact_url(url: str) -> str:
    """Strip a URL of its password, and of its query, which may hold a key, for messages."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Download:
    """Stream of a URL's content. A download that breaks off is continued, a few times."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._response: Any = None
        self._at, self._size = 0, -1  # bytes; -1: not known
        self._tag: str | None = None  # of the content that the first answer was about
        self._failures = 0

    def read(self, size: int) -> bytes:
        """Read the next bytes, at most `size`; none at the end.

        Raises:
            DownloadError: the server refuses, or the retries are used up.
        """
        while True:
            try:
                self._response = self._response or self._connect()
                data = bytes(self._response.read(size))
            except FAILURES as error:
                self._wait(_reason(error), error)
                continue
            if not data and self._at < self._size:
                self._wait(f"it breaks off: {self._at:,} of {self._size:,} bytes")
                continue
            if data:
                self._at, self._failures = self._at + len(data), 0
            return data

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def _connect(self) -> Any:
        headers = {"User-Agent": "blipdb"}
        if self._at:
            headers["Range"] = f"bytes={self._at}-"
        request = urllib.request.Request(self._url, headers=headers)
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
        tag = response.headers.get("ETag")
        if self._at == 0:
            self._tag, self._size = tag, int(response.headers.get("Content-Length", -1))
        elif tag != self._tag:
            response.close()
            raise DownloadError("it has changed since it was begun")
        elif response.status != http.client.PARTIAL_CONTENT:
            self._pass_over(response)
        return response

    def _pass_over(self, response: Any) -> None:
        """Skip the bytes that were read before, where the server starts from the beginning."""
        count = self._at
        while count > 0:
            data = response.read(min(count, 1 << 20))
            if not data:
                raise http.client.HTTPException("it breaks off while it begins anew")
            count -= len(data)

    def _wait(self, reason: str, error: Exception | None = None) -> None:
        self.close()
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        self._failures += 1
        if self._failures == MAX_TRIES or _is_final(error):
            raise DownloadError(reason) from error
        time.sleep(PAUSE_SECONDS * 2 ** (self._failures - 1))


def _is_final(error: Exception | None) -> bool:
    """Whether a retry would fail in the same way."""
    return (
        isinstance(error, urllib.error.HTTPError)
        and error.code < 500
        and error.code not in BUSY_STATUSES
    )


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    cause = getattr(error, "reason", error)
    return f"no connection: {cause or type(cause).__name__}"

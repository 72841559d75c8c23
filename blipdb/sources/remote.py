"""Images that are elsewhere, by URL: https, S3 and Google Cloud Storage, read through fsspec.

For ``blipdb ingest`` and workers alone. A URL may come from whoever may add rows, so: only schemes
that this machine allows; no connection to an address that is not public; no redirects, proxies,
cookies or decompression; caps on bytes and seconds. What comes back is checked against the image's
id before it is used (`blipdb.sources.stored`).

https is read on fsspec's event loop by aiohttp itself: fsspec's own file connects to wherever a
name leads.
"""

from __future__ import annotations

import hashlib
import importlib
import ipaddress
import os
import re
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import urljoin

from ..errors import ImageError, SetupError, UsageError
from .records import Content, SourceFile

T = TypeVar("T")

SCHEMES: Final = ("https", "http", "s3", "gs")
WEB: Final = ("https", "http")
SECONDS: Final = 30.0  # for one image
CONNECT_SECONDS: Final = 10.0
PIECE: Final = 1 << 16
WORDS: Final = 200  # characters of what a server or a library says
PASSING: Final = (408, 425, 429)  # transient client errors (4xx), worth retrying
IDENTITY: Final = {"Accept-Encoding": "identity", "User-Agent": "blipdb"}
# IPv6 networks with an IPv4 address in their last bits: RFC 6052, 7915, and 4291 (deprecated).
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
EMBEDDING: Final = (NAT64, ipaddress.ip_network("::ffff:0:0:0/96"), ipaddress.ip_network("::/96"))
# Networks that some versions of Python take for global: RFC 8215, 6890, 7526, 9637, 9602.
SPECIAL: Final = tuple(
    ipaddress.ip_network(one)
    for one in ("64:ff9b:1::/48", "192.0.0.0/24", "192.88.99.0/24", "3fff::/20", "5f00::/16")
)
# What both stores allow, and no more: other characters mean something in the URLs that their
# clients make of it, and an ARN would choose the host.
BUCKET: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9_])?")
MAX_BIGINT: Final = (1 << 63) - 1

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Access:
    """Permissions to read URLs on this machine."""

    schemes: frozenset[str] = frozenset(["https"])
    trusted: frozenset[str] = frozenset()
    """Hosts (``name`` or ``name:port``) that may have addresses that are not public."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Access:
        """Read BLIPDB_SCHEMES and BLIPDB_TRUSTED_HOSTS, lists with commas.

        Raises:
            UsageError: a scheme is none that can be read.
        """
        schemes = _listed(environ.get("BLIPDB_SCHEMES", "https"))
        if unknown := schemes - set(SCHEMES):
            raise UsageError(
                f"BLIPDB_SCHEMES names {', '.join(sorted(unknown))}, which can't be read.",
                f"There is {', '.join(SCHEMES)}.",
            )
        return cls(schemes, _listed(environ.get("BLIPDB_TRUSTED_HOSTS", "")))


def _listed(text: str) -> frozenset[str]:
    return frozenset(part.strip().lower() for part in text.split(",") if part.strip())


def is_remote(uri: str) -> bool:
    """Whether this is a URL that could be read, were it allowed."""
    return _scheme(uri) in SCHEMES


def read(
    uri: str, limit: int, *, access: Access | None = None, seconds: float = SECONDS
) -> Content:
    """Read at most ``limit`` bytes of a URL; safe to call from several threads.

    Raises:
        ImageError: it is refused, not there, too large or too slow; ``for_good`` where another
            try would end alike.
        SetupError: what reads such URLs is not installed.
    """
    access = access or Access.from_environment()
    _require_allowed(uri, access)
    if _scheme(uri) in WEB:
        data, mtime = _run(seconds, _fetch, uri, limit, access.trusted, seconds)
    else:
        data, mtime = _run(seconds, _object, uri, limit)
    return Content(data, len(data), mtime)


def find(
    uri: str, suffixes: frozenset[str], *, access: Access | None = None, seconds: float = SECONDS
) -> list[SourceFile]:
    """List the image files under ``s3://bucket/prefix`` or ``gs://…``, by their ``suffixes``, or
    the one file of a URL. Its size is -1 where nothing tells when it last changed, so that it is
    read again.

    Raises:
        UsageError: the scheme is not allowed here, or there is nothing.
        ImageError: it can't be listed.
        SetupError: what reads such URLs is not installed.
    """
    access = access or Access.from_environment()
    try:
        _require_allowed(uri, access)
    except ImageError as error:
        raise UsageError(f"{shown(uri)}: {error.reason}.") from None
    if _scheme(uri) in WEB:
        return [SourceFile(uri, *_run(seconds, _stat, uri, access.trusted, seconds))]
    found: dict[str, dict[str, Any]] = _run(20 * seconds, _listing, uri)
    if not found:
        raise UsageError(f"{uri} leads to nothing.")
    files = [
        SourceFile(f"{_scheme(uri)}://{path}", int(about["size"] or 0), _changed(about))
        for path, about in found.items()
        if about.get("type") == "file"
    ]
    if len(files) == 1 and files[0].uri.rstrip("/") == uri.rstrip("/"):
        return files
    return [file for file in files if os.path.splitext(file.uri)[1].lower() in suffixes]


def shown(uri: str) -> str:
    """Remove user, password and query, which may be secrets, from a URL or any other text."""
    scheme, separator, rest = re.split(r"[?#]", uri, maxsplit=1)[0].partition("://")
    host, slash, path = rest.partition("/")
    return _printable(f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}")


def _scheme(uri: str) -> str:
    scheme, found, _ = uri.partition("://")
    return scheme.lower() if found else ""


def _require_allowed(uri: str, access: Access) -> None:
    if (scheme := _scheme(uri)) not in access.schemes:
        raise ImageError(
            f"the scheme {scheme} is not allowed here; BLIPDB_SCHEMES allows "
            f"{', '.join(sorted(access.schemes)) or 'none'}",
            for_good=True,
        )


def _run(seconds: float, work: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
    """Run a coroutine on fsspec's loop; raise its errors as those of this module."""
    asyn, aiohttp = _module("fsspec.asyn"), _module("aiohttp")
    try:
        result: T = asyn.sync(asyn.get_loop(), work, *arguments, timeout=seconds)
        return result
    except (ImageError, SetupError):
        raise
    except (asyn.FSTimeoutError, TimeoutError) as error:
        raise ImageError(f"no answer in {seconds:g} s") from error
    except aiohttp.ClientConnectorError as error:
        refused = isinstance(error.os_error, _NotPublicError)
        words = error.os_error.strerror or str(error.os_error)
        raise ImageError(_printable(words.lower()), for_good=refused) from error
    except Exception as error:  # errors of two clouds and a client have no other common base
        raise ImageError(_words(error)) from error


def _words(error: BaseException) -> str:
    words = str(error) or type(error).__name__
    if isinstance(error, FileNotFoundError):  # of a store: its text is the path alone
        words = f"not found: {words}"
    words = _printable(re.sub(r"[\w+]+://[^\s'\"]+", lambda url: shown(url[0]), words))
    return words[:1].lower() + words[1:WORDS]


def _printable(text: str) -> str:
    """Replace unprintable characters, so that the database takes the text: no NUL, no surrogate."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SetupError(
            f"Images by URL need {name.partition('.')[0]}, which is not installed.",
            "Install it: pip install 'blipdb[remote]'",
        ) from error


# The web


class _NotPublicError(OSError):
    """An address that is not public."""


async def _fetch(
    uri: str, limit: int, trusted: frozenset[str], seconds: float
) -> tuple[bytes, int]:
    async with (
        _session(uri, trusted, seconds) as session,
        session.get(_url(uri), allow_redirects=False, headers=IDENTITY) as answer,
    ):
        _require_ok(answer)
        if (answer.content_length or 0) > limit:
            raise _too_large(limit)
        data = bytearray()
        async for piece in answer.content.iter_chunked(PIECE):
            data += piece
            if len(data) > limit:
                raise _too_large(limit)
        return bytes(data), _changed(answer.headers)


async def _stat(uri: str, trusted: frozenset[str], seconds: float) -> tuple[int, int]:
    async with (
        _session(uri, trusted, seconds) as session,
        session.head(_url(uri), allow_redirects=False, headers=IDENTITY) as answer,
    ):
        length, changed = answer.content_length, _changed(answer.headers)
        known = (
            answer.status == 200 and length is not None and length <= MAX_BIGINT and changed >= 0
        )
        return (length, changed) if known else (-1, -1)


def _session(uri: str, trusted: frozenset[str], seconds: float) -> Any:
    """Make a client for one request. Its socket factory checks the very address that is then
    connected to, so that a name can't resolve to another one in between (DNS rebinding)."""
    aiohttp = _module("aiohttp")
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            socket_factory=_socket if _is_trusted(uri, trusted) else _public_socket,
            force_close=True,
            use_dns_cache=False,
        ),
        timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


def _url(uri: str) -> Any:
    try:
        url = _module("yarl").URL(uri)
        host = url.host
    except ValueError as error:  # whose words may hold a password
        raise ImageError("it is not a valid URL", for_good=True) from error
    if not host:
        raise ImageError("it names no host", for_good=True)
    return url


def _is_trusted(uri: str, trusted: frozenset[str]) -> bool:
    url = _url(uri)
    return bool({url.host, f"{url.host}:{url.port}"} & trusted)


def _socket(info: tuple[Any, ...]) -> socket.socket:
    return socket.socket(*info[:3])


def _public_socket(info: tuple[Any, ...]) -> socket.socket:
    """Make a socket for a public address; ``info`` is (family, type, protocol, name, address)."""
    host = str(info[4][0])
    if not is_public(host):
        raise _NotPublicError(f"its host has the address {host}, which is not public")
    return _socket(info)


def is_public(host: str) -> bool:
    """Whether an IP address is a public one, that everybody reaches."""
    try:
        return all(
            one.is_global and not one.is_multicast and not one.is_reserved
            for one in _addresses(host)
        )
    except ValueError:
        return False


def _addresses(host: str) -> list[Address]:
    """Parse an address, with the IPv4 addresses that are embedded in it."""
    address = ipaddress.ip_address(host)
    if any(address in network for network in SPECIAL):
        raise ValueError(f"{host} is for special purposes")
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.scope_id or address.is_site_local:
        raise ValueError(f"{host} is reachable only from near it")
    hidden = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in EMBEDDING):
        hidden.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    found = [one for one in hidden if one is not None]
    return found if address.ipv4_mapped or address in NAT64 else [address, *found]


def _require_ok(answer: Any) -> None:
    if answer.status == 200:
        return
    if 300 <= answer.status < 400 and (where := answer.headers.get("Location")):
        with suppress(ValueError):
            where = urljoin(str(answer.url), where)
        raise ImageError(
            f"it redirects to {shown(where)}; redirects are not followed: name that", for_good=True
        )
    for_good = 400 <= answer.status < 500 and answer.status not in PASSING
    words = _printable(f"HTTP {answer.status} {answer.reason or ''}").strip()
    raise ImageError(words[:WORDS], for_good=for_good)


def _too_large(limit: int) -> ImageError:
    return ImageError(f"more than {limit:,} bytes", for_good=True)


# Object stores


async def _object(uri: str, limit: int) -> tuple[bytes, int]:
    files, path = _store(uri)
    about = await files._info(path)
    if about.get("type") != "file":
        raise ImageError("there is no such object")
    if (size := int(about["size"] or 0)) > limit:
        raise _too_large(limit)
    if about.get("contentEncoding"):  # Google unpacks it on the way, to whatever size
        raise ImageError("it is stored compressed; nothing is unpacked", for_good=True)
    data = bytes(await files._cat_file(path, start=0, end=size)) if size else b""
    if len(data) != size:
        raise ImageError("it changed while it was read")
    return data, _changed(about)


async def _listing(uri: str) -> dict[str, dict[str, Any]]:
    files, path = _store(uri)
    return dict(await files._find(path, detail=True))


def _store(uri: str) -> tuple[Any, str]:
    name = _scheme(uri)
    module = {"s3": "s3fs", "gs": "gcsfs"}[name]
    _module(module)
    path = uri.partition("://")[2]
    if not (bucket := path.partition("/")[0]):
        raise ImageError("it names no bucket", for_good=True)
    if not BUCKET.fullmatch(bucket):
        raise ImageError("its bucket's name has characters that none may have", for_good=True)
    asyn = _module("fsspec.asyn")
    options = {"asynchronous": True, "loop": asyn.get_loop(), "use_listings_cache": False}
    return _module("fsspec").filesystem(name, **options), path


# When a file last changed


def _changed(about: Mapping[str, Any]) -> int:
    """Time of the last change in ns since 1970; else 63 bits of the ETag's hash; else -1."""
    from email.utils import parsedate_to_datetime  # here, as a search never needs it

    readers: list[tuple[str, Callable[[Any], int]]] = [
        ("LastModified", _ns),
        ("mtime", _ns),
        ("updated", lambda text: _ns(datetime.fromisoformat(text))),
        ("Last-Modified", lambda text: _ns(parsedate_to_datetime(text))),
        ("ETag", _hashed),
        ("etag", _hashed),
    ]
    for name, reader in readers:
        if value := about.get(name):
            with suppress(AttributeError, OverflowError, TypeError, ValueError):
                if 0 <= (changed := reader(value)) <= MAX_BIGINT:
                    return changed
    return -1


def _ns(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000


def _hashed(tag: str) -> int:
    return int.from_bytes(hashlib.sha256(tag.encode()).digest()[:8], "big") >> 1

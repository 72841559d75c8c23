"""Reading images by URL: from servers that are there, and never from where nobody may look."""

from __future__ import annotations

import gzip
import multiprocessing
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest

from blipdb.errors import ImageError, SetupError, UsageError
from blipdb.sources import remote
from blipdb.sources.files import IMAGE_SUFFIXES
from blipdb.sources.remote import Access
from tests import stores
from tests.stores import CHANGED, Store

LIMIT = 100_000
DATA = b"an image's bytes"
ANY = frozenset(remote.SCHEMES)


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = stores.make_certificate(tmp_path_factory.mktemp("tls") / "server.pem")
    with pytest.MonkeyPatch.context() as patch, stores.served(stores.Web, path) as store:
        patch.setenv("SSL_CERT_FILE", str(path.with_suffix(".crt")))
        # aiohttp reads that variable when it is imported, which another test may have done.
        context = ssl.create_default_context()
        patch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", context)
        store.objects |= {"/a b.png": DATA, "/tagged": DATA, "/plain": DATA}
        yield store


@pytest.fixture
def site(https: Store) -> Callable[[str], bytes]:
    """Reads a path of the https server, as from a trusted host."""
    access = Access(trusted=frozenset([f"localhost:{https.port}"]))

    def read(path: str, seconds: float = 5) -> bytes:
        url = f"https://localhost:{https.port}{path}"
        return remote.read(url, LIMIT, access=access, seconds=seconds).data

    return read


def refusal(read: Callable[[], object]) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read()
    return caught.value


def test_what_is_a_url() -> None:
    urls = ["https://a/b", "HTTP://a", "s3://b/k", "gs://b/k"]
    others = ["/etc/passwd", "shop/123", "file:///etc/passwd", "ftp://a/b", "data:,x", ""]
    assert [uri for uri in urls + others if remote.is_remote(uri)] == urls


def test_https_is_read_with_when_it_changed(site: Callable[[str], bytes], https: Store) -> None:
    assert site("/a%20b.png") == DATA
    access = Access(trusted=frozenset(["localhost"]))
    url = f"https://localhost:{https.port}/a%20b.png"
    content = remote.read(url, LIMIT, access=access)
    assert (content.size, content.mtime) == (len(DATA), CHANGED * 10**9)
    assert remote.find(url, IMAGE_SUFFIXES, access=access) == [(url, len(DATA), CHANGED * 10**9)]
    tagged = remote.find(url.replace("a%20b.png", "tagged"), IMAGE_SUFFIXES, access=access)
    assert tagged[0].mtime > 0
    assert tagged == remote.find(tagged[0].uri, IMAGE_SUFFIXES, access=access)
    plain = remote.find(url.replace("a%20b.png", "plain"), IMAGE_SUFFIXES, access=access)
    assert plain[0][1:] == (-1, -1)


@pytest.mark.parametrize(
    ("status", "for_good"),
    [(404, True), (403, True), (410, True), (408, False), (429, False), (500, False), (503, False)],
)
def test_what_a_server_refuses(site: Callable[[str], bytes], status: int, for_good: bool) -> None:
    error = refusal(lambda: site(f"/status/{status}"))
    assert error.reason.startswith(f"HTTP {status}")
    assert error.for_good is for_good


def test_redirects_are_not_followed(site: Callable[[str], bytes], https: Store) -> None:
    asked = len(https.asked)
    error = refusal(lambda: site("/redirect?to=http://u:secret@169.254.169.254/latest?token=1"))
    assert error.reason == (
        "it redirects to http://169.254.169.254/latest; redirects are not followed: name that"
    )
    assert error.for_good
    assert len(https.asked) == asked + 1


def test_nothing_larger_than_the_limit_is_read(site: Callable[[str], bytes], https: Store) -> None:
    https.objects["/large"] = bytes(LIMIT + 1)
    for path in ("/large", "/endless"):
        error = refusal(lambda: site(path))  # noqa: B023
        assert error.reason == "more than 100,000 bytes"
        assert error.for_good


def test_a_server_that_trickles_has_only_so_long(site: Callable[..., bytes]) -> None:
    begin = time.monotonic()
    error = refusal(lambda: site("/endless?pause=0.2", seconds=1.0))
    assert error.reason == "no answer in 1 s"
    assert not error.for_good
    assert time.monotonic() - begin < 3


def test_nothing_is_unpacked(site: Callable[[str], bytes]) -> None:
    assert site("/zipped") == b"\x1f\x8b not gzip at all"


def test_a_certificate_must_be_good(https: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access(trusted=frozenset(["127.0.0.1"]))
    url = f"https://127.0.0.1:{https.port}/plain"  # it is localhost's
    assert "certificate" in refusal(lambda: remote.read(url, LIMIT, access=access)).reason


def test_nobody_there_may_pass() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{sock.getsockname()[1]}/"
        access = Access(trusted=frozenset(["127.0.0.1"]))
        assert not refusal(lambda: remote.read(url, LIMIT, access=access)).for_good
    assert not refusal(lambda: remote.read("https://no.such.host.invalid/a", LIMIT)).for_good


def test_only_what_is_allowed_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("http://example.org/a", "s3://bucket/key", "gs://bucket/key"):
        error = refusal(lambda: remote.read(url, LIMIT))  # noqa: B023
        assert error.reason.endswith("is not allowed here; BLIPDB_SCHEMES allows https")
        with pytest.raises(UsageError, match="not allowed here"):
            remote.find(url, IMAGE_SUFFIXES)
    monkeypatch.setenv("BLIPDB_SCHEMES", "https, s3,GS")
    assert Access.from_environment().schemes == {"https", "s3", "gs"}
    with pytest.raises(UsageError, match=r"names ftp, which can't be read\.\nThere is https"):
        Access.from_environment({"BLIPDB_SCHEMES": "https,ftp"})


@pytest.mark.parametrize(
    ("url", "needed"),
    [("https://a/b", "aiohttp"), ("s3://bucket/key", "s3fs"), ("gs://bucket/key", "gcsfs")],
)
def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, url: str, needed: str
) -> None:
    monkeypatch.setitem(sys.modules, needed, None)
    with pytest.raises(SetupError) as caught:
        remote.read(url, LIMIT, access=Access(ANY))
    assert caught.value.message == f"Images by URL need {needed}, which is not installed."
    assert caught.value.hint == "Install it: pip install 'blipdb[remote]'"


# Servers, URLs and objects that mean no good


@contextmanager
def saying(reply: bytes) -> Iterator[str]:
    """The URL of a server that says just this, whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            with server.accept()[0] as caller:
                caller.recv(1 << 16)
                caller.sendall(reply)

        thread = threading.Thread(target=talk)
        thread.start()
        yield f"http://user:secret@127.0.0.1:{server.getsockname()[1]}/a?signature=secret"
        thread.join()


HERE = Access(ANY, frozenset(["127.0.0.1"]))


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nA\x01: b\r\n\r\n",
        b"HTTP/1.1 404 \xff\x00\x1b[31m\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 " + b"a" * 5000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://u:secret@h/\xff?secret\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://u:secret@[::1?secret\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
    ],
)
def test_a_reason_tells_no_secret_and_fits_the_database(reply: bytes) -> None:
    with saying(reply) as url:
        reason = refusal(lambda: remote.read(url, LIMIT, access=HERE)).reason
    assert "secret" not in reason
    assert reason.isprintable()  # so it is no NUL and no half of a character
    assert len(reason) <= 300


def test_a_redirect_says_where_to_also_if_relative(site: Callable[[str], bytes]) -> None:
    reason = refusal(lambda: site("/redirect?to=/login?token=1")).reason
    assert reason.startswith("it redirects to https://localhost:")
    assert "/login; redirects are not followed" in reason


@pytest.mark.parametrize(
    "header",
    [
        b"Last-Modified: Fri, 31 Dec 9999 23:59:59 GMT",
        b"Last-Modified: Mon, 01 Jan 1900 00:00:00 GMT",
        b"Last-Modified: Mon, 01 Jan 2001 00:00:00 +99999999999999999999",
        b"LastModified: now",
        b"ETag: \xff",
    ],
)
def test_a_time_that_is_none_counts_as_not_known(header: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" + header + b"\r\n\r\n"
    with saying(head + b"x") as url:
        assert remote.read(url, LIMIT, access=HERE) == (b"x", 1, -1)
    with saying(head) as url:
        assert remote.find(url, IMAGE_SUFFIXES, access=HERE) == [(url, -1, -1)]


def test_a_size_that_no_column_holds_counts_as_not_known() -> None:
    changed = b"Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n"
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n" + changed) as url:
        assert remote.find(url, IMAGE_SUFFIXES, access=HERE) == [(url, -1, -1)]


@pytest.mark.parametrize(
    "url",
    [
        *("https://[", "https://u:secret@[::1/?secret", "https://u:secret@h:99999/?secret"),
        *("https://u:secret@\u2100.example/", "https://xn--localhost-/", "https://\udcff/"),
    ],
)
def test_what_is_no_url_is_refused_for_good_and_can_be_shown(url: str) -> None:
    error = refusal(lambda: remote.read(url, LIMIT))
    assert (error.reason, error.for_good) == ("it is not a valid URL", True)
    assert remote.shown(url).isprintable()
    assert "secret" not in remote.shown(url)


def test_what_is_shown_of_a_url() -> None:
    assert remote.shown("https://u:p@h:1/a/b@c?q=1#f") == "https://h:1/a/b@c"
    assert remote.shown("s3://bucket/" + "k" * 500) == "s3://bucket/" + "k" * 500


# Addresses


PRIVATE = [
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%lo", "fc00::1", "fd12::1", "fec0::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::"),
    *("2001:0:7f00:1::", "2001:db8::1", "100::1", "::ffff:0:127.0.0.1", "192.88.99.1"),
    *("200::1", "400::1", "3fff::1", "4000::1", "5f00::1", "8000::1", "e000::1", "f000::1"),
]  # fmt: skip
PUBLIC = ["93.184.216.34", "8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8",
          "64:ff9b::808:808"]  # fmt: skip


def test_which_addresses_are_public() -> None:
    assert [one for one in PRIVATE if remote.is_public(one)] == []
    assert [one for one in PUBLIC if not remote.is_public(one)] == []
    assert not remote.is_public("0177.0.0.1")
    assert not remote.is_public("example.org")


def spellings(port: int) -> Iterator[str]:
    """URLs that lead to loopback and to other places inside, in all sorts of disguise."""
    hosts = [
        *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.1"),
        *("0177.0.0.1", "017700000001", "127.0.0.1.", "127.000.000.001", "0", "0.0.0.0", "00"),
        *("localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "LocalHost"),
        *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
        *("[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::1%25lo]", "[fe80::1%25lo]"),
        *("①②⑦.⓪.⓪.①", "127。0。0。1", "ⓛocalhost", "127.0.0.1%2eexample.org", "loc%61lhost"),
        *("%31%32%37.0.0.1", "127.0.0.1%00.example.org", "127.0.0.1%09", "127.0.0.1\t"),
    ]
    users = ("", "user:secret@", "example.org@", "example.org:443@", "example.org%40", "[::1]@")
    for host in hosts:
        for user in users:
            yield f"https://{user}{host}:{port}/"
            yield f"http://{user}{host}:{port}/#@example.org"
    yield from (
        f"https://example.org\\@127.0.0.1:{port}/",
        f"https://127.0.0.1:{port}\\@example.org/",
        f"https:///127.0.0.1:{port}/",
        f"https://127.0.0.1:{port}@127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}?@example.org/",
        f"http://127.0.0.1:{port};@example.org/",
        "https://",
        "https://:443/",
        f"http://[::1]:{port}",
        f"http://[::1:{port}/",
        f"http://127.0.0.1:{port}:80/",
        "http://127.0.0.1:99999/",
        f"http://127.0.0.1:{port}/\r\nHost: example.org",
        f"http://127.0.0.1:{port} .example.org/",
    )


def test_no_url_leads_inside() -> None:
    """Somebody listens at the port, on both loopbacks, and nobody ever calls."""
    calls: list[object] = []
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as inside:
        inside.settimeout(0.2)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                try:
                    calls.append(inside.accept())
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        urls = list(spellings(inside.getsockname()[1]))
        assert len(urls) >= 200
        try:
            for url in urls:
                error = refusal(lambda: remote.read(url, LIMIT, access=Access(ANY), seconds=2))  # noqa: B023
                assert "secret" not in error.reason
        finally:
            done.set()
            thread.join()
    assert calls == []


def resolve(monkeypatch: pytest.MonkeyPatch, answers: Iterator[list[str]]) -> None:
    """Let ``some.example`` have the next of these addresses whenever somebody looks it up."""
    real = socket.getaddrinfo

    def getaddrinfo(host: object, port: object, *rest: object, **more: object) -> list[object]:
        hosts = next(answers) if host in ("some.example", b"some.example") else [host]
        return [one for host in hosts for one in real(host, port, *rest, **more)]  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    "answers",
    [
        # DNS rebinding: each look-up says something else, so only the one connected to may count.
        [["93.184.216.34"], *[["127.0.0.1"]] * 20],
        [["127.0.0.1", "93.184.216.34"]] * 20,
        [["93.184.216.34", "127.0.0.1"]] * 20,
    ],
)
def test_no_name_leads_inside(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> None:
    resolve(monkeypatch, iter(answers))
    with stores.served(stores.Web) as inside:  # no TLS: that alone would keep us out
        for _ in range(3):
            url = f"http://some.example:{inside.port}/"
            refusal(lambda: remote.read(url, LIMIT, access=Access(ANY), seconds=1))  # noqa: B023
    assert inside.asked == []


def test_a_trusted_name_may_lead_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, iter([["127.0.0.1"]] * 20))
    access = Access(ANY, frozenset(["some.example"]))
    with stores.served(stores.Web) as inside:
        inside.objects["/plain"] = DATA
        url = f"http://some.example:{inside.port}/plain"
        assert remote.read(url, LIMIT, access=access).data == DATA
    assert inside.asked == ["/plain"]


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with stores.served(stores.Web) as proxy:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        refusal(lambda: remote.read("http://10.255.255.1/", LIMIT, access=Access(ANY), seconds=1))
        assert proxy.asked == []


# Object stores


class Growing(stores.S3):
    """Some objects are short when asked about, and long when read."""

    ranges: ClassVar[list[str | None]] = []

    def send(self, data: bytes, status: int = 200, **headers: str) -> None:
        if self.command == "GET" and "growing" in self.path:
            self.ranges.append(self.headers["Range"])
            data += data
        super().send(data, status, **headers)


@pytest.fixture(scope="module")
def s3() -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch, stores.served(Growing) as store:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{store.port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield store


@pytest.fixture(scope="module")
def gs() -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch, stores.served(stores.GCS) as store:
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{store.port}")
        yield store


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_object_stores(scheme: str, request: pytest.FixtureRequest) -> None:
    store: Store = request.getfixturevalue(scheme)
    store.objects |= {
        "/bucket/photos/a.jpg": DATA,
        "/bucket/photos/deep/b.PNG": DATA[::-1],
        "/bucket/photos/notes.txt": b"no",
        "/bucket/other/c.jpg": b"no",
        "/bucket/photos/large.jpg": bytes(LIMIT + 1),
    }
    access = Access(ANY)
    found = remote.find(f"{scheme}://bucket/photos", IMAGE_SUFFIXES, access=access)
    assert sorted(file.uri for file in found) == [
        f"{scheme}://bucket/photos/{name}" for name in ("a.jpg", "deep/b.PNG", "large.jpg")
    ]
    first = min(found)
    assert (first.size, first.mtime) == (len(DATA), CHANGED * 10**9)
    content = remote.read(first.uri, LIMIT, access=access)
    assert content == (DATA, first.size, first.mtime)
    notes = remote.find(f"{scheme}://bucket/photos/notes.txt", IMAGE_SUFFIXES, access=access)
    assert [file.uri for file in notes] == [f"{scheme}://bucket/photos/notes.txt"]
    large = refusal(
        lambda: remote.read(f"{scheme}://bucket/photos/large.jpg", LIMIT, access=access)
    )
    assert large.reason == "more than 100,000 bytes"
    assert large.for_good
    gone = refusal(lambda: remote.read(f"{scheme}://bucket/gone.jpg", LIMIT, access=access))
    assert not gone.for_good
    with pytest.raises(UsageError, match="leads to nothing"):
        remote.find(f"{scheme}://bucket/nowhere", IMAGE_SUFFIXES, access=access)
    assert refusal(lambda: remote.read(f"{scheme}://", LIMIT, access=access)).for_good


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_a_bucket_is_a_name_and_nothing_else(scheme: str, request: pytest.FixtureRequest) -> None:
    """The stores' clients would put other names into URLs as they are, or take a host from them."""
    store: Store = request.getfixturevalue(scheme)
    asked = len(store.asked)
    arn = "arn:aws:s3:us-east-1:123456789012:accesspoint"
    for bucket in (
        *("..", ".", "-", "..%2f", "b%2Fo%2Fk", "b?alt=media", "b#", "b\\", "b c", "b\n", "b\0"),
        *("u:secret@b", "b@127.0.0.1", "127.0.0.1:80", "[::1]", "bücket", arn, "b" * 256),
    ):
        url = f"{scheme}://{bucket}/key.jpg"
        for ask in (
            lambda: remote.read(url, LIMIT, access=Access(ANY)),  # noqa: B023
            lambda: remote.find(url, IMAGE_SUFFIXES, access=Access(ANY)),  # noqa: B023
        ):
            error = refusal(ask)
            assert error.reason == "its bucket's name has characters that none may have"
            assert error.for_good
    assert len(store.asked) == asked


def test_a_missing_object_says_so(s3: Store) -> None:
    error = refusal(lambda: remote.read("s3://bucket/no.jpg", LIMIT, access=Access(ANY)))
    assert error.reason == "not found: bucket/no.jpg"


def test_no_more_of_an_object_is_asked_for_than_its_size(s3: Store) -> None:
    s3.objects["/bucket/growing.jpg"] = DATA
    Growing.ranges.clear()
    error = refusal(lambda: remote.read("s3://bucket/growing.jpg", LIMIT, access=Access(ANY)))
    assert (error.reason, error.for_good) == ("it changed while it was read", False)
    assert Growing.ranges == [f"bytes=0-{len(DATA) - 1}"]


class Compressed(stores.GCS):
    def _about(self, name: str) -> dict[str, str]:
        return super()._about(name) | {"contentEncoding": "gzip"}


def test_a_compressed_object_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with stores.served(Compressed) as store:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{store.port}")
        store.objects["/bucket/a.jpg"] = gzip.compress(bytes(LIMIT * 10))
        error = refusal(lambda: remote.read("gs://bucket/a.jpg", LIMIT, access=Access(ANY)))
    assert (error.reason, error.for_good) == ("it is stored compressed; nothing is unpacked", True)
    assert not [path for path in store.asked if "alt=media" in path]


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_many_threads_read_at_once(scheme: str, request: pytest.FixtureRequest) -> None:
    store: Store = request.getfixturevalue(scheme)
    store.objects["/bucket/many.jpg"] = DATA
    found: list[bytes] = []

    def read() -> None:
        url = f"{scheme}://bucket/many.jpg"
        found.append(remote.read(url, LIMIT, access=Access(ANY)).data)

    threads = [threading.Thread(target=read) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [DATA] * 16


def _read_in_a_child(url: str, trusted: frozenset[str]) -> bytes:
    return remote.read(url, LIMIT, access=Access(ANY, trusted), seconds=5).data


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_reads_too(https: Store, site: Callable[[str], bytes], s3: Store) -> None:
    """As Celery's are: fsspec's loop runs in a thread, which a fork leaves behind."""
    s3.objects["/forked/a.jpg"] = DATA
    assert site("/plain") == DATA
    assert remote.read("s3://forked/a.jpg", LIMIT, access=Access(ANY)).data == DATA
    with multiprocessing.get_context("fork").Pool(1) as pool:
        url = f"https://localhost:{https.port}/plain"
        trusted = frozenset(["localhost"])
        assert pool.apply_async(_read_in_a_child, [url, trusted]).get(20) == DATA
        s3_read = pool.apply_async(_read_in_a_child, ["s3://forked/a.jpg", trusted])
        assert s3_read.get(20) == DATA

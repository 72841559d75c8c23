"""Servers for tests that say what S3, Google Cloud Storage and a web site say, on loopback."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

CHANGED = 1_700_000_000  # when every object last changed


@dataclass
class Store:
    """Served contents by path, and the paths that were requested."""

    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.store.asked.append(self.path)
        self.answer(unquote(url.path), {k: v[0] for k, v in parse_qs(url.query).items()})

    def answer(self, path: str, query: dict[str, str]) -> None:
        raise NotImplementedError

    def send(self, data: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


class Web(_Handler):
    """Files; and paths that begin with a word for what may go wrong."""

    def answer(self, path: str, query: dict[str, str]) -> None:
        if path.startswith("/status/"):
            self.send(b"", int(path.split("/")[2]))
        elif path.startswith("/redirect"):
            self.send(b"", 302, Location=query["to"])
        elif path.startswith("/endless"):
            self._endless(float(query.get("pause", "0")))
        elif path.startswith("/zipped"):
            self.send(b"\x1f\x8b not gzip at all", Content_Encoding="gzip")
        elif (data := self.store.objects.get(path)) is None:
            self.send(b"", 404)
        elif path.startswith("/tagged"):
            self.send(data, ETag='"1"')
        elif path.startswith("/plain"):
            self.send(data)
        else:
            self.send(data, Last_Modified=formatdate(CHANGED, usegmt=True))

    def _endless(self, pause: float) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(10_000):
                self.wfile.write(b"x" * 1000)
                time.sleep(pause)
        except OSError:
            return


class S3(_Handler):
    """GetObject, HeadObject and ListObjectsV2 of https://docs.aws.amazon.com/AmazonS3/."""

    def answer(self, path: str, query: dict[str, str]) -> None:
        bucket, _, key = path.lstrip("/").partition("/")
        if "list-type" in query:
            self._list(bucket, query.get("prefix", ""))
        elif (data := self.store.objects.get(f"/{bucket}/{key}")) is not None:
            self.send(data, Last_Modified=formatdate(CHANGED, usegmt=True), ETag='"e"')
        else:
            self.send(b"<Error><Code>NoSuchKey</Code></Error>", 404)

    def _list(self, bucket: str, prefix: str) -> None:
        found = "".join(
            f"<Contents><Key>{path.split('/', 2)[2]}</Key><Size>{len(data)}</Size>"
            "<LastModified>2023-11-14T22:13:20.000Z</LastModified><ETag>e</ETag></Contents>"
            for path, data in self.store.objects.items()
            if path.startswith(f"/{bucket}/{prefix}")
        )
        self.send(
            f"<ListBucketResult><Name>{bucket}</Name><IsTruncated>false</IsTruncated>"
            f"{found}</ListBucketResult>".encode(),
            Content_Type="application/xml",
        )


class GCS(_Handler):
    """objects.get, objects.list of https://cloud.google.com/storage/docs/json_api."""

    def answer(self, path: str, query: dict[str, str]) -> None:
        parts = urlsplit(self.path).path.split("/")
        bucket = parts[parts.index("b") + 1]
        if parts[-1] == "o":
            prefix = f"/{bucket}/{query.get('prefix', '')}"
            items = [self._about(name) for name in self.store.objects if name.startswith(prefix)]
            self.send(json.dumps({"items": items}).encode(), Content_Type="application/json")
            return
        name = f"/{bucket}/{unquote(parts[-1])}"
        if name not in self.store.objects:
            self.send(b"{}", 404)
        elif query.get("alt") == "media":
            self.send(self.store.objects[name])
        else:
            about = json.dumps(self._about(name)).encode()
            self.send(about, Content_Type="application/json")

    def _about(self, name: str) -> dict[str, str]:
        _, bucket, key = name.split("/", 2)
        return {
            "kind": "storage#object",
            "name": key,
            "bucket": bucket,
            "size": str(len(self.store.objects[name])),
            "updated": "2023-11-14T22:13:20.000Z",
            "etag": "e",
        }


@contextmanager
def served(handler: type[_Handler], certificate: Path | None = None) -> Iterator[Store]:
    """A server of this kind; with TLS, where there is a certificate (with its key)."""
    store = Store()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"store": store}))
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    store.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(path: Path) -> Path:
    """A certificate of localhost that signs itself, and its key, in one file."""
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", path, "-out", path.with_suffix(".crt"), *subject],
        check=True, capture_output=True,
    )  # fmt: skip
    with path.open("a") as file:
        file.write(path.with_suffix(".crt").read_text())
    return path

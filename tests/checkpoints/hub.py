"""A server on this machine that speaks the hub's protocol: repositories in memory, over HTTP."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """Files of a server that stands in for the hub, and its faults.

    ``large`` files are listed with their SHA-256, as the hub lists what git-lfs keeps. ``refusal``
    answers everything, ``locked`` files alone, whose names anybody may see. ``cut`` is after how
    many bytes of a reply the connection breaks, ``cuts`` how often.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    repo: str = "you/blip-tiny"
    digests: dict[str, str] = field(default_factory=dict)
    refusal: tuple[int, str] | None = None
    locked: tuple[int, str] | None = None
    cut: int = 0
    cuts: int = 0
    gone_after_cut: bool = False
    url: str = ""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and Range of each request."""

    def sha256(self, name: str) -> str:
        return self.digests.get(name) or hashlib.sha256(self.files[name]).hexdigest()

    def listing(self) -> dict[str, Any]:
        siblings = []
        for name, data in self.files.items():
            entry: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": "0" * 40}
            if name in self.large:
                entry["lfs"] = {"sha256": self.sha256(name), "size": len(data), "pointerSize": 1}
            siblings.append(entry)
        return {"id": self.repo, "modelId": self.repo, "sha": COMMIT, "siblings": siblings}


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        hub = self.hub
        hub.asked.append((self.command, self.path, self.headers.get("Range")))
        if hub.gone_after_cut and self.headers.get("Range"):
            self.close_connection = True
        elif hub.refusal:
            self._refuse(*hub.refusal)
        elif re.match(r"/api/models/.*?(\?|$)", self.path):
            self._list(with_body=with_body)
        else:
            self._send_file(with_body=with_body)

    def _list(self, *, with_body: bool) -> None:
        known = f"/api/models/{self.hub.repo}"
        path = self.path.partition("?")[0]
        if path in (known, f"{known}/revision/main", f"{known}/revision/{COMMIT}"):
            body = json.dumps(self.hub.listing()).encode()
            self._reply(200, {"Content-Type": "application/json"}, body, with_body=with_body)
        elif path.startswith(f"{known}/revision/"):
            self._refuse(404, "RevisionNotFound")
        else:
            self._refuse(401, "RepoNotFound")

    def _send_file(self, *, with_body: bool) -> None:
        hub = self.hub
        name = self.path.removeprefix(f"/{hub.repo}/resolve/{COMMIT}/")
        if hub.locked:
            self._refuse(*hub.locked)
            return
        if name not in hub.files:
            self._refuse(404, "EntryNotFound")
            return
        data = hub.files[name]
        fields = {
            "ETag": f'"{hub.sha256(name)}"',
            "X-Repo-Commit": COMMIT,
            "Accept-Ranges": "bytes",
        }
        if name in hub.large:
            fields |= {"X-Linked-ETag": f'"{hub.sha256(name)}"', "X-Linked-Size": str(len(data))}
        status = 200
        if asked := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or ""):
            begin, status = int(asked[1]), 206
            fields["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
            data = data[begin:]
        self._reply(status, fields, data, with_body=with_body)

    def _refuse(self, status: int, code: str) -> None:
        body = json.dumps({"error": code}).encode()
        self._reply(status, {"X-Error-Code": code, "X-Error-Message": code}, body)

    def _reply(
        self, status: int, fields: dict[str, str], body: bytes, *, with_body: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in (fields | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if not with_body or self.command == "HEAD":
            return
        if self.hub.cuts and len(body) > self.hub.cut:
            self.hub.cuts -= 1
            self.wfile.write(body[: self.hub.cut])
            self.close_connection = True
            return
        self.wfile.write(body)

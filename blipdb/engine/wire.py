"""The wire format of requests and answers: HTTP/1.1 over a Unix socket.

``POST /v1/<verb>``. The body is a JSON object (``application/json``), or, where raw bytes go with
it, their frame (``application/octet-stream``): the length of the JSON as uint32 little-endian, the
JSON, the bytes. The JSON names the model and its digest. An answer is a JSON object; where the
status is not 200 it holds sqlstate, message and hint.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, Final

PATH: Final = "/v1/"
HEALTH: Final = "/v1/health"
PLAIN: Final = "application/json"
FRAMED: Final = "application/octet-stream"
LENGTH: Final = struct.Struct("<I")
LARGEST_HEAD: Final = 1 << 16  # bytes of JSON


def pack(head: Mapping[str, Any], raw: bytes | None = None) -> tuple[str, bytes]:
    """Return a request's content type and body."""
    text = json.dumps(head).encode()
    if raw is None:
        return PLAIN, text
    return FRAMED, b"".join((LENGTH.pack(len(text)), text, raw))


def unpack(content_type: str, body: bytes | bytearray) -> tuple[dict[str, Any], memoryview]:
    """Return the JSON of a request and its raw bytes, which may be empty.

    Raises:
        ValueError: the body does not fit its content type.
    """
    view = memoryview(body)
    if content_type == PLAIN:
        text, raw = view, view[len(view) :]
    elif content_type == FRAMED:
        if len(view) < LENGTH.size:
            raise ValueError("the frame has no length")
        (length,) = LENGTH.unpack_from(view)
        text, raw = view[LENGTH.size : LENGTH.size + length], view[LENGTH.size + length :]
        if len(text) < length:
            raise ValueError(f"the frame's JSON has {len(text)} bytes, not {length}")
    else:
        raise ValueError(f"its type is {content_type or 'missing'}, not {PLAIN} or {FRAMED}")
    if len(text) > LARGEST_HEAD:
        raise ValueError(f"its JSON has {len(text):,} bytes; at most {LARGEST_HEAD:,} are read")
    try:
        head = json.loads(bytes(text))
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
    if not isinstance(head, dict):
        raise ValueError("its JSON is no object")
    return head, raw

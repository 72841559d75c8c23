"""Messages between a decoder child and its parent over their socket.

A request is REQUEST, a LENGTH for each picture's file, then the files. The child reads all of it,
then gives one answer a picture, in order, each as soon as it has it: ANSWER, the pixels
(size x size x 3 bytes, none where the picture is refused), the preview, and a text in UTF-8: the
descriptions as a JSON list, or the reason for refusing. Several small pictures in one request cost
one exchange.
"""

from __future__ import annotations

import socket
import struct
from typing import Final

REQUEST: Final = struct.Struct("<HHB")  # pictures, size, whether previews are wanted
LENGTH: Final = struct.Struct("<I")
ANSWER: Final = struct.Struct("<BIIBII")  # accepted, width, height, mime, bytes of preview, of text

MIMES: Final = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff")
MAX_TEXT_BYTES: Final = 1 << 16
MAX_PREVIEW_BYTES: Final = 1 << 20


def receive(sock: socket.socket, count: int) -> bytearray:
    """Exactly ``count`` bytes.

    Raises:
        EOFError: the other side closed before that.
    """
    data = bytearray(count)
    view = memoryview(data)
    while view:
        got = sock.recv_into(view)
        if got == 0:
            raise EOFError
        view = view[got:]
    return data

"""``python -m blipdb.images.zygote``: a small process that forks decoder children on request.

It exists because a child can't be started by exec: run as root, Python may lie in a folder that
nobody else can read, and a process with threads must not fork. So this one imports everything,
drops root's rights, stays single-threaded, and forks. It never sees a picture.

Over its control socket (SOCK_SEQPACKET) it says READY once, then answers each ORDER: with a
descriptor attached, "fork a child that serves this socket" (the answer is its pid); without, "end
the child of this pid" (the answer is its wait status). When its parent is gone, so are it and
all children.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import pwd
import signal
import socket
import struct
import sys
from typing import Final

from PIL import Image, TiffImagePlugin, WebPImagePlugin

from ..errors import ImageError
from . import child
from .confine import confine
from .limits import Limits
from .picture import FORMATS, decode

READY: Final = struct.Struct("<B")  # whether children can be confined by seccomp
ORDER: Final = struct.Struct("<I")  # pid to end
NUMBER: Final = struct.Struct("<i")  # a pid, or a wait status
UNPRIVILEGED: Final = "nobody"
# Imported now, or the first save imports every plugin.
PRELOADED_PLUGINS: Final = (TiffImagePlugin, WebPImagePlugin)


def main(control: socket.socket, limits: Limits) -> None:
    """Serve until the parent closes its end."""
    warm(limits)
    drop_privileges()
    gc.collect()
    gc.freeze()  # so that children don't copy the pages of what was imported
    children: set[int] = set()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        control.send(READY.pack(can_confine()))
        while obey(control, children, limits):
            pass
    for pid in children:
        end(pid)


def warm(limits: Limits) -> None:
    """Decode an image of each format, so that all imports are done before the fork."""
    image = Image.linear_gradient("L").resize((16, 16))
    exif = Image.Exif()
    exif[0x010E] = "warm"
    for name in FORMATS:
        out = io.BytesIO()
        image.save(out, name, exif=exif)
        decode(out.getvalue(), 16, preview=True, limits=limits)
    with contextlib.suppress(ImageError):
        decode(b"", 16, preview=False, limits=limits)


def drop_privileges() -> None:
    """Drop from root to ``nobody``; no-op for another user."""
    if os.geteuid() != 0:
        return
    user = pwd.getpwnam(UNPRIVILEGED)
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)


def can_confine() -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if confine() else 1)
    return os.waitpid(pid, 0)[1] == 0


def obey(control: socket.socket, children: set[int], limits: Limits) -> bool:
    """Carry out one order; False when there are no more."""
    message, descriptors, _, _ = socket.recv_fds(control, ORDER.size, 1)
    if not message:
        return False
    if not descriptors:
        (pid,) = ORDER.unpack(message)
        children.discard(pid)
        control.send(NUMBER.pack(end(pid)))
        return True
    pid = os.fork()
    if pid == 0:
        child.run(descriptors[0], limits)
    os.close(descriptors[0])
    children.add(pid)
    control.send(NUMBER.pack(pid))
    return True


def end(pid: int) -> int:
    """Kill the child and return how it ended: of itself before, or by us now."""
    os.kill(pid, signal.SIGKILL)  # not reaped yet, so the pid is still this child's
    return os.waitpid(pid, 0)[1]


if __name__ == "__main__":
    descriptor, pixels, memory = map(int, sys.argv[1:])
    with socket.socket(fileno=descriptor) as inherited:
        main(inherited, Limits(pixels=pixels, memory=memory))

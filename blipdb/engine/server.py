"""The engine's life as a process: start as who may read all it needs, then give that up and serve.

Where root starts it, everything is imported, verified, loaded and bound as root, and only then
does it become PostgreSQL's user: Python itself may lie in a folder that only root can read.
"""

from __future__ import annotations

import fcntl
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

import numpy as np

from ..errors import EngineError, UsageError
from ..host import home
from ..host import owner as owners
from ..host.logs import OneLine, Rate
from ..host.owner import Owner
from ..images.decode import Decoder
from ..model.memory import few_heaps, keep_freed
from ..settings import Settings
from .app import App
from .connections import Connections
from .models import Models
from .peer import allowed_uids

log = logging.getLogger(__name__)

BACKLOG: Final = 128
SPARE_THREADS: Final = 8  # beyond those of admitted requests: to say health, and that it is busy
GOODBYE_SECONDS: Final = 2  # for requests at work when the engine is told to end
MEMORY: Final = 4 << 30


def serve(settings: Settings, *, threads: int = 1, memory: int = MEMORY) -> None:
    """Be the engine until SIGTERM or SIGINT.

    ``threads`` is how many cores one request may use; as many requests are worked on at once as
    the cores allow. ``memory`` caps this process's data, in bytes.

    Raises:
        EngineError: another engine serves this home.
        UsageError: ``threads`` is not between 1 and the number of cores.
        SetupError: the home can't be made, or its user doesn't exist.
    """
    cores = os.cpu_count() or 1
    if not 1 <= threads <= cores:
        raise UsageError(f"threads is {threads}; it must be from 1 to {cores}.")
    logging.basicConfig(level=logging.INFO, handlers=[log_handler(sys.stderr)])
    owner = owners.current()
    home.make(settings, owner)
    workers = max(1, cores // threads)
    with (
        _only_one(settings.run_dir / "engine.pid", owner),
        _listener(settings.engine_socket, owner) as listener,
        Decoder(workers) as decoder,
    ):
        models = Models(settings.models_dir, threads=threads)
        models.preload()
        app = App(models, decoder, workers=workers)
        few_heaps(workers + 1)
        keep_freed()
        np.random.default_rng()  # imports, which can't be read once root's rights are gone
        owner.drop()
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        ended = _ending_signals()
        listener.listen(BACKLOG)
        most = app.capacity + SPARE_THREADS
        connections = Connections(listener, app.serve, allowed=allowed_uids(), most=most)
        log.info("listening at %s as %s, %d workers", settings.engine_socket, owner.name, workers)
        ended.recv(1)
        connections.close()
        app.end(GOODBYE_SECONDS)
        log.info("ended")


def _ending_signals() -> socket.socket:
    """Readable once SIGTERM or SIGINT came.

    Waiting for an Event instead may last forever: the system hands a signal to any thread that
    takes it, and only the main one, which then still sleeps, runs its handler.
    """
    ended, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.detach())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return ended


@contextmanager
def _only_one(path: Path, owner: Owner) -> Iterator[None]:
    """Hold the pid file's lock, which the system frees however this process ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 20).decode().strip()
            raise EngineError(
                f"An engine already serves {path.parent.parent}: process {pid}.",
                "End it with: blipdb down",
            ) from None
        os.fchown(descriptor, owner.uid, owner.gid)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


@contextmanager
def _listener(path: Path, owner: Owner) -> Iterator[socket.socket]:
    """A bound socket, 0660 and the owner's. It listens only later, once root's rights are gone:
    the kernel tells callers who we were then."""
    path.unlink(missing_ok=True)  # a dead engine's, as we hold the lock
    umask = os.umask(0o117)
    try:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(str(path))
    finally:
        os.umask(umask)
    with sock:
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
        try:
            yield sock
        finally:
            path.unlink(missing_ok=True)


def log_handler(stream: TextIO) -> logging.Handler:
    """A handler for messages that hold strings of callers."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(Rate())
    handler.addFilter(OneLine())
    return handler

"""The engine's process: load everything with the rights of its starter, drop them, and serve.

If root starts it, everything is imported, verified, loaded and bound as root, and only then does it
become PostgreSQL's user: Python itself may be in a folder that only root can read.
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
from ..model.machine import keep_freed_memory, limit_heaps
from ..settings import Settings
from .connections import Connections
from .handler import RequestHandler
from .model_cache import ModelCache
from .peer import allowed_uids

log = logging.getLogger(__name__)

BACKLOG: Final = 128
SPARE_THREADS: Final = 8  # beyond admitted requests: to answer health, and that it is busy
GOODBYE_SECONDS: Final = 2  # for requests at work when the engine is stopped
MEMORY: Final = 4 << 30


def serve(settings: Settings, *, threads: int = 1, memory: int = MEMORY) -> None:
    """Run the engine until SIGTERM or SIGINT.

    Args:
        settings: of the home to serve.
        threads: the number of cores that one request may use; as many requests are at work at once
            as the cores allow.
        memory: the limit of this process's data, in bytes.

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
        models = ModelCache(settings.models_dir, threads=threads)
        models.preload()
        handler = RequestHandler(models, decoder, workers=workers)
        limit_heaps(workers + 1)
        keep_freed_memory()
        np.random.default_rng()  # imports, which can't be read once root's rights are gone
        owner.drop()
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        ended = _ending_signals()
        listener.listen(BACKLOG)
        max_threads = handler.capacity + SPARE_THREADS
        connections = Connections(
            listener, handler.serve, allowed=allowed_uids(), max_threads=max_threads
        )
        log.info("listening at %s as %s, %d workers", settings.engine_socket, owner.name, workers)
        ended.recv(1)
        connections.close()
        handler.end(GOODBYE_SECONDS)
        log.info("ended")


def _ending_signals() -> socket.socket:
    """Return a socket that is readable once SIGTERM or SIGINT has come.

    Waiting for an Event instead may last forever: the system delivers a signal to any thread, and
    its handler runs in the main thread only, which then still sleeps.
    """
    ended, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.detach())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return ended


@contextmanager
def _only_one(path: Path, owner: Owner) -> Iterator[None]:
    """Hold the pid file's lock, which the system releases however this process ends."""
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
    """Bind the socket, with mode 0660, for the owner. It must listen only after root's rights are
    dropped: the kernel tells callers the user that we were then."""
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
    """Make a log handler for messages that quote callers."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(Rate())
    handler.addFilter(OneLine())
    return handler

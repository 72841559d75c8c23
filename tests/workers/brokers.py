"""Real brokers, RabbitMQ and Redis, as processes that a test starts, kills and wipes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

START_SECONDS = 60
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # not the one that becomes another user
REDIS = Path("/usr/bin/redis-server")


def free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Broker:
    """A server in a folder of its own; ``url`` stays the same when it is restarted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        raise NotImplementedError

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command(),
                env=os.environ | self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            log_text = (self.folder / "log").read_text(errors="replace")
            assert self.process.poll() is None, log_text
            assert time.monotonic() < deadline, log_text
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill all its processes at once, as a power failure does."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def wipe(self) -> None:
        """Delete all messages and queues."""
        raise NotImplementedError

    def stop(self) -> None:
        if self.process is not None:
            self.kill()

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as sock:
                sock.sendall(self._hello())
                return bool(sock.recv(1))
        except OSError:
            return False

    def _hello(self) -> bytes:
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _environment(self) -> dict[str, str]:
        return {}


class Redis(Broker):
    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def wipe(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
            sock.sendall(b"FLUSHALL\r\n")
            assert sock.recv(3) == b"+OK"

    def _hello(self) -> bytes:
        return b"PING\r\n"

    def _command(self) -> list[str]:
        # Nothing is kept on the disk, so that a kill wipes it.
        options = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
        return [str(REDIS), "--port", str(self.port), "--dir", str(self.folder), *options]


class RabbitMQ(Broker):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._ports = free_port(), free_port()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def wipe(self) -> None:
        self.kill()
        shutil.rmtree(self.folder / "mnesia")
        self.start()

    def stop(self) -> None:
        super().stop()
        for process in psutil.process_iter(["name"]):  # it starts that one apart
            if process.info["name"] == "epmd":
                with suppress(psutil.Error):
                    if process.environ().get("ERL_EPMD_PORT") == str(self._ports[1]):
                        process.kill()

    def _hello(self) -> bytes:
        return b"AMQP\x00\x00\x09\x01"

    def _command(self) -> list[str]:
        return [str(RABBITMQ)]

    def _environment(self) -> dict[str, str]:
        folder, (dist, epmd) = self.folder, self._ports
        return {
            "HOME": str(folder),  # of Erlang's cookie
            "RABBITMQ_NODENAME": f"blipdb{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(dist),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }


KINDS = {"redis": Redis, "rabbitmq": RabbitMQ}


@contextmanager
def running(kind: str) -> Iterator[Broker]:
    """A running broker of this kind."""
    folder = Path(tempfile.mkdtemp(prefix="blipmq", dir="/tmp"))
    broker = KINDS[kind](folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)

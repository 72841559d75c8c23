"""Engines for tests: real processes, each in a home of its own, with the tiny model."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from blipdb.engine.client import EngineClient
from blipdb.errors import EngineError
from blipdb.host import home, owner
from blipdb.model.architecture import Architecture
from blipdb.model.artifact import Artifact
from blipdb.settings import Settings
from tests.tiny import ARCHITECTURE, tiny_artifact

START_SECONDS = 30


# Slow for its size, so that a request of few bytes is at work for seconds.
DEEP = dataclasses.replace(ARCHITECTURE, text_width=64, text_mlp=256, text_layers=12)


@dataclasses.dataclass
class Engine:
    """A running engine, and its models: a tiny one, and one that is slow at reranking."""

    settings: Settings
    artifact: Artifact
    deep: Artifact
    process: subprocess.Popen[bytes]

    @property
    def client(self) -> EngineClient:
        return EngineClient(self.settings.engine_socket)

    @property
    def model(self) -> dict[str, str]:
        return {"model": self.artifact.name, "digest": self.artifact.digest}

    def restart(self) -> None:
        """Replace a process that has ended."""
        self.process.wait(10)
        self.process = launch(self.settings)

    @property
    def log(self) -> str:
        return (self.settings.home / "engine.log").read_text()

    def wait_until_idle(self, seconds: float = 0.5) -> float:
        """Wait until no request is at work, at most ``seconds``; return the time that it took."""
        start = time.monotonic()
        while self.client.health()["requests"]:
            assert time.monotonic() - start < seconds, "the engine still works"
            time.sleep(0.005)
        return time.monotonic() - start

    def when_at_work(self, act: Callable[[], object], seconds: float = 0.0) -> threading.Thread:
        """In a thread: wait until a request is at work, ``seconds`` more, and ``act``."""

        def watch() -> None:
            while not self.client.health()["requests"]:
                time.sleep(0.01)
            time.sleep(seconds)
            act()

        thread = threading.Thread(target=watch)
        thread.start()
        return thread

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """As if it hung: it exists, and does nothing."""
        stop_process(self.process.pid)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


def stop_process(pid: int) -> None:
    """Stop a process. The signal alone returns while threads on other cores still run."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 30
    while {_state(task) for task in Path(f"/proc/{pid}/task").iterdir()} != {"T"}:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _state(task: Path) -> str:
    """A thread's state, as proc(5) has it; "T" of one that has ended."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "T"


def install(
    settings: Settings,
    seed: int = 0,
    name: str = "tiny",
    arch: Architecture = ARCHITECTURE,
    **kind: Any,
) -> Artifact:
    """A tiny model in the home's models folder."""
    home.make(settings, owner.current())
    made = tiny_artifact(settings.home / "made", seed, name=name, arch=arch, **kind)
    folder = settings.models_dir / made.digest[:16]
    shutil.move(made.folder, folder)
    return Artifact.open(folder)


def launch(settings: Settings, *options: str) -> subprocess.Popen[bytes]:
    """A new engine process, once it answers."""
    command = [sys.executable, "-m", "blipdb.engine", "--home", str(settings.home), *options]
    path = settings.home / "engine.log"
    with path.open("ab") as log:
        environment = {**os.environ, "PYTHONFAULTHANDLER": "1"}
        process = subprocess.Popen(command, stderr=log, env=environment)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            EngineClient(settings.engine_socket).health()
            return process
        except EngineError:
            assert process.poll() is None, path.read_text()
            assert time.monotonic() < deadline, path.read_text()
            time.sleep(0.05)


def end(engine: Engine) -> int:
    """Have it end as `blipdb down` does; its exit status."""
    if engine.process.poll() is None:
        engine.process.send_signal(signal.SIGCONT)
        engine.process.terminate()
    try:
        return engine.process.wait(10)
    except subprocess.TimeoutExpired:
        engine.process.send_signal(signal.SIGABRT)  # says where each thread is
        engine.process.wait(10)
        raise AssertionError(f"the engine does not end:\n{engine.log[-6000:]}") from None


@contextmanager
def running() -> Iterator[Engine]:
    """An engine with the tiny model, in a home that goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="blip", dir="/tmp"))
    folder.chmod(0o755)
    settings = Settings(folder)
    try:
        models = install(settings), install(settings, 1, "deep", DEEP)
        engine = Engine(settings, *models, launch(settings))
        try:
            yield engine
        finally:
            end(engine)
    finally:
        shutil.rmtree(folder)


def is_root() -> bool:
    return os.geteuid() == 0

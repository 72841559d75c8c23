"""Celery workers as processes: `celery -A blipdb.workers worker`, as users start them, or with
short intervals where a test is not about these."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from blipdb.settings import Settings

READY_SECONDS = 60
CELERY = Path(sys.executable).parent / "celery"
ROOT = Path(__file__).parents[2]
USUAL = "blipdb.workers"
HASTY = "tests.workers.hasty"  # see there
# A worker asks its neighbours for a second what was revoked. Here is neither.
LONE = ("-c", "1", "--without-mingle")


class Celery:
    """One worker process with its children; ``log`` is its output."""

    def __init__(
        self,
        settings: Settings,
        broker: str,
        folder: Path,
        *options: str,
        name: str = "one",
        app: str = USUAL,
        **environment: str,
    ) -> None:
        self.name = f"{name}@{os.getpid()}"
        self._folder = folder
        self._log = folder / f"{name}.log"
        self._command = [
            str(CELERY), "-A", app, "worker", "--loglevel", "INFO",
            "-n", self.name, *(options or ("-c", "1")),
        ]  # fmt: skip
        chosen = {"BLIPDB_HOME": str(settings.home), "BLIPDB_BROKER": broker}
        chosen |= {"BLIPDB_URL": settings.url} if settings.url else {}
        chosen |= {"PYTHONPATH": str(ROOT)} if app == HASTY else {}
        self._environment = {**os.environ, "OMP_NUM_THREADS": "1"} | chosen | environment
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_ready(self) -> None:
        self.wait_for(lambda: f"{self.name} ready." in self.log, READY_SECONDS)

    def wait_for(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log[-6000:]
            assert time.monotonic() < deadline, self.log[-6000:]
            time.sleep(0.05)

    def children(self) -> list[psutil.Process]:
        """List the processes of its pool."""
        own = psutil.Process(self.process.pid).children()
        return [child for child in own if "celery" in " ".join(child.cmdline())]

    def stop(self, seconds: float = 30) -> int:
        """Stop it warmly: runs are finished."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """Kill it and all its children."""
        family = [psutil.Process(self.process.pid)]
        family += family[0].children(recursive=True)
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait(10)
        psutil.wait_procs(family, timeout=10)


@contextmanager
def working(
    settings: Settings,
    broker: str,
    folder: Path,
    *options: str,
    count: int = 1,
    app: str = USUAL,
    **environment: str,
) -> Iterator[list[Celery]]:
    """So many workers, ready. In the end they are killed, which is quick and no harm, if they were
    not stopped."""
    with ExitStack() as ended:
        workers = []
        for number in range(count):
            worker = Celery(
                settings, broker, folder, *options, name=f"w{number}", app=app, **environment
            )
            ended.callback(_end, worker)
            workers.append(worker)
        for worker in workers:
            worker.wait_ready()
        yield workers


def _end(worker: Celery) -> None:
    if worker.process.poll() is None:
        worker.kill()

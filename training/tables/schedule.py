"""Schedule of all experiments, one on each core, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from blipdb.settings import Settings

from ..evaluation.tasks.progress import Show
from .arms import Arm, all_arms, sweep_arms
from .run import Workspace, has_result, run_arm, train_vision
from .setup import Setup, read_setup


@dataclass(frozen=True)
class Task:
    """A run to do: of a vision model ("B" or "L"), or of an arm with a seed."""

    seed: int
    arm: Arm | None
    vision: str

    def needs(self) -> list[Task]:
        """Tasks that must be done before this one."""
        if self.arm is None:
            return []
        tasks = [Task(0, None, self.vision)]
        teachers = self.arm.teachers
        if teachers is not None:
            tasks.append(Task(self.seed, teachers, teachers.vision))
        return tasks

    def is_done(self, out: Path) -> bool:
        if self.arm is None:
            return has_result(out / f"vision-{self.vision}")
        return has_result(out / f"seed-{self.seed}" / self.arm.name)


def plan(setup: Setup) -> list[Task]:
    """List all tasks, in the order of preference."""
    visions = [Task(0, None, vision) for vision in ("B", "L")]
    first = setup.seeds[0]
    tables = [Task(seed, arm, arm.vision) for seed in setup.seeds for arm in all_arms()]
    sweep = [Task(first, arm, arm.vision) for arm in sweep_arms(setup.sweep)]
    return [*visions, *tables, *sweep]


def run_all(config: Path, out: Path, setup: Setup, processes: int, show: Show) -> None:
    """Run all unfinished tasks; an experiment's error is raised when the others that run have
    ended."""
    tasks = plan(setup)
    waiting = [task for task in tasks if not task.is_done(out)]
    running: dict[Future[None], Task] = {}
    context = multiprocessing.get_context("spawn")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # each has a core
    with ProcessPoolExecutor(processes, context, max_tasks_per_child=1) as pool:
        while waiting or running:
            show("experiments", len(tasks) - len(waiting) - len(running), len(tasks))
            while len(running) < processes and (task := _ready(waiting, out)):
                waiting.remove(task)
                running[pool.submit(_run, task, config, out)] = task
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                del running[future]
                future.result()
    show("experiments", len(tasks), len(tasks))


def _ready(tasks: list[Task], out: Path) -> Task | None:
    return next((task for task in tasks if all(one.is_done(out) for one in task.needs())), None)


def _run(task: Task, config: Path, out: Path) -> None:
    """Run a task in this process; the server is up."""
    place = Workspace(read_setup(config), out, Settings((out / "home").absolute()))
    if task.arm is None:
        train_vision(place, task.vision)
    else:
        run_arm(place, task.seed, task.arm)

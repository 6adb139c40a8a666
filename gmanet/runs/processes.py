"""Processes of an experiment: one for each run, several at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from contextlib import suppress

from gmanet.runs.experiment import Cell
from gmanet.runs.folder import Run
from gmanet.runtime.cache import FOLDER as CACHE
from gmanet.runtime.cores import available_cores
from gmanet.runtime.orphans import PARENT

__all__ = ["FIT", "run_cells"]

FIT = (sys.executable, "-m", "gmanet.fit")
"""Command of a run, before its overrides."""
LOOK = 0.1
"""Interval at which processes are checked, in seconds."""
PATIENCE = 20.0
"""Time that an interrupted process has to end, in seconds."""


def run_cells(
    cells: Iterable[Cell], overrides: list[str], *, jobs: int
) -> Generator[Cell, None, None]:
    """Run cells, each in its own process with a log, and yield each cell when it has ended.

    The log of a failed cell has the reason (:attr:`gmanet.runs.experiment.Cell.failure`).  Cells
    that are done, or that another command is running, are yielded without a process.  Closing the
    generator interrupts the processes; their runs can be resumed.

    Args:
        cells: Cells in the order in which they start.
        overrides: Further overrides of every cell.
        jobs: Number of processes at a time; they share the cores, unless ``OMP_NUM_THREADS`` is
            set.
    """
    waiting = deque(cells)
    running: list[tuple[Cell, subprocess.Popen[bytes]]] = []
    environment = _environment(jobs)
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                cell = waiting.popleft()
                if cell.state in ("running", "done"):
                    yield cell
                else:
                    running.append((cell, _start(cell, overrides, environment=environment)))
            ended = [pair for pair in running if pair[1].poll() is not None]
            running = [pair for pair in running if pair not in ended]
            for cell, process in ended:
                if process.returncode:
                    cell.mark_failed(process.returncode)
                yield cell
            if not ended:
                time.sleep(LOOK)
    finally:
        _stop([process for _, process in running])


def _environment(jobs: int) -> Mapping[str, str]:
    share = {"OMP_NUM_THREADS": str(max(1, available_cores() // jobs))} if jobs > 1 else {}
    return {CACHE: str(Run.root() / "cache"), **share, **os.environ, PARENT: str(os.getpid())}


def _start(
    cell: Cell, overrides: list[str], *, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a cell in a new session, so that Ctrl-C reaches it through this process only."""
    cell.log.parent.mkdir(parents=True, exist_ok=True)
    with cell.log.open("wb") as log:
        return subprocess.Popen(
            [*FIT, *cell.overrides, *overrides],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**environment, **cell.labels},
            start_new_session=True,
        )


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """Interrupt processes and their workers as Ctrl-C does, and kill them after a timeout."""
    _signal(processes, signal.SIGINT)
    until = time.monotonic() + PATIENCE
    try:
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
    finally:
        _signal(processes, signal.SIGKILL)


def _signal(processes: list[subprocess.Popen[bytes]], number: int) -> None:
    for process in processes:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)

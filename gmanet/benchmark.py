"""Do every run of an experiment: ``python -m gmanet.benchmark FILE [--jobs N] [key=value ...]``.

Cells that are done are skipped, interrupted ones go on, and one that fails stops no other: it is
named at once and again at the end.  Those of published data sets that are not at hand are left out.
Further overrides are added to every cell.
``python -m gmanet.report FILE`` makes the tables.  Runs share registrations, pre-trained encoders
and the meshes' curvature in ``<runs>/cache`` (or ``GMANET_CACHE``), which changes no figure.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gmanet.errors import InputError, command, note
from gmanet.runs.availability import with_data
from gmanet.runs.experiment import Cell, file_and_overrides, read_experiment
from gmanet.runs.folder import Run
from gmanet.runtime.cache import FOLDER as CACHE
from gmanet.runtime.cores import available_cores, processes_at_most
from gmanet.runtime.orphans import PARENT

__all__ = ["main", "run_cells"]

FIT = (sys.executable, "-m", "gmanet.fit")
LOOK = 0.1
"""Seconds between two looks at the processes."""
PATIENCE = 20.0
"""Seconds that an interrupted process has to leave in order."""


def run_cells(
    cells: Iterable[Cell], overrides: list[str], *, jobs: int
) -> Generator[Cell, None, None]:
    """Run cells, each in a process of its own with a log, and yield each when it has ended.

    What failed says so in its log: :attr:`gmanet.runs.experiment.Cell.failure`.  What another
    command does meanwhile, or has done, is yielded as it is.  Closing the generator interrupts the
    processes, which can then be resumed.

    Args:
        cells: In the order in which they start.
        overrides: Added to those of every cell.
        jobs: Processes at a time; they share the cores, unless ``OMP_NUM_THREADS`` is set.
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
    """Start a cell in a session of its own: Ctrl-C reaches it through this process alone."""
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
    """Interrupt processes and their workers as Ctrl-C does; end those that take too long."""
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


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _arguments() -> tuple[Path, list[str], int]:
    """Return the experiment file, the overrides for every cell, and the processes at a time."""
    parser = argparse.ArgumentParser(prog="python -m gmanet.benchmark", description=__doc__)
    parser.add_argument("overrides", nargs="*", metavar="FILE or key=value")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time")
    typed = parser.parse_intermixed_args()
    path, overrides = file_and_overrides(typed.overrides)
    if typed.jobs < 1:
        raise InputError(f"--jobs {typed.jobs}, wanted at least 1")
    return path, overrides, _bounded(typed.jobs)


def _bounded(jobs: int) -> int:
    """Return how many runs of those asked for the machine bears at a time."""
    most = max(1, processes_at_most())
    if jobs > most:
        note(f"--jobs {jobs}: {most} at a time, as many as this machine's cores and memory bear")
    return min(jobs, most)


def main() -> None:
    """Run what is missing, with the remaining time; exit code 1 where a cell failed."""
    path, overrides, jobs = _arguments()
    experiment = read_experiment(path, Run.root())
    waiting = [cell for cell in experiment.cells if not cell.run.finished]
    missing, lacking = with_data(waiting, overrides)
    done = len(experiment.cells) - len(waiting)
    total = done + len(missing)
    sys.stderr.write("".join(f"left out: {wanted}\n" for wanted in lacking))
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # not below nohup
            signal.signal(number, _interrupt)
    failed = []
    bar = tqdm(total=total, initial=done, unit="run", desc=experiment.name, smoothing=0)
    try:
        with bar, closing(run_cells(missing, overrides, jobs=jobs)) as ended:
            for cell in ended:
                if cell.failure:
                    failed.append(f"{' '.join(cell.overrides)}\n  {cell.failure}")
                    bar.write(f"failed: {failed[-1]}", file=sys.stderr)
                elif not cell.run.finished:
                    left = f"left to the command that works in it: {cell.run.folder}"
                    bar.write(left, file=sys.stderr)
                bar.update(1)
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted; python -m gmanet.benchmark {path} goes on\n")
        raise SystemExit(130) from None
    if failed:
        sys.stderr.write("\n".join([f"{len(failed)} of {total} runs failed:", *failed]) + "\n")
        raise SystemExit(1)


if __name__ == "__main__":
    command(main)

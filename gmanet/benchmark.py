"""Run all runs of an experiment: ``python -m gmanet.benchmark FILE [--jobs N] [key=value ...]``.

Finished runs are skipped and interrupted runs are resumed.  A failed run does not stop the others;
its error is printed at once and again at the end.  Runs whose published data set is missing are
skipped.  Overrides on the command line apply to every run.  Registrations, pre-trained encoders and
curvatures of meshes are cached for all runs in ``<runs>/cache`` (or ``GMANET_CACHE``); the cache
changes no figure.  ``python -m gmanet.report FILE`` makes the tables.
"""

from __future__ import annotations

import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gmanet.errors import InputError, command, note
from gmanet.runs.availability import with_data
from gmanet.runs.experiment import file_and_overrides, read_experiment
from gmanet.runs.folder import Run
from gmanet.runs.processes import run_cells
from gmanet.runtime.command_line import command_parser
from gmanet.runtime.cores import processes_at_most

__all__ = ["main"]


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _arguments() -> tuple[Path, list[str], int]:
    """Return the experiment file, the overrides for every run, and the number of parallel runs."""
    parser = command_parser("benchmark", __doc__)
    parser.add_argument("overrides", nargs="*", metavar="FILE or key=value")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time")
    typed = parser.parse_intermixed_args()
    path, overrides = file_and_overrides(typed.overrides)
    if typed.jobs < 1:
        raise InputError(f"--jobs {typed.jobs}, wanted at least 1")
    return path, overrides, _bounded(typed.jobs)


def _bounded(jobs: int) -> int:
    """Return the number of parallel runs, limited by the machine's cores and memory."""
    most = max(1, processes_at_most())
    if jobs > most:
        note(f"--jobs {jobs}: {most} at a time, as many as this machine's cores and memory bear")
    return min(jobs, most)


def main() -> None:
    """Run the missing runs with a progress bar; the exit code is 1 if a run failed."""
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

"""Fit a detector on normal clouds, score the test clouds, measure: ``python -m gmanet.fit``.

Usage: ``python -m gmanet.fit [--overwrite] [--extend RUN] [section.key=value ...]``.  The same
command again resumes an interrupted run, and shows the figures of a finished run.  ``--extend RUN``
fits on the scans of an earlier run and on good scans that came since, with the overrides of that
run, and shows how both detectors judge the same scans.

Exit codes: 0 done, 2 input that cannot be used, 75 stopped by SIGUSR1 (a scheduler's warning; start
the same command again), 130 stopped by Ctrl-C, 143 stopped by SIGTERM.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmanet.errors import InputError, command
from gmanet.runtime import preemption
from gmanet.runtime.matplotlib_home import spare_home
from gmanet.runtime.orphans import end_with_parent

if TYPE_CHECKING:
    from gmanet.runs.extension import Extension
    from gmanet.runs.folder import Run

__all__ = ["main"]


def main() -> None:
    """Read the overrides, fit, and print the figures and the written files."""
    preemption.listen()  # before the slow imports
    end_with_parent()
    spare_home()
    overrides = [text for text in sys.argv[1:] if text != "--overwrite"]
    if {"-h", "--help"} & set(overrides):
        from gmanet.config.compose import compose, describe

        overrides = [text for text in overrides if text not in ("-h", "--help")]
        sys.stdout.write(f"{__doc__}\n{describe(compose(overrides) if overrides else None)}\n")
        return
    from gmanet.config.compose import compose
    from gmanet.datasets.catalog import open_data
    from gmanet.datasets.inventory import inventory
    from gmanet.runs.changes import present
    from gmanet.runs.folder import Run
    from gmanet.runtime.rank import rank, settle

    extension, overwrite = _extension(overrides), "--overwrite" in sys.argv[1:]
    config = compose(overrides) if extension is None else extension.config
    typed = None if extension is None else extension.overrides
    settle(config.train.world)
    run = Run(Run.root() / config.name)
    if run.finished and not overwrite:
        if rank() == 0:  # raises if configuration or data differ
            run = Run.create(config, data=present(config.data) if extension is None else None)
            _print(run, run.read_scores(), extension=extension)
        return
    if extension is not None:
        train, test = extension.train, extension.test
    else:
        train, test = open_data(config.data, "train"), open_data(config.data, "test")
    processes = config.train.processes
    found = inventory(config.data, train, test=test, processes=processes) if rank() == 0 else None
    from gmanet.runs.pipeline import fit
    from gmanet.training.out_of_memory import advice

    try:
        with advice(config.train.processes), run.hold():
            run = Run.create(config, overwrite, overrides=typed, data=found)
            figures = fit(config, run, train=train, test=test)
    except preemption.Preempted:
        sys.stderr.write(f"asked to stop; the same command goes on in {run.folder}\n")
        raise
    except (KeyboardInterrupt, SystemExit):  # Lightning turns the first into the second
        sys.stderr.write(f"interrupted; the same command goes on in {run.folder}\n")
        raise SystemExit(130) from None
    if figures:
        _print(run, figures, extension=extension)


def _extension(words: list[str]) -> Extension | None:
    """Return the fit that ``--extend RUN`` asks for, or None."""
    if "--extend" not in words:
        return None
    from gmanet.runs.extension import plan_extension

    place = words.index("--extend")
    if not words[place + 1 :] or "=" in words[place + 1]:
        raise InputError("--extend: names no run, wanted --extend RUN")
    return plan_extension(Path(words[place + 1]), [*words[:place], *words[place + 2 :]])


def _print(run: Run, figures: dict[str, Any], *, extension: Extension | None) -> None:
    sys.stdout.write(summary(run, figures))
    if extension is not None:
        from gmanet.runs.extension import describe_both

        sys.stdout.write(f"\n{describe_both(extension, run)}\n")


def summary(run: Run, figures: dict[str, Any]) -> str:
    """Return the figures of a run and the paths of the written files as text."""
    from gmanet.evaluation.tables import figures_table

    paths = (run.scores_file, run.predictions, run.pictures, run.detector_file, run.wandb)
    written = "".join(f"  {path}\n" for path in paths if path.exists())
    label = run.config.detector.label
    heading = f"{run.folder} ({label})" if label else f"{run.folder}"
    table = figures_table(figures)
    if not figures.get("limit"):
        table += (
            "\n\nno limit: fitted without good scans, by an older version, or on a single scan; no "
            "scan is judged"
        )
    return f"\n{heading}\n\n{table}\n\nwritten:\n{written}"


if __name__ == "__main__":
    command(main)

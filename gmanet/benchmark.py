"""Do every run of an experiment: ``python -m gmanet.benchmark FILE [key=value ...]``.

Cells that are done are skipped, interrupted ones go on, and one that fails is reported at the end
and stops no other.  Further words are added to every cell; ``python -m gmanet.report FILE`` makes
the table.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tqdm import tqdm

from gmanet.errors import InputError, command
from gmanet.run import Run
from gmanet.sweep import Cell, read_experiment

__all__ = ["main"]


def run_cell(cell: Cell, words: list[str]) -> str:
    """Return nothing, or why the cell failed.  Each has a process of its own and a ``log.txt``."""
    log = cell.run.folder.parent / f"{cell.run.folder.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    typed = [sys.executable, "-m", "gmanet.fit", *cell.words, *words]
    with log.open("w", encoding="utf-8") as file:
        code = subprocess.run(typed, stdout=file, stderr=file, check=False).returncode
    if code == 0:
        return ""
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return f"exit code {code}: {lines[-1] if lines else 'no output'} (see {log})"


def main() -> None:
    """Run what is missing, with the remaining time."""
    arguments = sys.argv[1:]
    files = [word for word in arguments if "=" not in word]
    if len(files) != 1 or files[0].startswith("-"):
        sys.stdout.write(f"{__doc__}\n")
        if set(arguments) & {"-h", "--help"}:
            return
        raise InputError(f"{len(files)} files named, wanted one experiment file")
    experiment = read_experiment(Path(files[0]), Run.root())
    missing = [cell for cell in experiment.cells if not cell.run.finished]
    done = len(experiment.cells) - len(missing)
    failed = []
    with tqdm(total=len(experiment.cells), initial=done, unit="run", desc=experiment.name) as bar:
        for cell in missing:
            bar.set_postfix_str(f"{cell.row} {' '.join(map(str, cell.point.values()))}")
            reason = run_cell(cell, [word for word in arguments if "=" in word])
            if reason:
                failed.append(f"{' '.join(cell.words)}\n  {reason}")
            bar.update(1)
    if failed:
        listed = "\n".join(failed)
        raise InputError(f"{len(failed)} of {len(experiment.cells)} runs failed:\n{listed}")


if __name__ == "__main__":
    command(main)

"""List the cells (runs) of an experiment file: ``python -m gmanet.sweep FILE [--status]``.

``--status`` adds the state of each cell.  For schedulers, ``--missing`` prints the numbers of the
unfinished cells, such as ``0,3-5``, and ``--cell 3`` prints the overrides of cell 3, one per line.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gmanet.errors import InputError, command
from gmanet.runs.experiment import Cell, read_experiment
from gmanet.runs.folder import Run
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def missing(cells: list[Cell]) -> str:
    """Return the numbers of the cells that are neither finished nor running, such as ``0,3-5``."""
    ranges: list[list[int]] = []
    for index, cell in enumerate(cells):
        if cell.run.finished or cell.run.held():
            continue
        if ranges and ranges[-1][-1] == index - 1:
            ranges[-1][1:] = [index]
        else:
            ranges.append([index])
    return ",".join("-".join(map(str, found)) for found in ranges)


def overrides_of(path: Path, cells: list[Cell], *, number: int) -> str:
    """Return the overrides of one cell, one per line.

    Args:
        path: The experiment file, named in errors.
        cells: All cells.
        number: Number of the cell, from 0.

    Raises:
        InputError: There is no cell with this number.
    """
    if not 0 <= number < len(cells):
        raise InputError(f"{path}: no cell {number}; there are 0 to {len(cells) - 1}")
    return "\n".join(cells[number].overrides)


def status(cells: list[Cell]) -> str:
    """Return the state and the overrides of every cell, and the number of cells in each state."""
    counts = dict.fromkeys(("done", "running", "failed", "waiting"), 0)
    lines = []
    for index, cell in enumerate(cells):
        state = cell.state
        counts[state] += 1
        lines.append(f"{index:4d}  {state:7}  {' '.join(cell.overrides)}")
        if state == "failed":
            lines.append(f"{'':15}{cell.failure}")
    lines.append(", ".join(f"{count} {state}" for state, count in counts.items()))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the cells, their states, the missing numbers or the overrides of one cell."""
    parser = command_parser("sweep", __doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--status", action="store_true", help="say how far each cell is")
    parser.add_argument("--missing", action="store_true", help="numbers of the cells to be done")
    parser.add_argument("--cell", type=int, help="overrides of the cell with this number")
    arguments = parser.parse_args()
    cells = read_experiment(arguments.file, Run.root()).cells
    if arguments.cell is not None:
        sys.stdout.write(f"{overrides_of(arguments.file, cells, number=arguments.cell)}\n")
    elif arguments.missing:
        sys.stdout.write(f"{missing(cells)}\n")
    elif arguments.status:
        sys.stdout.write(status(cells))
    else:
        for index, cell in enumerate(cells):
            sys.stdout.write(f"{index:4d}  {' '.join(cell.overrides)}\n")


if __name__ == "__main__":
    command(main)

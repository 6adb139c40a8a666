"""Time, memory and size of every detector: ``python -m gmanet.efficiency [overrides]``.

All detectors (``conf/detector/*.yaml``, and those without such a file), or those of the overrides
``detector=NAME``, score the same procedural clouds one at a time.  Each measurement has its own
process; methods take turns, so that a busy machine slows all of them alike.  Measurements are
stored in ``<runs>/efficiency`` and are not repeated on the same commit.  Further overrides hold for
every method.  ``OMP_NUM_THREADS`` limits the threads.  Writes ``efficiency.md`` and ``.csv``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from gmanet.errors import command
from gmanet.runs.efficiency import Cell, measure_methods
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def _arguments() -> argparse.Namespace:
    parser = command_parser("efficiency", __doc__)
    parser.add_argument("overrides", nargs="*", help="detector=NAME, as often as wanted; key=value")
    parser.add_argument("--points", type=int, nargs="+", default=[30_000, 200_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clouds", type=int, default=3, help="of each round")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/results"))
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    return parser.parse_intermixed_args()


def main() -> None:
    """Do the missing measurements, write the tables, and print them."""
    arguments = _arguments()
    if arguments.cell:
        cell = json.loads(arguments.cell)
        Cell(**{**cell, "overrides": tuple(cell["overrides"])}).compute()
        return
    page = measure_methods(
        arguments.overrides,
        arguments.output,
        points=arguments.points,
        rounds=arguments.rounds,
        clouds=arguments.clouds,
        device=arguments.device,
    )
    sys.stdout.write(page)


if __name__ == "__main__":
    command(main)

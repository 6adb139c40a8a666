"""Gather the runs of an experiment into tables: ``python -m gmanet.report FILE``.

Writes ``<name>.md`` and ``<name>.csv`` into ``experiments/results`` (or ``-o FOLDER``), with the
overrides, versions and machine of the runs, and ``<name>.png``, the scores of one cloud per
category.  Scans of published data sets have their own licenses; they are drawn only with
``--pictures FOLDER``.  With ``--keep`` runs without a folder keep the figures of the existing CSV
file, and the existing picture remains.

``--index`` writes the overviews of all stored results in the current folder, a checkout of the
project: ``docs/results.md`` and the table of ``experiments/README.md``.  Order, titles and costs
come from ``experiments/results/index.yaml``, which names every experiment and every stored page.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gmanet.errors import command
from gmanet.runs.index import write_index
from gmanet.runs.report import write_report
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def main() -> None:
    """Read the runs that are done, write the tables, print them; or write the overviews."""
    parser = command_parser("report", __doc__)
    parser.add_argument("file", type=Path, nargs="?", help="an experiment")
    parser.add_argument("--index", action="store_true", help="write the overviews instead")
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/results"))
    parser.add_argument("--pictures", type=Path, help="folder for pictures, of any data set")
    parser.add_argument("--keep", action="store_true", help="keep runs whose folders are gone")
    arguments = parser.parse_args()
    if arguments.index and arguments.file is None:
        write_index(Path())
        return
    if arguments.index or arguments.file is None:
        parser.error("wanted either an experiment file or --index")
    page = write_report(
        arguments.file,
        arguments.output,
        pictures=arguments.pictures,
        keep=arguments.keep,
    )
    sys.stdout.write(page)


if __name__ == "__main__":
    command(main)

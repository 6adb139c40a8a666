"""Write the tables of an experiment: ``python -m gmanet.report FILE``.

The files ``<name>.md`` and ``<name>.csv`` in ``experiments/results`` (or ``-o FOLDER``) hold the
figures of the finished runs with overrides, versions and machine; ``<name>.png`` shows the scores
of one cloud per category.  Scans of published data sets have their own licenses and are drawn only
with ``--pictures FOLDER``.  ``--keep`` takes the figures of runs whose folders are missing from the
existing CSV file, and does not change the existing picture.

``--index`` writes the overviews of all stored results, ``docs/results.md`` and the table of
``experiments/README.md``; the current folder must be a checkout of the project.  Order, titles and
costs come from ``experiments/results/index.yaml``, which lists every experiment and stored page.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gmanet.errors import command
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def main() -> None:
    """Read the finished runs, write and print the tables; or write the overviews."""
    parser = command_parser("report", __doc__)
    parser.add_argument("file", type=Path, nargs="?", help="an experiment")
    parser.add_argument("--index", action="store_true", help="write the overviews instead")
    parser.add_argument("-o", "--output", type=Path, default=Path("experiments/results"))
    parser.add_argument("--pictures", type=Path, help="folder for pictures, of any data set")
    parser.add_argument("--keep", action="store_true", help="keep runs whose folders are gone")
    arguments = parser.parse_args()
    from gmanet.runs.index import write_index
    from gmanet.runs.report import write_report

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

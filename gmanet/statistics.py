"""Tables on data sets: ``python -m gmanet.statistics [key=value ...] [-- key=value ...]``.

Overrides select the data as for ``gmanet.fit``; ``data.category=washer,k_nut`` selects categories,
and without this key all categories are counted.  ``--`` separates several data sets.  The output
folder (``statistics``, or ``-o FOLDER``) gets ``statistics.md`` with Table II of each data set and
Table III of all, ``statistics.csv`` with one line per cloud, and ``distributions.png`` (Fig. 4).
The same command resumes an interrupted count.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from gmanet.config.compose import compose
from gmanet.datasets.catalog import categories
from gmanet.datasets.config import DataConfig
from gmanet.datasets.sizes import Size, StoredSizes
from gmanet.datasets.statistics_page import describe, write_statistics
from gmanet.errors import command
from gmanet.runtime.command_line import command_parser
from gmanet.runtime.provenance import provenance, short_commit

__all__ = ["main"]

AND = "+"
"""Replacement for ``--``, which the parser would read as the end of all options."""


def _data_sets(overrides: Sequence[str]) -> Iterator[tuple[str, DataConfig, list[str]]]:
    """Yield the title, the configuration and the categories of each data set in the overrides."""
    groups: list[list[str]] = [[]]
    titles: list[str] = []
    for text in overrides:
        if text == "--":
            groups.append([])
        else:
            groups[-1].append(text)
    for group in groups:
        config = compose(group).data
        typed = any(text.startswith("data.category=") for text in group)
        title = config.name
        if title in titles:  # the same data set in another folder, or with another profile
            title += f" {Path(config.root).name if config.root else config.profile}"
        if title in titles:
            title += f" {len(titles) + 1}"
        titles.append(title)
        yield title, config, config.category.split(",") if typed else categories(config)


def main() -> None:
    """Read the command line, count the points of all clouds, write and print the tables."""
    parser = command_parser("statistics", __doc__)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("-o", "--output", type=Path, default=Path("statistics"), metavar="FOLDER")
    arguments = parser.parse_intermixed_args([AND if t == "--" else t for t in sys.argv[1:]])
    folder, typed = arguments.output, ["--" if t == AND else t for t in arguments.overrides]
    sizes: list[Size] = []
    compare = []
    stored = StoredSizes(folder / "unfinished.csv", " ".join(typed))
    for title, config, chosen in _data_sets(typed):
        sizes += describe(config, chosen, title=title, stored=stored)
        if config.name == "iec3d" or (config.name, config.profile) == ("procedural", "full"):
            compare.append(title)
    about = f"Counted on {datetime.date.today()}: `python -m gmanet.statistics {' '.join(typed)}`"
    commit = provenance()["commit"]
    about += f", commit {short_commit(commit)}." if commit else "."
    sys.stdout.write(write_statistics(folder, sizes, compare=compare, about=about))
    stored.path.unlink(missing_ok=True)


if __name__ == "__main__":
    command(main)

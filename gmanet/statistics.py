"""Count a data set: ``python -m gmanet.statistics [key=value ...] [-- key=value ...] [-o FOLDER]``.

Overrides name the data as for ``gmanet.fit``; without ``data.category`` all categories are counted,
and ``data.category=washer,k_nut`` counts some.  ``--`` separates several data sets.  FOLDER
(``statistics``) gets ``statistics.md`` with Table II of each data set and Table III over all,
``statistics.csv`` with one line per cloud, and ``distributions.png`` as Fig. 4.  The same command
again goes on where it was interrupted.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from gmanet.config.compose import compose
from gmanet.datasets.base import SPLITS
from gmanet.datasets.catalog import categories, open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.statistics import (
    Counted,
    Size,
    compared,
    size_of,
    table_2,
    table_3,
    write_sizes,
)
from gmanet.errors import InputError, command
from gmanet.runtime.atomic import replacing
from gmanet.runtime.provenance import provenance, short_commit

__all__ = ["describe", "write_statistics"]


def describe(
    config: DataConfig, chosen: Sequence[str], *, title: str, counted: Counted
) -> list[Size]:
    """Return the sizes of all clouds of some categories of a data set, as its files hold them.

    Args:
        config: The data set; its own category, ``views`` and ``train_clouds`` do not count.
        chosen: The categories.
        title: What the data set is called in the tables.
        counted: What is known already; takes what is new.

    Raises:
        InputError: What the data set's loader refuses.
    """
    sizes = []
    for category in chosen:
        whole = replace(config, category=category, views=0, train_clouds=0)
        for split in SPLITS:
            data = open_data(whole, split)
            own = counted.of(title, data.category, split)
            if not own:
                clouds = tqdm(data, f"{title} {category} {split}", len(data), unit="cloud")
                own = [size_of(title, split, cloud=cloud) for cloud in clouds]
                counted.add(own)
            sizes += own
    return sizes


def write_statistics(
    folder: Path, sizes: Sequence[Size], *, compare: Sequence[str] = (), about: str = ""
) -> str:
    """Return the tables after writing them, a line per cloud, and the picture.

    Args:
        folder: Where the files go.
        sizes: Clouds of one or several data sets.
        compare: Data sets to set beside the paper's Table II.
        about: What the page says of itself.

    Raises:
        InputError: A file cannot be written.
    """
    from gmanet.view.distributions import save_distributions

    names = list(dict.fromkeys(size.data for size in sizes))
    parts = ["# Statistics", about]
    for name in names:
        own = [size for size in sizes if size.data == name]
        parts += [f"## {name} (Table II; points in thousands)", table_2(own, name in compare)]
        if name in compare:
            parts.append(compared(own))
    parts += ["## All (Table III)", table_3(sizes)]
    parts += ["## Distributions (Fig. 4)", "![](distributions.png)"]
    text = "\n\n".join(part for part in parts if part) + "\n"
    with replacing(folder / "statistics.md") as draft:
        draft.write_text(text, encoding="utf-8")
    write_sizes(folder / "statistics.csv", sizes)
    ratios = {n: [s.ratio for s in sizes if s.data == n and s.ratio is not None] for n in names}
    points = {name: [size.points for size in sizes if size.data == name] for name in names}
    save_distributions(folder / "distributions.png", ratios, points=points)
    return text


def _data_sets(overrides: Sequence[str]) -> Iterator[tuple[str, DataConfig, list[str]]]:
    """Yield title, configuration and categories of each data set that the overrides name."""
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
        if title in titles:  # another folder, or another profile
            title += f" {Path(config.root).name if config.root else config.profile}"
        if title in titles:
            title += f" {len(titles) + 1}"
        titles.append(title)
        yield title, config, config.category.split(",") if typed else categories(config)


def main() -> None:
    """Read the command line, count, write and print the tables."""
    typed = sys.argv[1:]
    if {"-h", "--help"} & set(typed):
        sys.stdout.write(f"{__doc__}\n")
        return
    folder = Path("statistics")
    if "-o" in typed:
        place = typed.index("-o")
        if place + 1 == len(typed):
            raise InputError("-o stands at the end, wanted a folder after it")
        folder = Path(typed[place + 1])
        typed = typed[:place] + typed[place + 2 :]
    sizes: list[Size] = []
    compare = []
    counted = Counted(folder / "unfinished.csv", " ".join(typed))
    for title, config, chosen in _data_sets(typed):
        sizes += describe(config, chosen, title=title, counted=counted)
        if config.name == "iec3d" or (config.name, config.profile) == ("procedural", "full"):
            compare.append(title)
    about = f"Counted on {datetime.date.today()}: `python -m gmanet.statistics {' '.join(typed)}`"
    commit = provenance()["commit"]
    about += f", commit {short_commit(commit)}." if commit else "."
    sys.stdout.write(write_statistics(folder, sizes, compare=compare, about=about))
    counted.path.unlink(missing_ok=True)


if __name__ == "__main__":
    command(main)

"""Count a data set: ``python -m gmanet.stats [key=value ...] [-- key=value ...] [-o FOLDER]``.

Words name the data as for ``gmanet.fit``; without ``data.category`` all categories are counted, and
``data.category=washer,k_nut`` counts some.  ``--`` separates several data sets.  FOLDER
(``statistics``) gets ``statistics.md`` with Table II of each data set and Table III over all,
``statistics.csv`` with one line per cloud, and ``distributions.png`` as Fig. 4.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields, replace
from pathlib import Path

from tqdm import tqdm

from gmanet.config import compose
from gmanet.data.config import DataConfig
from gmanet.data.dataset import SPLITS
from gmanet.data.files.atomic import replacing
from gmanet.data.sources import categories, open_data
from gmanet.data.statistics import Size, size_of, table_2, table_3
from gmanet.errors import InputError, command

__all__ = ["describe", "write_statistics"]


def describe(config: DataConfig, chosen: Sequence[str], progress: bool = True) -> list[Size]:
    """Return the sizes of all clouds of some categories of a data set, as its files hold them.

    Args:
        config: The data set; its own category, ``views`` and ``train_clouds`` do not count.
        chosen: The categories.
        progress: Whether to show a progress bar.

    Raises:
        InputError: What the data set's loader refuses.
    """
    sizes = []
    for category in chosen:
        whole = replace(config, category=category, views=0, train_clouds=0)
        for split in SPLITS:
            data = open_data(whole, split)
            title = f"{config.name} {category} {split}"
            for cloud in tqdm(data, title, len(data), disable=not progress, unit="cloud"):
                sizes.append(size_of(config.name, split, cloud))
    return sizes


def write_statistics(folder: Path, sizes: Sequence[Size], compare: Sequence[str] = ()) -> str:
    """Return the tables after writing them, a line per cloud, and the picture.

    Args:
        folder: Where the files go.
        sizes: Clouds of one or several data sets.
        compare: Data sets to set beside the paper's Table II.

    Raises:
        InputError: A file cannot be written.
    """
    from gmanet.view.distributions import save_distributions

    names = list(dict.fromkeys(size.data for size in sizes))
    parts = []
    for name in names:
        own = [size for size in sizes if size.data == name]
        parts += [f"## {name} (Table II; points in thousands)", table_2(own, name in compare)]
    parts += ["## All (Table III)", table_3(sizes)]
    text = "\n\n".join(parts) + "\n"
    with replacing(folder / "statistics.md") as draft:
        draft.write_text(text, encoding="utf-8")
    with (
        replacing(folder / "statistics.csv") as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(Size))
        table.writerows(astuple(size) for size in sizes)
    ratios = {n: [s.ratio for s in sizes if s.data == n and s.ratio is not None] for n in names}
    points = {name: [size.points for size in sizes if size.data == name] for name in names}
    save_distributions(folder / "distributions.png", ratios, points)
    return text


def _data_sets(words: Sequence[str]) -> Iterator[tuple[DataConfig, list[str]]]:
    """Yield each data set that the words name, with the categories to count."""
    groups: list[list[str]] = [[]]
    for word in words:
        if word == "--":
            groups.append([])
        else:
            groups[-1].append(word)
    for group in groups:
        config = compose(group).data
        typed = any(word.startswith("data.category=") for word in group)
        yield config, config.category.split(",") if typed else categories(config)


def main() -> None:
    """Read the words, count, write and print the tables."""
    words = sys.argv[1:]
    if {"-h", "--help"} & set(words):
        sys.stdout.write(f"{__doc__}\n")
        return
    folder = Path("statistics")
    if "-o" in words:
        place = words.index("-o")
        if place + 1 == len(words):
            raise InputError("-o stands at the end, wanted a folder after it")
        folder = Path(words[place + 1])
        words = words[:place] + words[place + 2 :]
    sizes: list[Size] = []
    compare = []
    for config, chosen in _data_sets(words):
        sizes += describe(config, chosen)
        if config.name == "iec3d" or (config.name, config.profile) == ("procedural", "full"):
            compare.append(config.name)
    sys.stdout.write(write_statistics(folder, sizes, compare))


if __name__ == "__main__":
    command(main)

"""Statistics of data sets as files: tables, one line per cloud, and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from gmanet.datasets.base import SPLITS
from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.sizes import Size, StoredSizes, size_of, write_sizes
from gmanet.datasets.statistics import compared, table_2, table_3
from gmanet.runtime.atomic import replacing

__all__ = ["describe", "write_statistics"]


def describe(
    config: DataConfig, chosen: Sequence[str], *, title: str, stored: StoredSizes
) -> list[Size]:
    """Return the sizes of all clouds of some categories of a data set, whole and from both splits.

    Args:
        config: The data set; ``category``, ``views`` and ``train_clouds`` are ignored.
        chosen: Names of the categories.
        title: Name of the data set in the tables.
        stored: Sizes that are known already; the sizes of further splits are added.

    Raises:
        InputError: The loader of the data set cannot use the files.
    """
    sizes = []
    for category in chosen:
        whole = replace(config, category=category, views=0, train_clouds=0)
        for split in SPLITS:
            data = open_data(whole, split)
            own = stored.of(title, data.category, split)
            if not own:
                clouds = tqdm(data, f"{title} {category} {split}", len(data), unit="cloud")
                own = [size_of(title, split, cloud=cloud) for cloud in clouds]
                stored.add(own)
            sizes += own
    return sizes


def write_statistics(
    folder: Path, sizes: Sequence[Size], *, compare: Sequence[str] = (), about: str = ""
) -> str:
    """Return the page of tables after writing the page, the sizes and the picture.

    Args:
        folder: Folder of ``statistics.md``, ``statistics.csv`` and ``distributions.png``.
        sizes: Sizes of the clouds of one or several data sets.
        compare: Names of the data sets to compare with the paper's Table II.
        about: Introduction of the page.

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

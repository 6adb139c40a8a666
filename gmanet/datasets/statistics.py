"""Statistics of a data set: Tables II and III, and the numbers of Fig. 4.

An abnormal cloud's ratio is its share of abnormal points; a category's is the mean over the
abnormal clouds whose labels are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gmanet.datasets.sizes import Size

__all__ = ["PAPER", "compared", "table_2", "table_3"]

PAPER: Mapping[str, tuple[float, ...]] = {
    "fender_ring": (29.21, 45.01, 22.52, 29.94, 37.65, 26.39, 1.18),
    "washer": (56.63, 87.11, 43.56, 58.08, 71.00, 47.60, 0.96),
    "butterfly_nut": (78.94, 121.96, 60.98, 80.86, 100.08, 69.66, 1.59),
    "butterfly_bolt": (161.11, 259.56, 120.30, 166.69, 259.61, 129.13, 1.33),
    "jointing_stud": (291.59, 487.19, 243.60, 291.35, 311.63, 264.98, 1.22),
    "slipknot_bolt": (190.90, 334.58, 131.16, 187.62, 260.50, 131.16, 1.76),
    "k_nut": (208.73, 313.27, 156.63, 215.66, 239.83, 192.54, 1.34),
    "hole_retaining_ring": (26.34, 41.33, 20.67, 26.86, 30.22, 24.67, 2.28),
    "hexagonal_nut": (218.01, 347.22, 176.61, 221.24, 233.25, 208.11, 1.48),
    "hexagonal_bolt": (209.69, 388.49, 194.26, 209.64, 232.66, 162.05, 1.18),
    "pulling_nut": (70.93, 112.36, 56.18, 72.10, 84.59, 65.98, 2.24),
    "double_end_stud": (217.27, 503.72, 64.18, 188.95, 322.47, 64.18, 0.78),
    "square_welded_nut": (153.97, 255.20, 127.60, 154.25, 162.69, 149.44, 1.27),
    "t_screw": (219.80, 389.73, 194.86, 215.11, 231.48, 196.93, 1.03),
    "round_nut": (276.62, 355.61, 227.80, 277.71, 293.70, 256.97, 1.02),
}
"""Table II as published: thousands of points of normal clouds (average, most, fewest) and of
abnormal ones, and the anomaly point ratio in percent."""

HEAD = (
    "| category | normal | avg | max | min | abnormal | avg | max | min | total "
    "| ratio % | range % |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
)


def table_2(sizes: Sequence[Size], paper: bool = False) -> str:
    """Return Table II of one data set as Markdown: points in thousands, one row per category.

    Args:
        sizes: Sizes of the data set's clouds.
        paper: Whether to add the published row below each category of the paper.
    """
    lines = list(HEAD)
    categories = list(dict.fromkeys(size.category for size in sizes))
    for category in categories:
        lines.append(_row(category, [size for size in sizes if size.category == category]))
        if paper and category in PAPER:
            normal, abnormal = PAPER[category][:3], PAPER[category][3:6]
            cells = ["100", *_thousands(normal), "60", *_thousands(abnormal), "160"]
            lines.append(f"| *paper* | {' | '.join(cells)} | {PAPER[category][6]:.2f} | |")
    if len(categories) > 1:
        lines.append(_row("all", sizes))
    return "\n".join(lines)


def compared(sizes: Sequence[Size]) -> str:
    """Return a sentence on the differences between a data set's Table II and the published table.

    The sentence is empty if no category of the paper has known labels.

    Args:
        sizes: Sizes of the data set's clouds.
    """
    off: list[list[float]] = [[], [], []]
    ratios, published = [], []
    for category in dict.fromkeys(size.category for size in sizes if size.category in PAPER):
        own = [size for size in sizes if size.category == category]
        for good, paper in ((True, PAPER[category][:3]), (False, PAPER[category][3:6])):
            points = [size.points / 1000 for size in own if (size.defect == "good") == good]
            if points:
                found = (float(np.mean(points)), max(points), min(points))
                for place, (one, other) in enumerate(zip(found, paper, strict=True)):
                    off[place].append(abs(one / other - 1))
        known = [100 * size.ratio for size in own if size.ratio is not None]
        if known:
            ratios.append(float(np.mean(known)))
            published.append(PAPER[category][6])
    if not ratios:
        return ""
    average, most, fewest = (f"{100 * max(one):.1f} %" for one in off)
    apart = max(abs(one / other - 1) for one, other in zip(ratios, published, strict=True))
    return (
        f"Greatest difference to the paper in one category: average points {average}, most {most}, "
        f"fewest {fewest}; anomaly ratio {100 * apart:.1f} % of the paper's.  Mean ratios lie "
        f"between {min(ratios):.2f} and {max(ratios):.2f} %, the paper's between "
        f"{min(published):.2f} and {max(published):.2f} %."
    )


def table_3(sizes: Sequence[Size]) -> str:
    """Return Table III as Markdown, with one row per data set.

    Args:
        sizes: Sizes of the clouds of all data sets.
    """
    lines = [
        "| data set | categories | clouds | kinds of defects | min. points | max. points "
        "| total points |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for data in dict.fromkeys(size.data for size in sizes):
        own = [size for size in sizes if size.data == data]
        points = [size.points for size in own]
        kinds = {size.defect for size in own} - {"good", "unknown"}
        counts = [len({size.category for size in own}), len(own), len(kinds)]
        cells = [*counts, min(points), max(points), sum(points)]
        lines.append(f"| {data} | {' | '.join(f'{cell:,}' for cell in cells)} |")
    return "\n".join(lines)


def _row(title: str, sizes: Iterable[Size]) -> str:
    sizes = list(sizes)
    normal = [size.points / 1000 for size in sizes if size.defect == "good"]
    abnormal = [size.points / 1000 for size in sizes if size.defect != "good"]
    ratios = [100 * size.ratio for size in sizes if size.ratio is not None]
    cells = [str(len(normal)), *_spread(normal), str(len(abnormal)), *_spread(abnormal)]
    cells += [str(len(sizes)), f"{np.mean(ratios):.2f}" if ratios else "-"]
    cells.append(f"{min(ratios):.2f} to {max(ratios):.2f}" if ratios else "-")
    return f"| {title} | {' | '.join(cells)} |"


def _spread(values: Sequence[float]) -> list[str]:
    """Return the cells for average, largest and smallest value."""
    return _thousands((float(np.mean(values)), max(values), min(values))) if values else ["-"] * 3


def _thousands(values: Iterable[float]) -> list[str]:
    return [f"{value:.2f}" for value in values]

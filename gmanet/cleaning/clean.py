"""Cleaning of a scan before it joins a data set.

Outliers are removed, then what is not the part (a table, pieces beside it), and an octree thins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cleaning.octree import cell_of_depth, octree_sample
from gmanet.cleaning.outliers import inliers
from gmanet.cleaning.part import keep_part
from gmanet.cloud import Cloud, Indices, Labels
from gmanet.errors import InputError

__all__ = ["Cleaned", "Cleaning", "clean"]


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """Settings of cleaning.

    Args:
        neighbors: Number of nearest points whose mean distance decides about an outlier.
        ratio: Limit for this distance, in standard deviations above the mean.
        stop: Share of outliers below which a round of removal is the last.
        rounds: Largest number of rounds; 0 leaves outliers, tables and pieces in.
        contrast: Least ratio, after the first round, of an outlier's mean distance to the median of
            its neighbors' mean distances; 0 turns this condition off.
        cell: Edge of the octree's cells in the unit of the scan; 0 uses ``depth`` instead.
        depth: Depth of the octree; 0 turns resampling off.
        table: Whether a table below the part is removed from whole scans.
        pieces: Whether pieces beside the part are removed from whole scans.
    """

    neighbors: int = 20
    ratio: float = 5.0
    stop: float = 0.005
    rounds: int = 10
    contrast: float = 2.0
    cell: float = 0.0
    depth: int = 0
    table: bool = True
    pieces: bool = True

    def __post_init__(self) -> None:
        if self.cell < 0 or not 0 <= self.depth <= 20:
            raise InputError(
                f"cell={self.cell} and depth={self.depth}, wanted a cell of 0 or more and a depth "
                "from 0 to 20"
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class Cleaned:
    """A scan after cleaning.

    Args:
        cloud: The remaining points.
        outliers: Number of points that were removed as outliers.
        table: Number of points of a table and below it that were removed.
        pieces: Number of points of pieces beside the part that were removed.
        thinned: Number of points that the octree left out.
        kept: True for points of the scan that remained before thinning, with shape ``(N,)``.
    """

    cloud: Cloud
    outliers: int
    thinned: int
    table: int = 0
    pieces: int = 0
    kept: Labels | None = None


def clean(cloud: Cloud, cleaning: Cleaning, *, fused: bool = False) -> Cleaned:
    """Return the scan without outliers and thinned; labels and normals stay with their points.

    Args:
        cloud: The scan.
        cleaning: Settings.
        fused: Whether the scan is fused of views, from which no table and no pieces are removed.

    Raises:
        InputError: Too few points remain.
    """
    inner = inliers(
        cloud.pos,
        cleaning.neighbors,
        ratio=cleaning.ratio,
        stop=cleaning.stop,
        rounds=cleaning.rounds,
        contrast=cleaning.contrast,
    )
    rows = inner.nonzero()[0]
    alone = cleaning.rounds > 0 and not fused
    left = keep_part(
        cloud.pos[rows], table=alone and cleaning.table, pieces=alone and cleaning.pieces
    )
    kept = np.zeros(len(cloud), np.bool_)
    kept[rows[left.part]] = True
    inside = _taken(cloud, kept.nonzero()[0])
    inside.checked("without table and pieces beside the part")
    cell = cleaning.cell or cell_of_depth(inside.pos, cleaning.depth) * (cleaning.depth > 0)
    chosen = _taken(inside, octree_sample(inside.pos, cell)) if cell else inside
    chosen.checked(f"after thinning to cells of {cell:.6g}")
    return Cleaned(
        cloud=chosen,
        outliers=len(cloud) - len(rows),
        table=int(left.table.sum()),
        pieces=int((~left.part & ~left.table).sum()),
        thinned=len(inside) - len(chosen),
        kept=kept,
    )


def _taken(cloud: Cloud, rows: Indices) -> Cloud:
    label = None if cloud.label is None else cloud.label[rows]
    normal = None if cloud.normal is None else cloud.normal[rows]
    return cloud.replace(pos=cloud.pos[rows], label=label, normal=normal)

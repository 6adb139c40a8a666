"""Cleaning of a scan before it joins a data set: outlier removal, then octree resampling."""

from __future__ import annotations

from dataclasses import dataclass

from gmanet.cleaning.octree import cell_of_depth, octree_sample
from gmanet.cleaning.outliers import inliers
from gmanet.cloud import Cloud, Indices
from gmanet.errors import InputError

__all__ = ["Cleaned", "Cleaning", "clean"]


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """Settings of cleaning.

    Args:
        neighbors: Number of nearest points whose mean distance decides about an outlier.
        ratio: Limit for this distance, in standard deviations above the mean.
        stop: Share of outliers below which a round of removal is the last.
        rounds: Largest number of rounds; 0 leaves outliers in.
        contrast: Least ratio, after the first round, of an outlier's mean distance to the median of
            its neighbors' mean distances; 0 turns this condition off.
        cell: Edge of the octree's cells in the unit of the scan; 0 uses ``depth`` instead.
        depth: Depth of the octree; 0 turns resampling off.
    """

    neighbors: int = 20
    ratio: float = 5.0
    stop: float = 0.005
    rounds: int = 10
    contrast: float = 2.0
    cell: float = 0.0
    depth: int = 0

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
        thinned: Number of points that the octree left out.
    """

    cloud: Cloud
    outliers: int
    thinned: int


def clean(cloud: Cloud, cleaning: Cleaning) -> Cleaned:
    """Return the scan without outliers and thinned; labels and normals stay with their points.

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
    inside = _taken(cloud, inner.nonzero()[0])
    cell = cleaning.cell or cell_of_depth(inside.pos, cleaning.depth) * (cleaning.depth > 0)
    chosen = _taken(inside, octree_sample(inside.pos, cell)) if cell else inside
    chosen.checked(f"after thinning to cells of {cell:.6g}")
    return Cleaned(
        cloud=chosen, outliers=len(cloud) - len(inside), thinned=len(inside) - len(chosen)
    )


def _taken(cloud: Cloud, rows: Indices) -> Cloud:
    label = None if cloud.label is None else cloud.label[rows]
    normal = None if cloud.normal is None else cloud.normal[rows]
    return cloud.replace(pos=cloud.pos[rows], label=label, normal=normal)

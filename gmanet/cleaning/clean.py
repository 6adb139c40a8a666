"""How a scan is cleaned before it joins a data set: outliers leave, an octree thins the rest."""

from __future__ import annotations

from dataclasses import dataclass

from gmanet.cleaning.octree import cell_of_depth, octree_sample
from gmanet.cleaning.outliers import inliers
from gmanet.cloud import Cloud, Indices
from gmanet.errors import InputError

__all__ = ["Cleaned", "Cleaning", "clean"]


@dataclass(frozen=True)
class Cleaning:
    """How scans are cleaned.

    Args:
        neighbors: Nearest points whose mean distance tells an outlier.
        ratio: Standard deviations above the mean from which on a point is an outlier.
        stop: A round of removal that finds less than this share is the last.
        rounds: Rounds of removal at most; 0 leaves outliers in.
        contrast: After the first round, times the mean distance of its neighbors; 0 does not ask.
        cell: Edge of the octree's cells in the unit of the scan; 0 takes ``depth``.
        depth: Depth of the octree; 0 leaves all points.
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


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A scan after cleaning.

    Args:
        cloud: What is left.
        outliers: Points that were removed as outliers.
        thinned: Points that the octree left out.
    """

    cloud: Cloud
    outliers: int
    thinned: int


def clean(cloud: Cloud, cleaning: Cleaning) -> Cleaned:
    """Return the scan without outliers and thinned; labels and normals stay with their points.

    Raises:
        InputError: Too little is left.
    """
    how = (cleaning.neighbors, cleaning.ratio, cleaning.stop, cleaning.rounds, cleaning.contrast)
    inside = _taken(cloud, inliers(cloud.pos, *how).nonzero()[0])
    cell = cleaning.cell or cell_of_depth(inside.pos, cleaning.depth) * (cleaning.depth > 0)
    kept = _taken(inside, octree_sample(inside.pos, cell)) if cell else inside
    kept.checked(f"after thinning to cells of {cell:.6g}")
    return Cleaned(kept, len(cloud) - len(inside), len(inside) - len(kept))


def _taken(cloud: Cloud, rows: Indices) -> Cloud:
    label = None if cloud.label is None else cloud.label[rows]
    normal = None if cloud.normal is None else cloud.normal[rows]
    return cloud.replace(pos=cloud.pos[rows], label=label, normal=normal)

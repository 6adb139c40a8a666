"""Coverage of places on a surface by the points of a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles, Floats, Indices

__all__ = ["Cover", "cover", "place_areas", "regions_of"]

AROUND = 8
"""Number of points around a point that its spacing is measured with."""

BESIDE = 6
"""Number of places around a place that its area is measured with."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cover:
    """How a scan covers ``M`` places, lengths in the unit of the coordinates.

    Args:
        distance: Distance of each place to the nearest point of the scan, with shape ``(M,)``.
        spacing: Spacing of the scan's points around this point, with shape ``(M,)``.
        nearest: Index of this point in the scan, with shape ``(M,)``.
    """

    distance: Doubles
    spacing: Doubles
    nearest: Indices


def cover(pos: Floats, places: Floats) -> Cover:
    r"""Return how a scan covers places.

    The spacing is :math:`\sqrt{\pi r^2 / k}`, the edge of a square that each of the :math:`k`
    points within :math:`r` has for itself, with :math:`k` = ``AROUND``.  On a surface with random
    points a distance above twice the spacing has a probability of :math:`e^{-4 \pi}`.

    Args:
        pos: Points of the scan, with shape ``(N, 3)``, more than ``AROUND``.
        places: Places on the surface, with shape ``(M, 3)``.
    """
    tree = cKDTree(pos)
    distance, index = tree.query(places)
    nearest = np.asarray(index, dtype=np.int64)
    some, row = np.unique(nearest, return_inverse=True)
    reach = np.asarray(tree.query(pos[some], k=[AROUND + 1])[0])[:, 0]
    spacing = np.sqrt(np.pi / AROUND) * reach
    return Cover(distance=np.asarray(distance), spacing=spacing[row], nearest=nearest)


def place_areas(places: Floats) -> Doubles:
    """Return the area that each place stands for, with shape ``(M,)``.

    Args:
        places: Evenly spread places on a surface, with shape ``(M, 3)``, more than ``BESIDE``.
    """
    reach = np.asarray(cKDTree(places).query(places, k=[BESIDE + 1])[0])[:, 0]
    return np.asarray(np.pi * reach**2 / BESIDE)


def regions_of(places: Floats, *, reach: float) -> Indices:
    """Return the number of each place's connected region, with shape ``(M,)``.

    Args:
        places: Places, with shape ``(M, 3)``; none is possible.
        reach: Largest distance of connected places.
    """
    if not len(places):
        return np.zeros(0, dtype=np.int64)
    pairs = cKDTree(places).query_pairs(reach, output_type="ndarray")
    links = coo_matrix(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(places), len(places))
    )
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)

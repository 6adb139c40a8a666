"""Conditions of a scan, stated or measured from real scans that are registered on the mesh."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Cloud, Doubles, Labels, robust_size
from gmanet.datasets.cad.tolerance import ToleranceMap, allowance
from gmanet.datasets.units import BENIGN, named_factor
from gmanet.errors import InputError
from gmanet.geometry.se3 import moved
from gmanet.geometry.visibility import directions
from gmanet.nominal.deviation import deviation_from_mesh
from gmanet.nominal.mesh import TriangleMesh
from gmanet.nominal.pose import MeshTarget
from gmanet.nominal.sampling import facing, sample_mesh, seen_from_somewhere

__all__ = ["TOWARD", "Conditions", "measure_conditions", "usual"]

TOWARD = {
    "+x": (1.0, 0.0, 0.0),
    "-x": (-1.0, 0.0, 0.0),
    "+y": (0.0, 1.0, 0.0),
    "-y": (0.0, -1.0, 0.0),
    "+z": (0.0, 0.0, 1.0),
    "-z": (0.0, 0.0, -1.0),
    "no": None,
}
"""Value of ``data.one_sided`` -> direction to the scanner in the coordinates of the mesh."""

POINTS = 20_000
"""Number of points of a simulated scan where nothing is stated or measured."""

NOISE = 5e-4
"""Noise in diagonals of the mesh where nothing is stated or measured."""

LOCAL = 16
"""Number of neighboring points over which deviations are averaged: what is left is form."""

PROBES = 4096
"""Number of points of the mesh that are looked up in the scan."""

VIEWS = 200
"""Number of directions to the scanner that are tried."""

REACH = 4.0
"""Largest distance from a point of the mesh to the scan that covers it, in spacings."""

BETTER = 0.05
"""Least gain in the share of points whose coverage a single direction explains, over all sides."""

CLEAR = 0.6
"""Least share of a scan's points near the mesh: less is no scan of this part."""

NEAR = 0.02
"""Distance of a point near the mesh, in sizes of the mesh."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """How scans of a part are made.

    Args:
        points: Number of points of a scan.
        noise: Standard deviation of each coordinate's noise, in the unit of the mesh.
        tolerance: Root mean square deviation of good parts from the mesh, smooth along the
            surface, in the unit of the mesh.
        direction: Unit vector from the part to the scanner in the coordinates of the mesh; None
            for scans from all sides.
        places: Deviations from place to place; None where they are as large everywhere.
    """

    points: int
    noise: float
    tolerance: float = 0.0
    direction: tuple[float, float, float] | None = None
    places: ToleranceMap | None = None


def usual(mesh: TriangleMesh) -> Conditions:
    """Return the conditions of scans where nothing is stated or measured."""
    return Conditions(points=POINTS, noise=NOISE * mesh.size)


def measure_conditions(scans: Sequence[Cloud], target: MeshTarget) -> Conditions:
    """Return the conditions of real scans of good parts.

    Noise is the part of the deviations from the mesh that neighboring points do not share.
    Tolerance is the part that they share, and more (:func:`allowance`), since few scans show few
    parts.  It is a root mean square and not a median, as parts often differ at some faces only;
    how it varies from place to place is kept, too.
    Points and noise are medians over the scans, the direction is that of the first.

    Args:
        scans: Scans of good parts, at least one, in any pose.
        target: The mesh.

    Raises:
        InputError: A scan is in another unit than the mesh, or shows another part.
    """
    every = [_Deviations.of(scan, target) for scan in scans]
    pos = np.concatenate([one.pos for one in every])
    square = np.concatenate([one.shared**2 - one.noise**2 / LOCAL for one in every])
    return Conditions(
        points=int(np.median([len(scan) for scan in scans])),
        noise=float(np.median([one.noise for one in every])),
        tolerance=allowance(len(every)) * math.sqrt(max(0.0, float(square.mean()))),
        direction=_direction(target.mesh, every[0]),
        places=ToleranceMap.of(pos, square, scans=len(every)),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Deviations:
    """A scan of a good part in the best pose on the mesh.

    Args:
        pos: Points near the mesh, in the coordinates of the mesh, with shape ``(N, 3)``.
        shared: Part of their deviations that neighboring points share, with shape ``(N,)``.
        noise: Standard deviation of the other part.
        tree: Search tree of the points.
        spacing: Distance between neighboring points.
    """

    pos: Doubles
    shared: Doubles
    noise: float
    tree: cKDTree
    spacing: float

    @classmethod
    def of(cls, scan: Cloud, target: MeshTarget) -> _Deviations:
        """Return the deviations of a scan from the mesh."""
        _check_unit(scan, target)
        motion, _ = target.register(scan.pos)
        placed = moved(motion, scan.pos)
        deviation = deviation_from_mesh(target.mesh, placed)
        near = np.abs(deviation) < NEAR * target.mesh.size
        if near.mean() < CLEAR:
            raise InputError(
                f"{scan.name}: {100 * (1 - near.mean()):.0f} % of the scan lies away from the mesh "
                "in the best pose, wanted a scan of this part alone"
            )
        placed, deviation = placed[near], deviation[near]
        tree = cKDTree(placed)
        distance, neighbors = map(np.asarray, tree.query(placed, k=LOCAL))
        shared = deviation[neighbors].mean(axis=1)
        noise = _spread(deviation - shared) * math.sqrt(LOCAL / (LOCAL - 1))
        spacing = float(np.median(distance[:, 1]))
        return cls(pos=placed, shared=shared, noise=noise, tree=tree, spacing=spacing)


def _spread(values: Doubles) -> float:
    """Return the standard deviation of most values, from the median of their absolute values."""
    return 1.4826 * float(np.median(np.abs(values)))


def _direction(mesh: TriangleMesh, scan: _Deviations) -> tuple[float, float, float] | None:
    """Return the direction to the scanner that explains best what is covered, or None."""
    rng = np.random.default_rng(0)
    pos, normal = sample_mesh(mesh, PROBES, rng=rng)
    outside = seen_from_somewhere(mesh, pos, rng=rng)
    pos, normal = pos[outside], normal[outside]
    covered: Labels = np.asarray(scan.tree.query(pos)[0]) <= REACH * scan.spacing
    tried = directions(VIEWS)
    explained = [
        float((facing(mesh, pos, normal=normal, direction=view) == covered).mean())
        for view in tried
    ]
    best = int(np.argmax(explained))
    if explained[best] < covered.mean() + BETTER:
        return None
    x, y, z = tried[best]
    return float(x), float(y), float(z)


def _check_unit(scan: Cloud, target: MeshTarget) -> None:
    """Raise an error if a scan and a mesh are of different sizes."""
    whole = robust_size((target.target.points * target.target.length).astype(np.float32))
    ratio = robust_size(scan.pos) / whole
    than = "larger" if ratio > 1 else "smaller"
    factor = max(ratio, 1 / ratio)
    if factor < BENIGN:
        return
    raise InputError(
        f"{scan.name}: is {factor:.3g} times {than} than the mesh{named_factor(factor)}, wanted "
        "both in one unit: convert one of them"
    )

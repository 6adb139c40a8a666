"""Conditions of a scan, stated or measured from real scans that are registered on the mesh."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import chdtri

from gmanet.cloud import Cloud, Doubles, Labels, robust_size
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

CONFIDENCE = 0.8
"""Confidence that the root mean square over all parts is not larger than the tolerance."""

DIMENSIONS = 3
"""Number of dimensions in which good parts are taken to differ, independently of one another."""

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
    """

    points: int
    noise: float
    tolerance: float = 0.0
    direction: tuple[float, float, float] | None = None


def usual(mesh: TriangleMesh) -> Conditions:
    """Return the conditions of scans where nothing is stated or measured."""
    return Conditions(points=POINTS, noise=NOISE * mesh.size)


def measure_conditions(scans: Sequence[Cloud], target: MeshTarget) -> Conditions:
    """Return the conditions of real scans of good parts.

    Noise is the part of the deviations from the mesh that neighboring points do not share.
    Tolerance is the part that they share, and more (:func:`allowance`), since few scans show few
    parts.  It is a root mean square and not a median, as parts often differ at some faces only.
    Points and noise are medians over the scans, the direction is that of the first.

    Args:
        scans: Scans of good parts, at least one, in any pose.
        target: The mesh.

    Raises:
        InputError: A scan is in another unit than the mesh, or shows another part.
    """
    every = [_of_one(scan, target) for scan in scans]
    form = math.sqrt(sum(one.tolerance**2 for one in every) / len(every))
    return Conditions(
        points=int(np.median([one.points for one in every])),
        noise=float(np.median([one.noise for one in every])),
        tolerance=allowance(len(every)) * form,
        direction=every[0].direction,
    )


def allowance(scans: int) -> float:
    """Return the tolerance over the root mean square of the form deviations of some scans.

    If good parts differ in ``DIMENSIONS`` as normal random numbers do, the sum of their squares
    over the scans is distributed as chi-square.

    Args:
        scans: Number of scans.
    """
    freedom = DIMENSIONS * scans
    return math.sqrt(freedom / float(chdtri(freedom, CONFIDENCE)))


def _of_one(scan: Cloud, target: MeshTarget) -> Conditions:
    """Return the conditions of one scan; the tolerance is the deviation of this part alone."""
    _check_unit(scan, target)
    motion, _ = target.register(scan.pos)
    placed = moved(motion, scan.pos)
    deviation = deviation_from_mesh(target.mesh, placed)
    near = np.abs(deviation) < NEAR * target.mesh.size
    if near.mean() < CLEAR:
        raise InputError(
            f"{scan.name}: {100 * (1 - near.mean()):.0f} % of the scan lies away from the mesh in "
            "the best pose, wanted a scan of this part alone"
        )
    placed, deviation = placed[near], deviation[near]
    tree = cKDTree(placed)
    distance, neighbors = map(np.asarray, tree.query(placed, k=LOCAL))
    shared = deviation[neighbors].mean(axis=1)
    alone = _spread(deviation - shared) * math.sqrt(LOCAL / (LOCAL - 1))
    form = math.sqrt(max(0.0, float((shared**2).mean()) - alone**2 / LOCAL))
    spacing = float(np.median(distance[:, 1]))
    return Conditions(
        points=len(scan),
        noise=alone,
        tolerance=form,
        direction=_direction(target.mesh, tree, reach=REACH * spacing),
    )


def _spread(values: Doubles) -> float:
    """Return the standard deviation of most values, from the median of their absolute values."""
    return 1.4826 * float(np.median(np.abs(values)))


def _direction(
    mesh: TriangleMesh, tree: cKDTree, *, reach: float
) -> tuple[float, float, float] | None:
    """Return the direction to the scanner that explains best what is covered, or None."""
    rng = np.random.default_rng(0)
    pos, normal = sample_mesh(mesh, PROBES, rng=rng)
    outside = seen_from_somewhere(mesh, pos, rng=rng)
    pos, normal = pos[outside], normal[outside]
    covered: Labels = np.asarray(tree.query(pos)[0]) <= reach
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

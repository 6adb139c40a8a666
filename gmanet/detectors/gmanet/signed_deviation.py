"""Height of a scan's points over the registered normal clouds, with a sign: + is outside the part.

The context that the networks read holds distances without a sign; this is for people.  As there,
what good parts differ in together, such as a bend, is no height: a defect is as high as it is over
the surface beside it.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import torch
from scipy.spatial import cKDTree

from gmanet.cloud import Cloud, Doubles, Floats, Indices
from gmanet.detectors.gmanet.aligner import Aligner
from gmanet.detectors.gmanet.deviation import Surfaces
from gmanet.geometry.orientation import outward
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.search.grid import grid_nearest
from gmanet.registration.icp import apply

__all__ = ["signed_deviation"]

NEAREST = 12
"""Number of points of the normal clouds over whose tangent planes the median height is taken."""

ORIENTED = 4096
"""Largest number of points whose outward side is found by visibility; others follow the nearest."""

FOLLOWED = 4
"""Number of nearest oriented points; the one with the most parallel normal decides the side."""

SAMPLED = 16384
"""Largest number of points at which normals are found; others have those of the nearest."""

FITTED = 12
"""Number of points that a plane is fitted to."""

_ORIENTED: WeakKeyDictionary[Surfaces, tuple[cKDTree, Doubles]] = WeakKeyDictionary()


def signed_deviation(cloud: Cloud, aligner: Aligner) -> Floats:
    """Return the height of each point over the normal surface, with shape ``(N,)``.

    Args:
        cloud: The scan.
        aligner: Alignment with the normal clouds.

    Returns:
        Median height over the tangent planes of the nearest points of the normal clouds, in the
        unit of the scan; with a shape model, as if the part had the mean shape.
    """
    surfaces, length = aligner.surfaces, aligner.target.length
    points = _in_mean_shape(cloud, aligner)
    count = np.arange(1, min(NEAREST, len(surfaces.points)) + 1)
    found = surfaces.tree.query(points, count, workers=torch.get_num_threads())[1]
    index = np.asarray(found, dtype=np.int64)
    used = np.unique(index)
    normal = np.zeros_like(surfaces.normal)
    normal[used] = _outward(surfaces, used)
    offset = points[:, None] - surfaces.points[index]
    height = np.einsum("nkc,nkc->nk", offset, normal[index])
    return np.asarray(length * np.median(height, axis=1), dtype=np.float32)


def _in_mean_shape(cloud: Cloud, aligner: Aligner) -> Floats:
    """Return a cloud's points in extents, as if the part had the mean shape, ``(N, 3)``."""
    points = apply(aligner.register(cloud), cloud.pos) / np.float32(aligner.target.length)
    if aligner.shapes is None:
        return points
    some = points[:: -(-len(points) // SAMPLED)]
    workers = torch.get_num_threads()
    around = grid_nearest(some, some, count=min(FITTED, len(some)))[1]
    normal = principal_axes(some, some, neighbors=around, workers=workers)[1][:, :, 0]
    near = np.asarray(cKDTree(some).query(points, workers=workers)[1], dtype=np.int64)
    used = aligner.others(cloud)
    return aligner.mean_shape(points, normal[near], used=used, images=True).points


def _outward(surfaces: Surfaces, index: Indices) -> Floats:
    """Return the normals of some points with signs that point out of the part, ``(M, 3)``."""
    if surfaces not in _ORIENTED:
        first = np.flatnonzero(surfaces.owner == surfaces.owner[0])
        some = first[:: -(-len(first) // ORIENTED)]
        pos, normal = (part[some].astype(np.float64) for part in (surfaces.points, surfaces.normal))
        _ORIENTED[surfaces] = (cKDTree(pos), outward(pos, normal))
    tree, known = _ORIENTED[surfaces]
    count = np.arange(1, min(FOLLOWED, len(known)) + 1)
    near = np.asarray(tree.query(surfaces.points[index], count)[1], dtype=np.int64)
    own = surfaces.normal[index]
    agree = np.einsum("mc,mkc->mk", own, known[near])
    best = np.abs(agree).argmax(axis=1)
    sign = np.where(agree[np.arange(len(index)), best] < 0, -1, 1).astype(np.float32)
    return np.asarray(own * sign[:, None])

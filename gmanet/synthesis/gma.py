"""Geometric morphological analysis: likely positions of defects (Section IV.B, Algorithm 1).

The leaves of a KD-tree are clusters ``cls_j`` with the score ``sco_j = |cen_j - CEN| + cur_j``
where the curvature ``cur_j`` exceeds 0.2.  The paper gives no units.  Here both are those of the
part scaled to a diameter of 30, about millimeters: the threshold is then the same in any unit, and
lies between the flat and the bent clusters of our parts.

A length and an inverse length cannot be added: the sum would depend on the unit.  The score
``printed`` adds them nevertheless; distances reach 15 and curvatures about 1, so that the farthest
bent cluster is chosen.  The score ``balanced`` divides each by its maximum over the clusters
(curvature at least by the threshold) before they are added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import MIN_POINTS, Cloud, Doubles, Floats, Indices
from gmanet.errors import InputError
from gmanet.geometry.consistent_normals import consistent_normals
from gmanet.geometry.curvature import mean_curvature, quadric_curvature
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.poisson import DEPTH, poisson_mesh
from gmanet.runtime.cache import cached
from gmanet.synthesis.config import SCORES

__all__ = ["KINDS", "Region", "analyze", "cluster_curvature", "kd_clusters", "outward_normals"]


KINDS = ("poisson", "local")
"""Measures of curvature (:func:`cluster_curvature`)."""

DIAMETER = 30.0
"""Diameter to which a part is scaled before its curvature is compared with the threshold."""

LEAVES = 128
"""Number of clusters of a cloud of at least 8192 points; smaller clouds have fewer, of at most 64
points."""


@dataclass(frozen=True, eq=False)
class Region:
    """The clusters of a cloud and their scores, as positions for defects.

    Args:
        score: ``sco_j``; 0 for clusters below the threshold, with shape ``(M,)``; at most 2 if
            ``balanced``.
        clusters: Indices of each cluster's points.
    """

    score: Doubles
    clusters: list[Indices]

    def best(self) -> Indices:
        """Return the points of the cluster with the highest score, the paper's choice."""
        return self.clusters[int(np.argmax(self.score))]

    def draw(self, rng: np.random.Generator) -> Indices:
        """Return the points of a cluster chosen with probability proportional to its score."""
        return self.clusters[rng.choice(len(self.clusters), p=self.score / self.score.sum())]


def analyze(
    cloud: Cloud, kind: str = "poisson", *, threshold: float = 0.2, score: str = "balanced"
) -> Region:
    """Return the clusters and scores of Algorithm 1, lines 4 to 14.

    If no cluster exceeds the threshold, all clusters are candidates.

    Args:
        cloud: A normal cloud.
        kind: Measure of curvature (:func:`cluster_curvature`).
        threshold: Smallest curvature of a candidate, in 1 / length of a part with diameter 30.
        score: Sum of distance and curvature, one of ``gmanet.synthesis.config.SCORES``.

    Raises:
        InputError: The kind or the score is unknown, or Open3D cannot be loaded.
    """
    if score not in SCORES:
        raise InputError(f"score {score!r}, wanted one of {', '.join(SCORES)}")
    clusters = kd_clusters(cloud.pos, max(-(-len(cloud) // LEAVES), MIN_POINTS))
    curvature = cluster_curvature(cloud, clusters, kind=kind)
    pos = cloud.pos.astype(np.float64)
    centers = np.array([pos[cluster].mean(axis=0) for cluster in clusters])
    distance = np.linalg.norm(centers - pos.mean(axis=0), axis=1)
    chosen = curvature > threshold
    if not chosen.any():
        chosen[:] = True
    if score == "printed":
        total = distance * (DIAMETER / cloud.diameter) + curvature
    else:
        total = _unit(distance) + _unit(curvature, threshold)
    return Region(np.where(chosen, total, 0.0), clusters)


def _unit(values: Doubles, least: float = 0.0) -> Doubles:
    # without ``least``, rounding errors on a plane would weigh as much as the thread of a bolt
    top = max(float(values.max()), least, 1e-12)
    return np.asarray((values + 1e-12) / top)


def kd_clusters(pos: Floats, leaf: int) -> list[Indices]:
    """Return the leaves of a KD-tree over points, as sorted indices.

    Sets of more than ``leaf`` points are halved at the median of their longest axis.  With ``leaf =
    ceil(N / 128)`` there are 128 leaves, whose sizes differ by at most one point.

    Args:
        pos: Points, with shape ``(N, 3)``.
        leaf: Largest number of points in a leaf.
    """
    waiting, leaves = [np.arange(len(pos))], []
    while waiting:
        rows = waiting.pop()
        if len(rows) <= max(leaf, 1):
            leaves.append(np.sort(rows))
            continue
        axis = int(np.argmax(np.ptp(pos[rows], axis=0)))
        half = len(rows) // 2
        order = np.argpartition(pos[rows, axis], half)
        waiting += [rows[order[half:]], rows[order[:half]]]
    return leaves


def cluster_curvature(cloud: Cloud, clusters: list[Indices], kind: str) -> Doubles:
    """Return each cluster's absolute mean curvature at a part diameter of 30, with shape ``(M,)``.

    ``poisson`` is Algorithm 1, lines 8 and 9: the cluster's mesh, then the *median* over the
    vertices that are not on the boundary of the mesh.  The mean is useless: where the
    reconstruction was cut off, single vertices have a thousand times the curvature of the rest.
    ``local`` is the median of quadric fits to the 16 neighbors of up to 64 points per cluster; it
    needs neither mesh nor Open3D and takes a tenth of a second instead of 40.  Both rank clusters
    similarly (Spearman .92 on two scans of a threaded part, .77 and .85 on a procedural washer and
    screw).  ``poisson`` is increased by scanner noise, so that even flat faces exceed 0.2;
    ``local`` is a seventh lower on the scans, and a third of ``poisson`` on flat faces of the
    washer.

    Args:
        cloud: The part.
        clusters: Indices of each cluster's points.
        kind: ``poisson`` or ``local``.

    Raises:
        InputError: The kind is unknown, or Open3D cannot be loaded.
    """
    if kind not in KINDS:
        raise InputError(f"curvature {kind!r}, wanted one of {', '.join(KINDS)}")
    measure = _poisson_curvature if kind == "poisson" else _local_curvature
    return np.asarray(measure(cloud, clusters) * (cloud.diameter / DIAMETER))


def _poisson_curvature(cloud: Cloud, clusters: list[Indices]) -> Doubles:
    """Return each cluster's curvature by ``poisson``, from the cache where it is stored."""
    normal = np.empty(0) if cloud.normal is None else cloud.normal
    parts = (cloud.pos, normal, np.concatenate(clusters), [len(rows) for rows in clusters], DEPTH)
    return cached("curvature", parts, length=len(clusters), make=lambda: _meshes(cloud, clusters))


def _meshes(cloud: Cloud, clusters: list[Indices]) -> Doubles:
    normal = outward_normals(cloud)
    curvature = np.zeros(len(clusters))
    for index, rows in enumerate(clusters):
        found = mean_curvature(*poisson_mesh(cloud.pos[rows], normal[rows]))
        if np.isfinite(found).any():
            curvature[index] = np.nanmedian(found)
    return curvature


def _local_curvature(cloud: Cloud, clusters: list[Indices]) -> Doubles:
    chosen = [rows[:: -(-len(rows) // 64)] for rows in clusters]
    query = cloud.pos[np.concatenate(chosen)]
    _, neighbors = nearest(cloud.pos, query, count=16)
    curvature = quadric_curvature(cloud.pos, query, neighbors=neighbors)
    pieces = np.split(curvature, np.cumsum([len(rows) for rows in chosen])[:-1])
    return np.array([np.median(piece) for piece in pieces], dtype=np.float64)


def outward_normals(cloud: Cloud) -> Floats:
    """Return the normals of a cloud, ``(N, 3)``: its own, or those of 16 neighbors, outward."""
    if cloud.normal is not None:
        return cloud.normal
    _, neighbors = nearest(cloud.pos, cloud.pos, count=16)
    _, axes = principal_axes(cloud.pos, cloud.pos, neighbors=neighbors)
    return consistent_normals(cloud.pos, axes[:, :, 0], neighbors=neighbors)

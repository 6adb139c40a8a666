"""Geometric morphological analysis: where on a part a defect is likely (Section IV.B, Algorithm 1).

Clusters ``cls_j`` of a KD-tree get the score ``sco_j = |cen_j - CEN| + cur_j`` where their
curvature ``cur_j`` exceeds 0.2.  The paper gives neither unit.  Here both are those of the part
scaled to a diameter of 30, about millimetres: the threshold then means the same in any unit and
lies between the flat and the bent clusters of our parts.

A length and an inverse length cannot be added, and the one with the larger numbers decides alone.
``printed`` adds them all the same: distances reach 15 and curvatures about 1, so that the farthest
bent cluster is chosen.  ``balanced`` divides each by its maximum over the clusters (curvature at
least by the threshold) before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmanet.cloud import MIN_POINTS, Cloud, Floats, Indices
from gmanet.errors import InputError
from gmanet.geometry.curvature import mean_curvature, quadric_curvature
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.poisson import outward, poisson_mesh
from gmanet.runtime.cache import looked_up

__all__ = [
    "KINDS",
    "SCORES",
    "Region",
    "analyze",
    "cluster_curvature",
    "kd_clusters",
    "outward_normals",
]

Doubles = npt.NDArray[np.float64]

KINDS = ("poisson", "local")
SCORES = ("balanced", "printed")
DIAMETER = 30.0
LEAVES = 128
"""Clusters of a cloud; one of less than 8192 points has fewer, of 64 points and less."""


@dataclass(frozen=True, eq=False)
class Region:
    """Where a defect may be put: the clusters of a cloud and how well each suits.

    Args:
        score: ``sco_j``, 0 where the threshold excludes, with shape ``(M,)``; ``balanced`` ones are
            at most 2.
        clusters: Row indices of each cluster's points.
    """

    score: Doubles
    clusters: list[Indices]

    def best(self) -> Indices:
        """Return the points of the arg-max cluster: the paper's choice, always the same place."""
        return self.clusters[int(np.argmax(self.score))]

    def draw(self, rng: np.random.Generator) -> Indices:
        """Return the points of a cluster chosen with probability proportional to its score."""
        return self.clusters[rng.choice(len(self.clusters), p=self.score / self.score.sum())]


def analyze(
    cloud: Cloud, kind: str = "poisson", *, threshold: float = 0.2, score: str = "balanced"
) -> Region:
    """Return the clusters and scores of Algorithm 1, lines 4 to 14.

    Where no cluster exceeds the threshold it is dropped for this cloud.

    Args:
        cloud: A normal cloud.
        kind: How curvature is measured; see :func:`cluster_curvature`.
        threshold: Least curvature of a candidate, in 1 / length at a diameter of 30.
        score: How distance and curvature are added, one of ``SCORES``.

    Raises:
        InputError: Unknown kind or score, or Open3D cannot be loaded.
    """
    if score not in SCORES:
        raise InputError(f"score {score!r}, wanted one of {', '.join(SCORES)}")
    clusters = kd_clusters(cloud.pos, max(-(-len(cloud) // LEAVES), MIN_POINTS))
    curvature = cluster_curvature(cloud, clusters, kind)
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
    # without the least a plane's rounding errors would count as much as a bolt's thread
    top = max(float(values.max()), least, 1e-12)
    return np.asarray((values + 1e-12) / top)


def kd_clusters(pos: Floats, leaf: int) -> list[Indices]:
    """Return a partition of the rows into the leaves of a KD-tree, each sorted.

    Sets larger than ``leaf`` are halved at the median of their widest axis.  Leaves of at most
    ``ceil(N / 128)`` of N points are 128, of equal size give or take one point.

    Args:
        pos: Points, with shape ``(N, 3)``.
        leaf: Most points of a leaf.
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
    vertices that are not on its boundary.  Where the reconstruction was cut off single vertices
    reach a thousand times the rest, which makes the mean meaningless.  ``local`` needs neither
    mesh nor Open3D and takes a tenth of a second instead of 40: the median of quadric fits to 16
    neighbors of up to 64 points per cluster.  It ranks clusters like the literal one (Spearman .92
    on two scans of a threaded part, .77 and .85 on a procedural washer and screw).  The literal one
    adds a floor of scanner noise, which puts even flat faces above 0.2; ``local`` reads a seventh
    lower on the scans, and on the washer's flat faces a third of it.

    Args:
        cloud: The part.
        clusters: Row indices of each cluster's points.
        kind: ``poisson`` or ``local``.

    Raises:
        InputError: Unknown kind, or Open3D cannot be loaded.
    """
    if kind not in KINDS:
        raise InputError(f"curvature {kind!r}, wanted one of {', '.join(KINDS)}")
    measure = _poisson_curvature if kind == "poisson" else _local_curvature
    return np.asarray(measure(cloud, clusters) * (cloud.diameter / DIAMETER))


def _poisson_curvature(cloud: Cloud, clusters: list[Indices]) -> Doubles:
    """Return what takes so long that runs share it."""
    normal = np.empty(0) if cloud.normal is None else cloud.normal
    parts = (cloud.pos, normal, np.concatenate(clusters), [len(rows) for rows in clusters])
    return looked_up("curvature", parts, len(clusters), lambda: _meshes(cloud, clusters))


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
    _, neighbors = nearest(cloud.pos, query, 16)
    curvature = quadric_curvature(cloud.pos, query, neighbors)
    pieces = np.split(curvature, np.cumsum([len(rows) for rows in chosen])[:-1])
    return np.array([np.median(piece) for piece in pieces], dtype=np.float64)


def outward_normals(cloud: Cloud) -> Floats:
    """Return the cloud's own normals, or else those of 16 neighbors turned outward, ``(N, 3)``."""
    if cloud.normal is not None:
        return cloud.normal
    _, neighbors = nearest(cloud.pos, cloud.pos, 16)
    _, axes = principal_axes(cloud.pos, cloud.pos, neighbors)
    return outward(cloud.pos, axes[:, :, 0], neighbors)

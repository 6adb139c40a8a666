"""Records of a cloud's structure: its subsample, and the inputs of the networks at its queries."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gmanet.cloud import Floats, Indices

__all__ = ["Query", "Structure", "Surface"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Surface:
    """An evenly spaced subsample of a cloud.

    Args:
        chosen: Indices of the subsample's points in the cloud, with shape ``(P,)``.
        points: Coordinates of these points, with shape ``(P, 3)``.
        normal: Unit normals, of either sign, with shape ``(P, 3)``.
        shape: Eigenvalue features of the smallest neighborhoods, with shape ``(P, 3)``.
        descriptor: Fine histograms, with shape ``(P, C)``.
        coarse: Coarse histograms of the first ``E`` points, with shape ``(E, C / 2)``.
        subsets: Number of points in each of the four subsets, with shape ``(4,)``.
        conditions: How the cloud was scanned, with shape ``(2,)``: logarithms of the noise and of
            the spacing of the points, in radii of the neighborhoods that normals are fitted to.
    """

    chosen: Indices
    points: Floats
    normal: Floats
    shape: Floats
    descriptor: Floats
    coarse: Floats
    subsets: Indices
    conditions: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Query:
    """Inputs of the networks at ``Q`` points of the subsample, the queries.

    Args:
        groups: Points of each query's set abstraction, as indices into the subsample, ``(Q, K)``.
        local: Coordinates and normals of the group in the query's local frame, ``(Q, K, 6)``.
        context: Descriptors of the query's wider neighborhood, with shape ``(Q, D)``.
        coarse_neighbors: Nearest coarse points, with shape ``(Q, 24)``.
        neighbors: Nearest points of the subsample, the query first, with shape ``(Q, 128)``.
    """

    groups: Indices
    local: Floats
    context: Floats
    coarse_neighbors: Indices
    neighbors: Indices


@dataclass(frozen=True, eq=False, kw_only=True)
class Structure(Surface, Query):
    """Inputs of the networks at the ``M`` centers of a cloud, and the interpolation of scores.

    Args:
        center_near: Three nearest centers of each point of the subsample, with shape ``(P, 3)``.
        center_weight: Interpolation weights of these centers, with shape ``(P, 3)``.
        near: Three nearest points of the subsample of each point of the cloud, ``(N, 3)``.
        weight: Interpolation weights of these points, with shape ``(N, 3)``.
    """

    center_near: Indices
    center_weight: Floats
    near: Indices
    weight: Floats

    def compact(self) -> Structure:
        """Return the arrays that training reads, in half precision; the others become empty."""
        unread = (
            *("normal", "shape", "coarse", "coarse_neighbors", "neighbors"),
            *("center_near", "center_weight", "near", "weight"),
        )
        return replace(
            self,
            descriptor=self.descriptor.astype(np.float16),
            groups=self.groups.astype(np.int32),
            local=self.local.astype(np.float16),
            context=self.context.astype(np.float16),
            **{name: getattr(self, name)[:0].copy() for name in unread},
        )

"""Registration of a scan on a mesh: on points of the mesh first, then on its triangles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gmanet.cleaning.outliers import flying
from gmanet.cloud import Doubles, Floats
from gmanet.geometry.se3 import exp, moved, rigid
from gmanet.nominal.deviation import closest
from gmanet.nominal.mesh import TriangleMesh
from gmanet.nominal.sampling import sample_mesh, seen_from_somewhere
from gmanet.registration.cached import register_cached
from gmanet.registration.icp import Registration
from gmanet.registration.target import Target

__all__ = ["MeshTarget"]

POINTS = 40_000
"""Number of points of the mesh that scans are registered on first."""

REFINED = 8192
"""Largest number of points of the scan that are registered on the triangles."""

STEPS = 12
"""Largest number of steps of the registration on the triangles."""

TUKEY_CUT = 6.0
"""Cut-off of Tukey's weights, in medians of the distance: defects do not pull."""

CONVERGED = 1e-7
"""Convergence: the largest step, in radians and in sizes of the mesh."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MeshTarget:
    """A mesh that scans are registered on.

    Args:
        mesh: The mesh.
    """

    mesh: TriangleMesh

    @cached_property
    def target(self) -> Target:
        """The target of the first registration: points of the surface that can be seen."""
        rng = np.random.default_rng(0)
        pos, _ = sample_mesh(self.mesh, POINTS, rng=rng)
        seen = pos[seen_from_somewhere(self.mesh, pos, rng=rng)]
        return Target.of((seen - self.mesh.center).astype(np.float32))

    def register(self, pos: Floats) -> tuple[Doubles, Registration]:
        """Return the motion of a scan onto the mesh, and the registration on its points.

        Args:
            pos: Coordinates of the scan, in any pose and in the unit of the mesh, ``(N, 3)``.

        Returns:
            The motion from the coordinates of the scan to those of the mesh, with shape
            ``(4, 4)``, and the first registration, whose motion ends at the center of the mesh.
        """
        solid = pos[~flying(pos)]
        found = register_cached(solid, self.target)
        shift = rigid(np.eye(3), self.mesh.center)
        some = solid[:: max(1, len(solid) // REFINED)].astype(np.float64)
        return self._refined(shift @ found.T_target_source, some), found

    def _refined(self, motion: Doubles, pos: Doubles) -> Doubles:
        """Return the motion after steps of ICP on the triangles, with Tukey's weights."""
        size, center = self.mesh.size, self.mesh.center
        for _ in range(STEPS):
            placed = moved(motion, pos)
            points, normal = closest(self.mesh, placed)
            height = np.einsum("nc,nc->n", points - placed, normal)
            scale = TUKEY_CUT * float(np.median(np.abs(height))) + 1e-9 * size
            root = np.maximum(1 - (height / scale) ** 2, 0)  # of the weight
            lever = np.concatenate([np.cross((placed - center) / size, normal), normal], axis=1)
            twist = np.linalg.lstsq(root[:, None] * lever, root * height / size, rcond=1e-8)[0]
            back = rigid(np.eye(3), center)
            step = exp(np.concatenate([twist[:3], size * twist[3:]]))
            motion = back @ step @ rigid(np.eye(3), -center) @ motion
            if np.abs(twist).max() < CONVERGED:
                break
        return motion

"""Simulated scans of a mesh: deviations within tolerance, hidden sides, noise, a random pose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial.transform import Rotation

from gmanet.cloud import Cloud, Doubles
from gmanet.datasets.cad.conditions import Conditions
from gmanet.errors import InputError
from gmanet.nominal.mesh import TriangleMesh
from gmanet.nominal.sampling import facing, sample_mesh, seen_from_somewhere

__all__ = ["Scanner"]

COUNTS = (0.8, 1.25)
"""Smallest and largest number of points of a scan, in those of the conditions."""

TILT = 12.0
"""Largest angle between the directions of two one-sided scans and their middle, in degrees."""

WAVES = 24
"""Number of waves in a deviation of form, and in one of dimensions."""

LENGTHS = (0.3, 2.0)
"""Shortest and longest wave in a deviation of form, in sizes of the mesh."""

FACES = (1.0, 4.0)
"""Shortest and longest wave in a deviation of dimensions, in sizes of the mesh: longer than most
faces."""

TURN = 2.0
"""Standard deviation of the change of phase, in radians, with each coordinate of the normal: faces
that look another way are displaced on their own."""

FEWEST = 256
"""Least number of points that a scanner must see."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Scanner:
    """Simulated scans of a mesh.

    Args:
        mesh: The mesh.
        conditions: Conditions of the scans.
    """

    mesh: TriangleMesh
    conditions: Conditions

    @cached_property
    def seen_share(self) -> float:
        """Share of the area that a scan shows."""
        rng = np.random.default_rng(0)
        pos, normal = sample_mesh(self.mesh, FEWEST * 16, rng=rng)
        view = self.conditions.direction
        if view is None:
            return float(seen_from_somewhere(self.mesh, pos, rng=rng).mean())
        return float(facing(self.mesh, pos, normal=normal, direction=np.array(view)).mean())

    def scan(self, rng: np.random.Generator) -> Cloud:
        """Return a scan of a good part, in a random pose.

        Args:
            rng: Generator of all random numbers.

        Raises:
            InputError: The scanner sees next to nothing from its direction.
        """
        count = self.conditions.points * rng.uniform(*COUNTS) / max(self.seen_share, 1e-3)
        pos, normal = sample_mesh(self.mesh, max(FEWEST, round(count)), rng=rng)
        if self.conditions.direction is None:
            seen = seen_from_somewhere(self.mesh, pos, rng=rng)
        else:
            view = _tilted(np.array(self.conditions.direction), rng)
            seen = facing(self.mesh, pos, normal=normal, direction=view)
        pos, normal = pos[seen], normal[seen]
        if len(pos) < FEWEST:
            raise InputError(
                f"the scanner sees {len(pos)} of {len(seen)} points of the mesh, wanted another "
                "data.one_sided, or more data.points"
            )
        pos = (
            pos
            + self._deviation(pos, normal, rng)
            + rng.normal(0.0, self.conditions.noise, pos.shape)
        )
        rotation = Rotation.random(random_state=rng).as_matrix()
        pos = (pos - self.mesh.center) @ rotation.T
        pos += rng.uniform(-0.5, 0.5, 3) * self.mesh.size
        label = np.zeros(len(pos), dtype=np.bool_)
        return Cloud(rng.permutation(pos).astype(np.float32), label, defect="good")

    def _deviation(self, pos: Doubles, normal: Doubles, rng: np.random.Generator) -> Doubles:
        """Return displacements of points of a good part, ``(N, 3)``, as large as the tolerance.

        Half of their variance is form: sums of waves along the part, in random directions.  The
        other half is dimensions: every face is displaced along its normal, nearly as a whole.
        """
        if not self.conditions.tolerance:
            return np.zeros_like(pos)
        place = (pos - self.mesh.center) / self.mesh.size
        form = _waves(place, LENGTHS, rng=rng) @ rng.normal(size=(WAVES, 3))
        faces = _waves(place, FACES, rng=rng, phase=normal @ rng.normal(0, TURN, (3, WAVES)))
        along = (faces @ rng.normal(size=WAVES))[:, None] * normal
        return np.asarray(self.conditions.tolerance / np.sqrt(WAVES) * (form + along))


def _waves(
    place: Doubles,
    lengths: tuple[float, float],
    *,
    rng: np.random.Generator,
    phase: Doubles | float = 0.0,
) -> Doubles:
    """Return waves of random directions and phases at points, with shape ``(N, WAVES)``.

    Args:
        place: Points in sizes of the mesh, with shape ``(N, 3)``.
        lengths: Shortest and longest wave.
        rng: Generator of all random numbers.
        phase: Further phase of each point in each wave.
    """
    shortest, longest = np.log(lengths)
    length = np.exp(rng.uniform(shortest, longest, WAVES))
    toward = rng.normal(size=(WAVES, 3))
    toward *= 2 * np.pi / length[:, None] / np.linalg.norm(toward, axis=1, keepdims=True)
    return np.asarray(np.cos(place @ toward.T + phase + rng.uniform(0, 2 * np.pi, WAVES)))


def _tilted(direction: Doubles, rng: np.random.Generator) -> Doubles:
    """Return a random direction within ``TILT`` of another one, with shape ``(3,)``."""
    angle = np.radians(TILT) * np.sqrt(rng.random())
    aside = np.cross(direction, rng.normal(size=3))
    aside /= np.linalg.norm(aside)
    return np.asarray(np.cos(angle) * direction + np.sin(angle) * aside)

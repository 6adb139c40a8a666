"""A part as if it had the mean shape, in the best of the poses that its symmetry allows.

Which side of a washer is up shows in the chamfer alone, and sizes that differ from part to part
matter more in a registration.  Where a part is unlike the normal clouds, the images of its pose
under the near symmetries are compared by what a mixture of the normal clouds leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmanet.cloud import Floats, Indices
from gmanet.detectors.gmanet.common_surface.consensus import Consensus
from gmanet.detectors.gmanet.common_surface.places import offsets_of
from gmanet.detectors.gmanet.common_surface.shape_model import ShapeModel
from gmanet.geometry.se3 import moved, rotated
from gmanet.registration.symmetry import near_symmetries
from gmanet.registration.target import Target

__all__ = ["MeanShape", "Shaped"]

ODD = 1.5
"""Strangeness (``Consensus.strangeness``) from which other poses are compared."""

PLACES = 4096
"""Number of places, the first ones, at which they are compared."""

LARGEST = 0.01
"""Largest offset that counts in the comparison, in extents."""

BETTER = 0.8
"""Largest misfit of a pose that replaces another one, in the misfit of that one."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Shaped:
    """A part in the coordinates of the normal clouds, as if it had the mean shape.

    Args:
        points: Coordinates in extents, with shape ``(P, 3)``.
        normal: Unit normals of either sign, with shape ``(P, 3)``.
        offset: Offsets at the places, with shape ``(M,)``, NaN where the part covers none.
    """

    points: Floats
    normal: Floats
    offset: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class MeanShape:
    """A function from a registered part to the part as if it had the mean shape.

    Args:
        consensus: The surface that the normal clouds have in common.
        shapes: What good parts look like; None where they do not differ together.
        common: The common surface as a target of registrations, with near symmetries.
    """

    consensus: Consensus
    shapes: ShapeModel | None
    common: Target

    def __call__(
        self, points: Floats, normal: Floats, *, used: Indices, images: bool = False
    ) -> Shaped:
        """Return the part in the mean shape; without a shape model, as it is.

        Args:
            points: Coordinates in extents, with shape ``(P, 3)``.
            normal: Unit normals of either sign, with shape ``(P, 3)``.
            used: Numbers of the normal clouds that are mixed, ascending.
            images: Whether other poses are compared if the part is unlike the normal clouds.
        """
        known = self.consensus
        offset = offsets_of((points, normal), known.points, normal=known.normal)
        if self.shapes is None:
            return Shaped(points=points, normal=normal, offset=offset)
        expected = self.shapes.expected(offset, used=used)
        if images and known.strangeness(offset - expected) > ODD:
            other = self._best_image(points, normal, used=used)
            if other is not None:
                return self(*other, used=used)
        shifted = self.shapes.displaced(points, normal, expected=expected)
        return Shaped(points=shifted, normal=normal, offset=offset - expected)

    def _best_image(
        self, points: Floats, normal: Floats, *, used: Indices
    ) -> tuple[Floats, Floats] | None:
        """Return the part in a pose that is clearly better; None if there is none."""
        middle = self.common.centroid / self.common.length
        about = points - middle
        poses = [
            (
                (moved(motion, about) + middle).astype(np.float32),
                rotated(motion, normal).astype(np.float32),
            )
            for motion in near_symmetries(self.common)
        ]
        misfit = [self._misfit(*pose, used=used) for pose in poses]
        best = int(np.argmin(misfit))
        return poses[best] if misfit[best] < BETTER * misfit[0] else None

    def _misfit(self, points: Floats, normal: Floats, *, used: Indices) -> float:
        """Return the mean squared offset without a mixture, with a limit for each place."""
        assert self.shapes is not None
        places, facing = (part[:PLACES] for part in (self.consensus.points, self.consensus.normal))
        offset = np.full(len(self.consensus.points), np.nan, dtype=np.float32)
        offset[:PLACES] = offsets_of((points, normal), places, normal=facing)
        left = (offset - self.shapes.expected(offset, used=used))[:PLACES]
        return float(np.minimum(np.nan_to_num(left, nan=LARGEST) ** 2, LARGEST**2).mean())

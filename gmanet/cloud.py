"""The cloud: one object's points, the record that every stage passes on, and its sizes.

A cloud is plain NumPy and never changes after it was made (stages return new ones).  ``pos`` is in
the unit of its file.  Row ``i`` of every per-point array speaks of the same point.

There are four sizes, each with a name of its own and in the unit of the coordinates.  Only
:func:`diameter` is called so, and what is said to be a fraction of the diameter is one of it.  A
washer whose diameter is 34.5 mm has an extent of 24.4 mm.
"""

from __future__ import annotations

import hashlib
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gmanet.errors import InputError

__all__ = [
    *("MIN_POINTS", "Cloud", "Doubles", "Floats", "Indices", "Labels"),
    *("diameter", "extent", "frame_diagonal", "robust_size"),
]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Labels = npt.NDArray[np.bool_]

MIN_POINTS = 64
"""Fewer points than this describe no surface."""
LARGEST, SMALLEST = 1e12, 1e-12
"""A coordinate beyond the one or a cloud within the other was read in a wrong byte order."""

WITHIN = 0.995
"""Share of the points that an extent holds."""

INNER = 0.9
"""Share of the points that the robust size is measured on: the others may fly about."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """One object's points and what is known of them.

    Args:
        pos: Coordinates in the unit of the file, with shape ``(N, 3)``.
        label: True where a point is abnormal, with shape ``(N,)``; None where nobody knows.
        normal: Unit outward normals, with shape ``(N, 3)``, where the source supplies them.
        name: Unique within a data set split; predictions and pictures carry it.
        category: The part, ``hexagonal_nut``.
        defect: Kind of defect (``convex``), ``good`` for a normal cloud, None where nobody knows.
        origin: What the reader subtracted from the coordinates of the file, in their unit:
            ``pos + origin`` are the coordinates of the file.
        notes: Sentences on what the file holds and the cloud does not, for a person to read; each
            begins with the file and a colon.
        rows: Row of each point in its file, from 0, with shape ``(N,)``, where points of the file
            were left out because they were never measured; None: row ``i`` is point ``i``.
        file_points: Points of the file; 0 where ``rows`` is None.
    """

    pos: Floats
    label: Labels | None = None
    _: KW_ONLY
    normal: Floats | None = None
    name: str = "cloud"
    category: str = ""
    defect: str | None = None
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    notes: tuple[str, ...] = ()
    rows: Indices | None = None
    file_points: int = 0

    def __len__(self) -> int:
        return len(self.pos)

    @property
    def abnormal(self) -> bool | None:
        """Whether the object is defective; None where nobody knows."""
        if self.defect is not None:
            return self.defect != "good"
        return None if self.label is None else bool(self.label.any())

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that tell these coordinates, in this order, from all others."""
        pos = np.ascontiguousarray(self.pos, dtype=np.float32)
        return hashlib.sha256(pos.tobytes()).hexdigest()[:32]

    @property
    def diameter(self) -> float:
        """Diagonal of the box along the principal axes (:func:`diameter`)."""
        return diameter(self.pos)

    def replace(self, **changes: Any) -> Cloud:
        """Return a copy with some fields changed; other points have no rows in the file."""
        if "pos" in changes:
            changes = {"rows": None, "file_points": 0, **changes}
        return replace(self, **changes)

    def positions(
        self, origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> npt.NDArray[np.float64]:
        """Return the file's coordinates less an origin in double precision, ``(N, 3)``.

        Args:
            origin: That of another cloud of the same frame, to compare both; zeros give the
                coordinates as the file has them.
        """
        shift = np.subtract(self.origin, origin)
        return self.pos.astype(np.float64) + shift

    def in_file_order(self, values: npt.NDArray[Any], fill: float) -> npt.NDArray[Any]:
        """Return one value for each point of the file, in the file's order.

        Args:
            values: One for each point of the cloud, with shape ``(N, ...)``.
            fill: For the file's points that were never measured; NaN wants floating values.
        """
        if self.rows is None:
            return values
        every = np.full((self.file_points, *values.shape[1:]), fill, values.dtype)
        every[self.rows] = values
        return every

    def checked(self, source: str) -> Cloud:
        """Return the cloud itself if it can be scored.

        Args:
            source: Where it came from; errors begin with it.

        Raises:
            InputError: Too few points, a coordinate that is not finite or beyond what a scan can
                have, all points in one place, or labels of another length.
        """
        if self.pos.ndim != 2 or self.pos.shape[1] != 3:
            raise InputError(f"{source}: coordinates of shape {self.pos.shape}, wanted (N, 3)")
        if len(self) < MIN_POINTS:
            raise InputError(f"{source}: {len(self)} points, wanted at least {MIN_POINTS}")
        bad = np.flatnonzero(~(np.abs(self.pos) < LARGEST - np.abs(self.origin)).all(axis=1))
        if len(bad):
            values = " ".join(f"{value:.9g}" for value in self.pos[bad[0]] + np.array(self.origin))
            wanted = f"finite coordinates below {LARGEST:g}"
            raise InputError(f"{source}: point {bad[0] + 1} is {values}, wanted {wanted}")
        extent = np.ptp(self.pos, axis=0).max()
        if not extent > SMALLEST:
            found = "are identical" if extent == 0 else f"lie within {extent:.3g}"
            raise InputError(f"{source}: all {len(self)} points {found}, wanted a surface")
        if self.label is not None and len(self.label) != len(self):
            raise InputError(f"{source}: {len(self.label)} labels, wanted {len(self)} as points")
        return self


def diameter(pos: Floats) -> float:
    """Return the diagonal of the box along the principal axes of a cloud's points.

    It follows every point, and a rigid motion does not change it but for rounding where the
    principal axes are distinct.  A part as wide as high has no such axes but those of its sampling;
    :func:`extent` needs none.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    centered = pos.astype(np.float64) - pos.mean(axis=0, dtype=np.float64)
    axes = np.linalg.eigh(centered.T @ centered)[1]
    return float(np.linalg.norm(np.ptp(centered @ axes, axis=0)))


def extent(pos: Floats) -> float:
    """Return twice the distance from the centroid within which 99.5 % of the points lie.

    It needs no axes, and a rigid motion does not change it but for rounding.  It is at most twice
    the diameter, and .70 to .99 of the diameter of the fifteen procedural parts.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    centered = pos - pos.mean(axis=0, dtype=np.float64)
    return float(2 * np.quantile(np.linalg.norm(centered, axis=1), WITHIN))


def robust_size(pos: Floats) -> float:
    """Return twice the distance from the median point within which 90 % of the points lie.

    It hardly depends on the pose nor on up to a tenth of the points far away.  It is .64 to .91 of
    the diameter of the fifteen procedural parts.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    distance = np.linalg.norm(pos - np.median(pos, axis=0), axis=1)
    return 2 * float(np.quantile(distance, INNER))


def frame_diagonal(pos: Doubles) -> float:
    """Return the diagonal of the box along the coordinate axes, those in which a part was drawn.

    It changes with the pose: only parts that are made in a pose of their own are measured by it.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    return float(np.linalg.norm(np.ptp(pos, axis=0)))

"""The point cloud of one object, as every stage passes it on, and measures of its size.

A cloud holds NumPy arrays and is immutable: stages return new clouds.  ``pos`` is in
the unit of its file.  Row ``i`` of every per-point array belongs to the same point.

Four functions measure the size of a cloud, in the unit of the coordinates: :func:`diameter`,
:func:`extent`, :func:`robust_size` and :func:`frame_diagonal`.  They differ: a washer with a
diameter of 34.5 mm has an extent of 24.4 mm.  "Diameter" always means :func:`diameter`.
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
"""Least number of points of a cloud; fewer points describe no surface."""
LARGEST, SMALLEST = 1e12, 1e-12
"""Largest coordinate and smallest size of a cloud; values beyond them come from a wrong byte order.

Both are in the unit of the file.
"""

WITHIN = 0.995
"""Share of the points within the extent."""

INNER = 0.9
"""Share of the points within the robust size; the points outside may be outliers."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """The points of one object, with labels, normals and metadata.

    Args:
        pos: Coordinates in the unit of the file, with shape ``(N, 3)``.
        label: True where a point is abnormal, with shape ``(N,)``; None if unknown.
        normal: Unit outward normals, with shape ``(N, 3)``, where the source supplies them.
        name: Name of the cloud, unique within a data set split; used for predictions and pictures.
        category: Name of the part, such as ``hexagonal_nut``.
        defect: Kind of defect (``convex``), ``good`` for a normal cloud, None if unknown.
        origin: Offset that the reader subtracted from the coordinates of the file, in their unit:
            ``pos + origin`` are the coordinates of the file.
        notes: Sentences for the user about content of the file that the cloud lacks; each begins
            with the path of the file and a colon.
        rows: Row of each point in its file, from 0, with shape ``(N,)``, if unmeasured points of
            the file were left out; None: point ``i`` is row ``i``.
        file_points: Number of points in the file; 0 if ``rows`` is None.
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
        """Whether the object is defective; None if unknown."""
        if self.defect is not None:
            return self.defect != "good"
        return None if self.label is None else bool(self.label.any())

    @property
    def fingerprint(self) -> str:
        """Hash of the coordinates in their order, 32 hexadecimal digits."""
        pos = np.ascontiguousarray(self.pos, dtype=np.float32)
        return hashlib.sha256(pos.tobytes()).hexdigest()[:32]

    @property
    def diameter(self) -> float:
        """Diagonal of the box along the principal axes (:func:`diameter`)."""
        return diameter(self.pos)

    def replace(self, **changes: Any) -> Cloud:
        """Return a copy with some fields changed; new points are unrelated to rows of the file."""
        if "pos" in changes:
            changes = {"rows": None, "file_points": 0, **changes}
        return replace(self, **changes)

    def positions(
        self, origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> npt.NDArray[np.float64]:
        """Return the file's coordinates minus an origin, in double precision, ``(N, 3)``.

        Args:
            origin: Origin of another cloud in the same frame, to compare the two clouds; zeros
                give the coordinates of the file.
        """
        shift = np.subtract(self.origin, origin)
        return self.pos.astype(np.float64) + shift

    def in_file_order(self, values: npt.NDArray[Any], fill: float) -> npt.NDArray[Any]:
        """Return one value for each point of the file, in the file's order.

        Args:
            values: One value for each point of the cloud, with shape ``(N, ...)``.
            fill: Value of the unmeasured points of the file; NaN requires a floating type.

        Returns:
            Values with shape ``(file_points, ...)``, or ``values`` where no point was left out.
        """
        if self.rows is None:
            return values
        every = np.full((self.file_points, *values.shape[1:]), fill, values.dtype)
        every[self.rows] = values
        return every

    def checked(self, source: str) -> Cloud:
        """Return the cloud itself, after a check that it can be scored.

        Args:
            source: Path or name of the cloud; error messages begin with it.

        Raises:
            InputError: There are too few points, a coordinate is not finite or too large, all
                points coincide, or the numbers of points and labels differ.
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

    Every point counts, outliers included.  Rigid motions preserve the diameter up to rounding if
    the principal variances differ.  If two of them are equal, as in a part with equal width and
    height, the axes depend on the sampling; :func:`extent` needs no axes.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    centered = pos.astype(np.float64) - pos.mean(axis=0, dtype=np.float64)
    axes = np.linalg.eigh(centered.T @ centered)[1]
    return float(np.linalg.norm(np.ptp(centered @ axes, axis=0)))


def extent(pos: Floats) -> float:
    """Return twice the distance from the centroid within which 99.5 % of the points lie.

    The extent needs no axes, and rigid motions preserve it up to rounding.  It is at most twice
    the diameter, and .70 to .99 of the diameter for the fifteen procedural parts.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    centered = pos - pos.mean(axis=0, dtype=np.float64)
    return float(2 * np.quantile(np.linalg.norm(centered, axis=1), WITHIN))


def robust_size(pos: Floats) -> float:
    """Return twice the distance from the median point within which 90 % of the points lie.

    The robust size hardly depends on the pose or on outliers, up to a tenth of the points.  It is
    .64 to .91 of the diameter for the fifteen procedural parts.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    distance = np.linalg.norm(pos - np.median(pos, axis=0), axis=1)
    return 2 * float(np.quantile(distance, INNER))


def frame_diagonal(pos: Doubles) -> float:
    """Return the diagonal of the bounding box along the coordinate axes.

    The diagonal depends on the pose, so it serves only for procedural parts in their own frame.

    Args:
        pos: Coordinates, with shape ``(N, 3)``.
    """
    return float(np.linalg.norm(np.ptp(pos, axis=0)))

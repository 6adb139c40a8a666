"""Partial views of one part become one cloud (the paper, Section III C).

Registration around the turntable, fusion, removal of outliers, an octree.  What was put together
wrongly must not pass for a scan: :attr:`Fused.trouble` says why views do not fit, if they do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.geometry.motion import Doubles, moved
from gmanet.preprocess.cleaning import Cleaned, Cleaning, clean
from gmanet.preprocess.sight import Sight
from gmanet.preprocess.turntable import Ring, ring
from gmanet.preprocess.window import Window

__all__ = ["Fused", "Turning", "fuse"]

FEWEST = 2
"""Views that can be put together."""

Markers = Mapping[str, Doubles]


@dataclass(frozen=True)
class Turning:
    """What is known of the turntable.

    Args:
        step: Nominal turn from view to view, in degrees, counterclockwise seen against the axis; 0
            for a full turn divided by the number of views.
        window: A turn differs from the nominal one by so much at most, in degrees.
        known: The same where a part's angles are given.
        tilt: The axis differs from the stated one by so much at most, in degrees.
        shift: And lies off its center by so much at most, as a share of the part's size.
        axis: Its direction.
        center: A point of it, near the part, in the unit of the views.
    """

    step: float = 0.0
    window: float = 30.0
    known: float = 2.0
    tilt: float = 5.0
    shift: float = 0.1
    axis: tuple[float, ...] = (0.0, 0.0, 1.0)
    center: tuple[float, ...] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for name in ("axis", "center"):
            if len(getattr(self, name)) != 3 or not np.isfinite(getattr(self, name)).all():
                raise InputError(f"{name}={list(getattr(self, name))}, wanted three numbers")
        if not np.any(self.axis):
            raise InputError(f"axis={list(self.axis)}, wanted a direction")
        if not (0 < self.window <= 180 and 0 < self.known <= 180 and 0 < self.tilt <= 90):
            raise InputError(
                f"window={self.window}, known={self.known} and tilt={self.tilt}, wanted degrees "
                "above 0, and no tilt beyond 90"
            )
        if not self.shift > 0:
            raise InputError(f"shift={self.shift}, wanted a share above 0")

    def windows(self, count: int, size: float, angles: Sequence[float] | None) -> list[Window]:
        """Return the windows of the motions from each of ``count`` views to the next.

        Args:
            count: Number of views; the last one's next is the first.
            size: Of the part, in the unit of the views.
            angles: Of the table at each view, in degrees; None where nobody knows.
        """
        step = self.step or 360.0 / count
        at = np.arange(count) * step if angles is None else np.asarray(angles, np.float64)
        axis = np.asarray(self.axis) / np.linalg.norm(self.axis)
        width = self.window if angles is None else self.known
        return [
            Window(
                axis,
                np.asarray(self.center, np.float64),
                *np.deg2rad([turn, width, self.tilt]).tolist(),
                self.shift * size,
            )
            for turn in np.diff(at, append=at[0])
        ]


@dataclass(frozen=True, eq=False)
class Fused:
    """Views put together.

    Args:
        views: The clouds that came in, in the frame of the first one.
        cleaned: What became of them.
        ring: How they lie together.
        trouble: Why they do not fit; empty if they do.
        cell: Edge of the octree's cells.
    """

    views: list[Cloud]
    cleaned: Cleaned
    ring: Ring
    trouble: str = field(default="")
    cell: float = 0.0


def fuse(
    clouds: Sequence[Cloud],
    turning: Turning,
    cleaning: Cleaning,
    angles: Sequence[float] | None = None,
    markers: Sequence[Markers] | None = None,
    seed: int = 0,
) -> Fused:
    """Return views of one part as one cloud in the frame of the first, with labels and normals.

    Args:
        clouds: Two or more views in the order of the table's turns.
        turning: What is known of the turntable.
        cleaning: Of the fused cloud; without a cell or depth, cells are as large as the spacing of
            a view's points, so that overlaps do not pile up.
        angles: Of the table at each view, in degrees, where they are known.
        markers: Reference points of each view by name, with shape ``(3,)`` each.
        seed: Draws points and bases.

    Raises:
        InputError: There is one view only, or one has hardly any surface.
    """
    if len(clouds) < FEWEST:
        raise InputError(f"{len(clouds)} view, wanted {FEWEST} or more")
    sights = []
    for cloud in clouds:
        try:
            sights.append(Sight.of(cloud.pos))
        except InputError as error:
            raise InputError(f"view {cloud.name}: {error}") from None
    size = 2 * max(sight.size for sight in sights)
    windows = turning.windows(len(clouds), size, angles)
    found = ring(sights, windows, np.random.default_rng(seed), markers)
    views = [
        cloud.replace(
            pos=moved(pose, cloud.pos).astype(np.float32),
            normal=None if cloud.normal is None
            else (cloud.normal @ pose[:3, :3].T).astype(np.float32),
        )
        for cloud, pose in zip(clouds, found.poses, strict=True)
    ]
    cell = cleaning.cell or (0.0 if cleaning.depth else float(np.median([one.spacing for one in sights])))
    cleaned = clean(_joined(views), replace(cleaning, cell=cell))
    return Fused(views, cleaned, found, found.trouble([cloud.name for cloud in clouds]), cell)


def _joined(views: Sequence[Cloud]) -> Cloud:
    """Return all views' points; labels and normals where all views have them.

    A view without labels among others with some has normal points only.
    """
    label = None
    if any(view.label is not None for view in views):
        label = np.concatenate(
            [np.zeros(len(one), np.bool_) if one.label is None else one.label for one in views]
        )
    normals = [view.normal for view in views if view.normal is not None]
    normal = np.concatenate(normals) if len(normals) == len(views) else None
    return Cloud(np.concatenate([view.pos for view in views]), label, normal)

"""Fusion of partial views of one part into one cloud (the paper, Section III C).

Views are registered around the turntable and checked: :attr:`Placement.trouble` gives the reason if
the views do not fit, so that a wrong reconstruction is not taken for a scan.  Then the points of
all views are merged, outliers are removed, and an octree thins the overlaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gmanet.cleaning.clean import Cleaned, Cleaning, clean
from gmanet.cloud import Cloud, Doubles
from gmanet.errors import InputError
from gmanet.geometry.se3 import moved, rotated
from gmanet.turntable.config import TurntableConfig
from gmanet.turntable.direction import in_either_direction
from gmanet.turntable.loop import Loop
from gmanet.turntable.reconstruct import reconstruct
from gmanet.turntable.view import View

__all__ = ["Placement", "about_one_origin", "fuse", "joined", "register_views"]

FEWEST = 2
"""Least number of views of a part."""

FEWEST_BACKWARD = 4
"""Least number of views that tell the direction of the table."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Poses of registered views and the figures of the check, as plain numbers.

    Lengths are in the unit of the views.

    Args:
        poses: Motions into the frame of the first view, with shape ``(V, 4, 4)``, as lists.
        spacing: Spacing of a view's points, median over all views.
        noise: Standard deviation of points about the surface, median over all views.
        systematic: Standard deviation of the scanner's systematic errors; 0 if they are not larger
            than the noise.
        backward: Whether the table was found to turn the other way round.
        rms_before: Root mean square of the heights of points above the tangent planes of the next
            view after coarse registration, over all pairs of neighboring views.
        rms: The same value after joint refinement.
        apart: Largest distance of two views' surfaces, root mean square.
        overlap: Least share of a view's points that the neighboring view also shows.
        closing: Largest motion of points by closing the loop.
        trouble: Reason why the views do not fit; empty if they fit.
    """

    poses: list[list[list[float]]]
    spacing: float
    noise: float
    systematic: float = 0.0
    backward: bool = False
    rms_before: float
    rms: float
    apart: float
    overlap: float
    closing: float
    trouble: str

    @classmethod
    def of(cls, found: Loop, names: Sequence[str]) -> Placement:
        """Return the placement of a loop of views with these names."""
        before = [link.before.rms for link in found.links.values()]
        after = [found.pairs[key].rms for key in found.links if key in found.pairs]
        overlaps = [found.pairs[key].overlap for key in found.links if key in found.pairs]
        return cls(
            poses=found.poses.tolist(),
            spacing=found.spacing,
            noise=found.scanner.noise,
            systematic=found.scanner.systematic,
            rms_before=_mean_square(before),
            rms=_mean_square(after),
            apart=max((one.apart for one in found.pairs.values()), default=0.0),
            overlap=min(overlaps, default=0.0),
            closing=found.closing,
            trouble=found.trouble(names),
        )


def about_one_origin(clouds: Sequence[Cloud]) -> list[Cloud]:
    """Return the views with a common origin: the first one that is not zero, if any.

    The origins that readers subtract may differ between views, while the turntable's axis is fixed
    in the coordinates of the files.
    """
    origin = next((one.origin for one in clouds if any(one.origin)), (0.0, 0.0, 0.0))
    return [
        one
        if one.origin == origin
        else one.replace(
            pos=one.positions(origin).astype(np.float32),
            origin=origin,
            rows=one.rows,
            file_points=one.file_points,
        )
        for one in clouds
    ]


def register_views(
    clouds: Sequence[Cloud],
    turntable: TurntableConfig,
    *,
    angles: Sequence[float] | None = None,
    markers: Sequence[Mapping[str, Doubles]] | None = None,
    seed: int = 0,
) -> Placement:
    """Return the placement of the views of one part.

    Args:
        clouds: Two or more views in the order of the table's rotation, with a common origin.
        turntable: Settings of the turntable; the center is in the coordinates of the files.
        angles: Angles of the table at each view, in degrees; None if unknown.
        markers: Reference points of each view by name, with shape ``(3,)`` each, in the files'
            coordinates.
        seed: Seed of the random points and bases.

    Raises:
        InputError: There is only one view, or a view shows hardly any surface.
    """
    if len(clouds) < FEWEST:
        raise InputError(f"{len(clouds)} view, wanted {FEWEST} or more")
    views = [_view(cloud) for cloud in clouds]
    origin = np.array(clouds[0].origin)
    if origin.any():
        center = np.asarray(turntable.center) - origin
        turntable = replace(turntable, center=tuple(center.tolist()))
        markers = markers and [{k: v - origin for k, v in one.items()} for one in markers]
    size = 2 * max(view.size for view in views)
    names = [cloud.name for cloud in clouds]

    def placed(backward: bool) -> Loop:
        table, at = turntable, angles
        if backward:
            table = replace(turntable, step=-(turntable.step or 360.0 / len(clouds)))
            at = angles and [-angle for angle in angles]
        priors = table.priors(len(clouds), size, angles=at)
        return reconstruct(views, priors, rng=np.random.default_rng(seed), markers=markers)

    if markers is not None or len(clouds) < FEWEST_BACKWARD:
        return Placement.of(placed(False), names)
    stated = "the angles of poses.txt with the other sign" if angles else ""
    if turntable.step and not angles:
        stated = f"step={-turntable.step:g}"
    found = in_either_direction(placed, names, stated=stated)
    made = Placement.of(found.loop, names)
    return replace(made, backward=found.backward, trouble=found.trouble)


def _view(cloud: Cloud) -> View:
    try:
        return View.of(cloud.pos)
    except InputError as error:
        raise InputError(f"view {cloud.name}: {error}") from None


def fuse(clouds: Sequence[Cloud], placement: Placement, cleaning: Cleaning) -> Cleaned:
    """Return registered views as one cleaned cloud in the frame of the first.

    Args:
        clouds: The views.
        placement: Placement of the views.
        cleaning: Settings of cleaning; without ``cell`` and ``depth``, the octree's cells have the
            edge of the spacing of a view, so that overlaps are not denser.

    Raises:
        InputError: Too few points remain.
    """
    if not (cleaning.cell or cleaning.depth):
        cleaning = replace(cleaning, cell=placement.spacing)
    return clean(joined(clouds, placement), cleaning, fused=True)


def joined(clouds: Sequence[Cloud], placement: Placement) -> Cloud:
    """Return all views' points in the frame of the first.

    The cloud has labels if any view has (points of other views are then normal), and normals if all
    views have.
    """
    poses = np.asarray(placement.poses)
    pos = [moved(pose, one.pos) for pose, one in zip(poses, clouds, strict=True)]
    label = None
    if any(one.label is not None for one in clouds):
        label = np.concatenate(
            [np.zeros(len(one), np.bool_) if one.label is None else one.label for one in clouds]
        )
    normals = [
        rotated(pose, one.normal)
        for pose, one in zip(poses, clouds, strict=True)
        if one.normal is not None
    ]
    normal = np.concatenate(normals).astype(np.float32) if len(normals) == len(clouds) else None
    whole = np.concatenate(pos).astype(np.float32)
    return Cloud(whole, label, normal=normal, origin=clouds[0].origin)


def _mean_square(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else float("inf")

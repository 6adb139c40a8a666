"""Registration of all normal clouds: on the first of them, then on what they have in common.

On the common surface each place counts by how much the clouds differ there, so that what differs
from part to part, such as threads and engravings, does not pull.  A cloud that shows another side
than the first one is registered on the other clouds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from tqdm import tqdm

from gmanet.cleaning.outliers import flying
from gmanet.cloud import Cloud, Doubles, Floats
from gmanet.detectors.gmanet.aligner import refine_common
from gmanet.detectors.gmanet.common_surface.places import make_consensus
from gmanet.detectors.reference import Reference
from gmanet.registration.cached import register_solid
from gmanet.registration.icp import Registration
from gmanet.registration.target import Target, subsample

__all__ = ["Part", "failed", "register_jointly", "registered_sentence"]

POINTS = 16384
"""Points in the subsample of each normal cloud."""

LEAST_OVERLAP = 0.8
"""Least overlap of a normal cloud with the common surface, in medians of all clouds' overlaps."""

LARGEST_RMSE = 2.5
"""Largest distance of a normal cloud from the common surface, in medians over all clouds."""

Part = tuple[Floats, Floats]
"""Points and normals of a cloud, each with shape ``(P, 3)``."""

Exact = tuple[Doubles, Doubles]
"""The same in double precision, in the pose and unit of the cloud."""


def register_jointly(
    clouds: Sequence[Callable[[], Cloud]],
    reference: Reference,
    *,
    common: Reference,
    shown: bool,
) -> tuple[list[Registration], list[Part | None], float]:
    """Return the registrations of normal clouds, the registered clouds, and how far they differ.

    A cloud that could not be registered is None in the second list.  The last value is the median
    distance of the clouds to the first one, in extents.

    Args:
        clouds: Functions that read the normal clouds.
        reference: Becomes the first cloud.
        common: Becomes the common surface.
        shown: Whether a bar is shown.
    """
    reference.fit(clouds[0]().pos)
    target, first, parts = reference.target, [], []
    for read in tqdm(clouds, "aligning normal clouds", disable=not shown, unit="cloud"):
        pos = read().pos
        first.append(register_solid(pos, target))
        parts.append(_subsample(pos, target))
    if len(clouds) < 2:
        return first, [], 0.0
    points, normal, spread = make_consensus(_moved(parts, first, target=target)).surface()
    common.fit_surface(points, normal, spread=spread, length=target.length)
    second = []
    for read, found in zip(clouds, first, strict=True):
        second.append(refine_common(read().pos, found, common=common.target))
    apart = float(np.median([found.inlier_rmse for found in first[1:]])) / target.length
    return second, _moved(parts, second, target=target), apart


def failed(found: Sequence[Registration]) -> list[bool]:
    """Return for each normal cloud whether its registration failed.

    Args:
        found: The registrations of all normal clouds on one target.
    """
    overlap = np.array([each.overlap for each in found])
    rmse = np.array([each.inlier_rmse for each in found])
    usual = np.median(rmse[rmse > 0]) if (rmse > 0).any() else np.inf
    wrong = (overlap < LEAST_OVERLAP * np.median(overlap)) | (rmse > LARGEST_RMSE * usual)
    return [bool(each) for each in wrong]


def registered_sentence(
    found: Sequence[Registration], names: Sequence[str], *, length: float
) -> str:
    """Return how many normal clouds lie on one another, and how well.

    Args:
        found: The registrations of all normal clouds.
        names: Their names.
        length: Extent of the target, in the unit of the clouds.
    """
    lost = failed(found)
    share = np.median([each.inlier_rmse for each in found]) / length
    overlap = np.median([each.overlap for each in found])
    said = (
        f"{len(found) - sum(lost)} of {len(found)} normal clouds lie on one another, "
        f"{100 * share:.2f} % of the part's extent apart with an overlap of "
        f"{100 * overlap:.0f} % (medians)"
    )
    left_out = [name for name, bad in zip(names, lost, strict=False) if bad]
    if left_out:
        said += f"; left out, as they could not be registered: {', '.join(left_out)}"
    return said


def _subsample(pos: Floats, target: Target) -> Exact:
    """Return a cloud's subsample and normals without flying points, in its own pose and unit."""
    made, centroid = subsample(pos[~flying(pos)], target.length, count=POINTS)
    return np.asarray(made.points * target.length + centroid), made.normal


def _moved(
    parts: Sequence[Exact], found: Sequence[Registration], *, target: Target
) -> list[Part | None]:
    """Return subsamples in the target's coordinates and extents; None where registration failed."""
    moved: list[Part | None] = []
    for (points, normal), each, bad in zip(parts, found, failed(found), strict=True):
        placed = (points @ each.rotation.T + each.translation) / target.length
        turned = (normal @ each.rotation.T).astype(np.float32)
        moved.append(None if bad else (placed.astype(np.float32), turned))
    return moved

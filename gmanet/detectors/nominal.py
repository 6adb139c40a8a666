"""Signed deviation of a cloud from the nominal part, by what a fitted detector keeps of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy.typing as npt

from gmanet.cloud import Cloud, Floats
from gmanet.formats.arrays import as_cloud

if TYPE_CHECKING:
    from gmanet.detectors.base import Detector

__all__ = ["deviation"]


def deviation(detector: Detector, cloud: Cloud | npt.ArrayLike) -> Floats | None:
    """Return the signed distance of points from the nominal part in the best pose, ``(N,)``.

    The nominal part is the CAD mesh or, if the detector keeps registered good scans, these.
    Lengths are in the unit of the cloud, positive outside.  None if the detector keeps neither.

    Args:
        detector: A fitted detector.
        cloud: The cloud, or coordinates with shape ``(N, 3)``; rows that were never measured have
            NaN.
    """
    made = as_cloud(cloud)
    found = detector.signed_deviation(made)
    if found is None or made is cloud:
        return found
    return made.in_file_order(found, float("nan"))

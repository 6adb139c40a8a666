"""Signed deviation of a cloud from the nominal part, by what a fitted detector keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud, Floats
from gmanet.formats.arrays import as_cloud

if TYPE_CHECKING:
    from gmanet.detectors.base import Detector

__all__ = ["deviation"]


def deviation(detector: Detector, cloud: Cloud | npt.ArrayLike) -> Floats | None:
    """Return the signed distance of points from the nominal part in the best pose, ``(N,)``.

    The nominal part is the CAD mesh or, if the detector keeps registered good scans, their mean.
    Lengths are in the unit of the cloud, positive outside.  None if the detector keeps neither.

    Args:
        detector: A fitted detector.
        cloud: The cloud, or coordinates with shape ``(N, 3)``; rows that were never measured have
            NaN.
    """
    made = as_cloud(cloud)
    if detector.nominal is not None:
        found = detector.nominal.deviation(made.pos).astype(np.float32)
    else:
        of_mean: Callable[[Cloud], Floats | None] | None
        of_mean = getattr(detector, "mean_deviation", None)
        mean = None if of_mean is None else of_mean(made)
        if mean is None:
            return None
        found = mean
    return found if made is cloud else made.in_file_order(found, float("nan"))

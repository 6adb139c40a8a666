"""Signed deviation of a cloud from the mean of the registered normal clouds."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from gmanet.cloud import Cloud, Floats
from gmanet.detectors.gmanet.aligner import Aligner
from gmanet.detectors.gmanet.deviation import Surfaces
from gmanet.nominal.mean import MeanPart
from gmanet.registration.icp import apply

__all__ = ["mean_deviation"]

_found: WeakKeyDictionary[Surfaces, MeanPart] = WeakKeyDictionary()


def mean_deviation(cloud: Cloud, aligner: Aligner) -> Floats:
    """Return signed distances in the unit of the cloud, positive outside, with shape ``(N,)``.

    Args:
        cloud: The cloud.
        aligner: Alignment with the normal clouds.
    """
    surfaces, length = aligner.surfaces, aligner.target.length
    if surfaces not in _found:
        _found[surfaces] = MeanPart(
            points=surfaces.points, normal=surfaces.normal, owner=surfaces.owner, extent=1.0
        )
    placed = apply(aligner.register(cloud), cloud.pos) / np.float32(length)
    return (length * _found[surfaces].deviation(placed)).astype(np.float32)

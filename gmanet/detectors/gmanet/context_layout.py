"""The named parts of a center's context, which ablations can leave out."""

from __future__ import annotations

from collections.abc import Collection

from gmanet.detectors.gmanet.conditions import CONDITIONS
from gmanet.detectors.gmanet.config import PART_NAMES
from gmanet.detectors.gmanet.descriptors import CONTEXT, DESCRIPTOR, RIM
from gmanet.geometry.pca import EIGEN
from gmanet.geometry.spfh import HISTOGRAM

__all__ = ["PARTS", "channels"]

WIDTHS = (DESCRIPTOR, DESCRIPTOR, DESCRIPTOR, 3 * HISTOGRAM, 5 * EIGEN, RIM, CONDITIONS)
"""Channels of each of ``PART_NAMES``."""


def _ranges() -> dict[str, range]:
    ranges, start = {}, 0
    for name, width in zip(PART_NAMES, WIDTHS, strict=True):
        ranges[name] = range(start, start + width)
        start += width
    assert start == CONTEXT, "the widths differ from the context of detectors.gmanet.descriptors"
    return ranges


PARTS: dict[str, range] = _ranges()
"""Name of a part of the context -> channels of this part (``detectors.gmanet.descriptors``).

``close`` and ``mean`` are means of the fine histograms over the close and over all neighbors,
``spread`` is their standard deviation over all neighbors, ``coarse`` are the coarse histograms,
``shapes`` the eigenvalue features, ``rims`` the offsets of neighborhoods, and ``conditions`` noise
and density of the cloud.
"""


def channels(without: Collection[str], context: int) -> list[int]:
    """Return the indices of the context's channels that remain without some parts.

    Args:
        without: Names of the parts to leave out, keys of ``PARTS``.
        context: Number of channels of the context; channels after the parts (deviations) remain.
    """
    gone = {channel for name in without for channel in PARTS[name]}
    return [channel for channel in range(context) if channel not in gone]

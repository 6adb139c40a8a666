"""The named parts of a center's context, which ablations can leave out."""

from __future__ import annotations

from collections.abc import Collection

from gmanet.detectors.gmanet.config import PART_NAMES
from gmanet.detectors.gmanet.descriptors import CONTEXT, DESCRIPTOR
from gmanet.geometry.pca import EIGEN
from gmanet.geometry.spfh import HISTOGRAM

__all__ = ["PARTS", "channels"]

WIDTHS = (DESCRIPTOR, DESCRIPTOR, DESCRIPTOR, 3 * HISTOGRAM, 5 * EIGEN)
"""Channels of each of ``PART_NAMES``."""


def _ranges() -> dict[str, range]:
    ranges, start = {}, 0
    for name, width in zip(PART_NAMES, WIDTHS, strict=True):
        ranges[name] = range(start, start + width)
        start += width
    assert start == CONTEXT, "the widths differ from the context of detectors.gmanet.descriptors"
    return ranges


PARTS: dict[str, range] = _ranges()
"""Part of the context -> its channels: mean of the fine histograms over close and over all
neighbors, their spread, coarse histograms, eigenvalue features (``detectors.gmanet.descriptors``).
"""


def channels(without: Collection[str], context: int) -> list[int]:
    """Return the channels of a context that remain without some of its parts.

    Args:
        without: Names of ``PARTS``.
        context: All channels of the context; those beyond the parts (alignment) stay.
    """
    gone = {channel for name in without for channel in PARTS[name]}
    return [channel for channel in range(context) if channel not in gone]

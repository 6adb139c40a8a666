"""The parts of what GMANet reads at a center, so that ablations can leave them out by name."""

from __future__ import annotations

from collections.abc import Collection

from gmanet.detectors.gmanet.descriptors import CONTEXT, DESCRIPTOR
from gmanet.geometry.pca import EIGEN
from gmanet.geometry.spfh import HISTOGRAM

__all__ = ["PARTS", "channels"]

WIDTHS = {
    "close": DESCRIPTOR,
    "mean": DESCRIPTOR,
    "spread": DESCRIPTOR,
    "coarse": 3 * HISTOGRAM,
    "shapes": 5 * EIGEN,
}


def _places() -> dict[str, range]:
    places, start = {}, 0
    for name, width in WIDTHS.items():
        places[name] = range(start, start + width)
        start += width
    assert start == CONTEXT, (
        "gmanet.detectors.gmanet.descriptors lays the context out in another way"
    )
    return places


PARTS: dict[str, range] = _places()
"""Part of the context -> its channels: mean of the fine histograms nearby and farther around, their
spread, histograms of coarse neighborhoods, eigenvalues; see ``detectors.gmanet.descriptors``."""


def channels(without: Collection[str], context: int) -> list[int]:
    """Return the channels of a context that are left without some of its parts.

    Args:
        without: Names of ``PARTS``.
        context: All channels of the context; those beyond the parts (alignment) stay.
    """
    gone = {channel for name in without for channel in PARTS[name]}
    return [channel for channel in range(context) if channel not in gone]

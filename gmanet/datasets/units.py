"""Detection of scans in different units, such as millimeters and meters, by their sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gmanet.cloud import robust_size
from gmanet.errors import InputError

__all__ = ["check_sizes", "foreign_sizes", "named_factor", "robust_size"]

BENIGN = 5.0
"""Largest ratio of two scans next to each other in size that are in the same unit.

It allows for partial views and for families of parts whose sizes differ by up to 1 : 3.
"""
NAMED = 10
"""Largest number of scans that a sentence names."""
FACTORS = {
    1000.0: "millimeters and meters, or micrometers and millimeters",
    100.0: "centimeters and meters",
    39.37: "inches and meters",
    25.4: "millimeters and inches",
    10.0: "millimeters and centimeters",
    1e6: "micrometers and meters",
}
"""Ratio of two units -> names of units with this ratio."""
LIKE = 1.4
"""Largest ratio between an observed factor and one of ``FACTORS`` at which the units are named."""


def check_sizes(sizes: Sequence[float], places: Sequence[str]) -> None:
    """Raise an error if the sizes of the train scans show more than one unit.

    Args:
        sizes: Size of each scan (:func:`robust_size`); 0 if it is unknown.
        places: File or name of each scan.

    Raises:
        InputError: The sorted sizes have a gap of more than a factor of 5; the message names the
            scans of the smaller group.
    """
    known = sorted((size, place) for size, place in zip(sizes, places, strict=True) if size > 0)
    ratios = [above[0] / below[0] for below, above in pairwise(known)]
    if max(ratios, default=1.0) <= BENIGN:
        return
    cut = int(np.argmax(ratios)) + 1
    small, large = known[:cut], known[cut:]
    odd, rest = (small, large) if len(small) <= len(large) else (large, small)
    factor = large[len(large) // 2][0] / small[len(small) // 2][0]
    found = f"{len(odd)} of {len(known)} train scans are {_number(factor)} times"
    than = "smaller" if odd is small else "larger"
    usual = _number(rest[len(rest) // 2][0])
    raise InputError(
        f"{found} {than} than the others, which measure {usual}: {_some(odd)}; wanted all scans in "
        f"one unit{named_factor(factor)}: convert these, or take them out"
    )


def foreign_sizes(
    train: Sequence[float], test: Sequence[float], *, places: Sequence[str]
) -> list[str]:
    """Return sentences on the test scans that are in another unit than the train scans.

    Args:
        train: Sizes of the train scans, all in one unit; 0 if a size is unknown.
        test: Sizes of the test scans; 0 if a size is unknown.
        places: File or name of each test scan.
    """
    known = [size for size in train if size > 0]
    if not known:
        return []
    low, high, usual = min(known) / BENIGN, max(known) * BENIGN, float(np.median(known))
    scans = list(zip(test, places, strict=True))
    said = []
    for than, odd in (
        ("smaller", [scan for scan in scans if 0 < scan[0] < low]),
        ("larger", [scan for scan in scans if scan[0] > high]),
    ):
        if odd:
            ratio = usual / float(np.median([size for size, _ in odd]))
            factor = max(ratio, 1 / ratio)
            said.append(
                f"{len(odd)} of {len(test)} test scans are {_number(factor)} times {than} than the "
                f"train scans, which measure {_number(usual)}{named_factor(factor)}: {_some(odd)}"
            )
    return said


def _some(scans: Sequence[tuple[float, str]]) -> str:
    named = ", ".join(f"{place} ({_number(size)})" for size, place in scans[:NAMED])
    return named + (f" and {len(scans) - NAMED} more" if len(scans) > NAMED else "")


def _number(value: float) -> str:
    return f"{float(f'{value:.3g}'):g}"


def named_factor(factor: float) -> str:
    """Return the two units whose ratio a factor is about, in parentheses; empty if there are none.

    Args:
        factor: Ratio of two sizes, 1 or more.
    """
    near = min(FACTORS, key=lambda known: abs(math.log(factor / known)))
    off = abs(math.log(factor / near))
    return f" (perhaps {FACTORS[near]})" if off < math.log(LIKE) else ""

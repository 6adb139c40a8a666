"""Sentences on scans that are not judged: what was found, and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["UNITS", "sentence", "unit_of"]

UNITS = {
    1e-3: ("meters", "millimeters", 1000.0),
    1e3: ("micrometers", "millimeters", 1e-3),
    1 / 25.4: ("inches", "millimeters", 25.4),
    25.4: ("millimeters", "inches", 1 / 25.4),
    0.1: ("centimeters", "millimeters", 10.0),
    10.0: ("millimeters", "centimeters", 0.1),
    1e-6: ("meters", "micrometers", 1e6),
    1e6: ("micrometers", "meters", 1e-6),
    39.37: ("inches", "meters", 0.0254),
    1 / 39.37: ("meters", "inches", 39.37),
}
"""Ratio of a scan's size to that of the train scans -> unit of the scan, unit of the train scans,
and the factor that converts the scan.  Only ratios are known: micrometers to millimeters are as
millimeters to meters."""

ALIKE = 1.2
"""A ratio within this factor of one of ``UNITS`` is that of the units."""


def unit_of(ratio: float) -> tuple[str, str, float] | None:
    """Return the units that a ratio of sizes hints at, as in ``UNITS``, or None.

    Args:
        ratio: Size of a scan in that of the train scans.
    """
    near = min(UNITS, key=lambda known: abs(math.log(ratio / known)))
    return UNITS[near] if abs(math.log(ratio / near)) < math.log(ALIKE) else None


def sentence(
    name: str,
    values: Mapping[str, float],
    *,
    ratio: float,
    limits: tuple[float, float],
    foreign: bool,
) -> str:
    """Return one sentence on a check that failed.

    Args:
        name: Name of the check.
        values: Name of a measure -> its value for the scan.
        ratio: Size of the scan in that of the train scans.
        limits: Lowest and highest value of the check that is accepted.
        foreign: Whether the scan shows more than the part.
    """
    if name == "unit":
        return _unit(ratio)
    if name == "size":
        return _size(ratio)
    if name == "overlap":
        return _overlap(values, foreign=foreign)
    return {
        "points": "{points} points, wanted at least {lowest}: scan the part again, more densely",
        "coverage": "only {coverage} of the part's surface is there, wanted {lowest}: scan the "
        "rest of it, too",
        "residual": "the scan lies {residual} of its extent away from the normal scans, wanted "
        "{highest}: is this the part, and undistorted?",
        "spacing": "the points are {spacing} apart, wanted at most {highest}: scan the part again, "
        "more densely",
        "noise": "the noise is {noise}, wanted at most {highest}: scan the part again, with less "
        "noise, or fit on scans like this one",
        "flying": "{flying} of the points fly about, wanted at most {highest}: clean the scan "
        "(gmanet prepare)",
    }[name].format(**_shown(name, values, limits))


def _shown(name: str, values: Mapping[str, float], limits: tuple[float, float]) -> dict[str, str]:
    as_share = name in ("coverage", "residual", "flying")
    shown = {"lowest": limits[0], "highest": limits[1], name: values[name]}
    if as_share:
        return {key: f"{100 * value:.2g} %" for key, value in shown.items()}
    if name == "points":
        finite = {key: value for key, value in shown.items() if math.isfinite(value)}
        return {key: f"{math.ceil(value):,}" for key, value in finite.items()}
    return {key: f"{value:.3g}" for key, value in shown.items()}


def _unit(ratio: float) -> str:
    found = unit_of(ratio)
    assert found is not None
    scan, train, factor = found
    return (
        f"the scan has {ratio:.3g} times the size of the train scans, as {scan} instead of {train} "
        f"would make it: multiply its coordinates by {factor:.6g}"
    )


def _size(ratio: float) -> str:
    if ratio > 1:
        return (
            f"the scan is {ratio:.2g} times as large as the train scans: take out the table, or "
            "whatever is not the part"
        )
    return f"the scan has {ratio:.2g} times the size of the train scans: is this the part, whole?"


def _overlap(values: Mapping[str, float], *, foreign: bool) -> str:
    away = 100 * (1 - values["overlap"])
    if foreign:
        return (
            f"{away:.2g} % of the scan is no surface of the part: take out the table, or whatever "
            "is not the part"
        )
    return (
        f"{away:.2g} % of the scan lies away from the normal scans in the best pose, and "
        f"{100 * (1 - values['coverage']):.2g} % of the part is not there: is this the part?"
    )

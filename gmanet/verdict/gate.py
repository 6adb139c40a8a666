"""The gate: whether a scan is one that the promised false-alarm rate holds for.

The promise holds for scans as the train scans are.  Each check compares one measure of a scan with
its range over the train scans, widened by what a rescan of a good part may change (the constants
below); a scan outside is not judged.  No check asks for defects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gmanet.cloud import Cloud
from gmanet.registration.cached import register_solid
from gmanet.registration.icp import Registration
from gmanet.registration.target import Target
from gmanet.synthesis.twins import Clouds
from gmanet.verdict.check import Check
from gmanet.verdict.measures import Fit, Scan, fit_of, measure_scan, sparser
from gmanet.verdict.reference import common_reference, reference_state, stored_reference
from gmanet.verdict.sentences import sentence, unit_of

__all__ = ["SETTINGS", "Gate"]

CLOUDS = 40
"""Largest number of train scans whose ranges are measured."""

SPARSEST = 0.15
"""Least share of the points of the sparsest train scan."""

NOISIER = 2.4
"""Most noise, in that of the noisiest train scan at the same spacing of points."""

FLYING = 0.01
"""Largest share of flying points beyond that of the train scans."""

MISSING = 0.35
"""Largest share of missing surface beyond that of the train scans."""

AWAY = 0.08
"""Largest share of points away from the reference beyond that of the train scans: flying ones."""

SIZES = (0.55, 1.6)
"""Smallest and largest ratio to the sizes of the train scans: a scan with missing surface is
smaller or larger by up to this."""

RESIDUAL = 1.5
"""Largest residual of the registration, in that of the train scans, before noise is added."""

PLANE = 0.05
"""Share of points on one plane, beyond that of the train scans, which hints at a table."""

DEFECTS = 0.008
"""Residual that defects alone may cause: 3 % of the diameter deep on a tenth of the surface."""

SHARES = (1.0, 0.5, 0.25, SPARSEST)
"""Shares of the points at which the noise of the train scans is measured: a plane through farther
neighbors leaves more of a curved surface."""

ORDER = ("points", "unit", "overlap", "coverage", "residual", "size", "spacing", "noise", "flying")
"""Names of the checks; the first that fails is the reason."""


SAME_SPARSEST, SAME_NOISE, SAME_FLYING = 1.08, 1.25, 0.001
"""Largest distance of points where they are sparsest and largest noise, in the largest of the train
scans, and largest share of flying points beyond theirs, of a scan made as the train scans were."""

SETTINGS = ("sparser", "noisier")
"""Settings of a scanner that scores of good parts depend on (:meth:`Gate.setting`): fewer or flying
points, and more noise."""

Reference = tuple[Target, Sequence[Registration]]
"""The reference of the train scans, and their registrations on it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Gate:
    """Ranges of the train scans.

    Args:
        target: The reference that scans are registered on.
        ranges: Name of a measure -> lowest and highest value over the train scans.
        spacings: Spacing of the train scans' points at each of ``SHARES``, ascending, in the unit
            of the scans.
        noises: Noise of the noisiest train scan at each of these spacings, in the same unit.
    """

    target: Target
    ranges: Mapping[str, tuple[float, float]]
    spacings: tuple[float, ...]
    noises: tuple[float, ...]

    @classmethod
    def of(cls, clouds: Clouds | Sequence[Cloud], reference: Reference | None = None) -> Gate:
        """Return the gate that the train scans make.

        Args:
            clouds: Normal clouds of one part.
            reference: Their reference, and registrations on it; None: ``common_reference``.
        """
        some = [clouds[index] for index in range(min(CLOUDS, len(clouds)))]
        target, poses = reference or common_reference(some, count=CLOUDS)
        measured = [measure_scan(cloud.pos) for cloud in some]
        fits = [fit_of(some[row].pos, poses[row], target=target) for row in range(len(some))]
        rows = [{**asdict(scan), **asdict(fit)} for scan, fit in zip(measured, fits, strict=True)]
        columns = {name: [float(row[name]) for row in rows] for name in rows[0]}
        ranges = {name: (min(column), max(column)) for name, column in columns.items()}
        thinned = [sparser(some[:: max(1, len(some) // 8)], share) for share in SHARES]
        return cls(
            target=target,
            ranges=ranges,
            spacings=tuple(spacing for spacing, _ in thinned),
            noises=tuple(np.maximum.accumulate([noise for _, noise in thinned]).tolist()),
        )

    def __call__(self, cloud: Cloud) -> tuple[Check, ...]:
        """Return the checks of a scan in the order of ``ORDER``.

        Args:
            cloud: The scan.
        """
        scan = measure_scan(cloud.pos)
        return self.checks(cloud, scan=scan, found=self.register(cloud, scan))

    def register(self, cloud: Cloud, scan: Scan) -> Registration | None:
        """Return the registration of a scan; None with too few points or in another unit.

        Args:
            cloud: The scan.
            scan: Its measures.
        """
        if scan.points < self.limits("points", scan)[0] or unit_of(self._ratio(scan)):
            return None
        return register_solid(cloud.pos, self.target)

    def checks(self, cloud: Cloud, *, scan: Scan, found: Registration | None) -> tuple[Check, ...]:
        """Return the checks of a scan that was measured and registered.

        Args:
            cloud: The scan.
            scan: Its measures.
            found: Its registration (:meth:`register`).
        """
        fit = None if found is None else fit_of(cloud.pos, found, target=self.target)
        also = {} if fit is None else asdict(fit)
        measured: dict[str, float] = {**asdict(scan), "unit": scan.size, **also}
        made = []
        for name in [name for name in ORDER if name in measured]:
            lowest, highest = self.limits(name, scan)
            outside = not lowest <= measured[name] <= highest
            failed = unit_of(self._ratio(scan)) is not None if name == "unit" else outside
            made.append(
                Check(
                    name=name,
                    value=float(measured[name]),
                    lowest=lowest,
                    highest=highest,
                    sentence=self._sentence(name, scan, fit=fit) if failed else "",
                )
            )
        return tuple(made)

    def setting(self, scan: Scan) -> str:
        """Return which of ``SETTINGS`` a scan was made with; empty if as the train scans were.

        Args:
            scan: Its measures.
        """
        if scan.noise > SAME_NOISE * self._noise_at(scan.spacing):
            return "noisier"
        same = (
            scan.sparsest <= SAME_SPARSEST * self.ranges.get("sparsest", (0, math.inf))[1]
            and scan.flying <= SAME_FLYING + self.ranges["flying"][1]
        )
        return "" if same else "sparser"

    def limits(self, name: str, scan: Scan) -> tuple[float, float]:
        """Return the lowest and the highest value of a measure that is accepted.

        Args:
            name: One of ``ORDER``.
            scan: Measures of the scan; the limits of noise and residual depend on them.
        """
        low, high = self.ranges["size" if name == "unit" else name]
        if name in ("points", "spacing"):
            return (SPARSEST * low, math.inf) if name == "points" else (0, high / SPARSEST**0.5)
        if name in ("unit", "size"):
            return SIZES[0] * low, SIZES[1] * high
        if name in ("overlap", "coverage"):
            return low - AWAY if name == "overlap" else (1 - MISSING) * low, 1.0
        if name == "flying":
            return 0.0, high + FLYING
        noise = NOISIER * self._noise_at(scan.spacing)
        if name == "noise":
            return 0.0, noise
        return 0.0, math.hypot(RESIDUAL * high, noise / self.target.length, DEFECTS)

    def _noise_at(self, spacing: float) -> float:
        """Return the noise of the noisiest train scan with a spacing of points."""
        known = [math.log(one) for one in self.spacings]
        return float(np.interp(math.log(spacing), known, self.noises))

    def _ratio(self, scan: Scan) -> float:
        """Return the ratio of a scan's size to that of the train scans; 1 within their range."""
        low, high = self.ranges["size"]
        if SIZES[0] * low <= scan.size <= SIZES[1] * high:
            return 1.0
        return scan.size / math.sqrt(low * high)

    def _sentence(self, name: str, scan: Scan, *, fit: Fit | None) -> str:
        values = {**asdict(scan), **({} if fit is None else asdict(fit))}
        covered = fit is not None and fit.coverage >= self.limits("coverage", scan)[0]
        table = scan.plane > PLANE + self.ranges["plane"][1] / (1 - MISSING)
        return sentence(
            name,
            values,
            ratio=scan.size / math.sqrt(math.prod(self.ranges["size"])),
            limits=self.limits(name, scan),
            foreign=covered or table,
        )

    def state(self) -> dict[str, Any]:
        """Return the gate as plain values and tensors."""
        return {
            **reference_state(self.target),
            "ranges": {name: list(pair) for name, pair in self.ranges.items()},
            "spacings": list(self.spacings),
            "noises": list(self.noises),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Gate:
        """Return the gate that :meth:`state` described."""
        return cls(
            target=stored_reference(state),
            ranges={
                name: (float(low), float(high)) for name, (low, high) in state["ranges"].items()
            },
            spacings=tuple(map(float, state["spacings"])),
            noises=tuple(map(float, state["noises"])),
        )

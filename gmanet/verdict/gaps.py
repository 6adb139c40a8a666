"""Gaps of a scan: connected places where all normal scans have points and the scan has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Doubles, Floats, Indices
from gmanet.geometry.coverage import Cover, regions_of

__all__ = ["MISSING", "NOT_SCANNED", "Found", "Gap", "find_gaps"]

MISSING, NOT_SCANNED = "missing", "not scanned"
"""Kinds of gaps."""

LARGEST = 0.08
"""Largest share of the part's surface that counts as missing where no other surface is seen in the
gaps: a scanner that loses as much did not scan the part."""

EXPOSED = 0.25
"""Least area of other surface in a gap, in that of the gap, which shows that material is gone."""

APART = 2.5
"""Largest distance of connected places, in the median distance of neighboring places."""

OTHER = 1.5
"""Least distance of other surface from all places, in the median distance of neighboring places:
all of the normal surface has a place within one."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A connected piece of surface that all normal scans have and a scan lacks.

    Args:
        place: Middle of the gap, in the frame and unit of the scan.
        area: Area in the squared unit of the scan.
        share: Share of the part's surface.
        emptiness: Highest emptiness of its places.
        exposed: Area of other surface that is seen in the gap, in that of the gap: a cut through
            material shows new surface, a hole of the scanner none.
        kind: ``missing`` or ``not scanned``.
    """

    place: tuple[float, float, float]
    area: float
    share: float
    emptiness: float
    exposed: float
    kind: str

    @property
    def sentence(self) -> str:
        """What is missing, for people."""
        where = ", ".join(f"{value:.4g}" for value in self.place)
        size = f"an area of {self.area:.3g} at ({where}), {100 * self.share:.2g} % of the surface"
        if self.kind == NOT_SCANNED:
            return f"{size}, was not scanned, and nothing is seen behind it: scan it, too"
        if self.exposed >= EXPOSED:
            return f"{size}, is missing, and other surface is seen there"
        return f"{size}, is missing, or lost by the scanner, as nothing is seen behind it"


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What was found in the search for missing surface.

    Args:
        emptiness: Highest emptiness of all places; minus infinity where nothing was compared, and
            where the gaps were not scanned.
        gaps: The gaps, the largest first.
        rim: Indices of the scan's points around gaps of the kind ``missing``, with shape ``(K,)``.
        note: Why nothing was compared; empty where the surface was searched.
    """

    emptiness: float = float("-inf")
    gaps: tuple[Gap, ...] = ()
    rim: Indices | None = None
    note: str = ""

    @property
    def not_scanned(self) -> str:
        """Sentence on the largest gap that was not scanned; empty if there is none."""
        return next((gap.sentence for gap in self.gaps if gap.kind == NOT_SCANNED), "")


def find_gaps(
    pos: Floats,
    places: Floats,
    *,
    seen: Cover,
    emptiness: Doubles,
    limit: float,
    areas: Doubles,
    back: Callable[[Doubles], Doubles],
    length: float,
) -> Found:
    """Return the gaps of a scan.

    A gap consists of connected places with an emptiness above 1, one of them above the limit, and
    of the places that are as near to these as an emptiness of 1, which hides a gap's border.

    Args:
        pos: Points of the scan in the frame of the places, with shape ``(N, 3)``.
        places: Places, with shape ``(M, 3)``.
        seen: How the scan covers the places.
        emptiness: Emptiness of each place, with shape ``(M,)``.
        limit: Least emptiness of a gap.
        areas: Area of each place, with shape ``(M,)``.
        back: Function from points of this frame to those of the scan's frame.
        length: Unit of the frame, in the unit of the scan.
    """
    apart = float(np.median(np.sqrt(areas)))
    empty = np.flatnonzero(emptiness > 1)
    label = regions_of(places[empty], reach=APART * apart)
    tree, other = cKDTree(places), _other_surface(pos, places, reach=OTHER * apart)
    grouped = []
    for number in np.unique(label[emptiness[empty] > limit]):
        core = empty[label == number]
        near = float(np.median(seen.distance[core] / emptiness[core]))
        around = tree.query_ball_point(places[core], near)
        whole = np.unique(np.concatenate([core, *map(np.asarray, around)]).astype(np.int64))
        grouped.append((core, whole, float(np.median(seen.spacing[core]))))
    share = float(sum(areas[whole].sum() for _, whole, _ in grouped) / areas.sum())
    gaps = []
    for core, whole, spacing in grouped:
        area = float(areas[whole].sum())
        exposed = _exposed(pos[other], places[whole], spacing=spacing, apart=apart) / area
        middle = places[core[np.argmax(emptiness[core])]].astype(np.float64)
        kind = MISSING if share <= LARGEST or exposed >= EXPOSED else NOT_SCANNED
        x, y, z = back(middle[None])[0].tolist()
        gaps.append(
            Gap(
                place=(x, y, z),
                area=area * length**2,
                share=float(area / areas.sum()),
                emptiness=float(emptiness[core].max()),
                exposed=exposed,
                kind=kind,
            )
        )
    missing = [
        (gap, core) for gap, (core, *_) in zip(gaps, grouped, strict=True) if gap.kind == MISSING
    ]
    return Found(
        emptiness=max((gap.emptiness for gap, _ in missing), default=float("-inf")),
        gaps=tuple(sorted(gaps, key=lambda gap: -gap.area)),
        rim=np.unique(np.concatenate([seen.nearest[core] for _, core in missing]))
        if missing
        else None,
    )


def _other_surface(pos: Floats, places: Floats, *, reach: float) -> Indices:
    """Return the points of a scan that lie on no surface of the normal scans."""
    return np.flatnonzero(np.asarray(cKDTree(places).query(pos)[0]) > reach)


def _exposed(other: Floats, gap: Floats, *, spacing: float, apart: float) -> float:
    """Return the area of other surface within the radius of a gap from its places.

    Args:
        other: Points on no surface of the normal scans, with shape ``(K, 3)``.
        gap: Places of the gap, with shape ``(M, 3)``.
        spacing: Spacing of the scan's points.
        apart: Distance of neighboring places.
    """
    if not len(other):
        return 0.0
    radius = float(np.linalg.norm(gap - gap.mean(axis=0), axis=1).max()) + apart
    near = np.asarray(cKDTree(gap).query(other, distance_upper_bound=radius)[0])
    return float(np.isfinite(near).sum() * spacing**2)

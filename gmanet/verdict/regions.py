"""Regions of a part that do not count, or count more, drawn on a scan of a good part.

A label that changes, a sawn edge or a clamp may be left out; a sealing face may be watched more
strictly.  The scan is one of the part in any pose, with labels of 0 and 1, as an editor of point
clouds stores a scalar field.  Scores of points near labeled points are multiplied by the factor of
the file; object scores, limits and lists of defects follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree

from gmanet.cloud import Cloud, Floats, Labels
from gmanet.errors import InputError
from gmanet.formats import read_cloud
from gmanet.registration.cached import register_cached
from gmanet.registration.target import Target
from gmanet.verdict.config import VerdictConfig
from gmanet.verdict.reference import placed

__all__ = ["Region", "Regions", "read_drawn"]

STRICTER = 1.5
"""Factor of scores in regions that are watched more strictly."""

FACTORS = {"ignore": 0.0, "strict": STRICTER}
"""Setting of ``VerdictConfig`` with the file of a region -> factor of scores."""

NEAR = 0.05
"""Largest distance of a point from the drawn scan at which the scan's labels count, in extents."""

LEAST = 0.8
"""Least overlap of the drawn scan with the reference."""

POINTS = 16384
"""Largest number of points of a drawn scan that are kept."""


def read_drawn(settings: VerdictConfig) -> list[tuple[float, Cloud]]:
    """Return the drawn scans of some settings, each with the factor of scores.

    Args:
        settings: Settings of the verdict, with the names of the files.

    Raises:
        InputError: A file is no scan, has no labels, or none of its points is labeled.
    """
    found = []
    for name, factor in FACTORS.items():
        if not (path := getattr(settings, name)):
            continue
        cloud = read_cloud(Path(path))
        if cloud.label is None or not cloud.label.any():
            raise InputError(
                f"verdict.{name}={path}: has no labeled point, wanted a scan of a good part with "
                "a field of labels, 1 at no more than half of the points"
            )
        found.append((factor, cloud.replace(name=f"verdict.{name}={path}")))
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """One drawn scan in the coordinates of the reference.

    Args:
        points: Points in extents of the reference, with shape ``(M, 3)``.
        inside: Whether each of them is in the region, with shape ``(M,)``.
        factor: Factor of scores in the region.
    """

    points: Floats
    inside: Labels
    factor: float

    def factors(self, points: Floats) -> Floats:
        """Return the factor at points in the same coordinates, ``(N, 3)``, with shape ``(N,)``."""
        distance, at = cKDTree(self.points).query(points)
        within = self.inside[np.asarray(at)] & (np.asarray(distance) <= NEAR)
        return np.where(within, self.factor, 1.0).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Regions:
    """All drawn regions of a part.

    Args:
        target: The reference that scans are registered on.
        drawn: The regions.
    """

    target: Target
    drawn: tuple[Region, ...]

    @classmethod
    def of(cls, drawn: Sequence[tuple[float, Cloud]], target: Target) -> Regions | None:
        """Return the regions of drawn scans; None if there are none.

        Args:
            drawn: Factor and scan of each region.
            target: The reference.

        Raises:
            InputError: A scan does not lie on the reference.
        """
        made = []
        for factor, cloud in drawn:
            found = register_cached(cloud.pos, target)
            if found.overlap < LEAST:
                raise InputError(
                    f"{cloud.name}: {100 * found.overlap:.0f} % of the points lie on the normal "
                    "scans, wanted a scan of the same part in the same unit"
                )
            assert cloud.label is not None
            some = np.random.default_rng(0).permutation(len(cloud))[:POINTS]
            points = placed(cloud.pos[some], found, target=target)
            made.append(Region(points=points, inside=cloud.label[some], factor=factor))
        return cls(target=target, drawn=tuple(made)) if made else None

    def factors(self, pos: Floats) -> Floats:
        """Return the factor of the score at each point of a scan, with shape ``(N,)``.

        Args:
            pos: The points, with shape ``(N, 3)``.
        """
        found = register_cached(pos, self.target)
        return self.at(placed(pos, found, target=self.target))

    def at(self, points: Floats) -> Floats:
        """Return the factors at points in extents of the reference, ``(N, 3)``, as above."""
        made = np.ones(len(points), dtype=np.float32)
        for region in self.drawn:
            made *= region.factors(points)
        return made

    def state(self) -> list[dict[str, Any]]:
        """Return the regions as plain values and tensors; the reference is the gate's."""
        return [
            {
                "points": torch.from_numpy(region.points),
                "inside": torch.from_numpy(region.inside),
                "factor": region.factor,
            }
            for region in self.drawn
        ]

    @classmethod
    def from_state(cls, state: Sequence[Mapping[str, Any]], *, target: Target) -> Regions:
        """Return the regions that :meth:`state` described.

        Args:
            state: The state.
            target: The reference.
        """
        drawn = tuple(
            Region(
                points=each["points"].numpy(),
                inside=each["inside"].numpy(),
                factor=float(each["factor"]),
            )
            for each in state
        )
        return cls(target=target, drawn=drawn)

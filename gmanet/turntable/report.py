"""The report on reconstructed parts: a table with a line for each part, and a summary."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gmanet.runtime.progress_table import TABLE

__all__ = ["PICTURES", "PartLine", "print_parts"]

PICTURES = "pictures"
"""Name of the folder of pictures in the data set."""


@dataclass(frozen=True, kw_only=True)
class PartLine:
    """Result of one part, a line of the table; lengths are in the unit of the views.

    Args:
        part: Folder of the part, relative to the folder of views.
        file: File of the fused cloud, relative to the data set.
        views: Number of views.
        points: Number of measured points of all views.
        noise: Standard deviation of points about the surface.
        systematic: Systematic error of the scanner; 0 if it is not larger than the noise.
        backward: Whether the table was found to turn the other way round.
        rms_before: Residual between neighboring views after coarse registration.
        rms_after: Residual between neighboring views after joint refinement.
        apart: Largest distance of two views' surfaces.
        overlap: Least share of a view that the neighboring view also shows.
        closing: Largest motion of points by closing the loop.
        holes: Share of the surface that no view shows, about, from a closed surface through the
            fused points.
        outliers: Number of points removed as outliers.
        thinned: Number of points that the octree left out.
        labelled: Number of points labeled as abnormal in the views.
        labelled_kept: Number of these points in the fused cloud.
        unmeasured: Number of unmeasured points of the files, not included in ``points``.
        seconds: Wall time including pictures, in seconds.
        key: Hash of the files' contents and of the settings.
        error: Reason for a missing cloud; empty if there is none.
    """

    part: str
    file: str = ""
    views: int = 0
    points: int = 0
    noise: float = 0.0
    systematic: float = 0.0
    backward: bool = False
    rms_before: float = 0.0
    rms_after: float = 0.0
    apart: float = 0.0
    overlap: float = 0.0
    closing: float = 0.0
    holes: float = 0.0
    outliers: int = 0
    thinned: int = 0
    labelled: int = 0
    labelled_kept: int = 0
    unmeasured: int = 0
    seconds: float = 0.0
    key: str = ""
    error: str = ""


def print_parts(lines: Sequence[PartLine], folder: Path) -> None:
    """Print a summary of the parts."""
    done = [line for line in lines if not line.error]
    views, points = sum(line.views for line in done), sum(line.points for line in done)
    remaining = points - sum(line.outliers + line.thinned for line in done)
    lost = sum(line.unmeasured for line in done)
    never = f" ({lost} others were never measured)" if lost else ""
    sys.stdout.write(
        f"{len(done)} of {len(lines)} parts written to {folder}: {views} views of {points} points "
        f"became {remaining} points{never}; {folder / TABLE} and "
        f"{folder / PICTURES} tell more\n"
    )

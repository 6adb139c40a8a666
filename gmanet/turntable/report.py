"""The report on reconstructed parts: a line of the table for each, and a sentence."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gmanet.runtime.progress_table import TABLE

__all__ = ["PICTURES", "PartLine", "print_parts"]

PICTURES = "pictures"
"""The folder of pictures in the data set."""


@dataclass(frozen=True, kw_only=True)
class PartLine:
    """What became of one part, a line of the table; lengths are in the unit of the views.

    Args:
        part: Its folder, below the folder of views.
        file: Its cloud, below the data set.
        views: How many.
        points: Of all views.
        noise: Standard deviation of points about their surface.
        rms_before: Residual between neighboring views after the coarse registration.
        rms_after: The same in the end.
        apart: How far two views' surfaces lie apart at most.
        overlap: Least share of a view that its neighbor shows too.
        closing: Largest motion of points by closing the loop.
        outliers: Removed as such.
        thinned: Left out by the octree.
        labelled: Labelled points of the views.
        labelled_kept: Those that are left.
        unmeasured: Points of the files that were never measured; ``points`` is without them.
        seconds: It took, pictures included.
        key: Digest of the files' bytes and of the settings.
        error: Why there is no cloud.
    """

    part: str
    file: str = ""
    views: int = 0
    points: int = 0
    noise: float = 0.0
    rms_before: float = 0.0
    rms_after: float = 0.0
    apart: float = 0.0
    overlap: float = 0.0
    closing: float = 0.0
    outliers: int = 0
    thinned: int = 0
    labelled: int = 0
    labelled_kept: int = 0
    unmeasured: int = 0
    seconds: float = 0.0
    key: str = ""
    error: str = ""


def print_parts(lines: Sequence[PartLine], folder: Path) -> None:
    """Print what became of the parts."""
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

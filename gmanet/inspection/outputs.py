"""The files that are written about one scan."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from gmanet.cloud import Cloud
from gmanet.errors import OutputError
from gmanet.formats import write_cloud
from gmanet.formats.outputs import MARK
from gmanet.inspection.finding import ScanFile
from gmanet.inspection.record import Inspection
from gmanet.runtime.atomic import replacing

if TYPE_CHECKING:
    from gmanet.detectors.base import Scores
    from gmanet.view.colors import Limits

__all__ = ["write_outputs"]


def write_outputs(
    scan: ScanFile,
    cloud: Cloud,
    *,
    scores: Scores,
    found: Inspection,
    limits: Limits | None,
    picture: bool,
) -> None:
    """Write scores, colored points, the picture and, last, what was found.

    Args:
        scan: The scan and the path of its outputs.
        cloud: The scan.
        scores: Its scores.
        found: What was found about it.
        limits: Scores with the first and the last color; None for those of this scan.
        picture: Whether to draw a picture; without, an older one is removed.

    Raises:
        OutputError: A file cannot be written.
    """
    from gmanet.view.colors import score_colors, score_limits

    low, high = limits or score_limits(scores.points)
    with suppress(FileNotFoundError):  # until all others are written, the scan counts as new
        _remove(scan, ".json")
    with replacing(scan.output(".npz")) as draft:
        score = cloud.in_file_order(scores.points, np.nan)
        np.savez_compressed(
            draft, score=score, object_score=np.float32(scores.object), **_verdict(found)
        )
    color = score_colors(scores.points, low, high=high)
    write_cloud(scan.output(".ply"), cloud, color=color, comment=MARK)
    if picture:
        _draw(scan, cloud, scores=scores, limits=(low, high))
    else:
        with suppress(FileNotFoundError):
            _remove(scan, ".png")
    with replacing(scan.output(".json")) as draft:
        text = json.dumps(found.state(), indent=2, allow_nan=False)
        draft.write_text(text + "\n", encoding="utf-8")


def _draw(scan: ScanFile, cloud: Cloud, *, scores: Scores, limits: Limits) -> None:
    from gmanet.view.sheet import Panel, save_row

    panels = [
        Panel(title=cloud.name, pos=cloud.pos),
        Panel(title="score", pos=cloud.pos, score=scores.points),
    ]
    save_row(scan.output(".png"), [panels], limits=limits)


def _remove(scan: ScanFile, ending: str) -> None:
    path = scan.output(ending)
    try:
        path.unlink()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be replaced ({error.strerror or error})") from None


def _verdict(found: Inspection) -> dict[str, Any]:
    """Return the arrays of a verdict: the texts, the p-value, and the checks in three arrays."""
    checks = found.checks
    return {
        "verdict": np.array(found.verdict),
        "reason": np.array(found.reason),
        "p_value": np.array(found.p_value),
        "limit": np.array(found.limit),
        "worst": np.array(found.worst, dtype=np.float64),
        "check_names": np.array([check.name for check in checks], dtype=np.str_),
        "checks": np.array([check.value for check in checks], dtype=np.float64),
        "check_ranges": np.array(
            [(check.lowest, check.highest) for check in checks], dtype=np.float64
        ).reshape(-1, 2),
    }

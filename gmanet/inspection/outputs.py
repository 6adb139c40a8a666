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
from gmanet.inspection.defects import Defects
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
    defects: Defects,
    limits: Limits | None,
    picture: bool,
) -> None:
    """Write scores, colored points, the picture and, last, what was found.

    Args:
        scan: The scan and the path of its outputs.
        cloud: The scan.
        scores: Its scores.
        found: What was found about it.
        defects: The defects, and the region of each point.
        limits: Scores with the first and the last color; None for those of this scan.
        picture: Whether to draw a picture; without, an older one is removed.

    Raises:
        OutputError: A file cannot be written.
    """
    from gmanet.view.colors import score_limits
    from gmanet.view.inspection_picture import Colored, save_inspection

    usual = limits or score_limits(scores.points)
    colored = Colored.of(scores.points, found.point_limit, limits=usual)
    with suppress(FileNotFoundError):  # until all others are written, the scan counts as new
        _remove(scan, ".json")
    with replacing(scan.output(".npz")) as draft:
        score = cloud.in_file_order(scores.points, np.nan)
        more: dict[str, Any] = {
            "defect_number": cloud.in_file_order(defects.region.astype(np.int16), -1)
        }
        if defects.deviation is not None:
            more["deviation"] = cloud.in_file_order(defects.deviation, np.nan)
        whole = np.float32(scores.object)
        np.savez_compressed(draft, score=score, object_score=whole, **more, **_verdict(found))
    color = colored.colors(scores.points)
    write_cloud(scan.output(".ply"), cloud, color=color, comment=MARK)
    if picture:
        worst = defects.region == 1
        if not worst.any():
            worst = scores.points >= scores.points.max()
        title = f"{cloud.name}\n{found.verdict}"
        if found.defects:
            title += f": {found.defects[0].sentence(found.unit)}"
        save_inspection(
            scan.output(".png"),
            cloud,
            title=title,
            colored=colored,
            place=worst,
            unit=found.unit,
        )
    else:
        with suppress(FileNotFoundError):
            _remove(scan, ".png")
    with replacing(scan.output(".json")) as draft:
        text = json.dumps(found.state(), indent=2, allow_nan=False)
        draft.write_text(text + "\n", encoding="utf-8")


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
        "point_limit": np.array(found.point_limit),
        "worst": np.array(found.worst, dtype=np.float64),
        "check_names": np.array([check.name for check in checks], dtype=np.str_),
        "checks": np.array([check.value for check in checks], dtype=np.float64),
        "check_ranges": np.array(
            [(check.lowest, check.highest) for check in checks], dtype=np.float64
        ).reshape(-1, 2),
    }

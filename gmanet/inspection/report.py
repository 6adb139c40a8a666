"""The report on a batch of scans: one HTML page that needs nothing else and works offline.

Each part has a picture, a cloud to turn (three.js), the list of defects, the checks and the hashes.
The page is made of the stored outputs of the scans, so that it can be written at any time.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from gmanet import __version__
from gmanet.inspection.finding import ScanFile
from gmanet.inspection.record import EXIT_CODES, Inspection
from gmanet.inspection.shown import Shown, shown
from gmanet.runtime.atomic import replacing
from gmanet.verdict.check import GOOD
from gmanet.view.colors import SURFACE_COLOR
from gmanet.view.verdict_colors import DEEP, FIRST, LAST

__all__ = ["write_report"]

FOLDER = Path(__file__).with_name("page")
"""Folder of the template, its style and script, and of three.js."""

THREE = "0.187.0"
"""Version of three.js."""

POINTS = 300_000
"""Number of points of all clouds of a page, which keeps it below 6 MB."""

LEAST, MOST = 3_000, 200_000
"""Least and largest number of points of a cloud of the page."""

WEIGHT = 3
"""Points of a scan that is not good, in those of a good one."""


def write_report(
    path: Path, inspections: Sequence[Inspection], *, scans: Sequence[ScanFile], title: str = ""
) -> None:
    """Write the page.

    Args:
        path: The file; an existing one is replaced.
        inspections: What was found about each scan, at least one.
        scans: The scans and the paths of their outputs, in the same order.
        title: Title of the page; empty for a usual one.

    Raises:
        InputError: A scan or its outputs are no longer there.
        OutputError: The file cannot be written.
    """
    budget = _budget(inspections)
    drawn = [
        shown(one, scan, points=points) if points else None
        for one, scan, points in zip(inspections, scans, budget, strict=True)
    ]
    text = _page(inspections, drawn, title=title or f"Inspection of {len(scans)} scans")
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8", errors="replace")


def _budget(inspections: Sequence[Inspection]) -> list[int]:
    """Return the number of points of each scan; 0 for a file that is none."""
    weight = [
        0 if one.worst is None else 1 if one.verdict == GOOD else WEIGHT for one in inspections
    ]
    whole = max(1, sum(weight))
    return [0 if not one else min(MOST, max(LEAST, POINTS * one // whole)) for one in weight]


def _page(inspections: Sequence[Inspection], drawn: Sequence[Shown | None], *, title: str) -> str:
    """Return the text of the page."""
    from jinja2 import Environment, FileSystemLoader

    known = [one for one in inspections if one.worst is not None]
    some = known[0] if known else inspections[0]
    counts = Counter(one.verdict for one in inspections)
    worst = [number for number, one in enumerate(inspections) if one.verdict != GOOD]
    first = next((number for number in worst if drawn[number] is not None), 0)
    data = {
        "unit": some.unit,
        "first": first,
        "colors": {
            "surface": SURFACE_COLOR.tolist(),
            "first": FIRST.tolist(),
            "last": LAST.tolist(),
            "deep": DEEP.tolist(),
        },
        "parts": [{} if one is None else one.data for one in drawn],
    }
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True)
    return environment.get_template("page.html").render(
        title=title,
        style=(FOLDER / "page.css").read_text("utf-8"),
        script=(FOLDER / "page.js").read_text("utf-8"),
        library=(FOLDER / "three.min.js").read_text("utf-8"),
        three=THREE,
        counts=[(verdict, counts[verdict]) for verdict in EXIT_CODES if counts[verdict]],
        when=datetime.now().astimezone().isoformat(" ", "seconds"),
        detector=some.detector,
        version=__version__,
        promise=some.promise,
        point_limit="" if math.isnan(some.point_limit) else f"{some.point_limit:.4g}",
        unit=some.unit,
        parts=[_part(one, each) for one, each in zip(inspections, drawn, strict=True)],
        data=json.dumps(data, allow_nan=False).replace("<", "\\u003c"),
    )


def _part(found: Inspection, drawn: Shown | None) -> dict[str, Any]:
    """Return what the template shows of a scan, numbers as text."""
    unknown = found.worst is None
    return {
        "name": found.scan,
        "verdict": found.verdict,
        "reason": found.reason.removesuffix("."),
        "p_value": _number(found.p_value, 3),
        "score": _number(found.score, 4),
        "limit": _number(found.limit, 4),
        "worst": "" if found.worst is None else _place(found.worst),
        "seconds": "" if unknown else f"{found.seconds:.2f}",
        "points": f"{found.points:,}",
        "shown": "" if drawn is None or drawn.whole else f"{drawn.data['count']:,}",
        "sha256": found.sha256,
        "notes": found.notes,
        "drawn": drawn is not None,
        "has_deviation": drawn is not None and drawn.data["deviation"] is not None,
        "picture": "" if drawn is None else _image(drawn.picture),
        "thumbnail": "" if drawn is None else _image(drawn.thumbnail),
        "checks": [
            {
                "name": check.name,
                "value": _number(check.value, 4),
                "lowest": _number(check.lowest, 4),
                "highest": _number(check.highest, 4),
                "failed": not check.passed,
            }
            for check in found.checks
        ],
        "defects": [
            {
                "kind": one.kind,
                "depth": _number(one.depth, 3),
                "length": _number(one.length, 3),
                "area": _number(one.area, 3),
                "share": f"{100 * one.share:.2g} %",
                "score": _number(one.score, 4),
                "place": _place(one.place),
            }
            for one in found.defects
        ],
    }


def _number(value: float, digits: int) -> str:
    if abs(value) >= 10**digits and float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if math.isfinite(value) else "" if math.isnan(value) else "∞"


def _place(place: tuple[float, float, float]) -> str:
    return ", ".join(f"{value:.4g}" for value in place)


def _image(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"

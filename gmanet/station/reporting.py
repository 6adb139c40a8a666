"""The report on one scan that a client sent: the HTML page of ``gmanet predict --report``."""

from __future__ import annotations

from pathlib import Path

from gmanet.inspection.finding import ScanFile
from gmanet.inspection.report import write_report
from gmanet.station.judging import Judged, write_judged

__all__ = ["report_of"]


def report_of(made: Judged, path: Path) -> bytes:
    """Return the page on a scan; the page and the outputs of the scan are written beside the file.

    Args:
        made: What was found about the scan.
        path: The file.
    """
    scan = ScanFile(path=path, target=path.with_suffix(".scores"))
    write_judged(scan, made, picture=False)
    page = path.with_suffix(".html")
    write_report(page, [made.found], scans=[scan], title=f"Inspection of {made.found.scan}")
    return page.read_bytes()

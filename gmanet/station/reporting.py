"""The report on one scan that a client sent: the HTML page of ``gmanet predict --report``."""

from __future__ import annotations

from pathlib import Path

from gmanet.inspection.finding import ScanFile
from gmanet.inspection.outputs import write_outputs
from gmanet.inspection.report import write_report
from gmanet.station.judging import Judged

__all__ = ["report_of"]


def report_of(made: Judged, path: Path) -> bytes:
    """Return the page on a scan; its outputs are written beside it, in a folder of its own.

    Args:
        made: What was found about the scan.
        path: The file.
    """
    scan = ScanFile(path=path, target=path.with_suffix(".scores"))
    if made.cloud is not None and made.scores is not None and made.defects is not None:
        write_outputs(
            scan,
            made.cloud,
            scores=made.scores,
            found=made.found,
            defects=made.defects,
            limits=None,
            picture=False,
        )
    page = path.with_suffix(".html")
    write_report(page, [made.found], scans=[scan], title=f"Inspection of {made.found.scan}")
    return page.read_bytes()

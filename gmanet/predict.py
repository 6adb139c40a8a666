"""Score your own scans with a fitted detector: ``python -m gmanet.predict RUN FILE...``.

The outputs are written to the folder ``gmanet-scores`` next to every input, or to ``--output``:
``<name>.scores.npz`` (``score``, one per point in the order of the file, NaN for points that were
never measured, then ``object_score``, ``verdict``, ``reason``, ``p_value``, and the measures of the
scan with their ranges in ``check_names``, ``checks`` and ``check_ranges``), ``<name>.scores.ply``
(the measured points colored by score) and ``<name>.scores.png``.  Commands do not read these files
as scans.  Scores are comparable within one run; the p-value is the share of good parts that score
as high.  RUN is the folder of a run, or a file of ``Detector.save``.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gmanet.errors import command
from gmanet.formats import READERS
from gmanet.runs.scoring import score_files
from gmanet.runtime.command_line import command_parser

if TYPE_CHECKING:
    from gmanet.detectors.base import Scores

__all__ = ["main"]


def main() -> None:
    """Read the arguments, score every file, print one line each."""
    parser = command_parser("predict", __doc__)
    parser.add_argument("run", help="folder of a fitted run, or a file of detector.save")
    endings = ", ".join(READERS)
    parser.add_argument("files", nargs="+", type=Path, help=f"scans that end in {endings}")
    parser.add_argument("-o", "--output", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    found = score_files(Path(arguments.run), arguments.files, output=arguments.output)
    for path, scores, target in found:
        written = f"written {target}.{{npz,ply,png}}"
        sys.stdout.write(
            f"{path}: {verdict(scores)}, object score {scores.object:.4f}, {written}\n"
        )


def verdict(scores: Scores) -> str:
    """Return the verdict with its p-value or, if the scan is not judged, with the reason."""
    if math.isnan(scores.p_value):
        return f"{scores.verdict} ({scores.reason})"
    return f"{scores.verdict} (p = {scores.p_value:.3g})"


if __name__ == "__main__":
    command(main)

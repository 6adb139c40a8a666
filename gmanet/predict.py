"""Score your own scans with a fitted detector: ``python -m gmanet.predict RUN FILE...``.

The outputs are written to the folder ``gmanet-scores`` next to every input, or to ``--output``:
``<name>.scores.npz`` (``score``, one per point in the order of the file, NaN for points that were
never measured, and ``object_score``), ``<name>.scores.ply`` (the measured points colored by score)
and ``<name>.scores.png``.  Commands do not read these files as scans.  Scores are comparable within
one run; ``scores.json`` of the run has the scores of normal test clouds.  RUN is the folder of a
run, or a file of ``Detector.save``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gmanet.errors import command
from gmanet.formats import READERS
from gmanet.runs.scoring import score_files
from gmanet.runtime.command_line import command_parser

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
        sys.stdout.write(f"{path}: object score {scores.object:.4f}, {written}\n")


if __name__ == "__main__":
    command(main)

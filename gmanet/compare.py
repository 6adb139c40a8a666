"""Compare two detectors on the same scans: ``python -m gmanet.compare A B SCANS...``.

A and B are folders of runs or files of ``Detector.save``; a folder among SCANS stands for all scans
in it and below it.  A table with a line for each scan is printed (verdict and p-value of both),
then both promises, and on how many scans they agree.  Scores of two detectors cannot be compared,
their p-values can.  Exit codes: 0 all verdicts agree, 1 some differ, 2 input that cannot be used.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gmanet.errors import InputError, command
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def main() -> None:
    """Read the arguments, judge every scan twice, print the table."""
    parser = command_parser("compare", __doc__)
    parser.add_argument("first", type=Path, help="a fitted run, or a file of detector.save")
    parser.add_argument("second", type=Path, help="another one")
    parser.add_argument("scans", nargs="+", type=Path, help="scans, and folders of scans")
    arguments = parser.parse_args()
    from gmanet.inspection.finding import find_scans
    from gmanet.inspection.progress import with_bar
    from gmanet.station.choosing import open_detectors
    from gmanet.station.comparison import agreement, compare, promise, table

    both = [open_detectors([place]) for place in (arguments.first, arguments.second)]
    for place, found in zip((arguments.first, arguments.second), both, strict=True):
        if len(found) > 1:
            raise InputError(f"{place}: holds {len(found)} detectors, wanted one")
    (first,), (second,) = both
    scans = [scan.path for scan in find_scans(arguments.scans)]
    judged = compare(first.detector, second.detector, scans=scans)
    pairs = list(with_bar(judged, len(scans)))
    names = (first.name, second.name)
    if first.name == second.name:
        names = (str(arguments.first), str(arguments.second))
    promises = [
        f"{name}: {promise(found[0].detector)}" for name, found in zip(names, both, strict=True)
    ]
    parts = [table(pairs, names), "\n".join(promises), agreement(pairs, names)]
    sys.stdout.write("\n\n".join(parts) + "\n")
    if not all(pair.agrees for pair in pairs):
        raise SystemExit(1)


if __name__ == "__main__":
    command(main)

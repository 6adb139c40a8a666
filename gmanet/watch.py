"""Judge the scans that arrive in a folder: ``python -m gmanet.watch RUN INCOMING -o JUDGED``.

RUN is the folder of a run, a file of ``Detector.save``, or a folder of such files: of several
detectors, the one whose gate a scan passes judges it.  Each scan is judged once, also if the
process is killed and started again.  It is then moved to the folder of its verdict in JUDGED
(``good``, ``defective``, ``not-judged``, ``unusable``), or stays with ``--leave``.  JUDGED also has
``record.jsonl`` and ``record.csv`` with a line for each scan, and ``gmanet-scores`` with the
outputs of ``predict``.

A file is judged when its size and its time of change have stayed the same for some seconds
(``--settle``) and no process has it open for writing; before it is called unusable or not judged it
must have stayed the same five times as long.  Hidden files, other endings (``part.ply.tmp``) and
folders are passed over.  Ctrl-C ends the command; a line for each scan is printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gmanet.errors import command
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def main() -> None:
    """Read the arguments, watch the folder, print a line for each scan."""
    parser = command_parser("watch", __doc__)
    parser.add_argument(
        "run", type=Path, help="a fitted run, a file of detector.save, or a folder of them"
    )
    parser.add_argument("incoming", type=Path, help="folder in which scans arrive")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of judged scans")
    parser.add_argument("--leave", action="store_true", help="do not move the scans")
    parser.add_argument("--once", action="store_true", help="end when all that is there is judged")
    parser.add_argument("--no-picture", dest="picture", action="store_false", help="no pictures")
    parser.add_argument("--settle", type=float, default=2.0, metavar="SECONDS", help="default: 2")
    arguments = parser.parse_args()
    from gmanet.station.choosing import open_detectors
    from gmanet.station.watching import watch

    found = watch(
        open_detectors([arguments.run]),
        arguments.incoming,
        judged=arguments.output,
        leave=arguments.leave,
        picture=arguments.picture,
        settle=arguments.settle,
        once=arguments.once,
    )
    for one in found:
        sys.stdout.write(f"{one.sentence}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    command(main)

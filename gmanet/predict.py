"""Judge your own scans with a fitted detector: ``python -m gmanet.predict RUN FILE|FOLDER...``.

RUN is the folder of a run, a file of ``Detector.save``, or a folder of such files.  Several are
separated from the scans, ``python -m gmanet.predict RUN RUN -- FILE|FOLDER...``; the detector whose
gate a scan passes judges it.  A folder stands for all scans in it and below it.  A line for each
scan gives the verdict, its p-value (the share of good parts that score as high), the object score,
the place of the highest point score in the coordinates of the file, and the seconds from the file
to the verdict.

The outputs are written to the folder ``gmanet-scores`` next to every scan, or to ``--output``:
``<name>.scores.json`` (what was found), ``<name>.scores.npz`` (``score``, one per point in the
order of the file, NaN for points that were never measured, then ``object_score``, ``verdict``,
``reason``, ``p_value``, ``limit``, ``worst``, and the measures of the scan with their ranges in
``check_names``, ``checks`` and ``check_ranges``), ``<name>.scores.ply`` (the measured points
colored by score) and ``<name>.scores.png``.  Commands do not read these files as scans.  A scan
that the same detector judged is not judged again: the line repeats the verdict.  Scores are
comparable within one detector only.

Exit codes: 0 all are good, 1 a scan is defective, else 2 a file is unusable, else 3 a scan is not
judged; 2 also if nothing can be done.  An unusable file is said on standard error and stops no
other.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from gmanet.detectors.frameworks import only_score
from gmanet.errors import InputError, command
from gmanet.formats import READERS
from gmanet.inspection.finding import ScanFile, find_scans
from gmanet.inspection.progress import with_bar
from gmanet.inspection.record import UNUSABLE, Inspection, exit_code
from gmanet.inspection.tables import summary, write_csv, write_json
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def main() -> None:
    """Read the arguments, judge every scan, print a line each, and write the tables."""
    arguments = _arguments()
    from gmanet.runs.scoring import inspect_files

    scans = find_scans(arguments.files, output=arguments.output)
    _refuse_scans_as_tables(arguments, scans)
    found = []
    for one in with_bar(
        inspect_files(arguments.detectors, scans, picture=arguments.picture), len(scans)
    ):
        _say(one)
        found.append(one)
    if arguments.csv:
        write_csv(arguments.csv, found)
    if arguments.json:
        write_json(arguments.json, found)
    if arguments.report:
        from gmanet.inspection.report import write_report

        write_report(arguments.report, found, scans=scans)
    if len(found) > 1:
        sys.stderr.write(f"{summary(found)}\n")
    if code := exit_code(found):
        raise SystemExit(code)


def _arguments() -> Namespace:
    parser = command_parser("predict", __doc__)
    parser.add_argument("run", type=Path, help="a fitted run, a file of detector.save, or a folder")
    endings = ", ".join(READERS)
    parser.add_argument(
        "files", nargs="+", type=Path, help=f"scans that end in {endings}, or folders of them"
    )
    parser.add_argument("-o", "--output", type=Path, help="folder to write to")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="table of all scans")
    parser.add_argument("--json", type=Path, metavar="FILE", help="what was found about all scans")
    parser.add_argument("--report", type=Path, metavar="FILE", help="HTML page about all scans")
    parser.add_argument(
        "--no-picture", dest="picture", action="store_false", help="draw no pictures"
    )
    typed = sys.argv[1:]
    split = typed.index("--") if "--" in typed else len(typed)
    before, after = typed[:split], [Path(word) for word in typed[split + 1 :]]
    arguments = parser.parse_intermixed_args([*before, "."] if after else before)
    named = [arguments.run, *arguments.files]
    if after:
        arguments.detectors, arguments.files = named[:-1], after
    else:
        arguments.detectors, arguments.files = named[:1], named[1:]
    return arguments


def _say(found: Inspection) -> None:
    stream = sys.stdout
    if found.verdict == UNUSABLE:
        stream = sys.stderr
    stream.write(f"{'error: ' * (stream is sys.stderr)}{found.sentence}\n")
    stream.flush()


def _refuse_scans_as_tables(arguments: Namespace, scans: list[ScanFile]) -> None:
    """Raise an error if a table would replace a scan."""
    taken = {scan.path.resolve() for scan in scans}
    for path in (arguments.csv, arguments.json, arguments.report):
        if path is not None and path.resolve() in taken:
            raise InputError(f"{path}: is one of the scans, wanted another name for the table")


if __name__ == "__main__":
    only_score()
    command(main)

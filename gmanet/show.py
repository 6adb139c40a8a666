"""Draw a cloud from four sides: ``python -m gmanet.show FILE``, or ``... RUN [CLOUD]``.

For a scan FILE, the picture ``<name>.views.png`` shows the points, the labels if there are any, and
the scores that ``predict`` wrote to ``gmanet-scores/<name>.scores.npz`` next to the scan.  For a
run, one picture shows the labels and scores of the test cloud CLOUD (by default the first defective
cloud), and ``real_and_synthetic.png`` shows defects of test clouds above twins of the run.  The
pictures are written next to the scan, to the folder ``pictures`` of the run, or to ``-o FOLDER``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gmanet.errors import InputError, command
from gmanet.runs.folder import Run
from gmanet.runs.pictures import show_file, show_run
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def main() -> None:
    """Read the command line, draw the pictures, and print their paths."""
    parser = command_parser("show", __doc__)
    parser.add_argument("place", type=Path, metavar="FILE|RUN")
    parser.add_argument("cloud", nargs="?", default="", help="name of a test cloud of the run")
    parser.add_argument("-o", "--output", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    if arguments.place.is_dir():
        if not (arguments.place / "run.yaml").exists():
            wanted = f"wanted the folder of a run, or a scan: {arguments.place}/NAME.ply"
            raise InputError(f"{arguments.place}: is a folder without a run.yaml, {wanted}")
        run = Run.open(arguments.place)
        pictures = show_run(run, arguments.cloud, folder=arguments.output or run.pictures)
    elif arguments.cloud:
        raise InputError(
            f"{arguments.place} {arguments.cloud}: only a run has clouds to choose from"
        )
    else:
        pictures = [show_file(arguments.place, arguments.output or arguments.place.parent)]
    sys.stdout.write("".join(f"{path}\n" for path in pictures))


if __name__ == "__main__":
    command(main)

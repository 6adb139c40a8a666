"""Make a data set of raw scans: ``python -m gmanet.prepare SCANS -o FOLDER [key=value ...]``.

Whole scans: every file below SCANS loses its outliers, is thinned by an octree where ``cell=`` (in
the scan's unit) or ``depth=`` says so, and is written to the same place below FOLDER, with the
labels and normals that its file carries.  Points that were never measured (NaN, many 0 0 0,
-99999) are left out.  Keys: neighbors, ratio, stop, rounds and contrast of statistical outlier
removal, cell and depth, and label_value, the number of abnormal points in a field of labels (1).

Partial views from a turntable: every folder below SCANS that holds files is one part, its files in
natural order are the views.  They are registered, fused and then cleaned likewise.  SCANS holds
views if it is called ``views``, if a ``poses.txt`` lies in a part's folder, or with ``views=true``.
Further keys: step (degrees from view to view; 0: a full turn by the number of views), window
(degrees that a turn may differ), known (the same with poses.txt), tilt (degrees that the axis may
differ), shift (share of the part's size that it may lie off), axis, center and seed.

Linked folders are followed; what ``predict`` wrote is no scan.  ``prepare.csv`` tells what became
of each; what cannot be used is listed there, and others go on.  The same command again does what is
missing or has changed.

``--stats [key=value ...]`` counts a data set (``gmanet.statistics``), ``--annotations FILES -o
CATEGORY`` makes label files of what was marked in CloudCompare (``gmanet.annotate``).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from gmanet.cleaning.clean import Cleaning
from gmanet.cleaning.scans import clean_scans, print_scans
from gmanet.config.keywords import read_overrides, taken
from gmanet.errors import InputError, command
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.walking import walk
from gmanet.runtime.command_line import command_parser
from gmanet.turntable.config import TurntableConfig
from gmanet.turntable.folders import holds_views
from gmanet.turntable.parts import fuse_parts
from gmanet.turntable.report import print_parts

__all__ = ["main", "prepare"]

OTHERS = {"--stats": "statistics", "--annotations": "annotate"}
"""What else is asked of a data set, and the command behind it."""


def prepare(scans: Path, folder: Path, *, overrides: Sequence[str] = ()) -> list[str]:
    """Do the command's work, and return why parts or scans failed.

    Args:
        scans: A folder of whole scans or of partial views.
        folder: Where the data set goes; neither ``scans`` nor a folder of it.
        overrides: ``key=value``.

    Raises:
        InputError: An override is wrong, or one of the folders cannot be used.
    """
    if not scans.is_dir():
        raise InputError(f"{scans}: no such folder, wanted one with scans")
    below = (place.resolve() for place in walk(scans))
    if folder.resolve().is_relative_to(scans.resolve()) or folder.resolve() in below:
        raise InputError(f"-o {folder}: lies in {scans}, wanted a folder elsewhere")
    cleaning, turntable = Cleaning(), TurntableConfig()
    keys = {"views": holds_views(scans), **asdict(cleaning), "label_value": LABEL_VALUE}
    more = {**keys, **asdict(turntable), "seed": 0}
    views = keys["views"] or any(text.startswith("views=") for text in overrides)
    values = read_overrides(overrides, more if views else keys)
    cleaning = taken(values, cleaning)
    if values["views"]:
        parts = fuse_parts(
            scans,
            folder,
            turntable=taken(values, turntable),
            cleaning=cleaning,
            seed=values["seed"],
            label_value=values["label_value"],
        )
        print_parts(parts, folder)
        return [line.error for line in parts if line.error]
    lines = clean_scans(scans, folder, cleaning=cleaning, label_value=values["label_value"])
    print_scans(lines, folder)
    return [line.error for line in lines if line.error]


def main() -> None:
    """Read the command line, prepare, and print what became of it."""
    for flag, other in OTHERS.items():
        if flag in sys.argv[1:]:
            sys.argv.remove(flag)
            import_module(f"gmanet.{other}").main()
            return
    parser = command_parser("prepare", __doc__)
    parser.add_argument("scans", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_intermixed_args()
    if failed := prepare(arguments.scans, arguments.output, overrides=arguments.overrides):
        sys.stderr.write("".join(f"failed: {one}\n" for one in failed))
        raise SystemExit(1)


if __name__ == "__main__":
    command(main)

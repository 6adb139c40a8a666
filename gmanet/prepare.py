"""Make a data set of raw scans: ``python -m gmanet.prepare SCANS -o FOLDER [key=value ...]``.

Whole scans: outliers, a table below the part and pieces beside it are removed from every file below
SCANS, an octree subsamples it if ``cell=`` (in the unit of the scan) or ``depth=`` is given, and it
is written to the same path below FOLDER, with the labels and normals of the file.  ``pictures/``
shows what tables and pieces were removed.  Points that were never measured (NaN, many 0 0 0,
-99999) are left out.  Keys: neighbors, ratio, stop, rounds and contrast of statistical outlier
removal; table=false keeps tables and pieces=false what lies beside the part; cell and depth of the
octree; label_value, the number of abnormal points in a field of labels (1).

Partial views from a turntable: every folder below SCANS with files is one part, and the files in
natural order are the views.  They are registered, fused and then cleaned in the same way.  SCANS
has views if it is called ``views``, if the folder of a part has a ``poses.txt``, or with
``views=true``.  Further keys: step (degrees from view to view; 0: 360 by the number of views),
window (tolerance of the step, in degrees), known (the same with poses.txt), tilt (tolerance of the
axis, in degrees), shift (tolerance of the axis's position, as a share of the part's size), axis,
center and seed.

Linked folders are followed; outputs of ``predict`` are not read.  ``prepare.csv`` has a line for
each scan or part, with the reason if it cannot be used; the others are processed.  The same command
again processes what is missing or has changed.

``--stats [key=value ...]`` counts a data set (``gmanet.statistics``), ``--annotations FILES -o
CATEGORY`` makes label files from scans that were marked in CloudCompare (``gmanet.annotate``).
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
"""Flag -> command that it starts instead."""


def prepare(scans: Path, folder: Path, *, overrides: Sequence[str] = ()) -> list[str]:
    """Write a data set from raw scans, and return the reasons why parts or scans failed.

    Args:
        scans: A folder of whole scans or of partial views.
        folder: Folder of the data set, not within ``scans``.
        overrides: Overrides ``key=value``.

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
    """Prepare the scans, and print the result of each."""
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

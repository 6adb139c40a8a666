"""Label files from CloudCompare: ``python -m gmanet.prepare --annotations FILES -o CATEGORY``.

FILES are annotated scans saved by CloudCompare (``.txt``, ``.xyz``, ``.asc``, ``.ply``, ``.pcd``),
or folders of such files, with a scalar field of 0 (normal) and 1 (abnormal).  CATEGORY is a folder
in the IEC3D-AD layout with a scan ``test/NAME.pcd`` for each annotated file NAME.  The label files
are written to ``gt/NAME.txt`` in CATEGORY; if one annotation is invalid, no file is written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from gmanet.datasets.annotations import ENDINGS, convert_annotations
from gmanet.errors import InputError, command
from gmanet.formats import list_files
from gmanet.formats.text import read_table
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def _listed(places: Iterable[Path]) -> Iterator[Path]:
    """Yield the files among the arguments, and the files in the folders."""
    for place in places:
        found = list_files(place, ENDINGS) if place.is_dir() else [place]
        if not found:
            raise InputError(f"{place}: no files that end in {', '.join(ENDINGS)}")
        yield from found


def main() -> None:
    """Read the command line, write the label files, and print their shares of abnormal points."""
    parser = command_parser("prepare --annotations", __doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="CATEGORY")
    parser.add_argument("--field", help="name of the scalar field, if it is another than usual")
    arguments = parser.parse_args()
    if not (arguments.output / "test").is_dir():
        raise InputError(
            f"{arguments.output / 'test'}: no such folder, wanted the scans NAME.pcd in it"
        )
    for path in convert_annotations(
        arguments.output, list(_listed(arguments.files)), name=arguments.field
    ):
        share = 100 * float(read_table(path)[:, 3].mean())
        sys.stdout.write(f"{path}: {share:.2f} % of the points are abnormal\n")


if __name__ == "__main__":
    command(main)

"""Scans of files and folders: their paths, and their clouds one after the other.

One broken file stops no other: it yields its error in the place of a cloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats import READERS, list_files, read_cloud
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.outputs import is_output, is_table
from gmanet.formats.walking import walk

__all__ = ["find_scans", "read_each"]


def find_scans(places: Iterable[Path]) -> list[Path]:
    """Return the paths of the scans of files and folders, each once, in the order of the places.

    A folder stands for all scans in it and in the folders below it, sorted by name, without hidden
    files, outputs of ``predict`` and tables of results.  A file that is named is a scan unless it
    is an output or such a table, whatever its ending; :func:`read_cloud` refuses other endings.

    Args:
        places: Files and folders.

    Raises:
        InputError: There are no scans: a folder without any, or nothing but outputs.
    """
    places = list(places)
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = [path for folder in walk(place) for path in list_files(folder)]
            if not inside:
                endings = ", ".join(READERS)
                raise InputError(f"{place}: no scans, wanted files that end in {endings}")
            found += sorted(inside)
        elif not (is_output(place) or is_table(place)):
            found.append(place)
    if not found and places:
        raise InputError(f"{places[0]}: was written by gmanet predict, wanted a scan")
    return list(dict.fromkeys(found))


def read_each(
    paths: Sequence[Path], label_value: float = LABEL_VALUE
) -> Iterator[tuple[Path, Cloud | InputError]]:
    """Yield each path with its cloud, or with the error that its file causes.

    Args:
        paths: Files of scans.
        label_value: Label of abnormal points in the files.
    """
    for path in paths:
        try:
            yield path, read_cloud(path, label_value)
        except InputError as error:
            yield path, error

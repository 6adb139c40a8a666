"""Traversal of the folders below a folder; links are followed, and no folder is visited twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from gmanet.errors import InputError
from gmanet.formats.outputs import OUTPUTS

__all__ = ["holds_labels", "is_hidden", "is_ignored", "sub_folders", "walk"]

IGNORED = ("__macosx", OUTPUTS)
"""Names of folders without scans, in lower case; macOS archives contain ``__MACOSX``."""
LABELS = ("gt", "groundtruth", "label", "labels", "mask", "masks", "annotations")
"""Names of folders of labels, in lower case and without ``_``, ``-`` and spaces."""
JOINTS = str.maketrans("", "", "_- ")


def is_hidden(folder: Path) -> bool:
    """Return whether a folder is hidden, such as ``.git``."""
    return folder.name.startswith(".")


def is_ignored(folder: Path) -> bool:
    """Return whether a folder is hidden or has the name of a folder without scans."""
    return is_hidden(folder) or folder.name.lower() in IGNORED


def holds_labels(folder: Path) -> bool:
    """Return whether a folder's name is one for labels: ``gt``, ``ground_truth``, ``Masks``."""
    return folder.name.lower().translate(JOINTS) in LABELS


def sub_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, including links, sorted by name.

    Raises:
        InputError: The folder cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error})") from None


def walk(folder: Path, skip: Callable[[Path], bool] = is_ignored) -> Iterator[Path]:
    """Yield a folder and all folders below it, parents first, sorted by name.

    Links are followed.  Each folder is yielded once, so that a link to a parent causes no loop.

    Args:
        folder: Root of the traversal.
        skip: Function that returns True for folders to skip, with all their contents.

    Raises:
        InputError: A folder cannot be read.
    """
    seen: set[Path] = set()
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        real = place.resolve()
        if real not in seen:
            seen.add(real)
            yield place
            waiting += reversed([one for one in sub_folders(place) if not skip(one)])

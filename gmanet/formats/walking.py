"""Folders below a folder, linked ones too, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from gmanet.errors import InputError
from gmanet.formats.outputs import OUTPUTS

__all__ = ["holds_labels", "is_hidden", "is_ignored", "sub_folders", "walk"]

IGNORED = ("__macosx", OUTPUTS)
"""Folders without scans, in lower case: an archiver of macOS adds the first."""
LABELS = ("gt", "groundtruth", "label", "labels", "mask", "masks", "annotations")
"""Folders of labels, in lower case and without ``_``, ``-`` and blanks."""
JOINTS = str.maketrans("", "", "_- ")


def is_hidden(folder: Path) -> bool:
    """Return whether a folder is hidden, as those of version control are."""
    return folder.name.startswith(".")


def is_ignored(folder: Path) -> bool:
    """Return whether a folder is hidden or holds no scans whatever lies in it."""
    return is_hidden(folder) or folder.name.lower() in IGNORED


def holds_labels(folder: Path) -> bool:
    """Return whether a folder is named as one of labels: ``gt``, ``ground_truth``, ``Masks``."""
    return folder.name.lower().translate(JOINTS) in LABELS


def sub_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, linked ones too, sorted by name.

    Raises:
        InputError: The folder cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error})") from None


def walk(folder: Path, skip: Callable[[Path], bool] = is_ignored) -> Iterator[Path]:
    """Yield a folder and all below it, parents first, sorted by name.

    Links are followed.  A folder that is reached twice is yielded once, so that a link to a folder
    above it is no loop.

    Args:
        folder: Where to begin.
        skip: Which folders are passed over, with all that is in them.

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

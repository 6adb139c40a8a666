"""Reports on files in a folder of scans that are not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from gmanet.formats import READERS
from gmanet.formats.outputs import count_outputs, is_output
from gmanet.formats.walking import holds_labels, is_hidden, is_ignored, walk

__all__ = ["unread"]

SYSTEM = ("thumbs.db", "desktop.ini", "prepare.csv")
"""Names of files that are not reported, in lower case."""
NAMED = 5
"""Largest number of extensions or folders in a sentence."""


def unread(root: Path, read: Iterable[Path]) -> list[str]:
    """Return sentences on the files below a folder that are not read, hidden files excluded.

    Args:
        root: The folder.
        read: Files in the folder that are read.

    Raises:
        InputError: A folder cannot be read.
    """
    known = {path.resolve() for path in read}
    files = (path for place in walk(root, is_hidden) for path in place.iterdir())
    left = sorted(path for path in files if _counts(path) and path.resolve() not in known)
    outputs = [path for path in left if is_output(path)]
    aside = {path: _aside(root, path) for path in left if not is_output(path)}
    folders = [path for path, folder in aside.items() if folder]
    plain = [path for path, folder in aside.items() if not folder]
    scans = [path for path in plain if path.suffix.lower() in READERS]
    others = [path for path in plain if path.suffix.lower() not in READERS]
    said = [count_outputs(outputs)]
    if folders:
        names = ", ".join(sorted({aside[path] for path in folders})[:NAMED])
        said.append(f"{root}: files in {names} are not read: {_some(root, folders)}")
    if scans:
        said.append(
            f"{root}: scans outside the folders that are read are not read: {_some(root, scans)}"
        )
    if others:
        said.append(f"{root}: files with other endings are not read: {_endings(root, others)}")
    return [sentence for sentence in said if sentence]


def _counts(path: Path) -> bool:
    name = path.name.lower()
    return path.is_file() and not name.startswith(".") and name not in SYSTEM


def _aside(root: Path, path: Path) -> str:
    """Return the folder of labels or ignored folder that contains a file; empty if none does."""
    inner = path.relative_to(root).parts[:-1]
    return next((one for one in inner if holds_labels(Path(one)) or is_ignored(Path(one))), "")


def _some(root: Path, paths: Sequence[Path]) -> str:
    return f"{len(paths)}, {paths[0].relative_to(root)} for example"


def _endings(root: Path, paths: Sequence[Path]) -> str:
    """Return the number of files by extension, with an example."""
    counts = Counter(path.suffix.lower() or "without ending" for path in paths)
    kinds = ", ".join(f"{count} {ending}" for ending, count in counts.most_common(NAMED))
    return f"{kinds}; {paths[0].relative_to(root)} for example"

"""Outputs of ``predict``: folder, names and a comment, by which readers recognize and skip them.

Earlier versions wrote outputs of the same names next to the scans; the name identifies them.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["MARK", "OUTPUTS", "count_outputs", "is_output", "is_table", "output_stem"]

OUTPUTS = "gmanet-scores"
"""Name of the folder of outputs, in the folder of the scans."""
MARK = "gmanet scores"
"""Comment in the header of a colored ``.ply`` file."""
LONGEST = 255 - len(".json")
"""Largest length of a file's name without extension, in bytes; file systems allow 255 in all."""
NAME = re.compile(r".\.scores\.(?:npz|ply|png)$", re.IGNORECASE)

TABLE = re.compile(
    rb"(?:file|part|scan|when),[^\r\n]*\b(?:verdict|outliers|error)\b", re.IGNORECASE
)
"""First line of a table of results that a command of this package wrote."""


def output_stem(stem: str, mark: str = "") -> str:
    """Return the name, without extension, of an output for a file; long names are shortened.

    Args:
        stem: Name of the file without extension.
        mark: Suffix of the output's name, such as ``.scores``.
    """
    whole, most = os.fsencode(stem), LONGEST - len(mark)
    if len(whole) <= most:
        return f"{stem}{mark}"
    digest = hashlib.sha256(whole).hexdigest()[:12]
    return f"{whole[: most - 13].decode('utf-8', 'ignore')}+{digest}{mark}"


def is_output(path: Path) -> bool:
    """Return whether the name or the folder of a path is that of an output of ``predict``."""
    return OUTPUTS in (path.name, path.parent.name) or NAME.search(path.name) is not None


def is_table(path: Path) -> bool:
    """Return whether a ``.csv`` file is a table of results, such as ``prepare.csv``."""
    if path.suffix.lower() != ".csv":
        return False
    try:
        with path.open("rb") as file:
            return TABLE.match(file.read(1000)) is not None
    except OSError:
        return False


def count_outputs(paths: Iterable[Path]) -> str:
    """Return a sentence on how many files are outputs of ``predict``; empty if none is."""
    found = sorted(path for path in paths if is_output(path))
    if not found:
        return ""
    return f"{len(found)} files that gmanet predict wrote are passed over, {found[0]} for example"

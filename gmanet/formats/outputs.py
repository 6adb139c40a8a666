"""Outputs of ``predict``: folder, names and mark, by which no reader takes them for scans.

Earlier versions wrote the same names beside the scans; they are known by the name.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["MARK", "OUTPUTS", "count_outputs", "is_output", "output_stem"]

OUTPUTS = "gmanet-scores"
"""Name of the folder of outputs, in the folder of the scans."""
MARK = "gmanet scores"
"""Comment in the header of a colored ``.ply`` file."""
LONGEST = 255 - len(".json")
"""Bytes of a file's name without ending, as file systems have it."""
NAME = re.compile(r".\.scores\.(?:npz|ply|png)$", re.IGNORECASE)


def output_stem(stem: str, mark: str = "") -> str:
    """Return the name, without ending, of what is made of a file; long names are shortened.

    Args:
        stem: Name of the file without ending.
        mark: What is added to it, such as ``.scores``.
    """
    whole, most = os.fsencode(stem), LONGEST - len(mark)
    if len(whole) <= most:
        return f"{stem}{mark}"
    digest = hashlib.sha256(whole).hexdigest()[:12]
    return f"{whole[: most - 13].decode('utf-8', 'ignore')}+{digest}{mark}"


def is_output(path: Path) -> bool:
    """Return whether a path is named, or lies, like an output of ``predict``."""
    return OUTPUTS in (path.name, path.parent.name) or NAME.search(path.name) is not None


def count_outputs(paths: Iterable[Path]) -> str:
    """Return a sentence on the outputs of ``predict`` among some files; empty without any."""
    found = sorted(path for path in paths if is_output(path))
    if not found:
        return ""
    return f"{len(found)} files that gmanet predict wrote are passed over, {found[0]} for example"

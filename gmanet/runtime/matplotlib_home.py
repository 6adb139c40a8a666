"""Folder for Matplotlib's cache when the home directory is read-only, as on many clusters."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["spare_home"]


def spare_home() -> None:
    """Redirect Matplotlib's cache to the temporary folder if the home directory is read-only.

    Otherwise Matplotlib prints several lines of warnings and searches all fonts in every process.
    The function must be called before Matplotlib is imported, for example by torchmetrics.
    """
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  Path.home raises where there is none
    settings = os.environ.get("XDG_CONFIG_HOME") or home / ".config"
    if os.environ.get("MPLCONFIGDIR") or _writable(Path(settings) / "matplotlib"):
        return
    try:
        place = tempfile.gettempdir()
    except OSError:  # no temporary folder: whatever needs a file reports this
        return
    spare = Path(place) / f"gmanet-{os.getuid()}"
    os.environ["MPLCONFIGDIR"] = str(spare / "matplotlib")


def _writable(folder: Path) -> bool:
    """Return whether a folder can be written, after making the folder as Matplotlib would."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)

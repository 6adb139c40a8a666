"""Where libraries keep settings when the home directory cannot be written, as on many clusters."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["spare_home"]


def spare_home() -> None:
    """Let Matplotlib keep its font list in the folder of temporary files, if not in the home.

    Otherwise it says so in several lines, and searches all fonts again in every process.  To be
    called before anything imports it, such as torchmetrics.
    """
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  Path.home raises where there is none
    settings = os.environ.get("XDG_CONFIG_HOME") or home / ".config"
    if os.environ.get("MPLCONFIGDIR") or _writable(Path(settings) / "matplotlib"):
        return
    try:
        place = tempfile.gettempdir()
    except OSError:  # nowhere: what needs a file says so
        return
    spare = Path(place) / f"gmanet-{os.getuid()}"
    os.environ["MPLCONFIGDIR"] = str(spare / "matplotlib")


def _writable(folder: Path) -> bool:
    """Return whether a folder can be written, after making it, as Matplotlib would."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)

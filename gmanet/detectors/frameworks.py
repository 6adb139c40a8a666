"""Lightning and PyG as detectors use them; a process that only scores does with less.

The two take four seconds of processor time to import, as much as several scans to judge.  Commands
that only score call :func:`only_score` before any detector is imported, and get the classes of
``detectors.plain`` in their place; everyone else gets the real ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning import LightningModule as LightningModule
    from torch_geometric.data import Data as Data

__all__ = ["Data", "LightningModule", "only_score"]

_scoring: list[bool] = []


def only_score() -> None:
    """Do without Lightning and PyG in this process: no detector can be fitted in it.

    It has no effect on detectors that are imported already.
    """
    _scoring.append(True)


def __getattr__(name: str) -> Any:
    """Return ``Data`` or ``LightningModule``, imported at this moment."""
    if name not in ("Data", "LightningModule"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _scoring:
        from gmanet.detectors import plain

        return getattr(plain, name)
    if name == "Data":
        from torch_geometric.data import Data

        return Data
    from lightning import LightningModule

    return LightningModule

"""Which clouds a run uses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gmanet.errors import InputError

__all__ = ["DataConfig"]


@dataclass
class DataConfig:
    """Which clouds a run uses.

    Args:
        name: A row of ``gmanet.data.sources.SOURCES``.
        category: The part; one detector is fitted per part.
        root: Folder of the data set; the procedural one needs none.  ``~`` at its beginning is the
            home.
        profile: Size of the procedural data set, ``small``, ``full`` or ``many``.
        seed: Seed of the procedural data set; it is not the seed of the run.
        train_clouds: Use only the first so many train clouds; 0 uses all.
        views: Replace every train cloud by so many single-sided views of it; 0 leaves it whole.
    """

    name: str = "procedural"
    category: str = "hexagonal_nut"
    root: str | None = None
    profile: str = "small"
    seed: int = 0
    train_clouds: int = 0
    views: int = 0

    def __post_init__(self) -> None:
        if self.root is not None and self.root.split("/")[0] == "~":
            self.root = str(Path(self.root).expanduser())
        for key in ("train_clouds", "views"):
            if getattr(self, key) < 0:
                raise InputError(f"data.{key}={getattr(self, key)}, wanted 0 or more")

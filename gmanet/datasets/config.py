"""Configuration of a run's data."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from gmanet.errors import InputError

__all__ = ["DataConfig"]


@dataclass(kw_only=True)
class DataConfig:
    """Data of a run.

    Args:
        name: A row of ``gmanet.datasets.catalog.DATASETS``.
        category: The part; one detector is fitted per part.
        root: Folder of the data set; the procedural data set needs none.  A leading ``~`` stands
            for the home directory.
        profile: Size of the procedural data set, ``small``, ``full`` or ``many``.
        seed: Seed of the procedural data set, independent of the seed of the run.
        train_clouds: Number of train clouds, the first ones of the data set; 0: all.
        views: Number of single-sided views that replace a train cloud; 0: the whole cloud.
        label_points: Whether to take a defective cloud's points from the label file, unchecked,
            instead of assigning the labels to the points of the scan; for ``iec3d``, ``real3d``,
            ``shapenet`` and ``open_industry``.
        label_value: Value that marks abnormal points in the labels of your own scans
            (``data=folder``); normal points have 0.
    """

    name: str = "procedural"
    category: str = "hexagonal_nut"
    root: str | None = None
    profile: str = "small"
    seed: int = 0
    train_clouds: int = 0
    views: int = 0
    label_points: bool = False
    label_value: float = 1.0

    def __post_init__(self) -> None:
        if self.root is not None and self.root.split("/")[0] == "~":
            self.root = str(Path(self.root).expanduser())
        for key in ("train_clouds", "views"):
            if getattr(self, key) < 0:
                raise InputError(f"data.{key}={getattr(self, key)}, wanted 0 or more")
        if self.label_value == 0 or not isfinite(self.label_value):
            raise InputError(
                f"data.label_value={self.label_value}, wanted the number of abnormal points, not 0"
            )

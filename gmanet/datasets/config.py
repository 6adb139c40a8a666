"""Configuration of a run's data."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from gmanet.errors import InputError

__all__ = ["TASKS", "DataConfig"]

TASKS = ("unsupervised", "supervised")
"""What detectors learn from: normal clouds, or labeled defective ones."""


@dataclass(kw_only=True)
class DataConfig:
    """Data of a run.

    Args:
        name: A row of ``gmanet.datasets.catalog.DATASETS``.
        task: ``unsupervised`` learns from the train split, normal clouds of one part;
            ``supervised`` divides the defective test clouds of one or more parts into a train and a
            test split.
        category: The part; one detector is fitted per part.  With ``task=supervised`` also several
            parts, ``washer,hexagonal_nut``, or ``all``.
        split_seed: Seed of the division of ``task=supervised``.
        unseen: Kind of defects that ``task=supervised`` leaves out of the train split; its clouds
            are the test split.  Empty: both splits have all kinds.
        root: Folder of the data set; the procedural data set needs none.  A leading ``~`` stands
            for the home directory.
        profile: Size of the procedural data set, ``small``, ``full`` or ``many``.
        seed: Seed of the procedural data set and of rescans, independent of the seed of the run.
        train_clouds: Number of train clouds, the first ones of the data set; 0: all.
        views: Number of single-sided views that replace a train cloud; 0: the whole cloud.
        rescan: Kinds of further scans of each test cloud, some of clean, noise2, half, fifth,
            outliers, density, hole, side, quantized and pose (``gmanet.datasets.rescan``): the
            test split then holds every cloud once per kind.  Empty: the clouds as they are.
        label_points: Whether to take a defective cloud's points from the label file, unchecked,
            instead of assigning the labels to the points of the scan; for ``iec3d``, ``real3d``,
            ``shapenet`` and ``open_industry``.
        label_value: Value that marks abnormal points in the labels of your own scans
            (``data=folder``); normal points have 0.
    """

    name: str = "procedural"
    task: str = "unsupervised"
    category: str = "hexagonal_nut"
    split_seed: int = 0
    unseen: str = ""
    root: str | None = None
    profile: str = "small"
    seed: int = 0
    train_clouds: int = 0
    views: int = 0
    rescan: list[str] = field(default_factory=list)
    label_points: bool = False
    label_value: float = 1.0

    def __post_init__(self) -> None:
        if self.root is not None and self.root.split("/")[0] == "~":
            self.root = str(Path(self.root).expanduser())
        if self.task not in TASKS:
            raise InputError(f"data.task={self.task!r}, wanted one of {', '.join(TASKS)}")
        if self.supervised and self.views:
            raise InputError(f"data.views={self.views} with data.task=supervised, wanted 0")
        if self.unseen and not self.supervised:
            raise InputError(f"data.unseen={self.unseen}, wanted data.task=supervised with it")
        for key in ("train_clouds", "views", "split_seed"):
            if getattr(self, key) < 0:
                raise InputError(f"data.{key}={getattr(self, key)}, wanted 0 or more")
        if self.label_value == 0 or not isfinite(self.label_value):
            raise InputError(
                f"data.label_value={self.label_value}, wanted the number of abnormal points, not 0"
            )

    @property
    def supervised(self) -> bool:
        """Whether the data are labeled defective clouds."""
        return self.task == "supervised"

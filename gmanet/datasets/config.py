"""Configuration of a run's data."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite
from pathlib import Path

from gmanet.errors import InputError

__all__ = ["TASKS", "DataConfig"]

TASKS = ("unsupervised", "supervised")
"""What detectors learn from: normal clouds, or labeled defective ones."""

FEWEST_SCANS = 5
"""Least number of simulated scans: four to train on and one to test."""

SIDES = ("+x", "-x", "+y", "-y", "+z", "-z", "no")
"""Sides of a part that a scanner may see; ``no``: all of them."""


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
        pose: Poses of the procedural data set: ``any``, or ``turntable`` for turns about one axis
            with a small tilt.
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
        scan: A real scan of a good part, or a folder of several, from which ``data=cad`` measures
            noise, tolerance, number of points and sides of its simulated scans.
        scans: Number of simulated scans of ``data=cad``; every fifth is held out for testing.
        points: Number of points of a simulated scan; 0: as measured, or 20,000.
        noise: Standard deviation of the noise of simulated scans, in the unit of the mesh; by
            default as measured, or 1/2,000 of the diagonal.
        tolerance: Root mean square deviation of good parts from the mesh, in its unit; by default
            as measured, or 0.
        one_sided: Side of the part that is scanned, in the coordinates of the mesh: ``+x``,
            ``-x``, ``+y``, ``-y``, ``+z``, ``-z``, or ``no`` for all sides; by default as
            measured, or all sides.
        test: Folder of real scans that ``data=cad`` tests, good ones in ``good/``; by default
            every fifth simulated scan.
    """

    name: str = "procedural"
    task: str = "unsupervised"
    category: str = "hexagonal_nut"
    split_seed: int = 0
    unseen: str = ""
    root: str | None = None
    profile: str = "small"
    pose: str = "any"
    seed: int = 0
    train_clouds: int = 0
    views: int = 0
    rescan: list[str] = field(default_factory=list)
    label_points: bool = False
    label_value: float = 1.0
    scan: str | None = None
    scans: int = 20
    points: int = 0
    noise: float | None = None
    tolerance: float | None = None
    one_sided: str = ""
    test: str | None = None

    def __post_init__(self) -> None:
        for key in ("root", "scan", "test"):
            value = getattr(self, key)
            if value is not None and value.split("/")[0] == "~":
                setattr(self, key, str(Path(value).expanduser()))
        for key in ("train_clouds", "views", "split_seed", "points", "noise", "tolerance"):
            value = getattr(self, key)
            if value is not None and not 0 <= value < inf:
                raise InputError(f"data.{key}={value}, wanted 0 or more")
        if self.scans < FEWEST_SCANS:
            raise InputError(f"data.scans={self.scans}, wanted at least {FEWEST_SCANS}")
        if self.one_sided not in ("", *SIDES):
            raise InputError(f"data.one_sided={self.one_sided}, wanted one of: {', '.join(SIDES)}")
        self._check_task()
        self._check_pose()
        if self.label_value == 0 or not isfinite(self.label_value):
            raise InputError(
                f"data.label_value={self.label_value}, wanted the number of abnormal points, not 0"
            )

    @property
    def supervised(self) -> bool:
        """Whether the data are labeled defective clouds."""
        return self.task == "supervised"

    def _check_pose(self) -> None:
        """Raise an InputError for poses of data that are not procedural."""
        if self.pose != "any" and self.name != "procedural":
            raise InputError(
                f"data.pose={self.pose} with data={self.name}, wanted any: scans lie as they are"
            )

    def _check_task(self) -> None:
        """Raise an InputError if the settings do not fit the task."""
        if self.task not in TASKS:
            raise InputError(f"data.task={self.task!r}, wanted one of {', '.join(TASKS)}")
        if self.supervised and self.views:
            raise InputError(f"data.views={self.views} with data.task=supervised, wanted 0")
        if self.unseen and not self.supervised:
            raise InputError(f"data.unseen={self.unseen}, wanted data.task=supervised with it")

"""Where and how a run computes, and how it is logged."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from gmanet.errors import InputError

__all__ = ["TrainConfig", "WandbConfig"]


@dataclass
class TrainConfig:
    """Where and how a run computes.  None of it changes what is learned, save rounding.

    Args:
        accelerator: ``cpu``, ``gpu`` or ``auto``, as Lightning understands it.
        devices: Processes on each node.
        nodes: Number of nodes.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``.
        workers: Processes that prepare clouds; -1: one per core, 0: none.
        checkpoint_every: Epochs between two checkpoints; an interrupted run resumes from the last.
        pictures: Test clouds to draw, spread over the kinds of defect; -1: all.
    """

    accelerator: str = "cpu"
    devices: int = 1
    nodes: int = 1
    precision: str = "32-true"
    workers: int = -1
    checkpoint_every: int = 5
    pictures: int = 6

    def __post_init__(self) -> None:
        for name, least in (("devices", 1), ("nodes", 1), ("workers", -1), ("pictures", -1)):
            if getattr(self, name) < least:
                raise InputError(f"train.{name}={getattr(self, name)}, wanted at least {least}")
        if self.checkpoint_every < 1:
            raise InputError(f"train.checkpoint_every={self.checkpoint_every}, wanted at least 1")

    @property
    def world(self) -> int:
        """Return the number of processes that fit and score together."""
        return self.devices * self.nodes

    @property
    def processes(self) -> int:
        """Return the number of worker processes; there is always at least the main one."""
        if self.workers >= 0:
            return self.workers
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2


@dataclass
class WandbConfig:
    """How W&B logs a run.  ``scores.json`` is the record, W&B the view.

    Args:
        mode: ``offline`` (no account, no network), ``online`` or ``disabled``.
        project: W&B project.
        group: Runs that belong together, such as those of one experiment.
        tags: Free words.
    """

    mode: str = "offline"
    project: str = "gmanet"
    group: str | None = None
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        modes = ("offline", "online", "disabled")
        if self.mode not in modes:
            raise InputError(f"wandb.mode={self.mode!r}, wanted one of {', '.join(modes)}")

"""Settings of a run's hardware, processes and logging."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmanet.errors import InputError
from gmanet.runtime.cores import processes_at_most

__all__ = ["TrainConfig", "WandbConfig", "usual_mode"]

LOGGERS = ("wandb", "tensorboard")
MODES = ("offline", "online", "disabled")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")


@dataclass(kw_only=True)
class TrainConfig:
    """Settings of hardware and processes.  They change results by rounding only.

    The pairs of a step are divided among processes, and by ``accumulate`` into parts; means and
    weights in a detector's loss are computed within each part.

    Args:
        accelerator: ``cpu``, ``gpu`` or ``auto``, as in Lightning.
        devices: Number of processes on each node.
        nodes: Number of nodes.
        precision: ``32-true``, ``bf16-mixed``, or on a GPU ``16-mixed``.
        compile: Whether networks are compiled by ``torch.compile``; the first steps take longer.
        accumulate: Number of parts into which a step divides its pairs to save memory.
        workers: Number of processes that prepare clouds; -1: one per core, 0: none.
        checkpoint_every: Number of epochs between two checkpoints; an interrupted run resumes from
            the last one.
        curve: Number of points of the validation curves; -1: one after every epoch.
        pictures: Number of test clouds to draw, of all kinds of defects in turn; -1: all.
        logger: ``wandb`` or ``tensorboard``.
    """

    accelerator: str = "cpu"
    devices: int = 1
    nodes: int = 1
    precision: str = "32-true"
    compile: bool = False
    accumulate: int = 1
    workers: int = -1
    checkpoint_every: int = 5
    curve: int = 5
    pictures: int = 6
    logger: str = "wandb"

    def __post_init__(self) -> None:
        lowest = {"devices": 1, "nodes": 1, "workers": -1, "pictures": -1, "accumulate": 1}
        lowest["checkpoint_every"] = 1
        for name, least in lowest.items():
            if getattr(self, name) < least:
                raise InputError(f"train.{name}={getattr(self, name)}, wanted at least {least}")
        for name, known in (("logger", LOGGERS), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"train.{name}={getattr(self, name)!r}, wanted one of {', '.join(known)}"
                )
        if self.precision == "16-mixed" and self.accelerator == "cpu":
            raise InputError("train.precision=16-mixed on a cpu, wanted bf16-mixed")
        if self.curve != -1 and self.curve < 1:
            raise InputError(f"train.curve={self.curve}, wanted at least 1, or -1")

    @property
    def world(self) -> int:
        """Number of processes that fit and score, over all nodes."""
        return self.devices * self.nodes

    @property
    def processes(self) -> int:
        """Number of worker processes, limited by the machine's cores and memory."""
        most = processes_at_most()
        return most if self.workers < 0 else min(self.workers, most)


def usual_mode(variable: str) -> str:
    """Return the ``wandb.mode`` for a value of the environment variable ``WANDB_MODE``.

    Raises:
        InputError: The value is not one of W&B's modes that are supported.
    """
    mode = {"dryrun": "offline", "run": "online"}.get(variable.lower(), variable.lower())
    if mode not in MODES:
        raise InputError(
            f"the environment variable WANDB_MODE is {variable!r}, wanted one of "
            f"{', '.join(MODES)}, or wandb.mode=..., which wins"
        )
    return mode


@dataclass(kw_only=True)
class WandbConfig:
    """Settings of W&B, which shows results; ``scores.json`` stores them.

    Args:
        mode: ``offline`` (no account, no network), ``online`` or ``disabled``; by default the
            environment variable ``WANDB_MODE``, or else ``offline``.
        project: Name of the W&B project.
        group: Name of a group of runs, such as those of an experiment; by default the environment
            variable ``WANDB_RUN_GROUP``.
        job: Job type; by default the environment variable ``WANDB_JOB_TYPE``.
        tags: Tags besides the names of detector and data set.
    """

    mode: str = "offline"
    project: str = "gmanet"
    group: str | None = None
    job: str | None = None
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"wandb.mode={self.mode!r}, wanted one of {', '.join(MODES)}")

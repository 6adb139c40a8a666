"""Where and how a run computes, and how it is logged."""

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
    """Where and how a run computes.  None of it changes what is learned, save rounding.

    Several processes, and ``accumulate``, divide the pairs of a step among them; what the loss of a
    detector averages or weighs, it does within each part.

    Args:
        accelerator: ``cpu``, ``gpu`` or ``auto``, as Lightning understands it.
        devices: Processes on each node.
        nodes: Number of nodes.
        precision: ``32-true``, ``bf16-mixed``, or on a GPU ``16-mixed``.
        compile: Whether networks go through ``torch.compile``; the first steps take longer.
        accumulate: Parts in which a step reads its pairs one after another, to save memory.
        workers: Processes that prepare clouds; -1: one per core, 0: none.
        checkpoint_every: Epochs between two checkpoints; an interrupted run resumes from the last.
        curve: Points of the validation curves during a fit; -1: one after every epoch.
        pictures: Test clouds to draw, spread over the kinds of defect; -1: all.
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
        """Return the number of processes that fit and score together."""
        return self.devices * self.nodes

    @property
    def processes(self) -> int:
        """Return the number of worker processes, no more than the machine bears."""
        most = processes_at_most()
        return most if self.workers < 0 else min(self.workers, most)


def usual_mode(variable: str) -> str:
    """Return the mode that the environment variable ``WANDB_MODE`` asks for.

    Raises:
        InputError: W&B has a mode that is none of ours.
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
    """How W&B logs a run.  ``scores.json`` is the record, W&B the view.

    Args:
        mode: ``offline`` (no account, no network), ``online`` or ``disabled``; without one it is
            the environment variable ``WANDB_MODE``.
        project: W&B project.
        group: Runs that belong together, such as those of one experiment; without one it is the
            environment variable ``WANDB_RUN_GROUP``.
        job: Job type; without one it is ``WANDB_JOB_TYPE``.
        tags: Free tags, added to the names of detector and data.
    """

    mode: str = "offline"
    project: str = "gmanet"
    group: str | None = None
    job: str | None = None
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"wandb.mode={self.mode!r}, wanted one of {', '.join(MODES)}")

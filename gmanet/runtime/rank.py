"""Rank of this process in a run, from the variables of Slurm and torchrun."""

from __future__ import annotations

import os

from gmanet.errors import InputError

__all__ = ["rank", "settle"]

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
"""Variables with the number of this process in a run, set by launchers."""

OTHERS = (
    *("GROUP_RANK", "NODE_RANK", "WORLD_SIZE"),
    *("SLURM_LOCALID", "SLURM_NODEID", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE"),
)
"""Further variables of launchers, which are irrelevant to a run of one process."""

STEP = ("SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS")
"""Variables of a process that srun started; a batch script only has variables of the job."""

INTERACTIVE = ("bash", "interactive")
"""Names of Slurm jobs that are interactive shells, whose number of tasks is ignored."""


def rank() -> int:
    """Return the rank of this process; rank 0 does the work that is done once per run.

    Raises:
        InputError: A launcher's variable is no number.
    """
    return next((_number(key) for key in RANKS if os.environ.get(key)), 0)


def settle(world: int) -> None:
    """Check the number of processes that a launcher started, before anything is written.

    For a run of one process, the launchers' variables are removed from the environment, because
    Lightning would read them.

    Args:
        world: Number of processes of the run, ``train.devices * train.nodes``.

    Raises:
        InputError: A launcher started another number of processes, or a variable is no number.
    """
    rank()
    for launcher, tasks in _started().items():
        if tasks > 1 and tasks != world:
            raise InputError(
                f"{tasks} tasks were started by {launcher}, but train.devices * train.nodes is "
                f"{world}; wanted {world} task{'s' * (world > 1)}, or settings that make {tasks}"
            )
    if world == 1:
        for key in (*RANKS, *OTHERS):
            os.environ.pop(key, None)


def _started() -> dict[str, int]:
    """Return the number of processes of each launcher that started this process."""
    found = {}
    if os.environ.get("WORLD_SIZE"):
        tasks = _number("WORLD_SIZE")
        if os.environ.get("RANK"):
            found["torchrun (WORLD_SIZE)"] = tasks
    if _by_srun():
        counts = ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
        key = next((key for key in counts if os.environ.get(key)), None)
        if key is not None:
            found[f"srun ({key})"] = _number(key)
    return found


def _by_srun() -> bool:
    """Return whether srun started this process as a task of a run.

    A batch script, in contrast, is task 0 of its job and belongs to no step.
    """
    if os.environ.get("SLURM_JOB_NAME") in INTERACTIVE or not os.environ.get("SLURM_PROCID"):
        return False
    return any(os.environ.get(key) for key in STEP) or _number("SLURM_PROCID") > 0


def _number(key: str) -> int:
    """Return the value of a variable as a number."""
    value = os.environ[key]
    if not value.isdecimal():
        raise InputError(
            f"the environment variable {key} is {value!r}, wanted a number from 0, or none at all"
        )
    return int(value)

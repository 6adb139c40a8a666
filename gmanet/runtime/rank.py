"""Rank of this process in a run, from the variables of Slurm and torchrun."""

from __future__ import annotations

import os

from gmanet.errors import InputError

__all__ = ["rank", "settle"]

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
"""Variables in which launchers number the processes of one run."""

OTHERS = (
    *("GROUP_RANK", "NODE_RANK", "WORLD_SIZE"),
    *("SLURM_LOCALID", "SLURM_NODEID", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE"),
)
"""Further variables about several processes; they mean nothing to a run of one process."""

STEP = ("SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS")
"""Variables of a process that srun started; a batch script has the job's variables alone."""

INTERACTIVE = ("bash", "interactive")
"""Names of Slurm's jobs that are somebody's shell: its tasks are not this command."""


def rank() -> int:
    """Return the number of this process; 0 does what is to be done once.

    Raises:
        InputError: A launcher's variable holds no number.
    """
    return next((_number(key) for key in RANKS if os.environ.get(key)), 0)


def settle(world: int) -> None:
    """Compare what a launcher started with what the run wants, before anything is written.

    In a run of one process, variables that were inherited from elsewhere are dropped: Lightning
    reads them too.

    Args:
        world: Processes of the run, ``train.devices * train.nodes``.

    Raises:
        InputError: The launcher started another number of processes, or a variable is no number.
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
    """Return how many processes each launcher says it started, if it started this one."""
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
    """Return whether srun started this process as one of a run's tasks.

    A batch script is task 0 of the whole job without any step, however many tasks the job has.
    """
    if os.environ.get("SLURM_JOB_NAME") in INTERACTIVE or not os.environ.get("SLURM_PROCID"):
        return False
    return any(os.environ.get(key) for key in STEP) or _number("SLURM_PROCID") > 0


def _number(key: str) -> int:
    """Return the number that a variable holds."""
    value = os.environ[key]
    if not value.isdecimal():
        raise InputError(
            f"the environment variable {key} is {value!r}, wanted a number from 0, or none at all"
        )
    return int(value)

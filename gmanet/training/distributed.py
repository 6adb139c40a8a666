"""Distributed runs: strategy of memory banks, stopping, and agreement among processes."""

from __future__ import annotations

import signal
from typing import Any, TypeVar

from lightning import Callback, LightningModule, Trainer
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy

from gmanet.runtime import preemption

__all__ = ["BankStrategy", "StopWhenAsked", "agreed", "stop_others"]

Plan = TypeVar("Plan")


class BankStrategy(DDPStrategy):
    """DDP for detectors without gradients, which the wrapper of DDP does not accept."""

    def configure_ddp(self) -> None:
        """Leave the detector without a wrapper: there are no gradients to reduce."""


class StopWhenAsked(Callback):
    """Callback that ends a fit between two steps after a signal to any of the processes.

    All processes agree on the step, the first writes a checkpoint, and each raises
    :class:`gmanet.runtime.preemption.Preempted`.  From the first step on, signals are deferred to
    the end of a step; before, they stop a process at once.  Memory banks have no checkpoints to
    resume from, and no such callback.

    Args:
        checkpoint: File of the checkpoint, that of regular checkpoints.
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint
        self.step = 0

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Defer signals from now on."""
        preemption.defer()
        self.step = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Stop after an optimizer step if any process has got a signal."""
        if trainer.global_step == self.step:  # gradients are accumulated
            return
        self.step = trainer.global_step
        if trainer.strategy.reduce_boolean_decision(preemption.asked(), all=False):
            trainer.save_checkpoint(self.checkpoint)
            preemption.check(all_were_asked=True)


def agreed(trainer: Trainer, plan: Plan) -> Plan:
    """Return the first process's plan on all processes.

    A plan depends on the run's folder.  Only processes that a scheduler started broadcast it:
    those that Lightning starts begin later, and find the folder as the first process did.

    Args:
        trainer: The trainer of the run.
        plan: This process's plan, any object that can be pickled.
    """
    strategy = trainer.strategy
    if not isinstance(strategy, DDPStrategy):
        return plan
    if isinstance(strategy.cluster_environment, LightningEnvironment):
        return plan
    strategy.setup_environment()
    return strategy.broadcast(plan)


def stop_others(trainer: Trainer) -> None:
    """End the processes that Lightning started, if any."""
    launcher = trainer.strategy.launcher
    if launcher is not None:
        launcher.kill(signal.SIGTERM)

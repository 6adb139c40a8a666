"""Several processes of one run: how they agree, and how they share what each has found."""

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
    """DDP for a detector without gradients, which DDP's own wrapper refuses."""

    def configure_ddp(self) -> None:
        """Leave the detector as it is: there is nothing to reduce."""


class StopWhenAsked(Callback):
    """Ends a fit between two steps when any of its processes was asked to stop.

    All of them agree on the step, the first writes a checkpoint, and each leaves by
    :class:`gmanet.runtime.preemption.Preempted`.  From the first step on signals wait for this;
    before, a process may stop anywhere.  A memory bank has nothing to go on from, and stops
    anywhere.

    Args:
        checkpoint: File to write; the same that regular checkpoints go to.
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint
        self.step = 0

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Let signals wait from now on."""
        preemption.defer()
        self.step = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Stop after an optimizer step if anybody was asked to."""
        if trainer.global_step == self.step:  # gradients are being gathered
            return
        self.step = trainer.global_step
        if trainer.strategy.reduce_boolean_decision(preemption.asked(), all=False):
            trainer.save_checkpoint(self.checkpoint)
            preemption.check(all_were_asked=True)


def agreed(trainer: Trainer, plan: Plan) -> Plan:
    """Return the plan of the first process on all of them.

    Processes that Lightning starts itself begin after the first has made its plan, and find the
    folder as it did; only those of a scheduler may look at it at different times.
    """
    strategy = trainer.strategy
    if not isinstance(strategy, DDPStrategy):
        return plan
    if isinstance(strategy.cluster_environment, LightningEnvironment):
        return plan
    strategy.setup_environment()
    return strategy.broadcast(plan)


def stop_others(trainer: Trainer) -> None:
    """End the processes that Lightning started, where it started any."""
    launcher = trainer.strategy.launcher
    if launcher is not None:
        launcher.kill(signal.SIGTERM)

"""Training sets of detectors: items that steps draw, and clouds for validation curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from torch.utils.data import Dataset
from tqdm import tqdm

from gmanet.runtime.piped_loader import PipedLoader
from gmanet.synthesis.config import SynthesisConfig

if TYPE_CHECKING:
    from torch_geometric.data import Data

__all__ = ["TrainingPlan", "TrainingSet"]

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """Settings of a run from which a training set is made.

    Args:
        synthesis: Settings of the twins.
        seed: Seed of all twins and of all random draws.
        workers: Number of processes that prepare clouds.
        progress: Whether to show progress bars.
    """

    synthesis: SynthesisConfig
    seed: int = 0
    workers: int = 0
    progress: bool = True

    def prepare(self, source: Dataset[Item], name: str) -> list[Item]:
        """Return all items of a data set, made in the processes of the plan.

        Args:
            source: Items by number, with a length.
            name: What the progress bar says.
        """
        loader = PipedLoader(source, None, num_workers=self.workers, collate_fn=_as_is)
        total = len(source)  # type: ignore[arg-type]
        return list(tqdm(loader, name, total, disable=not self.progress, unit="cloud"))


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Training items of a detector.

    Args:
        items: Items by index; if ``drawn``, by ``(epoch, index)``, so that each epoch can have new
            ones.
        drawn: Whether steps take batches, in a new order in every epoch; if not, every process
            takes its share of the items one by one, in their order.
        workers: Largest number of processes that load items; None for the number that prepares
            clouds.
        validation: Synthetic clouds that are scored for the curves during training.
    """

    items: Dataset[Any]
    drawn: bool = False
    workers: int | None = None
    validation: Sequence[Data] = ()


def _as_is(item: Any) -> Any:
    return item

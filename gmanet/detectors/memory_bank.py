"""What memory banks have in common: one pass over the normal clouds, then a bank of their features.

Nothing is optimised.  Memory is bounded: an equal number of rows of each cloud is held, however
many clouds and points there are.  The reference code of the methods holds every row of every cloud,
and more than once where it concatenates tensors in its loops.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from gmanet.detectors.bank import Bank
from gmanet.detectors.base import Detector
from gmanet.detectors.config import MemoryConfig
from gmanet.geometry.neighbors import interpolate

__all__ = ["Described", "MemoryDetector"]


class Described(Data):
    """A cloud's features, and how scores spread from there to all points.

    ``near`` are rows of ``feature``, ``around`` and ``pick`` are points, ``coarse`` are rows of
    ``around``.
    """


class MemoryDetector(Detector):
    """Collects features in one pass over the normal clouds and keeps some of them in banks.

    A cloud's own share of the rows are the first in its reader's order, that of farthest point
    sampling: they cover the cloud evenly and depend on no file's order.
    """

    Config = MemoryConfig
    config: MemoryConfig

    def __init__(self, config: MemoryConfig, banks: tuple[str, ...] = ("feature",)) -> None:
        super().__init__(config)
        self.automatic_optimization = False  # Lightning would warn that no loss came back
        self.banks = nn.ModuleDict({name: Bank() for name in banks})
        self.seed = int(torch.randint(2**31 - 1, ()))  # drawn as weights are: of the run's seed
        self.quota = config.pool_size
        self.seen: dict[str, dict[str, Tensor]] = {}

    def features(self, cloud: Data) -> dict[str, Tensor]:
        """Return what each bank may store of a cloud, the most even rows first, ``(P, C)``."""
        return {"feature": cloud.feature}

    def point_scores(self, record: Data) -> Tensor:
        """Return scores of all points of a cloud, interpolated from places, with shape ``(N,)``."""
        return interpolate(
            self.bank_score("feature", record.feature), record.near, weight=record.weight
        )

    def bank_score(self, name: str, features: Tensor) -> Tensor:
        """Return a bank's scores of features with shape ``(M, C)``, with shape ``(M,)``."""
        bank = self.banks[name]
        assert isinstance(bank, Bank)
        return bank.score(features.float(), self.config.neighbors)

    def on_train_start(self) -> None:
        """Share the rows among the clouds."""
        clouds = len(self.trainer.datamodule.train)  # type: ignore[attr-defined]
        self.quota = max(1, self.config.pool_size // max(1, clouds))
        self.seen = {}

    def training_step(self, record: Data, *_: Any) -> None:
        """Remember a cloud's first rows."""
        rows = {name: part[: self.quota] for name, part in self.features(record).items()}
        self.seen[record.name] = {name: part.float().clone() for name, part in rows.items()}

    @torch.no_grad()
    def on_train_end(self) -> None:
        """Build the banks; neither order nor process in which clouds came matters."""
        self._gather()
        names = sorted(self.seen)
        for name, bank in self.banks.items():
            assert isinstance(bank, Bank)
            clouds = [self.seen[cloud][name] for cloud in names]
            generator = torch.Generator().manual_seed(self.seed)
            count = self.bank_rows(sum(len(cloud) for cloud in clouds))
            bank.build(clouds, count, neighbors=self.config.neighbors, generator=generator)
        self.seen = {}

    def _gather(self) -> None:
        """Bring together what several processes have seen, on each of them."""
        if self.trainer.world_size == 1:
            return
        mine = {
            cloud: {name: part.cpu() for name, part in banks.items()}
            for cloud, banks in self.seen.items()
        }
        every: list[Any] = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(every, mine)
        self.seen = {
            cloud: {name: part.to(self.device) for name, part in banks.items()}
            for seen in every
            for cloud, banks in seen.items()
        }

    def bank_rows(self, held: int) -> int:
        """Return how many of the held rows a bank keeps."""
        return min(self.config.bank_size, held)

    @torch.no_grad()
    def enlarge(self, record: Data, clouds: int) -> None:
        """Give each bank the rows that more clouds would leave, repeated with 1 % of noise."""
        generator = torch.Generator().manual_seed(0)
        self.quota, self.seen = max(1, self.config.pool_size // clouds), {}
        self.training_step(record)
        brought = next(iter(self.seen.values()))
        self.seen = {}
        for name, bank in self.banks.items():
            assert isinstance(bank, Bank)
            count = self.bank_rows(len(brought[name]) * clouds)
            rows = bank.rows[torch.arange(count) % len(bank.rows)]
            noise = torch.randn(rows.shape, generator=generator) * 0.01 * rows.std(dim=0)
            known = torch.arange(count)[:, None] < len(bank.rows)
            bank.rows = torch.where(known, rows, rows + noise)

    @torch.no_grad()
    def score_record(self, record: Data) -> tuple[Tensor, Tensor]:
        """Return scores of the points of one cloud, with shape ``(N,)``, and of the object."""
        return self.with_object(self.point_scores(record))

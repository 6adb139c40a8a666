"""Base class of memory banks: one pass over the normal clouds, then a bank of their features.

Nothing is optimized.  Memory is bounded: the pool has a fixed size and takes the same number of
rows of each cloud.  The methods' reference code keeps all rows of all clouds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from gmanet.detectors.bank import Bank
from gmanet.detectors.base import Detector
from gmanet.detectors.config import MemoryConfig
from gmanet.detectors.frameworks import Data
from gmanet.geometry.neighbors import interpolate

__all__ = ["Described", "MemoryDetector"]


class Described(Data):
    """A record of a cloud's features, with the interpolation of scores to all points.

    ``near (N, 3)`` and ``coarse (N, 3)`` are indices of the rows of ``feature`` and ``around`` from
    which each point is interpolated; ``around (E, S)`` and ``pick (P,)`` are indices of points.
    """


FOLDS = 5
"""Number of groups of normal clouds, each scored against banks of all other groups."""


class MemoryDetector(Detector):
    """A detector with banks of features, collected in one pass over the normal clouds.

    The pool takes the first rows of each cloud in the order of the reader's farthest point
    sampling: they cover the cloud evenly and do not depend on the order of points in the file.
    """

    Config = MemoryConfig
    config: MemoryConfig

    def __init__(self, config: MemoryConfig, banks: tuple[str, ...] = ("feature",)) -> None:
        super().__init__(config)
        self.automatic_optimization = False  # Lightning would warn that no loss came back
        self.banks = nn.ModuleDict({name: Bank() for name in banks})
        self.seed = int(torch.randint(2**31 - 1, ()))  # from the run's seed, like weights
        self.quota = config.pool_size
        self.seen: dict[str, dict[str, Tensor]] = {}
        self.pool: dict[str, dict[str, Tensor]] = {}

    def features(self, cloud: Data) -> dict[str, Tensor]:
        """Return each bank's features of a cloud in the order of sampling, each ``(P, C)``."""
        return {"feature": cloud.feature}

    def point_scores(self, record: Data) -> Tensor:
        """Return scores of all points of a cloud, interpolated from its features, ``(N,)``."""
        return interpolate(
            self.bank_score("feature", record.feature), record.near, weight=record.weight
        )

    def bank_score(self, name: str, features: Tensor) -> Tensor:
        """Return the scores ``(M,)`` of features ``(M, C)`` against the bank ``name``."""
        bank = self.banks[name]
        assert isinstance(bank, Bank)
        return bank.score(features.float(), self.config.neighbors)

    def on_train_start(self) -> None:
        """Divide the pool among the clouds."""
        clouds = len(self.trainer.datamodule.train)  # type: ignore[attr-defined]
        self.quota = max(1, self.config.pool_size // max(1, clouds))
        self.seen = {}

    def training_step(self, record: Data, *_: Any) -> None:
        """Add the first rows of a cloud to the pool."""
        rows = {name: part[: self.quota] for name, part in self.features(record).items()}
        self.seen[record.name] = {name: part.float().clone() for name, part in rows.items()}

    @torch.no_grad()
    def on_train_end(self) -> None:
        """Build the banks from the pool, independently of the order and process of the clouds."""
        self._gather()
        for name, bank in self.banks.items():
            assert isinstance(bank, Bank)
            self._build(bank, [self.seen[cloud][name] for cloud in sorted(self.seen)])
        self.pool, self.seen = self.seen, {}

    def _build(self, bank: Bank, clouds: list[Tensor]) -> None:
        """Build a bank of the features of some clouds."""
        generator = torch.Generator().manual_seed(self.seed)
        count = self.bank_rows(sum(len(cloud) for cloud in clouds))
        bank.build(clouds, count, neighbors=self.config.neighbors, generator=generator)

    @torch.no_grad()
    def held_out_scores(self, records: Iterable[Data]) -> list[float]:
        """Return the object score of each normal cloud against banks that it has no part in.

        The clouds fall into ``FOLDS`` groups, or fewer clouds into one group each; banks are built
        of the pool without a group for its clouds, with a scale of their own.  The pool is given up
        afterwards.  Encoders that were pre-trained on the normal clouds remain.

        Args:
            records: As for :meth:`Detector.held_out_scores`.
        """
        names, banks = sorted(self.pool), self.banks
        fold = {name: number % min(FOLDS, len(names)) for number, name in enumerate(names)}
        built: dict[int, nn.ModuleDict] = {}
        scores = []
        for record in records:
            number = fold[record.name]
            if number not in built:
                built[number] = self._banks_of([name for name in names if fold[name] != number])
            self.banks = built[number]
            scores += super().held_out_scores([record])
        self.banks, self.pool = banks, {}
        return scores

    def _banks_of(self, names: list[str]) -> nn.ModuleDict:
        """Return banks of some clouds of the pool; of all if there are none."""
        pool = [self.pool[name] for name in names] or list(self.pool.values())
        banks = nn.ModuleDict({name: Bank() for name in self.banks})
        for name, bank in banks.items():
            assert isinstance(bank, Bank)
            self._build(bank, [part[name] for part in pool])
        return banks

    def _gather(self) -> None:
        """Join the pools of all processes, on each of them."""
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
        """Return the number of rows in a bank that is made of a pool of ``held`` rows."""
        return min(self.config.bank_size, held)

    @torch.no_grad()
    def enlarge(self, record: Data, clouds: int) -> None:
        """Enlarge each bank to its size after a fit on more clouds, by noisy copies of its rows."""
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

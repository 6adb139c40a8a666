r"""Memory bank of normal features: a query scores its distance to the nearest rows of the bank.

After PatchCore [Roth et al., CVPR 2022], a bank :math:`M` is a part of the normal features
:math:`F` that leaves none of them far away, chosen greedily: the next row is
:math:`\arg\max_{f \in F} \min_{m \in M} \|f - m\|`.  A feature scores the mean of its distances
to the :math:`k` nearest rows, standardized by the scores of normal clouds against a bank without
their own rows.  So several banks have one scale, and no test cloud is needed to find it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor, nn

__all__ = ["Bank", "ResizableBuffers", "greedy_coreset", "k_nearest"]

BLOCK = 2**22
"""Number of distances in one block of queries: 16 MiB, which fit the processor's cache."""

CALIBRATION = 8192
"""Number of normal features whose scores give the scale of a bank."""


def greedy_coreset(
    features: Tensor, count: int, *, generator: torch.Generator, project: int = 128
) -> Tensor:
    """Return the indices of a k-center greedy selection, in its order, ``(min(count, N),)``.

    The time is ``O(count * N)``, the memory ``N * (project + 2)`` numbers.  The selection begins
    with the row nearest to the mean; each prefix of it is the selection of that size.

    Args:
        features: Rows to select from, with shape ``(N, C)``.
        count: Number of rows to select.
        generator: Random generator, on any device, of the random projection [Johnson and
            Lindenstrauss 1984].
        project: Number of channels to which features with more channels are projected.
    """
    rows = features.float() - features.float().mean(dim=0)
    if rows.shape[1] > project:
        shape = (rows.shape[1], project)
        random = torch.randn(shape, generator=generator, device=generator.device)
        rows = rows @ random.to(rows) / project**0.5
    square = rows.square().sum(dim=1)
    distance = torch.full_like(square, torch.inf)
    chosen = torch.empty(min(count, len(rows)), dtype=torch.int64, device=rows.device)
    at = square.argmin()
    for turn in range(len(chosen)):
        chosen[turn] = at
        reached = torch.addmv(square + square[at], rows, rows[at], alpha=-2)
        torch.minimum(distance, reached, out=distance)
        distance[at] = -torch.inf  # never chosen again, not even among equal rows
        at = distance.argmax()
    return chosen


def k_nearest(query: Tensor, rows: Tensor, *, count: int) -> Tensor:
    """Return Euclidean distances to the nearest rows, ascending, with shape ``(Q, count)``.

    Args:
        query: Query features, with shape ``(Q, C)``.
        rows: Rows of the bank, with shape ``(M, C)``, on the same device.
        count: Number of nearest rows; limited to ``M``.
    """
    count = min(count, len(rows))
    if query.shape[1] <= 3 and query.device.type == "cpu":
        found = cKDTree(rows.numpy()).query(query.numpy(), k=np.arange(1, count + 1))[0]
        return torch.from_numpy(np.asarray(found, dtype=np.float32))
    center = rows.mean(dim=0)
    rows, query = rows - center, query - center
    square = rows.square().sum(dim=1)
    blocks = []
    for block in query.split(max(1, BLOCK // len(rows))):
        with torch.autocast(query.device.type, enabled=False):  # half precision errs
            rough = torch.addmm(square, block, rows.T, alpha=-2)  # less the query's own square
        if count == 1:  # topk takes twice as long
            near = rough.argmin(dim=1, keepdim=True)
        else:
            near = rough.topk(count, dim=1, largest=False).indices
        exact = (block[:, None] - rows[near]).square().sum(dim=2).sqrt()  # no cancellation
        blocks.append(exact.sort(dim=1).values)
    return torch.cat(blocks)


class ResizableBuffers(nn.Module):
    """A module with buffers that take their shapes from the state that is loaded."""

    resizable: ClassVar[tuple[str, ...]] = ()
    """Names of the buffers of variable shape."""

    optional: ClassVar[tuple[str, ...]] = ()
    """Names of those that states of older versions lack; they are then empty."""

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        lacking = {f"{prefix}{name}": getattr(self, name)[:0] for name in self.optional}
        state_dict = {**lacking, **state_dict}
        for name in self.resizable:
            if (stored := state_dict.get(f"{prefix}{name}")) is not None:
                device = getattr(self, name).device
                setattr(self, name, torch.empty_like(stored, device=device))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


class Bank(ResizableBuffers):
    """Rows of normal features, and mean and deviation of distances to them; nothing is trained."""

    resizable = ("rows",)

    rows: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", torch.empty(0, 0))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def build(
        self, clouds: list[Tensor], count: int, *, neighbors: int, generator: torch.Generator
    ) -> None:
        """Select the rows of the bank and measure the scale of its distances.

        The scale is measured between each cloud's features and the rows of all other clouds; with
        a single cloud, between its features and all rows.

        Args:
            clouds: Features of each normal cloud, each with shape ``(P, C)``.
            count: Largest number of rows in the bank.
            neighbors: Number of nearest rows whose mean distance is a score.
            generator: Random generator of the selection.
        """
        every = torch.cat(clouds)
        if count < len(every):
            chosen = greedy_coreset(every, count, generator=generator)
        else:
            chosen = torch.arange(len(every), device=every.device)
        self.rows = every[chosen]
        sizes = torch.tensor([len(cloud) for cloud in clouds], device=every.device)
        origin = torch.arange(len(clouds), device=every.device).repeat_interleave(sizes)[chosen]
        found = []
        for number, cloud in enumerate(clouds):
            others = self.rows[origin != number]
            sample = cloud[: max(1, CALIBRATION // len(clouds))]
            found.append(k_nearest(sample, others if len(others) else self.rows, count=neighbors))
        distance = torch.cat([part.mean(dim=1) for part in found])
        self.mean = distance.mean()
        self.deviation = distance.std(correction=0).clamp_min(1e-6 * self.mean + 1e-12)

    def score(self, features: Tensor, neighbors: int) -> Tensor:
        """Return the standardized mean distance to the nearest rows, with shape ``(N,)``.

        Args:
            features: Query features, with shape ``(N, C)``.
            neighbors: Number of nearest rows.
        """
        return (
            k_nearest(features, self.rows, count=neighbors).mean(dim=1) - self.mean
        ) / self.deviation

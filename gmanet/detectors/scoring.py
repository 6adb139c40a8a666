"""From scores at some places to scores of points and objects."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["object_score", "propagate"]


def object_score(points: Tensor, share: float) -> Tensor:
    """Return the mean of a cloud's highest scores, a scalar.

    Args:
        points: Scores of one cloud's points, with shape ``(N,)``.
        share: Share of the points that count; at least one does.
    """
    count = max(1, int(len(points) * share))
    return torch.topk(points, count).values.mean()


def propagate(score: Tensor, near: Tensor, weight: Tensor) -> Tensor:
    """Return scores of points interpolated from those of other places, with shape ``(N,)``.

    Args:
        score: Scores of the places, with shape ``(M,)``.
        near: Places nearest to each point, with shape ``(N, 3)``.
        weight: Interpolation weights, with shape ``(N, 3)``.
    """
    return (score[near] * weight).sum(dim=1)

"""Two looks at a cloud: what is asked at evenly spaced places first, then where scores are high.

An object's score is that of its most abnormal surface, so that it is enough to ask closely there
(``experiments/exact.py`` compares it with asking everywhere).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gmanet.detectors.gmanet.descriptors import as_wide_as
from gmanet.detectors.gmanet.reader import StructuredCloud, StructureReader
from gmanet.detectors.scoring import propagate

__all__ = ["look_twice"]


def look_twice(
    cloud: StructuredCloud,
    reader: StructureReader,
    ask: Callable[[StructuredCloud], Tensor],
    closer: int,
    smoothing: int,
) -> Tensor:
    """Return the scores of one cloud's points, with shape ``(N,)``.

    What is found at the surveyed places is interpolated at the other kept points and averaged; so
    it is again after the points where that is highest were asked, too.

    Args:
        cloud: What the reader made of it.
        reader: Reads the cloud at further points.
        ask: Returns the scores of a record's places, with shape ``(M,)``.
        closer: Kept points of the second look; 0: there is none.
        smoothing: Size of the neighborhood over which scores are averaged, in even places; 1: they
            are not.
    """
    between = (cloud.center_near, cloud.center_weight)
    kept = propagate(ask(cloud), *between)
    beside = as_wide_as(smoothing, len(kept))
    score = propagate(kept[cloud.beside[:, :beside]].mean(dim=1), *between)
    if count := min(closer, len(kept)):
        index = torch.topk(score, count).indices
        look = reader.closer(cloud, index)
        kept[index] = ask(look)
        score = propagate(kept[cloud.beside[:, :beside]].mean(dim=1), *between)
        score[index] = kept[look.beside[:, :beside]].mean(dim=1)
    return propagate(score, cloud.near, cloud.weight)

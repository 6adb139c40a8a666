"""Coarse-to-fine scoring: at evenly spaced queries first, then where these scores are highest.

The most abnormal part of the surface decides the object score, so that fine queries are needed only
there (``experiments/exact.py`` compares this with queries at all points).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gmanet.detectors.gmanet.descriptors import equal_support
from gmanet.detectors.gmanet.reader import StructuredCloud, StructureReader
from gmanet.geometry.neighbors import interpolate

__all__ = ["coarse_to_fine"]


def coarse_to_fine(
    cloud: StructuredCloud,
    reader: StructureReader,
    *,
    score_queries: Callable[[StructuredCloud], Tensor],
    fine_queries: int,
    smoothing: int,
) -> Tensor:
    """Return the scores of one cloud's points, with shape ``(N,)``.

    The scores of the coarse queries are interpolated over the subsample and averaged over
    neighborhoods.  The points with the highest averages are the fine queries; their scores replace
    the interpolated ones before the final averages.

    Args:
        cloud: The reader's record of the cloud.
        reader: Describes the cloud at the fine queries.
        score_queries: Function from a record to the scores of its queries, with shape ``(M,)``.
        fine_queries: Number of fine queries; 0 leaves them out.
        smoothing: Number of coarse points over which scores are averaged; 1 turns it off.
    """
    near, weight = cloud.center_near, cloud.center_weight
    scores = interpolate(score_queries(cloud), near, weight=weight)
    neighbors = cloud.neighbors[:, : equal_support(smoothing, len(scores))]
    average = interpolate(scores[neighbors].mean(dim=1), near, weight=weight)
    if count := min(fine_queries, len(scores)):
        index = torch.topk(average, count).indices
        fine = reader.describe_at(cloud, index)
        scores[index] = score_queries(fine)
        average = interpolate(scores[neighbors].mean(dim=1), near, weight=weight)
        average[index] = scores[fine.neighbors[:, : neighbors.shape[1]]].mean(dim=1)
    return interpolate(average, cloud.near, weight=cloud.weight)

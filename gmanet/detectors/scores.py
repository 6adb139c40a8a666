"""What a detector says of one cloud: scores, verdict, checks, missing surface."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gmanet.cloud import Floats

if TYPE_CHECKING:
    from gmanet.verdict.check import Check
    from gmanet.verdict.gaps import Gap

__all__ = ["Scores", "object_score"]


@dataclass(frozen=True, eq=False)
class Scores:
    """Anomaly scores of one cloud: higher is more abnormal; comparable within one detector only.

    Args:
        points: Score of each point, with shape ``(N,)``.
        object: Score of the object.
        verdict: ``good``, ``defective`` or ``not judged`` (``gmanet.verdict``).
        reason: Reason of the verdict, one sentence.
        p_value: Share of good parts that score as high as the object; NaN if it is not judged.
        checks: Measures of the scan beside their ranges over the train scans.
        missing: Gaps where all normal scans have surface and the scan has none, the largest first
            (``gmanet.verdict.gaps``).
        limit: Highest object score that is not called defective; NaN if there is none.
    """

    points: Floats
    object: float
    _: KW_ONLY
    verdict: str = "not judged"
    reason: str = "the detector was stored without a limit: fit it anew"
    p_value: float = float("nan")
    checks: tuple[Check, ...] = ()
    missing: tuple[Gap, ...] = ()
    limit: float = float("nan")


def object_score(points: Tensor, share: float) -> Tensor:
    """Return the mean of a cloud's highest scores, a scalar.

    Args:
        points: Scores of one cloud's points, with shape ``(N,)``.
        share: Share of the points, those with the highest scores, that are averaged; at least one
            point is.
    """
    count = max(1, int(len(points) * share))
    return torch.topk(points, count).values.mean()

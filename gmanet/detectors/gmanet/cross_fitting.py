"""Cross-fitting: each member of the committee leaves out some normal clouds, and scores these.

The limit of a verdict rests on the scores of normal clouds (``docs/verdict.md``).  Networks know
the clouds that they learned from, so that these score lower than good parts that are new.  Here
every normal cloud, with all its twins and rescans, is left out by one member, whose score counts
for the limit; any other cloud is scored by all members together.  It is the jackknife+ after
bootstrap (Kim, Xu and Barber 2020) with groups instead of random draws, and takes no further fit.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from gmanet.detectors.gmanet.sdo import sdo_loss

__all__ = ["LEARNED", "committee_loss", "leaving_out"]

FEWEST = 16
"""Least number of normal clouds of which members leave some out.  With 4 clouds no defect scored
above the limit; with 8 more weak defects passed, and not fewer good parts lay above the limit.
"""

LEARNED = -1
"""Number in the place of a member's for a cloud that all members learn from."""


def leaving_out(names: Iterable[str], members: int) -> dict[str, int]:
    """Return the number of the member that leaves out each normal cloud, evenly divided.

    The division depends on the order of the names alone.  With one member, or with fewer than
    ``FEWEST`` clouds, nothing is left out.

    Args:
        names: Names of the normal clouds.
        members: Number of members.
    """
    ordered = sorted(names)
    if members < 2 or len(ordered) < FEWEST:
        return dict.fromkeys(ordered, LEARNED)
    return {name: number % members for number, name in enumerate(ordered)}


def committee_loss(
    d: Tensor, *, abnormal: Tensor, left_out_by: Tensor, sdo: bool, alpha: float
) -> dict[str, Tensor]:
    """Return the mean of the members' SDO losses (Eq. 4), each without what the member leaves out.

    Args:
        d: Discrepancies of each member at some centers, with shape ``(E, M)``.
        abnormal: Whether the centers are on synthetic abnormal surface, with shape ``(M,)``.
        left_out_by: Number of the member that leaves each of them out, with shape ``(M,)``.
        sdo: Whether synthetic points are in the loss (the ablation w/o SDO).
        alpha: Exponent of the focal weights.

    Returns:
        ``loss``, ``d_n`` and ``d_s`` as for :func:`~gmanet.detectors.gmanet.sdo.sdo_loss`; members
        without normal points count in the loss, with zero, and not in the means.
    """
    losses = []
    for member, own in enumerate(d):
        kept = left_out_by != member
        losses.append(sdo_loss(own[kept & ~abnormal], own[kept & abnormal & sdo], alpha=alpha))
    return {name: torch.stack([loss[name] for loss in losses]).nanmean() for name in losses[0]}

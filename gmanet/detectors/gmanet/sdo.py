r"""Spatial discrepancy optimization (SDO): the loss of Section IV.C.

Expert and apprentice read the same point; their discrepancy :math:`d` (Eq. 2) shall be small where
the surface is normal (:math:`d_n`) and large where it is synthetic (:math:`d_s`).  Focal weights
(Eq. 3) stress normal points above their mean and synthetic points below theirs,

.. math::  \omega_{n,i} = (d_{n,i} / \bar d_n)^{\alpha}, \quad
           \omega_{s,i} = (d_{s,i} / \bar d_s)^{-\alpha},

and the loss (Eq. 4) is
:math:`(\sum \omega_n d_n - \sum \omega_s d_s) / (\sum \omega_n + \sum \omega_s)`.

The paper does not define the :math:`d_p` in the denominator of Eq. 3; the mean of the point's own
group is used.  No gradient flows through the weights, as they rank points and are no target.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

__all__ = ["discrepancy", "distance", "sdo_loss"]

EPSILON = 1e-8


def discrepancy(expert: Tensor, apprentice: Tensor) -> Tensor:
    """Return the distance of unit-length features (Eqs. 2 and 5), between 0 and 2.

    Features with shape ``(..., M, C)`` give distances with shape ``(..., M)``.  Unit length
    bounds :math:`d_s`, which Eq. 4 would otherwise drive to infinity; the epsilon gives the root a
    gradient where both agree.
    """
    return distance(normalize(expert, dim=-1), normalize(apprentice, dim=-1))


def distance(expert: Tensor, apprentice: Tensor) -> Tensor:
    """Return the distance of features as they are (Eqs. 2 and 5 as printed), without a bound.

    Shapes are those of :func:`discrepancy`.
    """
    return ((expert - apprentice).square().sum(dim=-1) + EPSILON).sqrt()


def sdo_loss(d_n: Tensor, d_s: Tensor, *, alpha: float) -> dict[str, Tensor]:
    """Return the loss of Eq. 4 and its parts.

    Args:
        d_n: Discrepancies of normal points, with shape ``(N_n,)``.
        d_s: Discrepancies of synthetic abnormal points, with shape ``(N_s,)``; empty leaves the
            mean of :math:`d_n` (the ablation w/o SDO).
        alpha: Exponent of the focal weights; 0 turns them off.

    Returns:
        ``loss``, ``d_n`` and ``d_s`` (weighted means), each a scalar.
    """
    w_n = (d_n / d_n.mean()).pow(alpha).detach()
    w_s = (d_s / d_s.mean()).pow(-alpha).detach() if len(d_s) else d_s
    pull, push = (w_n * d_n).sum(), (w_s * d_s).sum()
    loss = (pull - push) / (w_n.sum() + w_s.sum())
    mean_s = push / w_s.sum() if len(d_s) else torch.zeros_like(pull)
    return {"loss": loss, "d_n": pull / w_n.sum(), "d_s": mean_s}

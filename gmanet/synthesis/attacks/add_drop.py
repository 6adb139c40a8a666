r"""Points added and dropped, the attacks that the paper's reference [48] defends against.

DUP-Net (Zhou et al., ICCV 2019) is a defense that is evaluated on two attacks.  The first adds
copies of the critical points, those with the largest gradients, and moves the copies up the
gradient: here within the L2 budget of the other perturbations, instead of with a Chamfer penalty
whose weight is searched.  The second drops salient points, a few per round.  The saliency of a
point :math:`p` at a distance :math:`r` from the median :math:`c` is
:math:`-r \, (p - c) \cdot \partial J / \partial p`.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from gmanet.synthesis.attacks.change import Change, Target
from gmanet.synthesis.attacks.gradient_shift import ascent
from gmanet.synthesis.attacks.victim import Victim

__all__ = ["add_critical", "add_or_drop", "drop_salient"]

SHARE = 0.5
"""Number of added or dropped points, as a share of the patch's points."""

ROUND = 5
"""Number of points that are dropped before the saliency is computed again."""


def add_or_drop(target: Target, rng: np.random.Generator) -> Change:
    """Return the patch with points added or dropped, each with a probability of one half."""
    change = add_critical if rng.random() < 0.5 else drop_salient
    return change(target, rng)


def add_critical(target: Target, rng: np.random.Generator) -> Change:
    """Return the patch with labeled copies of its critical points, moved up the gradient."""
    victim = Victim(target.pos, rng)
    gradient = victim.gradient(victim.jitter(target.pos, rng))
    count = max(1, round(SHARE * len(target.pos)))
    critical = target.pos[np.argsort(-np.linalg.norm(gradient, axis=1), kind="stable")[:count]]
    origin = np.concatenate([target.pos, critical])
    start = np.concatenate([target.pos, victim.jitter(critical, rng)])
    free = np.arange(len(origin)) >= len(target.pos)
    budget = target.depth * float(np.sqrt(count))
    added = ascent(victim, origin, start=start, free=free, budget=budget)[free]
    none = np.zeros(len(target.pos), dtype=bool)
    return Change(pos=target.pos, label=none, gone=none, closed=none, added=added)


def drop_salient(target: Target, rng: np.random.Generator) -> Change:
    """Return the patch without its salient points; the nearest remaining points are labeled."""
    victim = Victim(target.pos, rng)
    middle = np.median(target.pos, axis=0)
    kept = np.arange(len(target.pos))
    count = max(1, round(SHARE * len(target.pos)))
    place = victim.jitter(target.pos, rng)
    while len(target.pos) - len(kept) < count:
        offset = place[kept] - middle
        reach = np.linalg.norm(offset, axis=1)
        saliency = -reach * np.einsum("nc,nc->n", offset, victim.gradient(place[kept]))
        now = min(ROUND, count - (len(target.pos) - len(kept)))
        kept = np.sort(kept[np.argsort(-saliency, kind="stable")[now:]])
    gone = np.ones(len(target.pos), dtype=bool)
    gone[kept] = False
    distance = cKDTree(target.pos[gone]).query(target.pos[kept])[0]
    label = np.zeros(len(target.pos), dtype=bool)
    label[kept[np.argsort(distance, kind="stable")[:count]]] = True
    return Change(pos=target.pos, label=label, gone=gone, closed=label | gone)

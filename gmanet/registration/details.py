"""Choice of a pose by what bends and sizes cannot explain: notches, marks, the number of lobes.

Good parts are bent, and larger or smaller than others.  Such differences reach over the whole part,
and a bent ring may lie closer to another one upside down, or with a notch where the other has none.
So a smooth displacement, a polynomial of the third degree in the coordinates, is fitted to the
distances of each pose; what is left of the distances is compared.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from gmanet.cloud import Doubles
from gmanet.geometry.se3 import moved_by_each
from gmanet.registration.loose_axes import turns_about
from gmanet.registration.refine import refined
from gmanet.registration.target import Surface

__all__ = ["by_details", "detail_misfit"]

LARGEST = 0.01
"""Largest distance of a point in :func:`detail_misfit`, in extents."""

FITTED = 0.03
"""Largest distance of a point that the displacement is fitted to, in extents."""

DEGREE = 3
"""Degree of the displacement: bends, twists and buckles."""

RIDGE = 1e-6
"""Ridge of the fit, in mean squares of the coefficients' influence."""

STEP, FINE = 5.0, 1.0
"""Steps of the turns about a loose axis, first all around and then beside the best, in degrees."""

POINTS, LEFT, STEPS = 512, 4, (4, 10)
"""Points and poses of the first comparison, and ICP steps of the two others."""

CLEAR = 1.8
"""Quotient of the misfit and the square of the robust standard deviation from which a pose may be
wrong; for noise alone it is about 1."""

BETTER = 0.8
"""Largest misfit of a pose that replaces another one, in the misfit of that one."""


def detail_misfit(poses: Doubles, points: Doubles, *, target: Surface) -> tuple[Doubles, Doubles]:
    """Return the mean squared distances without a smooth displacement, and robust ones, ``(C,)``.

    Args:
        poses: Motions of the points, lengths in extents of the target, with shape ``(C, 4, 4)``.
        points: Points to move, with shape ``(N, 3)``.
        target: The surface.

    Returns:
        Mean squared distance with a limit for each point, which ranks poses, and the square of the
        robust standard deviation of the distances (by their median).
    """
    moved = moved_by_each(poses, points)
    at = target.nearest(moved)
    gap, normal = target.points[at] - moved, target.normal[at]
    height = np.einsum("cni,cni->cn", gap, normal)
    square = np.einsum("cni,cni->cn", gap, gap)
    aside = np.maximum(np.sqrt(np.maximum(square - height**2, 0)) - target.spacing, 0)
    design = (_monomials(moved)[:, :, :, None] * normal[:, :, None]).reshape(*height.shape, -1)
    weight = (np.abs(height) < FITTED) & (aside < FITTED)
    weighted = design * weight[:, :, None]
    gram = np.einsum("cnj,cnk->cjk", weighted, design, optimize=True)
    ridge = RIDGE * np.trace(gram, axis1=1, axis2=2)[:, None, None] / gram.shape[1] + 1e-12
    wanted = np.einsum("cnj,cn->cj", weighted, height)[:, :, None]
    fit = np.linalg.solve(gram + ridge * np.eye(gram.shape[1]), wanted)[:, :, 0]
    left = np.sqrt((height - np.einsum("cnj,cj->cn", design, fit)) ** 2 + aside**2)
    robust = (1.4826 * np.median(left, axis=1)) ** 2
    return (np.minimum(left, LARGEST) ** 2).mean(axis=1), robust


def _monomials(points: Doubles) -> Doubles:
    """Return the monomials up to ``DEGREE``, with shape ``(C, N, B)``."""
    powers = [np.ones_like(points)]
    for _ in range(DEGREE):
        powers.append(powers[-1] * points)
    exponents = [each for each in product(range(DEGREE + 1), repeat=3) if sum(each) <= DEGREE]
    parts = [powers[a][..., 0] * powers[b][..., 1] * powers[c][..., 2] for a, b, c in exponents]
    return np.stack(parts, axis=-1)


def by_details(
    pose: Doubles, points: Doubles, *, symmetries: Doubles, axes: Doubles, target: Surface
) -> tuple[Doubles, Doubles] | None:
    """Return a pose that fits details clearly better than a given one, and its distances.

    None if there is no such pose.  The shapes are ``(1, 4, 4)`` and ``(1, N)``.

    Args:
        pose: Refined motion of the points onto the target, with shape ``(1, 4, 4)``.
        points: Points to move, with shape ``(N, 3)``.
        symmetries: Motions that nearly map the target onto itself, with shape ``(C, 4, 4)``.
        axes: Loose axes of the target, with shape ``(A, 3)``.
        target: The surface.
    """
    before, noise = detail_misfit(pose, points, target=target)
    if before[0] < CLEAR * noise[0]:
        return None
    middle = target.points.mean(axis=0)
    some = points[:POINTS]
    images = np.einsum("cij,jk->cik", symmetries, pose[0])
    if len(axes):
        sides = _one_of_each_side(symmetries, axes[0])
        around = turns_about(axes, np.deg2rad(np.arange(0, 360, STEP)), middle=middle)
        images = np.concatenate([images, _products(around, images[sides])])
    images = images[np.argsort(detail_misfit(images, some, target=target)[0])[:LEFT]]
    if len(axes):
        small = np.deg2rad(np.arange(-STEP / 2, STEP / 2 + FINE / 2, FINE))
        images = _products(turns_about(axes, small, middle=middle), images)
    images = refined(images, some, target=target, steps=STEPS[0])[0]
    images = images[np.argsort(detail_misfit(images, some, target=target)[0])[:1]]
    images, distance = refined(images, points, target=target, steps=STEPS[1])
    after = detail_misfit(images, points, target=target)[0]
    return (images, distance) if after[0] < BETTER * before[0] else None


def _one_of_each_side(symmetries: Doubles, axis: Doubles) -> list[int]:
    """Return the identity's number, 0, and that of a motion that turns an axis over, if any."""
    turned = np.einsum("i,cij,j->c", axis, symmetries[:, :3, :3], axis)
    over = int(turned.argmin())
    return [0, over] if turned[over] < 0 else [0]


def _products(after: Doubles, before: Doubles) -> Doubles:
    """Return each of some motions after each of others, with shape ``(A * B, 4, 4)``."""
    return np.asarray(np.einsum("aij,bjk->abik", after, before).reshape(-1, 4, 4))

"""Which pixels the discs of a picture cover, and which of these fragments the viewer sees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gmanet.cloud import Floats, Indices, Labels
from gmanet.geometry.jit import compiled

__all__ = ["Fragments", "visible_fragments"]

STEEPEST = 0.25  # least cosine of a disc's normal to the viewer; larger tilts are limited
CONE = np.float32(2.0)  # depth offset of a disc's rim, in radii: nearby points cover large discs
LAYER = np.float32(1.6)  # largest depth behind the frontmost disc of the same surface, in radii
HIDDEN = np.float32(0.4)  # depth behind the surface from which on a point is hidden, in radii


class Fragments(NamedTuple):
    """Pairs of discs and covered pixels; ``far`` is 0 at a disc's center and 1 at its rim."""

    pixel: Indices
    point: Indices
    depth: Floats
    far: Floats


def visible_fragments(
    xyz: Floats, facing: Floats, *, radius: Floats, fine: int
) -> tuple[Fragments, int]:
    """Return the fragments of the frontmost surface, and the picture's width with margins.

    Args:
        xyz: Centers of the discs in pixels, with shape ``(N, 3)``.
        facing: Their normals, which face the viewer, with shape ``(N, 3)``.
        radius: Their radii in pixels, with shape ``(N,)``.
        fine: Width of the picture without margins.
    """
    order = np.argsort(-radius)
    r, z = radius[order], xyz[order, 2]
    rim = int(np.ceil(radius.max(initial=1))) + 3
    width = fine + 2 * rim
    x, y = xyz[order, 0] + width / 2, width / 2 - xyz[order, 1]
    base = np.floor(y).astype(np.int32) * width + np.floor(x).astype(np.int32)
    x, y = x % 1 - 0.5, y % 1 - 0.5
    steep = np.maximum(facing[order, 2], STEEPEST)
    right, down = -facing[order, 0] / steep, facing[order, 1] / steep
    offset = np.mgrid[2 - rim : rim - 1, 2 - rim : rim - 1].reshape(2, -1).T
    offset = offset[np.argsort((offset**2).sum(axis=1), kind="stable")]
    reached = np.searchsorted(-r, 0.71 - np.hypot(*offset.T), side="right")
    most = int(reached.sum())
    made = Fragments(
        np.empty(most, np.int32),
        np.empty(most, np.int32),
        depth=np.empty(most, np.float32),
        far=np.empty(most, np.float32),
    )
    discs = np.column_stack([x, y, z, r, right, down]).astype(np.float32)
    count = _cover(discs, base, order, offset, reached, width, *made)
    front = np.full(width * width, -np.inf, dtype=np.float32)
    count = _keep_front(radius, np.zeros(len(radius), np.bool_), front, count, *made)
    pixel, point, depth, far = made
    return Fragments(pixel[:count], point[:count], depth=depth[:count], far=far[:count]), width


@compiled
def _cover(
    discs: Floats,
    base: Indices,
    order: Indices,
    offset: Indices,
    reached: Indices,
    width: int,
    pixel: Indices,
    point: Indices,
    depth: Floats,
    far: Floats,
) -> int:
    """Fill in fragments, those at the centers of discs first, and return their number."""
    count, rim = 0, np.float32(1)
    for step in range(len(offset)):
        dx, dy = offset[step, 0], offset[step, 1]
        for disc in range(reached[step]):
            x, y, z, r, right, down = discs[disc]
            across, along = np.float32(dx) - x, np.float32(dy) - y
            rise = right * across + down * along
            reach = (across * across + along * along + rise * rise) / (r * r)
            if reach <= rim or step == 0:  # one pixel at least
                pixel[count] = base[disc] + dy * width + dx
                point[count] = order[disc]
                depth[count] = z + rise
                far[count] = min(reach, rim)
                count += 1
    return count


@compiled
def _keep_front(
    radius: Floats,
    shown: Labels,
    front: Floats,
    count: int,
    pixel: Indices,
    point: Indices,
    depth: Floats,
    far: Floats,
) -> int:
    """Move the visible points' fragments of the frontmost surface ahead; return their number."""
    for n in range(count):
        nearest = depth[n] - CONE * radius[point[n]] * far[n]
        front[pixel[n]] = max(front[pixel[n]], nearest)
    for n in range(len(radius)):
        shown[point[n]] = (front[pixel[n]] - depth[n]) / radius[point[n]] <= HIDDEN
    kept = 0
    for n in range(count):
        behind = (front[pixel[n]] - depth[n]) / radius[point[n]]
        if shown[point[n]] and behind <= LAYER:
            pixel[kept], point[kept] = pixel[n], point[n]
            depth[kept], far[kept] = depth[n], far[n]
            kept += 1
    return kept

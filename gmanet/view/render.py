"""Rendering of a point cloud as a solid: every point is a small disc tangent to the surface.

The projection is orthographic.  Discs are written to a depth buffer; the colors and normals of all
frontmost discs in a pixel are averaged with a narrow Gaussian weight, and light is computed once
per pixel from the averaged normal (Botsch et al., High-quality surface splatting on today's GPUs,
2005).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, grey_closing
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from gmanet.cloud import Floats, Indices, Labels
from gmanet.geometry.neighbors import nearest
from gmanet.geometry.pca import principal_axes
from gmanet.view.colors import Bytes, lit
from gmanet.view.fragments import Fragments, visible_fragments

__all__ = ["fitting_extent", "render"]

OVERSAMPLING = 2
NEIGHBORS = 16
MARGIN = 1.06
MOST = 500_000  # largest number of drawn points, more than there are pixels
REACH = 1.15  # disc radius per distance to the sixth neighbor: no holes for random points
LARGEST = 48.0  # largest radius in pixels, since time is proportional to its square
FADING = 5.0  # a disc's weight decreases from 1 to exp(-FADING) at the rim


def render(
    pos: npt.ArrayLike,
    normal: npt.ArrayLike | None,
    *,
    rgb: npt.ArrayLike,
    view: npt.ArrayLike,
    size: int,
    extent: float | None = None,
    background: tuple[int, int, int] = (255, 255, 255),
) -> tuple[Bytes, float]:
    """Return the picture, with shape ``(size, size, 3)``, and its scale in pixels per unit.

    Args:
        pos: Points in any unit, with shape ``(N, 3)``; the middle of their bounds is the center.
        normal: Unit normals of any sign, with shape ``(N, 3)``; None to estimate them.
        rgb: Colors from 0 to 255, with shape ``(N, 3)``.
        view: Rotation whose rows point right, up and at the viewer, with shape ``(3, 3)``.
        size: Width and height in pixels.
        extent: Half the picture's width in the points' unit; None to fit the points.
        background: Color of empty pixels.
    """
    axes = np.asarray(view, dtype=np.float64).T
    half = fitting_extent(pos, view) if extent is None else extent
    fine = size * OVERSAMPLING
    rotated = np.asarray(pos, dtype=np.float64) @ axes
    order = cKDTree(rotated, balanced_tree=False).indices  # neighbors are adjacent: twice as fast
    order = order[:: -(-len(order) // MOST)]  # a regular subsample, since neighbors are adjacent
    middle = (rotated.min(axis=0) + rotated.max(axis=0)) / 2
    xyz = ((rotated[order] - middle) * (fine / (2 * half))).astype(np.float32)
    known = None if normal is None else (np.asarray(normal)[order] @ axes).astype(np.float32)
    xyz, facing, radius = _discs(xyz, known)
    inside = (np.abs(xyz[:, :2]) < fine / 2).all(axis=1)
    attributes = np.concatenate([np.asarray(rgb)[order], facing], axis=1, dtype=np.float32)
    fragments, width = visible_fragments(
        xyz[inside], facing[inside], radius=radius[inside], fine=fine
    )
    layer, hit = _blend(fragments, attributes[inside], width=width)
    mask = _mend(layer, hit, radius=float(np.median(radius)))
    image = np.full((width, width, 3), background, dtype=np.float32)
    image[mask] = lit(layer, mask, width=fine)
    edge = slice((width - fine) // 2, (width + fine) // 2)
    blocks = image[edge, edge].reshape(size, OVERSAMPLING, size, OVERSAMPLING, 3)
    return np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8), size / (2 * half)


def fitting_extent(pos: npt.ArrayLike, view: npt.ArrayLike) -> float:
    """Return half the width, in the unit of ``pos``, of the smallest picture of all points."""
    rotated = np.asarray(pos, dtype=np.float64) @ np.asarray(view, dtype=np.float64).T
    return MARGIN * float(np.ptp(rotated[:, :2], axis=0).max()) / 2


def _discs(xyz: Floats, normal: Floats | None) -> tuple[Floats, Floats, Floats]:
    """Return the discs' centers, normals facing the viewer, and radii in pixels.

    The center of a disc is the mean of its point's neighbors in the same plane, so that discs do
    not extend beyond edges.
    """
    distance, index = nearest(xyz, xyz, count=NEIGHBORS)
    facing = _normals(xyz, index) if normal is None else normal
    step = xyz[index] - xyz[:, None]
    height = np.einsum("nkc,nc->nk", step, facing)
    level = (np.abs(height) <= 0.35 * distance).astype(np.float32)  # the point itself is
    shift = np.einsum("nk,nkc->nc", level, step) / level.sum(axis=1, keepdims=True)
    shift -= np.einsum("nc,nc->n", shift, facing)[:, None] * facing
    radius = REACH * distance[:, 6]
    usual = float(np.median(radius))
    radius = np.clip(radius, max(0.8, min(usual / 2, LARGEST)), max(0.8, min(3 * usual, LARGEST)))
    return xyz + shift, np.where(facing[:, 2:] < 0, -facing, facing), radius


def _normals(xyz: Floats, index: Indices) -> Floats:
    """Return normals that stay sharp at edges, with shape ``(N, 3)``.

    A plane is fitted to each neighborhood; the normal of a point is the mean normal of those planes
    of its neighbors that fit well and pass through the point.
    """
    spread, axes = principal_axes(xyz, xyz, neighbors=index)
    center = xyz[index].mean(axis=1)
    index = index[:, ::2]
    planes = axes[index, :, 0]
    offset = np.einsum("nkc,nkc->nk", xyz[:, None] - center[index], planes)
    cost = spread[index, 0] + offset**2 + 4e-4 * spread[:, 1:].sum(axis=1, keepdims=True) + 1e-12
    best = planes[np.arange(len(xyz)), np.argmin(cost, axis=1)]
    weight = (cost.min(axis=1, keepdims=True) / cost) ** 3
    weight *= np.sign(np.einsum("nkc,nc->nk", planes, best))
    mean = np.einsum("nk,nkc->nc", weight, planes)
    return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), dtype=np.float32)


def _blend(part: Fragments, attributes: Floats, *, width: int) -> tuple[Floats, Labels]:
    """Return mean attributes and depth, ``(width, width, C + 1)``, and a mask of the pixels."""
    hit = np.zeros(width * width, dtype=bool)
    hit[part.pixel] = True
    row = (np.cumsum(hit, dtype=np.int32) - 1)[part.pixel]
    weight = np.exp(-FADING * part.far)
    total = np.bincount(row, weight)
    mixed = csr_array((weight, (row, part.point)), shape=(len(total), len(attributes))) @ attributes
    layer = np.zeros((width * width, attributes.shape[1] + 1), dtype=np.float32)
    layer[hit, :-1] = mixed / total[:, None]
    layer[hit, -1] = np.bincount(row, weight * part.depth) / total
    return layer.reshape(width, width, -1), hit.reshape(width, width)


def _mend(layer: Floats, hit: Labels, *, radius: float) -> Labels:
    """Return the part's pixels with smooth outlines; gaps are filled with means of neighbors."""
    depth = np.where(hit, layer[..., -1], np.float32(-1e6))
    closed = grey_closing(depth, (2 * round(radius / 2) + 1,) * 2)
    known = hit & (closed - depth < 2 * radius)  # else the far side shows through a hole
    mask = gaussian_filter(np.float32(closed > -1e6), radius / 2, truncate=3) > 0.7
    flat, sure = layer.reshape(-1, layer.shape[2]), known.ravel()
    steps = np.array([-1, 1, -len(hit), len(hit)])
    gaps = np.flatnonzero(mask & ~known)
    while len(gaps):
        around = gaps[:, None] + steps
        share = sure[around].astype(np.float32)
        ready = share.any(axis=1)
        mean = np.einsum("gs,gsc->gc", share, flat[around]) / share.sum(axis=1).clip(1)[:, None]
        flat[gaps[ready]] = mean[ready]
        sure[gaps[ready]] = True
        gaps = gaps[~ready]
    return np.asarray(mask)

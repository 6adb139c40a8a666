"""A picture of a part: the views in different colors, next to the reconstructed cloud."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from gmanet.cloud import Cloud
from gmanet.geometry.se3 import moved
from gmanet.turntable.fusion import Placement
from gmanet.view.sheet import Panel, save_row

__all__ = ["save_picture"]

POINTS = 60_000
"""Largest number of points that are drawn."""

NEAR = 2.0
"""Largest distance of a drawn point of a view from the fused cloud, in spacings."""

COLORS = np.array(
    [
        *([228, 87, 86], [76, 120, 168], [245, 185, 66], [84, 162, 75]),
        *([178, 121, 162], [114, 183, 178], [157, 117, 93], [240, 140, 60]),
    ],
    dtype=np.uint8,
)


def save_picture(path: Path, views: Sequence[Cloud], *, placement: Placement, fused: Cloud) -> None:
    """Write the picture as a PNG.

    Args:
        path: File to write, ending in ``.png``.
        views: Views of the part.
        placement: Placement of the views.
        fused: Cloud that was fused from the views.

    Raises:
        InputError: The file cannot be written.
    """
    rng = np.random.default_rng(0)
    share = min(1.0, POINTS / sum(map(len, views)))
    tree, pos, color = cKDTree(fused.pos), [], []
    for index, (pose, view) in enumerate(zip(placement.poses, views, strict=True)):
        rows = rng.permutation(len(view))[: max(1, int(share * len(view)))]
        drawn = moved(np.asarray(pose), view.pos[rows]).astype(np.float32)
        drawn = drawn[np.asarray(tree.query(drawn)[0]) <= NEAR * placement.spacing]
        pos.append(drawn)
        color.append(np.tile(COLORS[index % len(COLORS)], (len(drawn), 1)))
    rows = rng.permutation(len(fused))[:POINTS]
    label = None if fused.label is None else fused.label[rows]
    panels = [
        Panel(title="views", pos=np.concatenate(pos), rgb=np.concatenate(color)),
        Panel(title="fused", pos=fused.pos[rows], label=label),
    ]
    save_row(path, [panels])

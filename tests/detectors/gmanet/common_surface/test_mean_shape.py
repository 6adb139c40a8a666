"""Parts as if they had the mean shape, also where a registration took them upside down."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.cloud import Cloud
from gmanet.detectors.gmanet.alignment import Atlas
from gmanet.detectors.gmanet.common_surface.mean_shape import ODD
from gmanet.geometry.pca import principal_axes
from gmanet.geometry.search.grid import grid_nearest

SIZE = np.array([1.0, 0.6, 0.2])


def slab(seed, grown=0.0):
    """Return points of a box with a flat hill on the top, wider or narrower by a share."""
    rng = np.random.default_rng(seed)
    pos = rng.random((8000, 3)) * SIZE
    side = rng.integers(0, 6, 8000)
    for axis in range(3):
        pos[side == 2 * axis, axis] = 0
        pos[side == 2 * axis + 1, axis] = SIZE[axis]
    hill = np.exp(-((pos[:, :2] - SIZE[:2] / 2) ** 2).sum(axis=1) / 0.06)
    pos[side == 5, 2] += 0.03 * hill[side == 5]
    pos[:, 0] = 0.5 + (pos[:, 0] - 0.5) * (1 + grown)
    return (pos + rng.normal(0, 2e-4, pos.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def aligner(given_clouds):
    made = Atlas()
    sizes = np.linspace(-0.02, 0.02, 7)
    clouds = [Cloud(slab(seed, grown), name=f"{seed}") for seed, grown in enumerate(sizes)]
    made.fit(given_clouds(clouds, "train"), progress=False)
    return made.aligner


def placed(aligner, pos, over=False, shift=0.0):
    """Return points and normals of a registered part, which may lie upside down or aside."""
    found = aligner.register(Cloud(pos))
    points = pos @ found.rotation.T + found.translation
    if over:
        middle = aligner.target.centroid
        turned = found.rotation @ np.diag([1.0, -1.0, -1.0]) @ found.rotation.T
        points = (points - middle) @ turned.T + middle
    points = ((points + shift) / aligner.target.length).astype(np.float32)
    around = grid_nearest(points, points, count=12)[1]
    return points, principal_axes(points, points, neighbors=around)[1][:, :, 0]


def left(aligner, *part, images=True):
    made = aligner.mean_shape(*part, used=aligner.consensus.clouds, images=images)
    return float(np.sqrt(np.nanmean(made.offset**2)))


@pytest.mark.slow
def test_a_part_that_lies_upside_down_is_turned_over(aligner):
    right = left(aligner, *placed(aligner, slab(20, 0.01)))
    over = placed(aligner, slab(20, 0.01), over=True)
    assert left(aligner, *over, images=False) > 2 * right
    assert left(aligner, *over) < 1.3 * right


def test_a_part_that_lies_aside_is_compared_as_if_it_did_not(aligner):
    right = left(aligner, *placed(aligner, slab(21, -0.01)))
    aside = placed(aligner, slab(21, -0.01), shift=np.array([0.004, 0.0, 0.003]))
    assert left(aligner, *aside) < 1.2 * right


def test_an_unusual_part_that_lies_right_is_left_there(aligner):
    pos = slab(22)
    pos[:, 2] += 0.02 * np.sin(9 * pos[:, 0])
    points, normal = placed(aligner, pos)
    plain, tried = (
        aligner.mean_shape(points, normal, used=aligner.consensus.clouds, images=images)
        for images in (False, True)
    )
    assert aligner.consensus.strangeness(plain.offset) > ODD
    np.testing.assert_array_equal(plain.normal, tried.normal)

"""Outlier removal, octree resampling, and both together on a labelled scan."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from gmanet.cleaning.clean import Cleaning, clean
from gmanet.cleaning.octree import cell_of_depth, octree_sample
from gmanet.cleaning.outliers import inliers
from gmanet.cloud import Cloud
from gmanet.errors import InputError


def scattered(plate, share=0.02, seed=0, count=4000):
    """Return a plate with a labelled corner and outliers around it, and which points are these."""
    rng = np.random.default_rng(seed)
    good = plate(count, seed).pos
    bad = rng.uniform(-1.5, 1.5, (int(share * len(good)), 3)).astype(np.float32)
    bad = bad[np.abs(bad[:, 2]) > 0.2]
    pos = np.concatenate([good, bad])
    order = rng.permutation(len(pos))
    outlier = (np.arange(len(pos)) >= len(good))[order]
    pos = pos[order]
    return Cloud(pos, (pos[:, 0] > 0.6) & ~outlier), outlier


@pytest.mark.parametrize("seed", range(3))
def test_outliers_go_and_the_surface_stays(plate, seed):
    cloud, outlier = scattered(plate, seed=seed)
    kept = inliers(cloud.pos)
    assert not kept[outlier].any()
    assert kept[~outlier].mean() > 0.98


def test_rounds_find_what_far_outliers_hide(plate):
    pos = plate(4000, 0).pos
    near, far = pos[:20] + np.array([0, 0, 0.4]), pos[:40] + np.array([0, 0, 40])
    mixed = np.concatenate([pos, near, far * [9, 9, 1]]).astype(np.float32)
    assert inliers(mixed, rounds=1)[4000:4020].any()
    assert not inliers(mixed)[4000:].any()
    assert inliers(mixed, rounds=0).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_steep_flank_is_sparse_and_stays(plate, seed):
    rng = np.random.default_rng(seed)
    cloud, outlier = scattered(plate, seed=seed, count=40_000)
    flank = (np.abs(cloud.pos[:, 0]) < 0.15) & ~outlier
    seen = ~flank | (rng.random(len(flank)) < 0.1)
    pos, outlier = cloud.pos[seen], outlier[seen]
    middle = (np.abs(pos[:, 0]) < 0.08) & ~outlier
    assert inliers(pos, ratio=2.5, contrast=0)[middle].mean() < 0.5
    kept = inliers(pos, ratio=2.5)
    assert kept[middle].mean() > 0.97
    assert not kept[outlier].any()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.8), st.floats(-100, 100))
def test_one_point_of_each_cell_and_it_is_the_nearest_to_the_center(seed, cell, offset):
    rng = np.random.default_rng(seed)
    pos = (rng.uniform(0, 1, (300, 3)) + offset).astype(np.float32)
    chosen = octree_sample(pos, cell)
    place = (pos - pos.min(axis=0)) / np.float32(cell)
    cells = np.floor(place)
    off = ((place - cells - 0.5) ** 2).sum(axis=1)
    assert len(np.unique(cells[chosen], axis=0)) == len(chosen) == len(np.unique(cells, axis=0))
    for one in chosen:
        same = (cells == cells[one]).all(axis=1)
        assert off[one] <= off[same].min() + 1e-6


def test_depth_halves_the_cell():
    pos = np.array([[0, 0, 0], [8, 2, 1]], np.float32)
    assert cell_of_depth(pos, 3) == 1


def test_labels_stay_with_their_points(plate):
    cloud, _ = scattered(plate)
    done = clean(cloud, Cleaning(cell=0.05))
    assert len(done.cloud) == len(cloud) - done.outliers - done.thinned
    assert np.array_equal(done.cloud.label, done.cloud.pos[:, 0] > 0.6)
    assert done.thinned > 0
    same = clean(cloud, Cleaning(rounds=0))
    assert np.array_equal(same.cloud.pos, cloud.pos)


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda: Cleaning(cell=-1), "cell=-1"),
        (lambda: Cleaning(depth=21), "depth=21"),
        (lambda: octree_sample(np.eye(3, dtype=np.float32), 1e-9), "wanted a larger one"),
        (lambda: inliers(np.eye(3, dtype=np.float32), ratio=0), "ratio=0"),
        (lambda: clean(Cloud(np.eye(3, dtype=np.float32)), Cleaning(contrast=-1)), "contrast=-1"),
    ],
)
def test_settings_without_sense_are_refused(made, sentence):
    with pytest.raises(InputError, match=sentence):
        made()


def test_a_cell_that_leaves_no_surface_is_refused(plate):
    with pytest.raises(InputError, match="after thinning to cells of 1"):
        clean(plate(500, 0), Cleaning(cell=1))


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.floats(1, 4))
@settings(max_examples=30, deadline=None)
def test_searching_anew_only_where_neighbors_were_lost_changes_nothing(seed, neighbors, ratio):
    rng = np.random.default_rng(seed)
    pos = np.concatenate([rng.normal(size=(300, 3)) ** 3, rng.uniform(-9, 9, (30, 3))])
    pos = pos.astype(np.float32)
    left = np.arange(len(pos))
    for _ in range(4):
        mean = cKDTree(pos[left]).query(pos[left], np.arange(2, neighbors + 2))[0].mean(axis=1)
        far = mean > mean.mean() + ratio * mean.std()
        left = left[~far]
        if not far.any():
            break
    found = inliers(pos, neighbors, ratio=ratio, stop=0.0, rounds=4, contrast=0)
    assert np.flatnonzero(found).tolist() == left.tolist()

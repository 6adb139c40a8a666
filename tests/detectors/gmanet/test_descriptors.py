"""The structure of clouds of every size; poses and row orders that must not matter."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.detectors.gmanet.descriptors import (
    CONTEXT,
    DESCRIPTOR,
    describe,
    describe_at,
)
from gmanet.detectors.gmanet.scale import COARSE, NEIGHBORS, Scale
from gmanet.geometry.spfh import HISTOGRAM

SIZES = {"points": 600, "centers": 200}


def rough(count=2000, seed=0):
    """Points of an egg with a rough shell: no symmetry, so nothing is decided by a tie."""
    rng = np.random.default_rng(seed)
    pos = rng.normal(size=(count, 3))
    pos /= np.linalg.norm(pos, axis=1, keepdims=True)
    return (pos * [3, 2, 1] * rng.uniform(0.99, 1.01, (count, 1))).astype(np.float32)


def test_shapes_and_types():
    made = describe(rough(), **SIZES)
    shapes = {
        "chosen": (600,),
        "points": (600, 3),
        "normal": (600, 3),
        "shape": (600, 3),
        "descriptor": (600, DESCRIPTOR),
        "coarse": (600, HISTOGRAM),
        "groups": (200, NEIGHBORS),
        "local": (200, NEIGHBORS, 6),
        "context": (200, CONTEXT),
        "coarse_neighbors": (200, 24),
        "neighbors": (200, 128),
        "center_near": (600, 3),
        "center_weight": (600, 3),
        "near": (2000, 3),
        "weight": (2000, 3),
        "subsets": (4,),
        "conditions": (2,),
    }
    assert {name: array.shape for name, array in vars(made).items()} == shapes
    for array in vars(made).values():
        assert array.dtype in (np.float32, np.int64)
        assert np.isfinite(array).all()
    for neighbors in (made.coarse_neighbors, made.neighbors, made.center_near[:200]):
        np.testing.assert_array_equal(neighbors[:, 0], np.arange(200))


@pytest.mark.parametrize(
    "pos",
    [
        rough(64),
        rough(65),
        np.repeat(rough(100), 10, axis=0),
        np.concatenate([np.zeros((990, 3), np.float32), rough(10)]),
        np.linspace([0, 0, 0], [1, 2, 3], 500, dtype=np.float32),
        rough(1000) * np.float32(1e-4) + np.float32(5),
        rough(1000) * np.float32(1e5),
    ],
    ids=["64", "65", "duplicates", "nearly one place", "a line", "tiny", "huge"],
)
def test_odd_clouds_give_finite_answers(pos):
    made = describe(pos, **SIZES)
    kept = min(len(pos), 600)
    assert made.descriptor.shape == (kept, DESCRIPTOR)
    assert made.context.shape == (min(kept, 200), CONTEXT)
    assert made.near.shape == (len(pos), 3)
    assert made.groups.max() < kept
    assert made.coarse_neighbors.max() < len(made.coarse)
    for array in vars(made).values():
        assert np.isfinite(array).all()
    assert made.near.max() < kept
    assert made.center_near.max() < len(made.context)
    for weight in (made.weight, made.center_weight):
        np.testing.assert_allclose(weight.sum(axis=1), 1, atol=1e-5)
    scale = Scale.of([pos], SIZES["points"])
    query = describe_at(made, np.arange(len(made.context), kept), scale=scale)
    assert len(query.context) == kept - len(made.context)
    for array in vars(query).values():
        assert np.isfinite(array).all()


@pytest.mark.parametrize("seed", range(4))
def test_row_order_changes_only_the_order(seed):
    pos = rough()
    order = np.random.default_rng(seed).permutation(len(pos))
    one, other = (
        describe(pos, **SIZES),
        describe(pos[order], **SIZES),
    )
    np.testing.assert_array_equal(order[other.chosen], one.chosen)
    for name in ("points", "descriptor", "context", "local"):
        left, right = getattr(one, name), getattr(other, name)
        assert np.abs(left - right).mean() < 1e-4, name
    np.testing.assert_array_equal(other.coarse_neighbors, one.coarse_neighbors)
    np.testing.assert_array_equal(other.neighbors, one.neighbors)
    np.testing.assert_array_equal(other.near, one.near[order])
    np.testing.assert_allclose(other.weight, one.weight[order], atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_a_rigid_motion_changes_hardly_anything(moved, seed):
    pos = rough()
    one, other = (
        describe(pos, **SIZES),
        describe(moved(pos, seed), **SIZES),
    )
    assert np.abs(one.descriptor - other.descriptor).mean() < 1e-2
    assert np.abs(one.context - other.context).mean() < 1e-2
    assert (one.chosen == other.chosen).mean() > 0.95


def test_a_dent_shows_where_it_is():
    pos = rough(4000)
    dented = pos.copy()
    inside = np.linalg.norm(pos - [0, 0, 1], axis=1) < 0.5
    dented[inside, 2] = 1.6 - dented[inside, 2]
    one, other = describe(pos, 4000, centers=4000), describe(dented, 4000, centers=4000)
    change = np.empty(4000)
    before, after = np.empty_like(one.descriptor), np.empty_like(one.descriptor)
    before[one.chosen], after[other.chosen] = one.descriptor, other.descriptor
    change[:] = np.abs(before - after).sum(axis=1)
    assert change[inside].mean() > 5 * change[~inside].mean()


def test_compacting_halves_the_bytes_and_drops_the_propagation():
    made = describe(rough(), **SIZES)
    thin = made.compact()
    np.testing.assert_allclose(thin.context, made.context, atol=2e-3)
    np.testing.assert_array_equal(thin.groups, made.groups)
    assert thin.descriptor.nbytes * 2 == made.descriptor.nbytes
    assert len(thin.near) == len(thin.weight) == len(thin.neighbors) == len(thin.center_near) == 0


def test_more_centers_change_nothing_at_the_first_ones():
    pos = rough(COARSE + 500)
    few, every = (describe(pos, len(pos), centers=count) for count in (300, len(pos)))
    for name in vars(few):
        if name not in ("center_near", "center_weight"):
            one = getattr(few, name)
            assert np.array_equal(getattr(every, name)[: len(one)], one), name


def test_queries_read_what_is_read_at_centers():
    pos = rough(COARSE + 500)
    few, every = (describe(pos, len(pos), centers=count) for count in (300, len(pos)))
    index = np.random.default_rng(0).permutation(len(pos))[:400]
    query = describe_at(few, index, scale=Scale.of([pos], len(pos)))
    for name, array in vars(query).items():
        assert np.array_equal(array, getattr(every, name)[index]), name

"""Labels of every kind of twin: what moved or was added is labelled, and what stayed is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from gmanet.cloud import Cloud
from gmanet.detectors.r3dad.patch_gen import patch_gen
from gmanet.synthesis.attacks.change import Target, relocated
from gmanet.synthesis.attacks.gather_shift import gather_shift
from gmanet.synthesis.attacks.table import ATTACKS
from gmanet.synthesis.config import KINDS, SynthesisConfig
from gmanet.synthesis.deform import LABEL_SHARE
from gmanet.synthesis.spcg import Generator

seeds = st.integers(0, 2**32 - 1)
SHIFTS = ["noise", *sorted(set(ATTACKS) - {"add_drop"})]
OVERLAPPING = {"fewest": 9, "most": 12, "ratio": 0.1}


def egg(count=1200, away=0.0):
    """A closed part 60 long; from afar single precision rounds its coordinates to a grid."""
    pos = np.random.default_rng(0).normal(size=(count, 3))
    pos = pos / np.linalg.norm(pos, axis=1, keepdims=True) * [30, 20, 10] + away
    return Cloud(pos.astype(np.float32), name="egg", category="egg", defect="good")


def twin(cloud, seed, **settings_of):
    words = {"curvature": "local", **settings_of}
    return Generator(SynthesisConfig(**words)).twin(cloud, np.random.default_rng(seed))


def rows_of(pos):
    return {row.tobytes() for row in pos}


@pytest.mark.parametrize("away", [0.0, 1e5, 1e6])
@pytest.mark.parametrize("kind", SHIFTS)
@given(seed=seeds)
@settings(max_examples=4, deadline=None)
def test_shifted_points_are_labelled_and_no_others(kind, away, seed):
    cloud = egg(away=away)
    made = twin(cloud, seed, kind=kind, **OVERLAPPING)
    moved = (made.pos != cloud.pos).any(axis=1)
    np.testing.assert_array_equal(made.label, moved)
    assert made.label.sum() > 100 or away


@pytest.mark.parametrize("kind", SHIFTS)
def test_a_move_below_the_rounding_is_none(kind):
    """The depth is a hundred-thousandth of the part: from afar most points stay where they were."""
    cloud = egg(away=1e6)
    made = twin(cloud, 0, kind=kind, depth=[1e-5, 1e-5], **OVERLAPPING)
    moved = (made.pos != cloud.pos).any(axis=1)
    assert moved.mean() < 0.2
    np.testing.assert_array_equal(made.label, moved)


@pytest.mark.parametrize("away", [0.0, 1e6])
@given(seed=seeds)
@settings(max_examples=6, deadline=None)
def test_smooth_defects_are_labelled_from_their_limit_on(away, seed):
    cloud = egg(away=away)
    made = twin(cloud, seed, fewest=9, most=12)
    length = np.linalg.norm(made.pos.astype(np.float64) - cloud.pos, axis=1)
    assert (length[made.label] > 0).all()
    grid = 2 * np.spacing(np.float32(max(away, 30.0)))
    deepest = LABEL_SHARE * 3 * SynthesisConfig().depth[1] * cloud.diameter
    assert length[~made.label].max() <= deepest + grid


@pytest.mark.parametrize("kind", ["paper", "add_drop"])
@pytest.mark.parametrize("count", [90, 300, 1200])
@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_added_points_are_labelled_and_the_rim_of_removed_ones(kind, count, seed):
    cloud = egg(count)
    made = twin(cloud, seed, kind=kind, **OVERLAPPING)
    before, after = rows_of(cloud.pos), rows_of(made.pos)
    gone, stayed = before - after, np.array([row.tobytes() in before for row in made.pos])
    assert stayed[~made.label].all()  # what was added or moved is labelled
    rim = made.label & stayed
    assert rim.sum() <= len(gone)  # nothing is labelled in the place of nothing
    if rim.any():
        hole = np.array([row for row in cloud.pos if row.tobytes() in gone])
        patch = max(int(count * OVERLAPPING["ratio"]), 8)
        reach = cKDTree(cloud.pos).query(hole, [min(2 * patch, count)])[0].max()
        assert cKDTree(hole).query(made.pos[rim])[0].max() <= reach


def test_overlapping_patches_of_added_and_dropped_points_happen():
    """The property above sees them: both in one twin, and patches cut by earlier ones."""
    both = 0
    for seed in range(6):
        cloud = egg(300)
        made = twin(cloud, seed, kind="add_drop", **OVERLAPPING)
        before, after = rows_of(cloud.pos), rows_of(made.pos)
        both += bool(before - after) and bool(after - before)
        assert len(before - after) < 9 * 15  # fewer than nine whole patches lose
    assert both >= 4


def test_a_point_at_the_center_gathers_nowhere_and_is_not_labelled():
    pos = np.random.default_rng(0).uniform(-1, 1, (40, 3))
    pos[7] = 0
    made = gather_shift(Target(pos=pos, center=np.zeros(3), depth=0.05), np.random.default_rng(0))
    assert np.flatnonzero(~made.label).tolist() == [7]
    np.testing.assert_array_equal(made.pos[7], pos[7])


def test_patches_of_r3dad_label_what_moved():
    pos = np.random.default_rng(0).normal(size=(512, 3)).astype(np.float32)
    for shift in (0.0, 1e5):
        there = pos + np.float32(shift)
        moved, label = patch_gen(there, np.random.default_rng(0))
        np.testing.assert_array_equal(label, (moved != there).any(axis=1))


def test_a_move_counts_as_it_is_stored():
    before = np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 0, 0]])
    after = before + np.array([[1e-9, 0, 0], [1e-6, 0, 0], [0, 0, 1e-9]])
    assert relocated(before, after).tolist() == [False, True, True]


def test_every_kind_is_tried():
    assert set(KINDS) == {*SHIFTS, "add_drop", "paper", "surface"}

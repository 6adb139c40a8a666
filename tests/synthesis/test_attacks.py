"""Perturbations of references [46]-[49]: what they label, how far they go, and that they attack."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from gmanet.cloud import Cloud
from gmanet.synthesis.attacks.add_drop import add_critical, drop_salient
from gmanet.synthesis.attacks.change import Target
from gmanet.synthesis.attacks.gradient_shift import gradient_shift
from gmanet.synthesis.attacks.learned_shift import learned_shift
from gmanet.synthesis.attacks.table import ATTACKS
from gmanet.synthesis.attacks.victim import Victim
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.spcg import Generator

seeds = st.integers(0, 2**32 - 1)
SHIFTS = sorted(set(ATTACKS) - {"add_drop"})


@pytest.fixture(scope="module")
def egg():
    """A closed part of 3000 points, 60 long, far from the origin."""
    pos = np.random.default_rng(0).normal(size=(3000, 3))
    pos = pos / np.linalg.norm(pos, axis=1, keepdims=True) * [30, 20, 10] + [100, 0, 0]
    return Cloud(pos.astype(np.float32), name="egg", category="egg", defect="good")


def patch_of(seed=0, depth=0.05, count=60):
    rng = np.random.default_rng(seed)
    plane = rng.uniform(-1, 1, (count, 2))
    return Target(
        pos=np.column_stack([plane, 0.1 * plane[:, 0] ** 2]) + 5, center=np.zeros(3), depth=depth
    )


def twin(cloud, seed=0, **settings_of):
    return Generator(SynthesisConfig(**settings_of)).twin(cloud, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", SHIFTS)
@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_shifts_move_what_they_label_within_their_depth(egg, kind, seed):
    made = twin(egg, seed, kind=kind, ratio=0.02).checked("twin")
    moved = (made.pos != egg.pos).any(axis=1)
    np.testing.assert_array_equal(moved, made.label)
    assert 0.019 <= made.label.mean() <= 0.02 * 7 + 1e-9
    length = np.linalg.norm(made.pos - egg.pos, axis=1)[made.label]
    assert np.sqrt((length**2).mean()) <= 3**0.5 * 0.03 * egg.diameter + 1e-3


def test_added_and_dropped_points_are_labelled_and_others_stay(egg):
    grown, shrunk = 0, 0
    for seed in range(6):
        made = twin(egg, seed, kind="add_drop", fewest=1, most=1, ratio=0.02).checked("twin")
        away = cKDTree(egg.pos).query(made.pos)[0]
        assert made.label.sum() == 30
        assert (away[~made.label] == 0).all()
        grown, shrunk = grown + (len(made) == 3030), shrunk + (len(made) == 2970)
    assert grown > 0
    assert shrunk > 0
    assert grown + shrunk == 6


@pytest.mark.parametrize("kind", sorted(ATTACKS))
def test_the_same_state_gives_the_same_twin(egg, kind):
    one, same, other = (twin(egg, seed, kind=kind) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.pos, same.pos)
    np.testing.assert_array_equal(one.label, same.label)
    assert one.pos.shape != other.pos.shape or not np.array_equal(one.pos, other.pos)


@pytest.mark.parametrize("kind", sorted(ATTACKS))
def test_the_smallest_cloud_has_a_twin(egg, kind):
    assert twin(egg.replace(pos=egg.pos[:64]), kind=kind).abnormal


@pytest.mark.parametrize("attack", [gradient_shift, learned_shift])
def test_an_attack_disturbs_the_network_more_than_chance(attack):
    """At the same L2 length random directions disturb the same network less."""
    better = 0
    for seed in range(8):
        target = patch_of(seed)
        made = attack(target, np.random.default_rng(seed))
        victim = Victim(target.pos, np.random.default_rng(seed))
        offset = made.pos - target.pos
        chance = np.random.default_rng([seed, 1]).normal(size=offset.shape)
        chance *= np.linalg.norm(offset) / np.linalg.norm(chance)
        reached, by_chance = (
            float(victim.objective(victim.seen(target.pos + move))) for move in (offset, chance)
        )
        better += reached > 2 * by_chance
    assert better == 8


def test_the_gradient_is_the_slope_of_the_objective():
    target = patch_of()
    victim = Victim(target.pos, np.random.default_rng(0))
    place = victim.jitter(target.pos, np.random.default_rng(1))
    gradient, step = victim.gradient(place), 1e-5
    for point, axis in ((0, 0), (7, 2), (31, 1)):
        ends = []
        for side in (-1, 1):
            there = place.copy()
            there[point, axis] += side * step
            ends.append(float(victim.objective(victim.seen(there))))
        slope = (ends[1] - ends[0]) / (2 * step)
        assert slope == pytest.approx(gradient[point, axis], rel=1e-2, abs=1e-9)


def test_salient_points_go_and_critical_points_come():
    target = patch_of(count=40)
    dropped = drop_salient(target, np.random.default_rng(0))
    assert dropped.gone.sum() == 20
    assert len(dropped.added) == 0
    assert (dropped.label & ~dropped.gone).sum() == 20
    added = add_critical(target, np.random.default_rng(0))
    assert len(added.added) == 20
    assert not added.gone.any()
    away = cKDTree(target.pos).query(added.added)[0]
    assert 0 < np.sqrt((away**2).mean()) <= target.depth + 1e-6

"""Whole clouds at unit size, the rotations that a pose leaves open, and copies that repeat."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gmanet.detectors.r3dad.reader import RotatedCopies, Rotations, WholeReader
from gmanet.registration.canonical import Canonicalizer


def box(sides, seed=0, count=4000):
    return (np.random.default_rng(seed).uniform(-1, 1, (count, 3)) * sides).astype(np.float32)


def rotations(clouds, pose, count=40):
    rng, made = np.random.default_rng(0), Rotations(clouds, pose)
    return np.stack([made.draw(rng) for _ in range(count)])


@pytest.mark.parametrize("pose", ["given", "principal"])
def test_records_have_unit_size_and_follow_the_points(bumped_plate, pose):
    cloud = bumped_plate(500)
    reader = WholeReader(200, Canonicalizer(pose))
    record = reader(cloud)
    assert record.shape.shape == (1, 200, 3)
    assert record.position.square().mean().sqrt().item() == pytest.approx(1, abs=1e-5)
    order = np.random.default_rng(0).permutation(500)
    shuffled = reader(cloud.replace(pos=cloud.pos[order]))
    torch.testing.assert_close(shuffled.position, record.position[order], atol=1e-5, rtol=0)
    torch.testing.assert_close(shuffled.shape, record.shape, atol=1e-5, rtol=0)


def test_a_few_points_fill_the_shape(bumped_plate):
    record = WholeReader(200, Canonicalizer("given"))(bumped_plate(70))
    assert record.shape.shape == (1, 200, 3)
    assert len(record.shape[0].unique(dim=0)) == 70


@pytest.mark.parametrize("pose", ["given", "principal"])
def test_turns_are_rotations(pose):
    for sides in ((3, 2, 1), (2, 2, 1), (1, 1, 1)):
        for turn in rotations([box(sides)], pose, 10):
            np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-5)
            assert np.linalg.det(turn) == pytest.approx(1, abs=1e-5)


def test_what_the_principal_axes_leave_open_is_turned():
    half = rotations([box((3, 2, 1))], "principal")  # symmetric: four half rotations
    np.testing.assert_allclose(np.abs(half), np.broadcast_to(np.eye(3), half.shape), atol=1e-6)
    assert len(np.unique(half.round(), axis=0)) == 4
    round_ = rotations([box((2, 2, 1))], "principal")
    np.testing.assert_allclose(np.abs(round_[:, 2, 2]), 1, atol=1e-6)
    assert np.ptp(round_[:, 0, 0]) > 1.5
    every = rotations([box((1, 1, 1))], "principal")
    assert np.ptp(every[:, 2, 2]) > 1.5


def test_skewed_parts_keep_their_sign():
    position = np.abs(box((3, 2, 1))) ** 2 * [3, 2, 1]
    position = (position - position.mean(axis=0)).astype(np.float32)
    kept = rotations([position], "principal")
    np.testing.assert_allclose(kept, np.broadcast_to(np.eye(3), kept.shape), atol=1e-6)


def test_copies_follow_from_seed_epoch_and_index():
    clouds = [box((3, 2, 1), seed) for seed in range(2)]
    copies = RotatedCopies(clouds, "given", points=64, length=8, abnormal=1.0, seed=3)
    assert len(copies) == 8
    one, again, other = copies[1, 5], copies[1, 5], copies[2, 5]
    assert torch.equal(one.twin, again.twin)
    assert not torch.equal(one.twin, other.twin)
    moved = (one.twin != one.normal).any(dim=2)
    assert torch.equal(moved, one.abnormal)
    assert one.abnormal.sum() == 4
    same = RotatedCopies(clouds, "given", points=64, length=8, abnormal=0.0, seed=3)[1, 5]
    assert torch.equal(same.twin, same.normal)
    radius = np.linalg.norm(clouds[1], axis=1)
    found = one.normal[0].norm(dim=1).numpy()
    assert np.abs(found[:, None] - radius).min(axis=1).max() < 1e-4

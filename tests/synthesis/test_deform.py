"""Deformations: what moves, how far, and what stays where it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.synthesis.config import SHARES
from gmanet.synthesis.deform import FAMILIES, LABEL_SHARE, Surface, deform, patch

RADIUS, DEPTH = 0.15, 0.02
STEEPEST = {"scar": 2.5, "flatten": 3.0}
"""Families that may move a point by more than the depth, and by how many depths."""

cases = given(family=st.sampled_from(sorted(FAMILIES)), seed=st.integers(0, 2**32 - 1))


@pytest.fixture(scope="module")
def ball(sphere):
    cloud = sphere(3000)
    return Surface(cloud.pos / 2, cloud.normal)


@cases
@settings(max_examples=60, deadline=None)
def test_only_the_patch_moves_and_not_too_far(ball, family, seed):
    rng = np.random.default_rng(seed)
    middle = int(rng.integers(len(ball.pos)))
    index, shift, label = deform(ball, middle, family=family, radius=RADIUS, depth=DEPTH, rng=rng)
    length = np.linalg.norm(shift, axis=1)
    assert len(set(index)) == len(index) == len(shift) == len(label)
    assert np.isfinite(shift).all()
    assert np.linalg.norm(ball.pos[index] - ball.pos[middle], axis=1).max() <= 1.2 * RADIUS + 1e-6
    assert length.max() <= STEEPEST.get(family, 1.0) * DEPTH * 1.001
    assert (length[~label] <= LABEL_SHARE * max(DEPTH, length.max())).all()
    assert (length[label] > LABEL_SHARE * DEPTH).all()


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_moves_something(ball, family):
    found = [
        deform(ball, 7, family=family, radius=RADIUS, depth=DEPTH, rng=np.random.default_rng(seed))[
            2
        ].sum()
        for seed in range(10)
    ]
    assert np.median(found) >= 5


@given(family=st.sampled_from(sorted(set(FAMILIES) - {"groove"})), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_the_edge_of_the_patch_stays(ball, family, seed):
    rng = np.random.default_rng(seed)
    index, shift, _ = deform(ball, 7, family=family, radius=RADIUS, depth=DEPTH, rng=rng)
    apart = np.linalg.norm(ball.pos[index] - ball.pos[7], axis=1)
    assert np.linalg.norm(shift[apart > 1.12 * RADIUS], axis=1).max(initial=0) < 0.3 * DEPTH


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_groove_fades_along_its_track(ball, seed):
    """A curved track may leave the circle; its depth still falls to nothing at both ends."""
    rng = np.random.default_rng(seed)
    where = patch(ball, 7, radius=1.2 * RADIUS, rng=rng)
    length = np.linalg.norm(FAMILIES["groove"](where, RADIUS, DEPTH, rng), axis=1)
    left = np.sqrt(np.clip(1 - (where.plane[:, 0] / RADIUS) ** 2, 0, 1))
    assert (length <= DEPTH * left * 1.001 + 1e-9).all()


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_other_side_of_a_thin_plate_stays(family):
    place = np.linspace(-0.35, 0.35, 60)
    pos = np.stack(np.meshgrid(place, place, [0, 0.03], indexing="ij"), axis=-1).reshape(-1, 3)
    normal = np.tile([0, 0, 1], (len(pos), 1))
    surface = Surface(pos.astype(np.float32), normal.astype(np.float32))
    index, _, _ = deform(
        surface, 3540, family=family, radius=RADIUS, depth=DEPTH, rng=np.random.default_rng(1)
    )
    assert (pos[index, 2] == pos[3540, 2]).all()
    assert len(index) > 100


@cases
@settings(max_examples=12, deadline=None)
def test_the_same_generator_gives_the_same_defect(ball, family, seed):
    one, same = (
        deform(ball, 3, family=family, radius=RADIUS, depth=DEPTH, rng=np.random.default_rng(seed))
        for _ in range(2)
    )
    for left, right in zip(one, same, strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_patch_is_measured_along_the_surface(ball):
    found = patch(ball, 5, radius=0.4, rng=np.random.default_rng(0))
    straight = np.linalg.norm(ball.pos[found.index] - ball.pos[5], axis=1)
    along = 2 * 0.5 * np.arcsin(straight / (2 * 0.5))
    assert along.max() < 0.41
    length = np.linalg.norm(found.plane, axis=1)  # paths go from point to point, so a bit longer
    assert (length >= along * 0.999).all()
    assert np.median(length[along > 0.05] / along[along > 0.05]) < 1.15
    outward = np.sign(found.axis @ ball.normal[5])
    np.testing.assert_allclose(found.axis, outward * ball.normal[5], atol=1e-6)
    depth = straight**2 / (2 * 0.5)  # of a sphere's cap below its tangent plane
    np.testing.assert_allclose(found.height, -outward * depth, atol=1e-3)
    assert (found.normal @ found.axis >= 0).all()


def test_every_family_has_a_usual_share():
    assert set(SHARES) == set(FAMILIES)
    assert sum(SHARES.values()) == pytest.approx(1)

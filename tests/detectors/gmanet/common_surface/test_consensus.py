"""The surface that normal clouds have in common, and how much they differ from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.detectors.gmanet.common_surface.comparison import FLOOR
from gmanet.detectors.gmanet.common_surface.consensus import CONSENSUS, Consensus
from gmanet.detectors.gmanet.common_surface.places import make_consensus, offsets_of

UP = np.array([0, 0, 1], dtype=np.float32)
Z, SPREAD, COVERED, MEAN, LEAST, Z_RELIEF, _, LEAST_RELIEF = range(CONSENSUS)


def plane(seed, height=0.0, count=2000, half=0):
    """Return points and normals of a square, or of its left (-1) or right (1) part."""
    rng = np.random.default_rng(seed)
    flat = rng.random((count, 3), dtype=np.float32)
    flat[:, 2] = height
    kept = flat[:, 0] * half >= 0.4 * half if half > 0 else flat[:, 0] <= (0.6 if half else 1)
    sign = rng.choice([-1, 1], count)[:, None]
    return flat[kept], (UP * sign).astype(np.float32)[kept]


def at(height, x=0.5, count=50):
    points = np.random.default_rng(1).uniform(0.1, 0.9, (count, 3)).astype(np.float32)
    points[:, 0], points[:, 2] = x, height
    return points


def compared(known, points, exclude=-1, shift=0.0):
    used = known.clouds[known.clouds != exclude]
    around = np.full(len(known.points), shift, dtype=np.float32)
    normal = np.broadcast_to(UP, points.shape).copy()
    found, _ = known.compare(points, normal, used=used, around=around)
    assert found.shape == (len(points), CONSENSUS)
    return found


@pytest.fixture(scope="module")
def planes():
    heights = np.random.default_rng(0).normal(0, 0.0008, 12)
    return heights, make_consensus([plane(i, height) for i, height in enumerate(heights)])


def test_a_distance_is_measured_in_the_spread_of_the_normal_clouds(planes):
    heights, known = planes
    spread = np.std(heights, ddof=1)
    found = compared(known, at(heights.mean() + 3 * spread))
    z = np.sinh(found[:, Z])
    assert (np.abs(np.abs(z) - 3) < 0.6).all()  # the spread of one more cloud is a little wider
    assert len(np.unique(np.sign(z))) == 1  # neighbors have like signs
    np.testing.assert_allclose(np.exp(found[:, SPREAD]), spread, rtol=0.2)
    np.testing.assert_allclose(np.exp(found[:, MEAN]) - FLOOR, 3 * spread, rtol=0.1)
    np.testing.assert_allclose(found[:, COVERED], 1, atol=0.1)


def test_the_nearest_normal_cloud_counts_too(planes):
    heights, known = planes
    found = compared(known, at(heights[4]))
    assert (np.exp(found[:, LEAST]) < 2 * FLOOR).all()
    left_out = compared(known, at(heights[4]), exclude=4)
    nearest = np.abs(np.delete(heights, 4) - heights[4]).min()
    np.testing.assert_allclose(np.exp(left_out[:, LEAST]) - FLOOR, nearest, atol=1e-4)


def test_where_no_cloud_is_nothing_is_compared(planes):
    found = compared(planes[1], at(0.0, x=1.5))
    np.testing.assert_array_equal(found[:, [Z, COVERED]], 0)
    usual = planes[1].moments(np.arange(12))[0].usual
    np.testing.assert_allclose(found[:, SPREAD], np.log(usual), rtol=1e-5)


def test_the_share_of_clouds_that_cover_a_place():
    known = make_consensus([plane(i, half=-1 if i < 3 else 1) for i in range(4)])
    np.testing.assert_allclose(compared(known, at(0.0, x=0.2))[:, COVERED], 0.75, rtol=1e-6)
    np.testing.assert_allclose(compared(known, at(0.0, x=0.5))[:, COVERED], 1, rtol=1e-6)
    alone = compared(known, at(0.0, x=0.9))  # places of a single cloud are left out
    np.testing.assert_array_equal(alone[:, COVERED], 0)


def test_a_cloud_that_is_left_out_leaves_a_column():
    known = make_consensus([plane(0), None, plane(2)])
    assert np.isnan(known.offset[:, 1]).all()
    np.testing.assert_array_equal(known.clouds, [0, 2])
    assert np.isfinite(compared(known, at(0.001), exclude=0)).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), clouds=st.integers(2, 9), lost=st.floats(0, 0.9))
def test_moments_without_a_cloud_are_those_of_the_others(seed, clouds, lost):
    rng = np.random.default_rng(seed)
    offset = rng.normal(size=(40, clouds)).astype(np.float32)
    offset[rng.random(offset.shape) < lost] = np.nan
    flat = plane(0, count=40)
    known = Consensus(points=flat[0], normal=flat[1], offset=offset, relief=offset)
    smaller = Consensus.of(flat[0], flat[1], offset=offset[:, 1:])
    one, other = known.moments(np.arange(1, clouds))[0], smaller.moments(np.arange(clouds - 1))[0]
    np.testing.assert_array_equal(one.count, other.count)
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-6)
    np.testing.assert_allclose(one.variance, other.variance, rtol=1e-5)
    several = one.count > 1
    with np.errstate(all="ignore"):
        mean = np.nanmean(offset[several, 1:], axis=1)
    np.testing.assert_allclose(one.mean[several], mean, rtol=1e-4, atol=1e-5)
    assert (one.variance >= FLOOR**2 * 0.999).all()


def test_the_mean_surface_lies_amid_the_clouds(planes):
    heights, known = planes
    points, normal, spread = known.surface()
    np.testing.assert_allclose(points[:, 2], heights.mean(), atol=1e-3)
    assert points.dtype == normal.dtype == spread.dtype == np.float32


def test_a_sphere_lies_on_itself():
    """Heights along mean normals do not see the curvature between a point and a place."""

    def ball(seed):
        made = np.random.default_rng(seed).normal(size=(3000, 3))
        made = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
        return made / 4, made

    known = make_consensus([ball(seed) for seed in range(3)])
    assert np.nanmax(np.abs(known.offset)) < 1e-5
    points, normal = ball(9)
    around = np.zeros(len(known.points), dtype=np.float32)
    found, _ = known.compare(points, -normal, used=known.clouds, around=around)
    assert (np.exp(found[:, MEAN]) < 1.1 * FLOOR).all()


def test_a_shift_of_a_whole_face_is_no_relief(planes):
    _, known = planes
    assert np.nanmedian(np.abs(known.relief)) < 1e-5 < np.nanmedian(np.abs(known.offset))
    sign = np.sign(known.normal[0, 2])
    found = compared(known, at(0.04), shift=sign * 0.04)
    assert (np.exp(found[:, LEAST_RELIEF]) < 2 * FLOOR).all()
    assert (np.exp(found[:, MEAN]) > 0.03).all()


def test_a_dent_is_relief():
    flat = [plane(i, 0.0003 * i) for i in range(6)]
    known = make_consensus(flat)
    points, normal = plane(9, 0.02, count=9000)
    dented = np.linalg.norm(points[:, :2] - 0.5, axis=1) < 0.06
    points[dented, 2] -= 0.01
    around = known.around(offsets_of((points, normal), known.points, normal=known.normal))
    found, _ = known.compare(points, normal, used=known.clouds, around=around)
    depth = np.exp(found[:, LEAST_RELIEF]) - FLOOR
    middle = np.linalg.norm(points[:, :2] - 0.5, axis=1) < 0.02
    np.testing.assert_allclose(np.median(depth[middle]), 0.01, rtol=0.05)
    assert np.median(depth[~dented]) < 1e-4
    assert np.median(np.exp(found[~dented, MEAN])) > 0.01  # the face lies off all others


def test_the_median_around_ignores_what_is_unknown():
    known = make_consensus([plane(i) for i in range(3)])
    offset = np.full(len(known.points), 0.5, dtype=np.float32)
    offset[::3] = np.nan
    np.testing.assert_array_equal(known.around(offset), np.float32(0.5))
    np.testing.assert_array_equal(known.around(offset * np.float32(np.nan)), 0)


def test_where_whole_faces_shift_the_relief_alone_is_compared():
    heights = np.random.default_rng(0).normal(0, 0.004, 12)
    known = make_consensus([plane(i, height) for i, height in enumerate(heights)])
    assert not known.steady.any()
    found = compared(known, at(0.03))
    np.testing.assert_array_equal(found[:, Z], 0)
    np.testing.assert_allclose(np.exp(found[:, [MEAN, LEAST]]), np.exp(found[0, SPREAD]), rtol=0.1)
    assert (np.exp(found[:, LEAST_RELIEF]) > 0.02).all()


def test_a_rough_skin_is_steady():
    """Good parts differ from place to place, not as whole faces."""
    rough = []
    for seed in range(8):
        points, normal = plane(seed, count=9000)
        phase = np.random.default_rng(seed).uniform(0, 6, 2)
        points[:, 2] = 0.004 * np.sin(points[:, :2] * 40 + phase).sum(axis=1)
        rough.append((points, normal))
    assert make_consensus(rough).steady.mean() > 0.95


def test_a_cloud_with_larger_deviations_everywhere_is_strange_and_one_with_a_dent_is_not(planes):
    _, known = planes
    usual = known.offset[:, 3]
    dent = 0.01 * (np.arange(len(usual)) < len(usual) // 20)
    assert known.strangeness(usual * 0) == 1
    assert known.strangeness(usual + dent) < 1.1 * known.strangeness(usual)
    spread = np.nanstd(known.offset)
    assert known.strangeness(usual * 0 + 4 * spread) > 2

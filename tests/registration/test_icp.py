"""Registration against motions that are known: the same part, scanned twice, in any pose."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from gmanet.datasets.procedural.defects import DEFECTS, deform
from gmanet.datasets.procedural.solids import CATEGORIES
from gmanet.datasets.procedural.surface import finish, scatter
from gmanet.errors import InputError
from gmanet.geometry.se3 import rigid
from gmanet.registration.icp import POINT, Registration, _step, apply, register
from gmanet.registration.initial_poses import distinct
from gmanet.registration.target import CELLS, FAR, Target, canonical_order

PARTS = ("hexagonal_bolt", "butterfly_nut", "t_screw", "k_nut", "washer")


@dataclass(frozen=True)
class Pair:
    """A scan, often with a defect, another of the same part, and the motion between them."""

    source: np.ndarray
    target: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    diagonal: float
    surface: cKDTree

    def rms(self, rotation, translation):
        """Return the root mean square distance to the target's surface, sampled densely."""
        at = self.source[::10].astype(float) @ rotation.T + translation
        return np.sqrt((self.surface.query(at)[0] ** 2).mean())

    def errors(self, found):
        """Return degrees, offset of the centroid in diagonals, and RMS distance over the true."""
        middle = self.source.mean(axis=0, dtype=float)
        angle = np.degrees(Rotation.from_matrix(found.rotation @ self.rotation.T).magnitude())
        off = (found.rotation - self.rotation) @ middle + found.translation - self.translation
        ratio = self.rms(found.rotation, found.translation) / self.rms(
            self.rotation, self.translation
        )
        return angle, np.linalg.norm(off) / self.diagonal, ratio


def scanned_twice(category, seed, count=30_000):
    rng = np.random.default_rng([seed, zlib.crc32(category.encode())])
    part = CATEGORIES[category]
    mesh = flawed = part.build(rng)
    kind = (*DEFECTS, "good")[seed % 6]
    if kind != "good":
        flawed = mesh.moved(
            mesh.vertices + deform(mesh, mesh.crosses(), kind=kind, share=part.ratio, rng=rng)[0]
        )
    size = mesh.diagonal
    place = [
        finish(part.finish, scatter(solid, count, rng=rng), diagonal=size, rng=rng)
        for solid in (flawed, mesh)
    ]
    (one, two), (at, to) = (
        Rotation.random(2, random_state=seed).as_matrix(),
        rng.normal(size=(2, 3)),
    )
    at, to = size * at, size * to
    source = rng.permutation(place[0] @ one.T + at).astype(np.float32)
    target = (place[1] @ two.T + to).astype(np.float32)
    surface = cKDTree(scatter(mesh, 4 * count, rng=rng).place @ two.T + to)
    return Pair(
        source,
        target,
        rotation=two @ one.T,
        translation=to - two @ one.T @ at,
        diagonal=size,
        surface=surface,
    )


def recovered(angle, off, ratio):
    """Whether the motion is right or, on symmetric parts, another that lies as well."""
    return (angle <= 1 and off <= 0.005) or ratio <= 1.5


@pytest.fixture(scope="module")
def pair():
    return scanned_twice("butterfly_nut", 2, 6000)


@pytest.fixture(scope="module")
def found(pair):
    return register(pair.source, pair.target)


@pytest.mark.parametrize("category", PARTS)
def test_a_part_lies_on_its_reference(category):
    pair = scanned_twice(category, PARTS.index(category), 10_000)
    found = register(pair.source, pair.target)
    angle, off, ratio = pair.errors(found)
    assert recovered(angle, off, ratio)
    assert category == "washer" or (angle <= 1 and off <= 0.005)
    assert found.overlap > 0.97
    assert found.inlier_rmse < 0.003 * pair.diagonal


@pytest.mark.slow
def test_a_hundred_pairs():
    pairs = (scanned_twice(category, seed) for category in PARTS for seed in range(20))
    errors = [pair.errors(register(pair.source, pair.target)) for pair in pairs]
    assert sum(recovered(*error) for error in errors) >= 95


def test_a_motion_without_noise_is_recovered_exactly(pair):
    rotation = Rotation.random(random_state=5).as_matrix()
    translation = np.array([300.0, -20.0, 1.0])
    target = (pair.source @ rotation.T + translation).astype(np.float32)
    found = register(pair.source, target, seed=1)
    assert np.degrees(Rotation.from_matrix(found.rotation @ rotation.T).magnitude()) < 1e-3
    np.testing.assert_allclose(apply(found, pair.source), target, atol=2e-5 * pair.diagonal)
    assert found.overlap == 1
    assert found.inlier_rmse < 1e-5 * pair.diagonal


def same(one, two):
    return (
        (one.rotation == two.rotation).all()
        and (one.translation == two.translation).all()
        and (one.inlier_rmse, one.overlap) == (two.inlier_rmse, two.overlap)
    )


def test_every_run_gives_the_same(pair, found):
    assert same(register(pair.source, pair.target), found)


def test_every_row_order_gives_the_same(pair):
    """Coordinates are rounded, as in many files: equal distances are then common."""
    rng = np.random.default_rng(0)
    source, target = (np.round(4 * cloud) / 4 for cloud in (pair.source, pair.target))
    shuffled = register(rng.permutation(source), rng.permutation(target))
    assert same(shuffled, register(source, target))


def test_the_result_is_a_rigid_motion_in_the_unit_of_the_clouds(pair, found):
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(found.rotation) > 0
    large = register(1024 * pair.source, 1024 * pair.target)
    np.testing.assert_allclose(large.rotation, found.rotation, atol=1e-6)
    np.testing.assert_allclose(large.translation, 1024 * found.translation, rtol=1e-5)
    assert large.inlier_rmse == pytest.approx(1024 * found.inlier_rmse, rel=1e-4)


def test_one_side_of_a_part_lies_on_the_whole(pair):
    side = pair.source[pair.source @ [0.6, 0.8, 0.0] > np.median(pair.source @ [0.6, 0.8, 0.0])]
    found = register(side, pair.target)
    angle, off, _ = pair.errors(found)
    assert angle < 1
    assert off < 0.005
    assert found.overlap > 0.97


def test_another_part_overlaps_less(pair, found, cylinder):
    other = register(cylinder(6000).pos * pair.diagonal / 5, pair.target)
    assert other.overlap < found.overlap - 0.2
    assert other.inlier_rmse > 2 * found.inlier_rmse


def test_a_flat_square_lies_on_itself(plate):
    """All tangent planes are one, so that ICP is of little help; askew, corners reach 1.4."""
    source, target = plate(3000, seed=0).pos, plate(3000, seed=1).pos
    source = (source @ Rotation.random(random_state=3).as_matrix().T + 5).astype(np.float32)
    found = register(source, target)
    aligned = np.abs(apply(found, source))
    assert aligned[:, 2].max() < 1e-3
    assert aligned[:, :2].max() < 1.06
    assert found.overlap > 0.99


@given(st.integers(0, 2**32 - 1), st.integers(3, 40))
@settings(max_examples=30, deadline=None)
def test_an_order_of_rows_is_by_height_then_depth_then_width(seed, steps):
    """A few steps along each axis, so that many rows agree in two coordinates."""
    pos = np.random.default_rng(seed).integers(0, steps, (100, 3)).astype(np.float32)
    np.testing.assert_array_equal(canonical_order(pos, "here"), pos[np.lexsort(pos.T)])


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
@settings(max_examples=10, deadline=None)
def test_initial_poses_are_apart_and_the_best_of_those_around(seed, count):
    rng = np.random.default_rng(seed)
    rotation = Rotation.random(1300, random_state=seed % 2**31).as_matrix()
    rotation[1:900] = rotation[0]  # so that few are left of the first that are compared
    poses = rigid(rotation, np.zeros((1300, 3)))
    score = np.sort(rng.random(1300))
    chosen: list[int] = []
    for one in range(1300):
        chord = ((rotation[chosen] - rotation[one]) ** 2).sum(axis=(1, 2)) / 2
        if len(chosen) < count and (chord >= 0.5**2).all():
            chosen.append(one)
    mixed = rng.permutation(1300)
    np.testing.assert_array_equal(
        mixed[distinct(poses[mixed], score[mixed], count=count, apart=0.5)], chosen
    )


def test_a_map_of_distances_tells_them_to_within_a_cell(pair):
    target = Target.of(pair.target)
    rotation = Rotation.random(5, random_state=1).as_matrix()
    translation = 0.1 * np.random.default_rng(0).normal(size=(5, 3))
    points = target.points[:300]
    found = target.distances(rigid(rotation, translation), points)
    moved = np.einsum("cij,nj->cni", rotation, points) + translation[:, None]
    exact = np.minimum(cKDTree(target.points).query(moved)[0], FAR)
    low, size = target.distances.low, CELLS * target.distances.cell
    inside = ((moved > low) & (moved < low + size)).all(axis=2)
    assert inside.mean() > 0.9
    assert found.shape == (5, 300)
    assert np.abs(found - exact)[inside].max() < 2 * target.distances.cell


@given(st.integers(0, 2**32 - 1), st.integers(6, 60))
@settings(max_examples=30, deadline=None)
def test_a_step_of_icp_solves_its_least_squares(seed, count):
    rng = np.random.default_rng(seed)
    moved, gap, normal = rng.normal(size=(3, 2, count, 3))
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    weight = rng.random((2, count))
    for pose, found in enumerate(_step(moved, gap, normal=normal, weight=weight)):
        ways = np.concatenate([normal[pose][:, None], np.tile(np.eye(3), (count, 1, 1))], axis=1)
        share = np.sqrt(weight[pose][:, None] * [1, POINT, POINT, POINT])
        lever = np.concatenate([np.cross(moved[pose][:, None], ways), ways], axis=2)
        rest = np.einsum("nwc,nc->nw", ways, gap[pose])
        weighed = (share[:, :, None] * lever).reshape(-1, 6)
        ridge = 1e-9 * (weighed**2).sum() * np.eye(6)  # keeps free directions still
        rows = np.concatenate([weighed, np.sqrt(ridge)])
        wanted = np.linalg.lstsq(rows, np.append(share * rest, np.zeros(6)), rcond=None)[0]
        np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-7)


@given(st.integers(0, 2**32 - 1), st.integers(1, 50))
@settings(max_examples=30, deadline=None)
def test_apply_rotates_and_then_translates(seed, count):
    rng = np.random.default_rng(seed)
    rotation = Rotation.random(random_state=rng.integers(2**32)).as_matrix()
    translation, pos = rng.normal(size=3), rng.normal(size=(count, 3)).astype(np.float32)
    motion = rigid(rotation, translation)
    moved = apply(Registration(T_target_source=motion, inlier_rmse=0.0, overlap=1.0), pos)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, [rotation @ point + translation for point in pos], atol=1e-5)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda pos: pos[:, :2], r"shape \(6000, 2\), wanted \(N, 3\)"),
        (lambda pos: pos[:63], "63 points, wanted at least 64"),
        (lambda pos: np.where(np.arange(6000)[:, None] == 7, np.nan, pos), "point 8 is nan"),
        (lambda pos: 0 * pos, "all 6000 points are identical"),
    ],
)
def test_bad_input_is_named(pair, spoil, sentence):
    with pytest.raises(InputError, match=f"registration, source: .*{sentence}"):
        register(spoil(pair.source), pair.target)
    with pytest.raises(InputError, match=f"registration, target: .*{sentence}"):
        register(pair.source, spoil(pair.target))

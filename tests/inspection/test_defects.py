"""The list of defects: regions, their measures, and the height over the normal clouds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gmanet.cloud import Cloud
from gmanet.detectors.gmanet.aligner import Aligner
from gmanet.detectors.gmanet.common_surface.places import make_consensus
from gmanet.detectors.gmanet.deviation import Surfaces
from gmanet.detectors.gmanet.signed_deviation import signed_deviation
from gmanet.inspection.defects import find_defects
from gmanet.inspection.missing_surface import with_gaps
from gmanet.inspection.regions import connected, patches
from gmanet.registration.icp import Registration
from gmanet.registration.target import Target
from gmanet.verdict.gaps import Gap


def cap(pos, place, radius):
    """Return a smooth bump of height 1."""
    near = ((pos[:, :2] - place) ** 2).sum(axis=1) / radius**2
    return np.clip(1 - near, 0, 1) ** 2


@given(st.integers(0, 2**31), st.integers(1500, 6000))
@settings(max_examples=4, deadline=None)
def test_areas_add_up_to_the_surface(sphere, seed, count):
    area = patches(sphere(count, seed).pos).area
    assert area.sum() == pytest.approx(4 * np.pi, rel=0.06)


def test_points_of_a_region_are_connected(plate):
    pos = plate(4000).pos
    left, right = (np.linalg.norm(pos[:, :2] - (x, 0), axis=1) < 0.2 for x in (-0.5, 0.5))
    region = connected(pos, left | right, reach=patches(pos).reach)
    assert set(region[left]) != set(region[right])
    assert len(set(region[left])) == len(set(region[right])) == 1
    assert (region[~left & ~right] == -1).all()
    assert (connected(pos, np.zeros(len(pos), bool), reach=1.0) == -1).all()


@given(st.integers(0, 2**31), st.sampled_from([0.04, -0.04]))
@settings(max_examples=4, deadline=None)
def test_a_defect_is_measured_in_any_pose(plate, seed, height):
    flat = plate(5000, seed % 7).pos
    rng = np.random.default_rng(seed)
    deviation = height * cap(flat, (0.3, -0.2), 0.3) + rng.normal(0, 0.001, len(flat))
    motion = Rotation.random(random_state=seed % 1000).as_matrix()
    pos = np.column_stack([flat[:, :2], deviation]) @ motion.T
    cloud = Cloud(pos.astype(np.float32), origin=(100.0, 0.0, 0.0))
    scores = np.abs(deviation).astype(np.float32)
    made = find_defects(cloud, scores, limit=0.01, deviation=deviation.astype(np.float32))
    (one,) = made.found
    assert one.kind == ("raised" if height > 0 else "sunken")
    assert one.depth == pytest.approx(height, rel=0.15)
    worst = int(scores.argmax())
    assert one.place == pytest.approx(cloud.pos[worst] + np.array([100.0, 0.0, 0.0]))
    radius = 0.3 * np.sqrt(1 - np.sqrt(0.15))  # where the bump is that share as high
    assert one.area == pytest.approx(np.pi * radius**2, rel=0.3)
    assert one.share == pytest.approx(one.area / 4, rel=0.1)
    assert one.length == pytest.approx(2 * radius, rel=0.25)
    assert ((made.region == 1) == (made.region > 0)).all() and made.region[worst] == 1


def test_kinds(plate):
    pos = plate(5000).pos
    noise = np.random.default_rng(0).normal(0, 0.002, len(pos))
    up, down = cap(pos, (0.25, 0), 0.2), cap(pos, (0.0, 0), 0.2)
    scores = (up + down).astype(np.float32)
    both = (0.1 * up - 0.09 * down + noise).astype(np.float32)
    assert find_defects(Cloud(pos), scores, limit=0.1, deviation=both).found[0].kind == "rough"
    level = noise.astype(np.float32)
    (one,) = find_defects(Cloud(pos), scores, limit=0.1, deviation=level).found
    assert one.kind == "rough" and one.area > 0
    (one,) = find_defects(Cloud(pos), scores, limit=0.1).found
    assert one.kind == "different" and np.isnan(one.depth) and one.part_place is None


def test_a_list_is_sorted_and_never_empty(plate):
    pos = plate(5000).pos
    scores = (0.4 * cap(pos, (0.5, 0), 0.2) + cap(pos, (-0.5, 0), 0.2)).astype(np.float32)
    pose = np.eye(4)
    pose[:3, 3] = 1, 2, 3
    made = find_defects(Cloud(pos), scores, limit=0.2, pose=pose)
    assert [round(one.score, 1) for one in made.found] == [1.0, 0.4]
    assert made.found[0].part_place == pytest.approx(np.add(made.found[0].place, (1, 2, 3)))
    assert set(made.region) == {0, 1, 2}
    (one,) = find_defects(Cloud(pos), scores, limit=2.0).found  # the mean was above, no point
    assert one.score == made.found[0].score


def still():
    return Registration(T_target_source=np.eye(4), inlier_rmse=0.0, overlap=1.0)


def test_heights_over_the_normal_clouds_have_a_sign(sphere):
    normals = [sphere(3000, seed) for seed in range(3)]
    target = Target.of(normals[0].pos)
    sign = np.where(np.random.default_rng(0).random(9000) < 0.5, -1, 1)[:, None]
    points = np.concatenate([cloud.pos for cloud in normals])
    surfaces = Surfaces(
        points=(points / target.length).astype(np.float32),
        normal=(points * sign).astype(np.float32),
        owner=np.repeat(np.arange(3), 3000),
    )
    aligner = Aligner(
        target=target,
        common=target,
        surfaces=surfaces,
        consensus=make_consensus(
            [(part, part * np.float32(target.length)) for part in np.split(surfaces.points, 3)]
        ),
        registrations={"": still()},
    )
    for height in (0.1, -0.1):
        scan = sphere(500, 9)
        scan = scan.replace(pos=scan.pos * np.float32(1 + height))
        np.testing.assert_allclose(signed_deviation(scan, aligner), height, atol=0.02)


def test_missing_surface_is_in_the_list(plate):
    cloud = Cloud(plate(5000).pos, origin=(0.0, 0.0, 9.0))
    scores = cap(cloud.pos, (0.5, 0), 0.2).astype(np.float32)
    made = find_defects(cloud, scores, limit=0.2)
    words = {"share": 0.03, "emptiness": 9.0, "exposed": 0.0, "kind": "missing"}
    gaps = [Gap(place=place, area=0.1, **words) for place in ((0.5, 0.1, 0.0), (-0.5, 0.0, 0.0))]
    first, second = with_gaps(made, gaps, cloud=cloud, pose=np.eye(4)).found
    assert first.kind == second.kind == "missing"
    assert first.score == made.found[0].score and np.isnan(second.score)
    assert second.place == (-0.5, 0.0, 9.0) and second.part_place == (-0.5, 0.0, 0.0)

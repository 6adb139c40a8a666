"""Normal scans of different sides are registered on the union of their surfaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from gmanet.cloud import Cloud
from gmanet.detectors.reference import Reference
from gmanet.formats import read_cloud
from gmanet.geometry.se3 import rigid
from gmanet.registration import cached, symmetry
from gmanet.registration.icp import Registration, apply
from gmanet.registration.symmetry import near_symmetries
from gmanet.verdict.reference import (
    common_reference,
    placed,
    reference_state,
    spread,
    stored_reference,
)

GLAND = Path(__file__).parents[3] / "shared/data/iec3d_layout/CableGland/train"
SIZE = np.array([6.0, 4.0, 2.0])


def surface(seed, *, points=5000):
    """Return points on the faces of a block."""
    rng = np.random.default_rng(seed)
    faces = rng.choice(6, points, p=np.repeat([8, 12, 24], 2) / 88)
    pos = rng.random((points, 3)) * SIZE
    pos[np.arange(points), faces // 2] = faces % 2 * SIZE[faces // 2]
    return pos.astype(np.float32)


def test_whole_scans_have_the_first_as_reference():
    clouds = [Cloud(surface(seed)) for seed in range(3)]
    target, found = common_reference(clouds, count=2)
    assert len(found) == 2 and min(each.overlap for each in found) > 0.95
    assert target.length == pytest.approx(common_reference(clouds[:1], count=1)[0].length)


def test_scans_that_the_first_one_misses_lie_on_the_union(monkeypatch):
    """The second of four scans shows the other half of the part."""
    pos = surface(0)
    upper, lower = pos[pos[:, 2] > 0.8], pos[pos[:, 2] < 1.2]
    clouds = [Cloud(each) for each in (upper, lower, pos, pos[::2])]
    middle = upper.mean(axis=0, dtype=np.float64)
    asked = []

    def in_place(moving, target):
        """Register clouds that lie in place already, unless they hardly overlap."""
        asked.append(target)
        origin = middle if target is asked[0] else SIZE / 2
        near = cKDTree(target.points * target.length).query(moving - origin)[0] < 0.4
        motion = rigid(np.eye(3), -origin)
        return Registration(T_target_source=motion, inlier_rmse=0.0, overlap=float(near.mean()))

    monkeypatch.setattr("gmanet.verdict.reference.register_solid", in_place)
    target, found = common_reference(clouds, count=4)
    assert len({id(each) for each in asked}) == 2 and target is asked[-1]
    assert len(found) == 4 and np.all(target.centroid == 0)
    assert min(each.overlap for each in found) > 0.9
    heights = target.points[:, 2] * target.length
    assert np.ptp(heights) == pytest.approx(np.ptp(pos[:, 2]), rel=0.1)


@pytest.mark.slow
@pytest.mark.skipif(not GLAND.is_dir(), reason="the scans are not here")
def test_every_scan_of_a_real_part_is_registered():
    files = sorted(GLAND.glob("*.pcd"))
    clouds = [read_cloud(file) for file in files[:24]]
    found = common_reference(clouds, count=len(clouds))[1]
    assert min(each.overlap for each in found) > 0.9


def test_points_are_spread_over_all_clouds():
    clouds = [
        (np.random.default_rng(k).random((3000, 3)) + 2 * k).astype(np.float32) for k in (0, 1)
    ]
    found = spread(clouds)
    assert found.shape == (4096, 3)
    assert 0.4 < (found[:, 0] > 1.5).mean() < 0.6


def test_placed_points_are_in_extents_about_the_centroid():
    cloud = Cloud(surface(5))
    target, found = common_reference([cloud], count=1)
    there = placed(cloud.pos, found[0], target=target)
    np.testing.assert_allclose(there * target.length, apply(found[0], cloud.pos), atol=1e-4)
    assert np.abs(there).max() < 1


def test_a_scan_is_registered_once_for_score_and_verdict(monkeypatch):
    """The reference is that of the detector, to the last bit, and flying points are left out."""
    clouds = [Cloud(surface(seed, points=3000)) for seed in range(2)]
    kept = Reference()
    kept.fit(clouds[0].pos)
    target = common_reference(clouds, count=1)[0]
    scan = np.concatenate([clouds[1].pos, np.float32([[30, 0, 0]])])
    first = cached.register_solid(scan, kept.target)
    monkeypatch.setattr(cached, "register", None)  # would raise if it were called
    assert cached.register_solid(scan, target).inlier_rmse == first.inlier_rmse
    assert cached.register_solid(clouds[1].pos, target).overlap == first.overlap


def test_near_symmetries_are_stored_with_references(monkeypatch):
    """The search would take half a second after every start."""
    kept = Reference()
    kept.fit(surface(0, points=3000))
    known = near_symmetries(kept.target)
    gate = stored_reference(reference_state(kept.target))
    loaded = Reference()
    loaded.load_state_dict(kept.state_dict())
    monkeypatch.setattr(symmetry, "initial_poses", None)  # would raise if it were called
    for target in (gate, loaded.target):
        np.testing.assert_array_equal(near_symmetries(target), known)


def test_references_of_older_versions_have_no_symmetries():
    kept = Reference()
    kept.fit(surface(0, points=3000))
    state = kept.state_dict()
    del state["symmetries"]
    kept.load_state_dict(state)
    assert kept.target.symmetries is None
    older = {
        name: part for name, part in reference_state(kept.target).items() if name != "symmetries"
    }
    assert stored_reference(older).symmetries is None

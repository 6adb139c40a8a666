"""The normal clouds of a category, registered on one another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmanet.cloud import Cloud
from gmanet.detectors.gmanet.aligner import Aligner
from gmanet.detectors.gmanet.alignment import Atlas
from gmanet.detectors.gmanet.common_surface.comparison import FLOOR
from gmanet.detectors.gmanet.common_surface.consensus import CONSENSUS
from gmanet.detectors.gmanet.descriptors import describe
from gmanet.detectors.gmanet.deviation import CHANNELS, deviation
from gmanet.detectors.gmanet.signed_deviation import signed_deviation

SIZES = {"points": 1500, "centers": 500}


def wedge(seed, dent=0.0):
    """Return a box without symmetry, with noise and perhaps a dent in its long side."""
    rng = np.random.default_rng(seed)
    pos = rng.random((8000, 3)) * (1.0, 0.6, 0.3)
    side = rng.integers(0, 6, 8000)
    for axis, size in enumerate((1.0, 0.6, 0.3)):
        pos[side == 2 * axis, axis] = 0
        pos[side == 2 * axis + 1, axis] = size
    pos[:, 2] *= 1 - 0.5 * pos[:, 0] * pos[:, 1]
    near = np.exp(-((pos[:, :2] - (0.4, 0.3)) ** 2).sum(axis=1) / 0.01)
    pos[side == 5, 2] -= dent * near[side == 5]
    return (pos + rng.normal(0, 2e-4, pos.shape)).astype(np.float32), near > 0.3


@pytest.fixture(scope="module")
def clouds(given_clouds, moved):
    made = [Cloud(moved(wedge(seed)[0], seed), name=f"{seed}") for seed in range(4)]
    return given_clouds(made, "train")


@pytest.fixture(scope="module")
def atlas(clouds):
    made = Atlas()
    made.fit(clouds, progress=False)
    return made


def deviations(aligner, pos, origin=""):
    cloud = Cloud(pos)
    made = describe(pos, **SIZES)
    registration = aligner.register(cloud, origin)
    aligned = aligner.align(cloud, made, registration=registration, origin=origin)
    values = aligner.distances(aligned, slice(len(made.coarse)))
    return deviation(
        values[: SIZES["centers"]], values, neighbors=made.coarse_neighbors
    ), made.chosen[: SIZES["centers"]]


def test_a_dent_lies_off_the_normal_surfaces(atlas, moved):
    pos, dented = wedge(9, dent=0.04)
    aligner = atlas.aligner
    assert isinstance(aligner, Aligner)
    found, chosen = deviations(aligner, moved(pos, 5))
    smooth = found[:, CHANNELS + CONSENSUS]
    on_top = dented[chosen] & (pos[chosen, 2] > 0.1)
    assert np.median(smooth[on_top]) > np.quantile(smooth[~dented[chosen]], 0.95)


def test_the_pose_does_not_matter(atlas, moved):
    pos, _ = wedge(8)
    one, _ = deviations(atlas.aligner, pos)
    other, _ = deviations(atlas.aligner, moved(pos, 3))
    assert np.abs(one - other)[:, CHANNELS + CONSENSUS].mean() < 0.1


def test_a_stored_atlas_measures_alike(atlas):
    again = Atlas()
    again.load_state_dict(atlas.state_dict())
    pos, _ = wedge(7)
    np.testing.assert_array_equal(
        deviations(again.aligner, pos)[0], deviations(atlas.aligner, pos)[0]
    )


def sized(sizes):
    """Return wedges that are larger or smaller along each axis."""
    return [
        Cloud(wedge(seed)[0] * np.float32(size), name=f"{seed}") for seed, size in enumerate(sizes)
    ]


def test_parts_whose_faces_shift_each_on_its_own_are_not_compared(given_clouds, capsys):
    made = Atlas()
    made.fit(given_clouds(sized([(1, 1, 1), (1.1, 1, 1), (1, 1.1, 1), (1, 1, 1.2)]), "train"))
    assert made.aligner is None
    assert "no distance from them is measured" in capsys.readouterr().err


@pytest.mark.slow
def test_parts_whose_faces_shift_together_are_compared_as_if_they_had_one_size(given_clouds):
    made = Atlas()
    sizes = [(1, 1 + 0.01 * grown, 1 - 0.02 * grown) for grown in (0, 1, 2, 3, 4, 1.5)]
    *known, other = sized(sizes)
    made.fit(given_clouds(known, "train"), progress=False)
    aligner = made.aligner
    assert np.nanstd(aligner.consensus.offset) < 0.5 * np.nanstd(aligner.shapes.offset)
    smooth = deviations(aligner, other.pos)[0][:, CHANNELS + CONSENSUS]
    aligner = replace(aligner, shapes=None)
    assert np.median(smooth) < np.median(deviations(aligner, other.pos)[0][:, CHANNELS + CONSENSUS])


@pytest.mark.parametrize("dent", [0.0, 0.04])
def test_heights_do_not_hold_what_good_parts_differ_in(given_clouds, dent):
    made = Atlas()
    sizes = [(1, 1 + 0.01 * grown, 1 - 0.02 * grown) for grown in (0, 1, 2, 3, 4)]
    made.fit(given_clouds(sized(sizes), "train"), progress=False)
    size = np.float32((1, 1.04, 0.92))
    pos, dented = wedge(9, dent=dent)
    inner = np.abs(pos[:, :2] - (0.5, 0.3)).max(axis=1) < 0.25
    deep = np.linalg.norm(pos[:, :2] - (0.4, 0.3), axis=1) < 0.02
    top = inner & (pos[:, 2] > 0.1)
    height = signed_deviation(Cloud(pos * size), made.aligner)
    assert np.median(np.abs(height[top & ~dented])) < 0.002
    assert np.median(height[top & deep]) == pytest.approx(-0.92 * dent, abs=0.004)


@pytest.mark.slow
def test_parts_with_a_rough_skin_are_compared_in_units_of_their_roughness(given_clouds):
    made, rough = Atlas(), []
    for seed in range(4):
        pos = wedge(seed)[0]
        phase = np.random.default_rng(seed).uniform(0, 6, 3).astype(np.float32)
        skin = 0.006 * np.sin(25 * pos[:, [1, 2, 0]] + phase) + 0.006 * np.sin(25 * pos + phase)
        rough.append(Cloud(pos + skin.astype(np.float32), name=f"{seed}"))
    made.fit(given_clouds(rough, "train"), progress=False)
    surface = made.aligner.consensus
    assert surface.moments(surface.clouds)[0].usual > 10 * FLOOR


@pytest.mark.slow
def test_a_cloud_of_another_part_is_left_out_and_named(clouds, given_clouds, capsys):
    ball = np.random.default_rng(0).normal(size=(4000, 3))
    ball = (ball / np.linalg.norm(ball, axis=1, keepdims=True)).astype(np.float32)
    made, strange = Atlas(), [*clouds, Cloud(ball, name="ball")]
    data = given_clouds(strange, "train")
    made.fit(data)
    said = capsys.readouterr().err
    assert "4 of 5 normal clouds lie on one another" in said
    assert said.rstrip().endswith("left out, as they could not be registered: ball")
    assert not np.isfinite(made.aligner.consensus.offset[:, -1]).any()
    assert np.isfinite(made.aligner.consensus.offset[:, :-1]).any(axis=1).all()
    assert set(made.owner.tolist()) == {0, 1, 2, 3}
    assert made.usable(data).names == ["0", "1", "2", "3"]


def test_all_clouds_that_were_registered_are_usable(atlas, clouds):
    assert atlas.usable(clouds) is clouds
    assert Atlas().usable(clouds) is clouds


@pytest.mark.slow
def test_an_end_that_the_first_cloud_lacks_is_compared_too(given_clouds, moved):
    """Half of the clouds lack one end, half the other one."""
    halves = []
    for seed in range(6):
        pos = wedge(seed)[0]
        shown = pos[:, 0] < 0.9 if seed % 2 == 0 else pos[:, 0] > 0.1
        halves.append(Cloud(moved(pos[shown], seed), name=f"{seed}"))
    made = Atlas()
    made.fit(given_clouds(halves, "train"), progress=False)
    known = np.isfinite(made.aligner.consensus.offset)
    assert np.isfinite(made.aligner.consensus.offset).any(axis=0).all()
    assert 0.1 < (known.sum(axis=1) == 3).mean() < 0.4  # the ends, each of three clouds
    assert min(found.overlap for found in made.registrations) > 0.97


def test_one_normal_cloud_is_too_few_and_a_sentence_says_what_it_cannot_promise(
    given_clouds, capsys
):
    made, data = Atlas(), given_clouds([Cloud(wedge(0)[0], name="0")], "train")
    made.prepare(data)
    assert "no false-alarm rate below 50 %" in capsys.readouterr().err
    assert made.aligner is None
    assert made.usable(data) is data


def test_a_stored_cloud_is_not_compared_with_itself(atlas, clouds):
    aligner, cloud = atlas.aligner, clouds[2]
    made = describe(cloud.pos, **SIZES)
    registration = aligner.register(cloud)
    assert aligner.align(cloud, made, registration=registration).used.tolist() == [0, 1, 3]
    assert aligner.align(
        cloud.replace(name="copy"), made, registration=registration
    ).used.tolist() == [0, 1, 3]
    other = cloud.replace(pos=cloud.pos[::-1])
    assert len(aligner.align(other, made, registration=registration).used) == 4


def test_a_train_cloud_is_compared_with_a_random_choice_of_the_others(atlas, clouds):
    aligner, sizes = atlas.aligner, set()
    made, registration = describe(clouds[1].pos, **SIZES), aligner.registrations["1"]
    for turn in range(12):
        cloud = clouds[1].replace(pos=clouds[1].pos + np.float32(1e-6 * turn))
        same = {"registration": registration, "origin": "1", "few": True}
        used = aligner.align(cloud, made, **same).used
        np.testing.assert_array_equal(used, aligner.align(cloud, made, **same).used)
        assert set(used.tolist()) <= {0, 2, 3}
        sizes.add(len(used))
    assert sizes == {2, 3}


def test_a_loaded_atlas_knows_the_poses_of_its_clouds_and_stores_no_others(
    atlas, clouds, given_clouds
):
    again = Atlas()
    again.load_state_dict(atlas.state_dict())
    again.prepare(clouds, progress=False)
    assert again.aligner.owners == atlas.aligner.owners
    for name, registration in atlas.aligner.registrations.items():
        np.testing.assert_array_equal(
            again.aligner.registrations[name].rotation, registration.rotation
        )
    smaller = [cloud.replace(pos=cloud.pos[:3000]) for cloud in clouds]
    again.prepare(given_clouds(smaller, "train"), progress=False)
    np.testing.assert_array_equal(again.points, atlas.points)
    np.testing.assert_array_equal(again.reference.points, atlas.reference.points)

"""What every detector promises; one body for all rows of the table."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import gmanet
from gmanet.cloud import Cloud
from gmanet.detectors.records import read
from gmanet.detectors.stored import identity, read_identity
from gmanet.detectors.table import DETECTORS
from gmanet.metrics.functional import auroc
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

SMALL = {
    "gmanet": {"points": 1024, "centers": 512, "steps": 60, "pairs": 2},
    "gmanet_paper": {"steps": 6, "width": 0.5},
    "contexts": {"points": 1024, "centers": 512},
    "imrnet": {
        **{"points": 1024, "centers": 64, "group": 32, "steps": 150},
        **{"width": 48, "depth": 3, "heads": 3, "max_angle": 0.0},
    },
    "m3dm": {"centers": 512, "group": 64, "width": 48, "pretraining": 120, "pose": "principal"},
    "patchcore_pointmae": {"centers": 512, "group": 64, "width": 48, "pretraining": 120},
    "reg3dad": {"centers": 512, "group": 64, "width": 48, "pretraining": 120},
    "r3dad": {
        **{"points": 256, "pose": "registered", "encoder": [32, 64, 128], "code": 32},
        **{"denoiser": [64, 128, 64], "sampling": 50, "eta": 0.0},
        **{"steps": 400, "copies": 400, "pairs": 8, "learning_rate": 0.004},
        **{"reconstruction": 8192, "object_rule": "top"},
    },
}
"""Settings that make a detector quick; those without a row are tested with their defaults."""

COARSE = {"grid": 0.025, "steps": 2, "clouds": 2, "votes": 1}
NARROW = {"widths": [8, 8, 8], "blocks": [1, 1, 1]}
SUPERVISED = {
    "pointnet2_ssg": {"width": 0.05},
    "pointnet2_msg": {"width": 0.05},
    "spunet": {"stem": 8, "widths": [8, 8, 8, 8], "blocks": [1, 1, 1, 1]},
    "ptv1": {**NARROW, "neighbors": [4, 8, 8], "shared": 4},
    "pointnext": {**NARROW, "blocks": [1, 1], "radius": 0.1},
    "pointvector": {**NARROW, "blocks": [1, 1], "radius": 0.1},
    "octformer": {**NARROW, "heads": [2, 2, 2], "window": 8, "stem": 1, "pyramid": 8},
    "oacnns": {"stem": 8, "widths": [8] * 4, "blocks": [1] * 4, "up": [8] * 4},
}
SMALL |= {name: COARSE | settings for name, settings in SUPERVISED.items()}

POINTS = 2000

LEARNS_SLOWLY = {"gmanet_paper", *SUPERVISED}
"""Detectors that find nothing after the few steps of a test; whether more steps help has not been
measured."""

READS_POSE = {"gmanet_paper", *SUPERVISED}
"""Detectors that read coordinates as they are: a shifted part gets the same score, a turned one
does not."""


def scores(detector, cloud):
    """Return the scores of a cloud as tensors, ``points`` and ``object``."""
    points, whole = detector.score_record(read(cloud, detector.reader()))
    return SimpleNamespace(points=points, object=whole)


QUICK = {"spunet", "pointnext"}
"""Supervised detectors, one over voxels and one over points, of every run of the tests."""

NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name in {*SUPERVISED} - QUICK else name
    for name in sorted(DETECTORS)
]


@pytest.fixture(scope="module", params=NAMES)
def fitted(request, bumped_plate, given_clouds, tmp_path_factory):
    """A detector fitted on three plates, normal ones unless it learns from labels."""
    torch.manual_seed(0)
    kind = DETECTORS[request.param]
    detector = kind(kind.Config(name=request.param, **SMALL.get(request.param, {})))
    height = 0.12 if kind.supervised else 0  # labeled bumps
    train = given_clouds([bumped_plate(POINTS, seed, height) for seed in range(3)], "train")
    detector.prepare(train)
    synthesis = SynthesisConfig(twins=6)
    data = CloudData(
        train,
        given_clouds([bumped_plate(POINTS, 9)], "test"),
        detector=detector,
        synthesis=synthesis,
        progress=False,
    )
    folder = tmp_path_factory.mktemp(request.param)
    epochs = detector.epochs(len(train), synthesis)
    make_trainer(detector, TrainConfig(workers=0), folder=folder, logger=None, epochs=epochs).fit(
        detector, data
    )
    return detector.eval()


@pytest.fixture(scope="module")
def found(fitted, bumped_plate):
    """A bumped plate and its scores."""
    cloud = bumped_plate(POINTS, 9)
    return cloud, scores(fitted, cloud)


def test_scores_have_shape_and_are_finite(found):
    cloud, answer = found
    assert answer.points.shape == (POINTS,)
    assert answer.object.shape == ()
    assert torch.isfinite(answer.points).all()
    assert torch.isfinite(answer.object)
    assert not answer.points.requires_grad
    assert len(cloud) == len(answer.points)


def test_the_bump_is_found(fitted, found, bumped_plate):
    if fitted.config.name in LEARNS_SLOWLY:
        pytest.skip("finds nothing after the few steps of a test")
    cloud, answer = found
    assert auroc(answer.points.numpy(), cloud.label) > 0.7
    assert answer.object > scores(fitted, bumped_plate(POINTS, 8, height=0)).object


def test_a_stored_detector_gives_equal_scores(fitted, found, tmp_path):
    fitted.save(tmp_path / "a.gmanet")
    again = gmanet.load(tmp_path / "a.gmanet")
    cloud, answer = found
    assert torch.equal(scores(again, cloud).points, answer.points)
    assert again.config == fitted.config
    assert identity(again) == identity(fitted) == read_identity(tmp_path / "a.gmanet")


def test_shuffled_points_get_their_own_scores(fitted, found):
    cloud, answer = found
    order = np.random.default_rng(0).permutation(POINTS)
    shuffled = scores(fitted, cloud.replace(pos=cloud.pos[order], label=cloud.label[order]))
    torch.testing.assert_close(shuffled.points, answer.points[order], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_moved_part_gets_the_same_score(fitted, found, moved, seed):
    cloud, answer = found
    pos = moved(cloud.pos, seed)
    if fitted.config.name in READS_POSE:
        pos = cloud.pos + np.float32([3.0, -2.0, 1.0])
    after = scores(fitted, cloud.replace(pos=pos))
    torch.testing.assert_close(after.object, answer.object, rtol=0.01, atol=0)


def test_a_cloud_and_an_array_of_its_coordinates_score_alike(fitted, found):
    cloud, answer = found
    for given in (cloud, cloud.pos, cloud.pos.astype(np.float64)):
        said = fitted.score(given)
        np.testing.assert_array_equal(said.points, answer.points.numpy())
        assert said.object == float(answer.object)
    hollow = np.concatenate([cloud.pos[:9], np.full((3, 3), np.nan, np.float32), cloud.pos[9:]])
    said = fitted.score(hollow).points
    assert np.isnan(said[9:12]).all() and np.isfinite(np.delete(said, [9, 10, 11])).all()


@pytest.mark.parametrize("count", [64, 300])
def test_the_smallest_clouds_are_scored(fitted, bumped_plate, count):
    answer = scores(fitted, bumped_plate(count, 3))
    assert answer.points.shape == (count,)
    assert torch.isfinite(answer.points).all()


def test_coinciding_points_are_scored(fitted):
    pos = np.repeat(np.random.default_rng(0).normal(size=(100, 3)), 10, axis=0)
    assert torch.isfinite(scores(fitted, Cloud(pos.astype(np.float32))).points).all()


def test_a_stored_state_is_not_learned_again(fitted, found, given_clouds, bumped_plate):
    """Preparing a loaded detector on other clouds changes none of its scores."""
    again = type(fitted)(fitted.config)
    again.load_state_dict(fitted.state_dict())
    others = [bumped_plate(POINTS // 2, seed, height=0) for seed in range(40, 43)]
    again.prepare(given_clouds([one.replace(pos=one.pos * 1.3) for one in others], "train"))
    cloud, answer = found
    assert torch.equal(scores(again.eval(), cloud).points, answer.points)

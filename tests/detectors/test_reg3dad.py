"""Detectors that lay clouds on a reference: the reference, its file, and what it is good for."""

from __future__ import annotations

import io
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gmanet.cloud import Cloud
from gmanet.config.compose import compose
from gmanet.detectors.config import PatchCoreConfig
from gmanet.detectors.m3dm import M3DM
from gmanet.detectors.patchcore import PatchCore
from gmanet.detectors.pointmae_config import M3DMConfig, Reg3DADConfig
from gmanet.detectors.records import read
from gmanet.detectors.reg3dad import Reg3DAD
from gmanet.errors import InputError
from gmanet.metrics.functional import auroc
from gmanet.registration.canonical import Canonicalizer
from gmanet.registration.target import Target
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

SMALL = {"width": 24, "depth": 3, "heads": 2, "centers": 200, "group": 24, "pretraining": 2}
CASES = {
    "raw": (PatchCore, PatchCoreConfig(features=["raw"], bank_size=500)),
    "reg3dad": (Reg3DAD, Reg3DADConfig(bank_size=500, **SMALL)),
}


def bracket(seed, shift=0.0, count=1500):
    """Return an asymmetric part of three unequal plates; one corner is moved out by ``shift``."""
    rng = np.random.default_rng(seed)
    size = np.array([[3.0, 2.0, 0.0], [0.0, 2.0, 1.2], [1.4, 0.0, 0.7]])
    area = np.array([6.0, 2.4, 0.98])
    face = rng.choice(3, count, p=area / area.sum())
    pos = rng.uniform(size=(count, 3)) * size[face] + rng.normal(0, 0.002, (count, 3))
    label = (face == 0) & (np.linalg.norm(pos - [2.4, 1.5, 0], axis=1) < 0.4)
    pos[label, 2] += shift
    kind = "convex" if shift else "good"
    return Cloud(pos.astype(np.float32), label & (shift > 0), name=f"{kind}{seed}", defect=kind)


def scores(detector, cloud):
    """Return the scores of a cloud as tensors, ``points`` and ``object``."""
    points, whole = detector.score_record(read(cloud, detector.reader()))
    return SimpleNamespace(points=points, object=whole)


@pytest.fixture(scope="module")
def brackets(given_clouds, moved):
    """Normal parts, each in a pose of its own; their names are not in order."""
    clouds = [bracket(seed) for seed in (2, 0, 1)]
    return given_clouds(
        [cloud.replace(pos=moved(cloud.pos, 7 + i)) for i, cloud in enumerate(clouds)], "train"
    )


@pytest.fixture(scope="module", params=CASES)
def fitted(request, brackets, tmp_path_factory):
    torch.manual_seed(0)
    kind, config = CASES[request.param]
    detector = kind(config)
    detector.prepare(brackets)
    synthesis = SynthesisConfig()
    data = CloudData(brackets, brackets, detector=detector, synthesis=synthesis, progress=False)
    folder = tmp_path_factory.mktemp(request.param)
    make_trainer(detector, TrainConfig(workers=0), folder=folder, logger=None, epochs=1).fit(
        detector, data
    )
    return detector.eval()


@pytest.fixture(scope="module")
def answer(fitted):
    return scores(fitted, bracket(9, 0.25))


def test_a_moved_part_gets_the_same_score(fitted, answer, moved):
    cloud = bracket(9, 0.25)
    for seed in range(2):
        after = scores(fitted, cloud.replace(pos=moved(cloud.pos, seed)))
        torch.testing.assert_close(after.object, answer.object, rtol=0.01, atol=0)
        assert np.corrcoef(after.points, answer.points)[0, 1] > 0.999


def test_what_is_out_of_place_is_found_in_any_pose(fitted, answer):
    assert auroc(answer.points.numpy(), bracket(9, 0.25).label) > 0.9
    assert answer.object > scores(fitted, bracket(8)).object


def test_places_are_useless_without_registration(brackets):
    """The test part lies in a pose that no normal part has."""
    places = {}
    for pose in ("given", "registered"):
        detector = PatchCore(PatchCoreConfig(features=["raw"], pose=pose))
        detector.prepare(brackets)
        places[pose] = [detector.reader()(cloud)["raw"] for cloud in (brackets[1], bracket(9))]
    gap = {pose: torch.cdist(one, two).amin(dim=0).mean() for pose, (two, one) in places.items()}
    assert gap["registered"] < 0.3 * gap["given"]


def test_the_reference_is_the_first_by_name_and_is_stored(fitted, answer, brackets):
    first = Target.of(brackets[1].pos)
    np.testing.assert_allclose(fitted.reference.target.points, first.points, atol=1e-6)
    stored = io.BytesIO()
    torch.save(fitted.state_dict(), stored)
    stored.seek(0)
    fresh = type(fitted)(fitted.config)
    with pytest.raises(RuntimeError, match="prepare"):
        fresh.reader()
    fresh.load_state_dict(torch.load(stored, weights_only=True))
    assert torch.equal(scores(fresh.eval(), bracket(9, 0.25)).points, answer.points)


def test_readers_answer_alike_also_after_a_way_to_a_worker(fitted):
    cloud, reader = bracket(3), fitted.reader()
    sent = pickle.loads(pickle.dumps(reader))
    one, again, other = (make(cloud).to_dict() for make in (reader, reader, sent))
    for key, value in one.items():
        for found in (again[key], other[key]):
            assert torch.equal(found, value) if torch.is_tensor(value) else found == value, key


def test_registration_is_for_those_alone_whose_features_know_the_pose(brackets):
    for detector in (PatchCore(PatchCoreConfig(features=["fpfh"])), M3DM(M3DMConfig(**SMALL))):
        detector.prepare(brackets)
        assert detector.reference is None
        assert detector.reader().pose == Canonicalizer("given")
        assert not [key for key in detector.state_dict() if key.startswith("reference")]


def test_the_score_is_the_mean_of_both_banks(brackets):
    config = CASES["reg3dad"][1]
    detector = Reg3DAD(config)
    detector.prepare(brackets)
    detector.banks["feature"].rows = torch.zeros(1, 3 * config.width)
    detector.banks["raw"].rows = torch.zeros(1, 3)
    made = read(bracket(3), detector.reader())
    both = detector.eval().point_scores(made)
    place = torch.linalg.norm(made.raw, dim=1)
    detector.banks["raw"].rows += torch.tensor([100.0, 0.0, 0.0])
    away = detector.point_scores(made)
    other = torch.linalg.norm(made.raw - torch.tensor([100.0, 0.0, 0.0]), dim=1)
    torch.testing.assert_close(2 * (away - both), other - place, atol=1e-3, rtol=1e-4)


def test_named_settings_and_wrong_ones():
    config = compose(["detector=reg3dad"]).detector
    assert (type(config), config.pose, config.bank_size) == (Reg3DADConfig, "registered", 4096)
    assert config.object_rule == "max"
    assert config.label == "self-pretrained"
    with pytest.raises(InputError, match=r"detector\.pose='up', wanted one of given, principal"):
        PatchCoreConfig(pose="up")

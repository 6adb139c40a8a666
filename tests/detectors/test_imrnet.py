"""IMRNet: fits that repeat themselves, scales of normal clouds, settings."""

from __future__ import annotations

import pytest
import torch

from gmanet.config.compose import compose
from gmanet.detectors.imrnet.config import IMRNetConfig
from gmanet.detectors.imrnet.detector import IMRNet
from gmanet.detectors.records import read
from gmanet.errors import InputError
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

SMALL = {"width": 24, "depth": 3, "heads": 2, "points": 300, "centers": 30, "group": 16}


def fit(clouds, folder, **changes):
    torch.manual_seed(0)
    detector = IMRNet(IMRNetConfig(**{**SMALL, "steps": 6, **changes}))
    detector.prepare(clouds)
    synthesis = SynthesisConfig()
    data = CloudData(clouds, clouds, detector=detector, synthesis=synthesis, progress=False)
    make_trainer(detector, TrainConfig(workers=0), folder=folder, logger=None, epochs=1).fit(
        detector, data
    )
    return detector.eval()


@pytest.fixture(scope="module")
def plates(given_clouds, bumped_plate):
    return given_clouds([bumped_plate(600, seed, height=0) for seed in range(3)], "train")


@pytest.fixture(scope="module")
def fitted(plates, tmp_path_factory):
    return fit(plates, tmp_path_factory.mktemp("imrnet"))


def test_a_fit_repeats_itself(fitted, plates, tmp_path):
    again = fit(plates, tmp_path)
    for key, value in again.state_dict().items():
        assert torch.equal(value, fitted.state_dict()[key]), key


def test_normal_clouds_give_both_distances_one_scale(fitted, plates):
    records = [read(cloud, fitted.reader()) for cloud in plates]
    found = torch.cat([fitted.distances(record) for record in records])
    torch.testing.assert_close(found.mean(dim=0), fitted.mean)
    torch.testing.assert_close(found.std(dim=0), fitted.deviation)
    answers = [fitted.score_record(record) for record in records]
    assert torch.cat([points for points, _ in answers]).mean().item() == pytest.approx(0, abs=1e-4)
    assert all(whole == points.max() for points, whole in answers)


def test_held_records_are_those_that_are_read_anew(fitted, plates):
    reader = fitted.reader()
    assert not reader.held  # nothing is kept after the fit
    fresh = reader(plates[0])
    reader.hold([plates[0]])
    again = reader(plates[0])
    assert again.chosen.data_ptr() == next(iter(reader.held.values())).chosen.data_ptr()
    assert all(torch.equal(again[key], fresh[key]) for key in ("points", "groups", "near"))
    assert not torch.equal(reader(plates[1]).points, again.points)
    assert not {"near", "weight"} & set(reader.of_train(plates[0]).keys())  # for scores alone
    assert "near" in next(iter(reader.held.values()))
    reader.held.clear()


def test_the_named_file_is_smaller_than_the_defaults():
    small, default = compose(["detector=imrnet"]).detector, IMRNetConfig()
    assert (small.group, small.mask, small.iterations) == (64, 0.4, 3)
    assert (small.width, small.depth) < (default.width, default.depth)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"pose": "up"}, r"detector\.pose='up', wanted one of given, principal"),
        ({"centers": 2}, r"detector\.centers=2, wanted at least 3"),
        ({"iterations": 0}, r"detector\.iterations=0, wanted at least 1"),
        ({"points": 50}, r"detector\.points=50, wanted at least detector\.centers=256"),
        ({"mask": 1.5}, r"detector\.mask=1\.5, wanted more than 0 and less than 1"),
        ({"mask": 0.0}, r"detector\.mask=0\.0, wanted more than 0 and less than 1"),
        ({"changing": -0.1}, r"detector\.changing=-0\.1, wanted 0 to 1"),
        ({"max_angle": 200.0}, r"detector\.max_angle=200\.0, wanted 0 to 180"),
    ],
)
def test_wrong_settings_are_named(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        IMRNetConfig(**settings)

"""Half precision, compiled networks and accumulated gradients find what plain training finds."""

from __future__ import annotations

import shutil

import pytest
import torch

from gmanet.detectors.gmanet.config import GMANetConfig
from gmanet.detectors.gmanet.detector import GMANet
from gmanet.detectors.records import read
from gmanet.errors import InputError
from gmanet.metrics.functional import auroc
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.compile import compile_networks
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

NEAR = 0.005
"""Of the figures."""

SMALL = {"points": 512, "centers": 256, "smoothing": 8, "experts": 1, "group": 16, "features": 16}


@pytest.fixture(scope="module")
def found(bumped_plate, given_clouds, tmp_path_factory):
    """Return ``found(...)``: point and object AUROC after a short fit with some options."""
    train = given_clouds([bumped_plate(1000, seed, height=0) for seed in range(4)], "train")
    test = [bumped_plate(1000, 10 + seed, 0.2 * (seed % 2)) for seed in range(12)]

    def make(compiled=False, **options):
        torch.manual_seed(0)
        config = GMANetConfig(**SMALL, steps=80, centers_per_pair=64, expert=[32], apprentice=[32])
        detector = GMANet(config)
        if compiled:
            compile_networks(detector)
        synthesis = SynthesisConfig(twins=8)
        data = CloudData(train, train, detector=detector, synthesis=synthesis, progress=False)
        settings = TrainConfig(workers=0, **options)
        folder = tmp_path_factory.mktemp("fit")
        trainer = make_trainer(
            detector,
            settings,
            folder=folder,
            logger=None,
            epochs=detector.epochs(len(train), synthesis),
        )
        trainer.fit(detector, datamodule=data)
        assert trainer.global_step == 80
        data.test = given_clouds(test, "test")
        scores = trainer.predict(detector, datamodule=data)
        points = torch.cat([points.float() for points, _ in scores])
        objects = torch.stack([whole.float() for _, whole in scores])
        label = torch.cat([read(cloud, detector.reader()).label for cloud in test])
        return (
            auroc(points.numpy(), label.numpy()),
            auroc(objects.numpy(), [cloud.defect != "good" for cloud in test]),
        )

    return make


@pytest.fixture(scope="module")
def plain(found):
    figures = found()
    assert min(figures) > 0.8
    return figures


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"precision": "bf16-mixed"}, {"accumulate": 2}])
def test_options_keep_the_figures(found, plain, options):
    assert found(**options) == pytest.approx(plain, abs=NEAR)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="wants a compiler")
def test_compiled_networks_keep_the_figures(found, plain):
    assert found(compiled=True) == pytest.approx(plain, abs=NEAR)


@pytest.mark.slow
def test_compiled_networks_keep_their_names():
    detector = GMANet(GMANetConfig(**SMALL))
    before = list(detector.state_dict())
    if shutil.which("g++"):
        compile_networks(detector)
    assert list(detector.state_dict()) == before


def test_without_a_compiler_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"train\.compile=true: no C\+\+ compiler found"):
        compile_networks(torch.nn.Module())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"precision": "8-bit"}, "wanted one of 32-true, bf16-mixed, 16-mixed"),
        ({"precision": "16-mixed"}, "on a cpu, wanted bf16-mixed"),
        ({"accumulate": 0}, r"train\.accumulate=0, wanted at least 1"),
    ],
)
def test_wrong_settings_are_named(words, sentence):
    with pytest.raises(InputError, match=sentence):
        TrainConfig(**words)

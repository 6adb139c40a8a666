"""R3D-AD: settings are checked, and a fit takes its steps from turned copies."""

from __future__ import annotations

import pytest
import torch

from gmanet.detectors.r3dad.config import R3DADConfig
from gmanet.detectors.r3dad.detector import R3DAD
from gmanet.detectors.r3dad.reader import RotatedCopies
from gmanet.errors import InputError
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

TINY = {
    **{"points": 64, "encoder": [8], "code": 4, "denoiser": [8], "sampling": 3},
    **{"reconstruction": 50, "steps": 5, "copies": 8, "pairs": 4},
}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"pose": "upright"}, "pose='upright', wanted one of given, principal, registered"),
        ({"points": 0}, "points=0, wanted at least 1"),
        ({"encoder": []}, r"encoder=\[\], wanted the channels"),
        ({"denoiser": [8, 0]}, r"denoiser=\[8, 0\], wanted the channels"),
        ({"eta": 1.5}, "eta=1.5, wanted between 0 and 1"),
        ({"learning_rate": 0.0}, "learning_rate=0.0, wanted more than 0"),
        ({"sampling": 201}, "sampling=201, wanted at most detector.diffusion=200"),
    ],
)
def test_settings_are_checked(words, sentence):
    with pytest.raises(InputError, match=sentence):
        R3DADConfig(**words)


def test_the_paper_is_the_default():
    with torch.device("meta"):
        detector = R3DAD(R3DADConfig())
    assert (detector.steps, detector.batch) == (40000, 128)
    sizes = [layer.layer.out_features for layer in detector.diffusion.denoiser.layers]
    assert sizes == [128, 256, 512, 256, 128, 3]
    assert detector.encoder.points[-1].out_features == 512


def test_a_fit_takes_its_steps_and_repeats_itself(bumped_plate, given_clouds, tmp_path):
    train = given_clouds([bumped_plate(300, seed, height=0) for seed in range(2)], "train")
    found = []
    for turn in range(2):
        torch.manual_seed(3)
        detector = R3DAD(R3DADConfig(**TINY))
        synthesis = SynthesisConfig()
        data = CloudData(train, train, detector=detector, synthesis=synthesis, progress=False)
        trainer = make_trainer(
            detector, TrainConfig(workers=0), folder=tmp_path / str(turn), logger=None, epochs=1
        )
        trainer.fit(detector, data)
        assert trainer.global_step == 5
        assert isinstance(data.learned.items, RotatedCopies)
        found.append(detector.state_dict())
    assert all(torch.equal(part, found[1][name]) for name, part in found[0].items())

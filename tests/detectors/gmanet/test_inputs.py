"""What GMANet reads may be left out or replaced, and its expert may learn before it is frozen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gmanet.detectors.gmanet.config import ContextBankConfig, GMANetConfig
from gmanet.detectors.gmanet.context_layout import PARTS, channels
from gmanet.detectors.gmanet.coordinates import RawReader
from gmanet.detectors.gmanet.descriptor_bank import ContextBank
from gmanet.detectors.gmanet.descriptors import CONTEXT, describe
from gmanet.detectors.gmanet.detector import GMANet
from gmanet.detectors.gmanet.deviation import DEVIATION
from gmanet.detectors.gmanet.scale import Scale
from gmanet.errors import InputError
from gmanet.metrics.functional import auroc
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

TINY = {"points": 1024, "centers": 512, "steps": 60, "pairs": 2, "experts": 1}
COUNT = 2000


@pytest.fixture(scope="module")
def fitted(bumped_plate, given_clouds, tmp_path_factory):
    """Return ``fitted(kind, **words)``: a detector fitted on three normal plates."""

    def make(kind, **words):
        torch.manual_seed(0)
        detector = kind(kind.Config(**words))
        train = given_clouds([bumped_plate(COUNT, seed, height=0) for seed in range(3)], "train")
        detector.prepare(train)
        synthesis = SynthesisConfig(twins=6)
        data = CloudData(train, train, detector=detector, synthesis=synthesis, progress=False)
        folder = tmp_path_factory.mktemp("fitted")
        epochs = detector.epochs(len(train), synthesis)
        make_trainer(
            detector, TrainConfig(workers=0), folder=folder, logger=None, epochs=epochs
        ).fit(detector, data)
        return detector.eval()

    return make


def scores(detector, cloud):
    return detector.score(cloud)


def test_the_parts_are_those_of_the_context(sphere):
    """A sphere has the same histograms everywhere; the parts' sums tell which channels are which.

    Every histogram sums to 1, so that means of two sum to 6, and three coarse ones to 9.
    """
    made = describe(sphere(3000).pos, 1024, centers=256)
    for name, total in (("close", 6), ("mean", 6), ("coarse", 9)):
        part = made.context[:, PARTS[name]]
        np.testing.assert_allclose(part.sum(axis=1), total, atol=1e-3)
    assert (made.context[:, PARTS["spread"]] >= 0).all()
    assert PARTS["conditions"].stop == CONTEXT == made.context.shape[1]


def test_what_is_left_out_does_not_matter():
    without = ["coarse", "spread"]
    left = channels(without, CONTEXT + DEVIATION)
    assert len(left) == CONTEXT + DEVIATION - len(PARTS["coarse"]) - len(PARTS["spread"])
    assert set(range(CONTEXT, CONTEXT + DEVIATION)) <= set(left)
    detector = GMANet(GMANetConfig(**TINY, without=without))
    descriptor, local = torch.rand(5, 32, 66), torch.rand(5, 32, 6)
    context = torch.rand(5, CONTEXT + DEVIATION)
    before = detector(descriptor, local, context)
    for name in without:
        context[:, list(PARTS[name])] += 1
    assert torch.equal(detector(descriptor, local, context), before)
    context[:, list(PARTS["close"])] += 1
    assert not torch.equal(detector(descriptor, local, context), before)


def test_nothing_left_out_is_the_detector_as_it_was():
    """The switches draw no random number unless they are used."""
    torch.manual_seed(0)
    plain = GMANet(GMANetConfig(**TINY))
    after = torch.rand(())
    torch.manual_seed(0)
    switched = GMANet(GMANetConfig(**TINY, pretext="masked"))
    assert torch.rand(()) != after
    assert "pretrained" not in plain.state_dict()
    assert len(plain.channels) == CONTEXT + DEVIATION
    for one, other in zip(plain.parameters(), switched.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    "words",
    [
        {"without": list(PARTS), "align": False},
        pytest.param({"without": ["coarse"], "group": 0}, marks=pytest.mark.slow),
        {"pretext": "masked", "pretraining": 20},
        pytest.param({"inputs": "raw"}, marks=pytest.mark.slow),
        {"inputs": "raw", "align": False},
    ],
    ids=str,
)
def test_a_variant_fits_scores_and_is_stored(fitted, bumped_plate, words):
    detector = fitted(GMANet, **TINY, **words)
    cloud = bumped_plate(COUNT, 9)
    found = scores(detector, cloud).points
    assert found.shape == (COUNT,)
    assert np.isfinite(found).all()
    again = GMANet(detector.config)
    again.load_state_dict(detector.state_dict())
    assert np.array_equal(scores(again.eval(), cloud).points, found)
    if words != {"inputs": "raw", "align": False}:  # a plate's place tells a little of its height
        assert auroc(found, cloud.label) > 0.7


def test_raw_coordinates_are_read_in_the_cloud_s_pose(bumped_plate):
    cloud = bumped_plate(COUNT, 1)
    sizes = {"points": 1024, "centers": 256, "coarse_queries": 256}
    made = RawReader(**sizes, scale=Scale.of([cloud.pos], 1024)).describe(cloud)
    kept = cloud.pos[made.chosen] - cloud.pos.mean(axis=0)
    np.testing.assert_allclose(made.descriptor * cloud.diameter, kept, atol=1e-5)
    np.testing.assert_array_equal(made.context, made.descriptor[:256])
    offset = made.descriptor[made.groups] - made.context[:, None]
    np.testing.assert_array_equal(made.local[:, :, 3:], offset)
    assert np.median(np.linalg.norm(made.local[:, :, :3], axis=2)) == pytest.approx(1, abs=0.01)
    thin = made.compact()
    assert thin.descriptor.dtype == np.float32
    assert len(thin.near) == 0


@pytest.mark.parametrize("align", [False, True])
def test_the_bank_of_contexts_does_not_compare_normal_clouds_with_themselves(
    fitted, bumped_plate, align
):
    words = {"points": 1024, "centers": 512, "align": align}
    detector = fitted(ContextBank, **words)
    train, fresh, bad = (bumped_plate(COUNT, seed, height=height) for seed, height in
                         ((0, 0), (8, 0), (9, 0.12)))  # fmt: skip
    reader = detector.reader()
    known, again = reader.of_train(train).context, reader(train).context[:512]
    assert torch.equal(known, again)  # by its points, whoever brings them
    other_order = train.replace(pos=train.pos[::-1].copy(), label=None)
    blind = reader(other_order).context[:512]
    assert torch.equal(known[:, :CONTEXT], blind[:, :CONTEXT])
    assert torch.equal(known, blind) != align
    normal, abnormal = scores(detector, fresh), scores(detector, bad)
    assert abnormal.object > normal.object
    assert auroc(abnormal.points, bad.label) > 0.9
    assert len(detector.banks["feature"].rows) == min(10000, 3 * 512)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({"centers": 20, "points": 10}, "centers=20"),
        ({"fine_queries": -1}, "fine_queries=-1"),
        ({"smoothing": 0}, "smoothing=0"),
        ({"share": 0.0}, r"share=0\.0"),
        ({"without": ["all"]}, "without"),
        ({"without": list(PARTS)}, "leaves nothing"),
    ],
)
def test_settings_of_the_bank_that_are_refused(words, found):
    with pytest.raises(InputError, match=found):
        ContextBankConfig(**words)

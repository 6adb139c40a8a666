"""GMANet: the expert never changes, the ablation ignores twins, settings are checked."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data

from gmanet.detectors.gmanet.config import GMANetConfig
from gmanet.detectors.gmanet.context_layout import PARTS
from gmanet.detectors.gmanet.descriptors import CONTEXT, DESCRIPTOR
from gmanet.detectors.gmanet.detector import GMANet
from gmanet.detectors.gmanet.deviation import DEVIATION
from gmanet.detectors.gmanet.scale import NEIGHBORS
from gmanet.errors import InputError
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

TINY = {"points": 512, "centers": 256, "steps": 12, "pairs": 2, "centers_per_pair": 64}


def drawn(count=40, abnormal=10, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Data(
        descriptor=torch.rand(count, NEIGHBORS, DESCRIPTOR, generator=generator),
        local=torch.rand(count, NEIGHBORS, 6, generator=generator),
        context=torch.rand(count, CONTEXT + DEVIATION, generator=generator),
        abnormal=torch.arange(count) < abnormal,
    )


def answers(detector, batch):
    inputs = detector._inputs(batch.descriptor, batch.local, context=batch.context)
    return detector.expert(*inputs)


def network(**words):
    torch.manual_seed(0)
    return GMANet(GMANetConfig(**{**TINY, **words}))


@pytest.fixture
def data(bumped_plate, given_clouds):
    def make(detector):
        train = given_clouds([bumped_plate(1000, seed, height=0) for seed in range(2)], "train")
        synthesis = SynthesisConfig(twins=4)
        detector.sizes.fit(train, detector.config.points)
        return CloudData(train, train, detector=detector, synthesis=synthesis, progress=False)

    return make


def test_the_expert_is_bit_identical_after_a_fit(data, tmp_path):
    detector = network()
    weights = {name: tensor.clone() for name, tensor in detector.expert.state_dict().items()}
    learned = detector.apprentice.members[0].head[0].weight.clone()
    batch = drawn()
    raw = (batch.descriptor, batch.local, batch.context)
    before = detector.expert(*raw)
    trainer = make_trainer(detector, TrainConfig(workers=0), folder=tmp_path, logger=None, epochs=6)
    trainer.fit(detector, data(detector))
    assert trainer.global_step == 12
    after = detector.expert.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in weights.items())
    assert torch.equal(detector.expert(*raw), before)
    assert not torch.equal(detector.apprentice.members[0].head[0].weight, learned)


def test_the_expert_stays_in_eval_mode():
    detector = network()
    batch = drawn()
    before = answers(detector, batch)
    detector.train()
    assert detector.training
    assert detector.apprentice.training
    assert not any(module.training for module in detector.expert.modules())
    assert not any(weight.requires_grad for weight in detector.expert.parameters())
    assert torch.equal(answers(detector, batch), before)


def test_gradients_reach_the_apprentice_alone(monkeypatch):
    detector = network()
    monkeypatch.setattr(detector, "log_dict", lambda *_, **__: None)
    detector.calibrate(drawn())
    detector.training_step(drawn()).backward()
    assert all(weight.grad is None for weight in detector.expert.parameters())
    for weight in detector.apprentice.parameters():
        assert torch.isfinite(weight.grad).all()
    optimized = detector.configure_optimizers()["optimizer"].param_groups
    theirs = {id(weight) for group in optimized for weight in group["params"]}
    assert theirs == {id(weight) for weight in detector.apprentice.parameters()}


@pytest.mark.parametrize("sdo", [True, False])
def test_without_sdo_synthetic_points_do_not_matter(monkeypatch, sdo):
    detector = network(sdo=sdo, alpha=0.0)
    monkeypatch.setattr(detector, "log_dict", lambda *_, **__: None)
    batch = drawn()
    detector.calibrate(batch)
    loss = detector.training_step(batch)
    other = drawn(seed=1)
    for key in ("descriptor", "local", "context"):
        batch[key][batch.abnormal] = other[key][batch.abnormal]
    assert torch.equal(detector.training_step(batch), loss) != sdo
    if not sdo:
        d = detector(batch.descriptor, batch.local, batch.context)
        torch.testing.assert_close(loss, d[:, ~batch.abnormal].mean())


def test_inputs_and_answers_are_standardised():
    detector = network()
    batch = drawn(count=200)
    detector.calibrate(batch)
    descriptor, _, context = detector._inputs(batch.descriptor, batch.local, context=batch.context)
    answer = detector.answers(detector.expert(descriptor, batch.local, context))
    for values in (descriptor.flatten(0, 1), context, *answer):
        torch.testing.assert_close(
            values.mean(dim=0), torch.zeros(values.shape[1]), atol=1e-4, rtol=0
        )
        assert (values.std(dim=0) - 1).abs().max() < 0.05


def test_a_constant_channel_does_not_divide_by_zero():
    detector = network()
    batch = drawn()
    batch.context[:, 3] = 5.0
    detector.calibrate(batch)
    assert torch.isfinite(detector(batch.descriptor, batch.local, batch.context)).all()


def test_the_same_seed_gives_the_same_expert():
    for one, other in zip(network().parameters(), network().parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({"points": 100, "centers": 200}, r"points=100, wanted at least detector\.centers=200"),
        ({"smoothing": 0}, "smoothing=0"),
        ({"coarse_queries": 0}, "coarse_queries=0"),
        ({"centers_per_pair": 0}, "centers_per_pair=0"),
        ({"alpha": -1.0}, r"alpha=-1\.0"),
        ({"fine_queries": -1}, "fine_queries=-1"),
        ({"synthetic": 0.9, "border_share": 0.1}, "synthetic=0.9"),
        ({"object_rule": "best"}, "object_rule='best'"),
        ({"inputs": "voxels"}, "inputs='voxels', wanted one of descriptors, raw"),
        ({"pretext": "jigsaw"}, "pretext='jigsaw', wanted one of none, masked"),
        ({"pretraining": 0}, "pretraining=0"),
        ({"without": ["group"]}, r"without=\['group'\], wanted some of close"),
        ({"inputs": "raw", "without": ["close"]}, "inputs=raw has no parts"),
        ({"inputs": "raw", "pretext": "coarse"}, "inputs=raw has no parts"),
        ({"pretext": "coarse", "without": ["coarse"]}, "a part that is left out"),
        ({"without": list(PARTS), "align": False, "group": 0}, "leaves nothing"),
    ],
)
def test_settings_that_are_refused(words, found):
    with pytest.raises(InputError, match=found):
        GMANetConfig(**words)

"""The paper's method as printed: what is frozen, what learns, what diverges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import Batch

from gmanet.config.compose import compose
from gmanet.detectors.gmanet.deviation import DEVIATION
from gmanet.detectors.gmanet.sdo import distance, sdo_loss
from gmanet.detectors.gmanet_paper import detector as paper
from gmanet.detectors.gmanet_paper.curvature_pretext import learn_curvature
from gmanet.detectors.gmanet_paper.detector import GMANetPaper, PaperConfig
from gmanet.detectors.training_set import TrainingPlan
from gmanet.errors import InputError
from gmanet.networks.pointnet2.hierarchy import make_hierarchy
from gmanet.networks.pointnet2.layout import SSG
from gmanet.networks.pointnet2.network import PointNet2, estimate_statistics
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer


def network(**keys):
    torch.manual_seed(0)
    return GMANetPaper(PaperConfig(**{"steps": 4, **keys}))


@pytest.fixture
def clouds(bumped_plate, given_clouds):
    return given_clouds([bumped_plate(600, seed, height=0) for seed in range(2)], "train")


def fitted(detector, clouds, folder, **synthesis):
    detector.prepare(clouds)
    config = SynthesisConfig(**{"kind": "paper", "curvature": "local", "twins": 2, **synthesis})
    data = CloudData(clouds, clouds, detector=detector, synthesis=config, progress=False)
    epochs = detector.epochs(len(clouds), config)
    trainer = make_trainer(
        detector,
        TrainConfig(workers=0),
        folder=folder,
        logger=None,
        epochs=epochs,
        progress=False,
    )
    trainer.fit(detector, data)
    return data, trainer


def twin(detector, clouds, index=0):
    """A record that a step reads, before any fit."""
    config = SynthesisConfig(kind="paper", curvature="local", twins=2)
    plan = TrainingPlan(synthesis=config, progress=False)
    items = detector.training_set(clouds, plan).items
    return items[0, index], items


def test_the_named_file_is_the_method_as_printed():
    config = compose(["detector=gmanet_paper"])
    assert isinstance(config.detector, PaperConfig)
    assert (config.synthesis.kind, config.synthesis.score) == ("paper", "printed")
    assert (config.synthesis.ratio, config.synthesis.threshold) == (0.015, 0.2)
    detector = config.detector
    assert (detector.pose, detector.distance, detector.experts) == ("given", "printed", 1)
    assert not detector.standardize and detector.centers_per_pair == 0


def test_the_named_encoder_differs_from_the_printed_method_in_all_words():
    config = compose(["detector=gmanet_pointnet2"])
    assert config.synthesis.kind == "surface"
    detector = config.detector
    assert (detector.pose, detector.distance) == ("registered", "unit")
    assert detector.standardize and list(detector.channels) == ["normals", "deviation"]
    assert (detector.start, detector.statistics, detector.twins) == ("expert", "normal", "stored")


def test_the_expert_never_moves_and_the_apprentice_has_its_shape(clouds, tmp_path):
    detector = network()
    weights = {name: part.clone() for name, part in detector.expert.named_parameters()}
    assert [part.shape for part in weights.values()] == [
        part.shape for part in detector.apprentice.parameters()
    ]
    learned = {name: part.clone() for name, part in detector.apprentice.named_parameters()}
    _, trainer = fitted(detector, clouds, tmp_path)
    assert trainer.global_step == 4
    for name, part in detector.expert.named_parameters():
        assert torch.equal(part, weights[name])
    for name, part in detector.apprentice.named_parameters():
        assert not torch.equal(part, learned[name])
    statistics = [detector.expert[0].state_dict(), detector.apprentice[0].state_dict()]
    detector.on_fit_start()
    detector.on_fit_end()
    for before, part in zip(statistics, (detector.expert, detector.apprentice), strict=True):
        assert all(torch.equal(before[name], value) for name, value in part[0].state_dict().items())


@pytest.mark.parametrize("start", ["expert", "random"])
def test_fixed_statistics_are_those_of_normal_clouds(clouds, tmp_path, start):
    detector = network(statistics="normal", start=start)
    fitted(detector, clouds, tmp_path)
    trained = {name: part.clone() for name, part in detector.apprentice.named_buffers()}
    assert not any(module.training for module in detector.train().apprentice.modules())
    expert = dict(detector.expert.named_buffers())
    same = [torch.equal(part, expert[name]) for name, part in trained.items()]
    assert all(same) == (start == "expert")
    assert not any("running_mean" in name and not part.any() for name, part in trained.items())
    detector.on_fit_start()  # as after a resume
    for name, part in detector.apprentice.named_buffers():
        assert torch.equal(part, trained[name])


def test_an_apprentice_that_starts_as_the_expert_agrees_under_its_statistics(clouds):
    detector = network(statistics="normal", start="expert", distance="unit").train()
    record, items = twin(detector, clouds)
    detector.see(items.normal(2))
    detector.apprentice.load_state_dict(detector.expert.state_dict())
    assert detector(record)[0].max() < 1e-3
    other = network(start="expert", distance="unit").train()
    other.see(items.normal(2))
    other.apprentice.load_state_dict(other.expert.state_dict())
    assert other(record)[0].mean() > 0.05  # the statistics of a twin are not those of all


def test_gradients_reach_the_apprentice_alone(clouds, monkeypatch):
    detector = network().train()
    monkeypatch.setattr(detector, "log_dict", lambda *_, **__: None)
    record, items = twin(detector, clouds)
    detector.see(items.normal(1))
    assert not any(module.training for module in detector.expert.modules())
    detector.training_step(Batch.from_data_list([record])).backward()
    assert all(weight.grad is None for weight in detector.expert.parameters())
    for weight in detector.apprentice.parameters():
        assert torch.isfinite(weight.grad).all()
    optimized = detector.configure_optimizers()["optimizer"].param_groups
    theirs = {id(weight) for group in optimized for weight in group["params"]}
    assert theirs == {id(weight) for weight in detector.apprentice.parameters()}


def test_the_answers_of_the_expert_are_learned(clouds):
    detector = network(width=0.5).train()
    record, items = twin(detector, clouds)
    detector.see(items.normal(1))
    optimizer = torch.optim.AdamW(detector.apprentice.parameters(), lr=3e-3)
    d_n = []
    for _ in range(40):
        optimizer.zero_grad()
        (loss,) = detector._losses(record)
        loss["loss"].backward()
        optimizer.step()
        d_n.append(loss["d_n"].item())
    assert np.mean(d_n[-5:]) < 0.8 * d_n[0]


def test_the_loss_of_a_batch_is_the_mean_of_its_twins(clouds, monkeypatch):
    """So that several processes, each with some of the twins, find the gradients of one."""
    detector = network(pairs=2).train()
    monkeypatch.setattr(detector, "log_dict", lambda *_, **__: None)
    first, items = twin(detector, clouds)
    second = items[0, 1]
    detector.see(items.normal(1))

    def gradient(*records):
        detector.zero_grad()
        detector.training_step(Batch.from_data_list(list(records))).backward()
        return torch.cat([weight.grad.flatten() for weight in detector.apprentice.parameters()])

    both, one, other = gradient(first, second), gradient(first), gradient(second)
    torch.testing.assert_close(both, (one + other) / 2, atol=1e-6, rtol=1e-3)


def test_every_point_of_a_twin_counts_once_and_twins_are_new_in_every_epoch(clouds):
    detector = network()
    record, items = twin(detector, clouds)
    count = int(600 * 0.015)
    assert len(record.abnormal) in (600 + count, 600 - count)
    assert int(record.abnormal.sum()) == count
    assert record.drawn.all()
    assert len(items) == len(clouds)
    again, later = items[0, 0], items[1, 0]
    assert torch.equal(again.pos0, record.pos0)
    assert later.pos0.shape != record.pos0.shape or not torch.equal(later.pos0, record.pos0)
    drawn = twin(network(centers_per_pair=100, synthetic=0.05, border_share=0.1), clouds)[0]
    assert int((drawn.drawn & drawn.abnormal).sum()) == 5
    assert int(drawn.drawn.sum()) == 100


def test_stored_twins_are_the_same_in_every_epoch_and_drawn_anew(clouds):
    detector = network(twins="stored", centers_per_pair=100)
    config = SynthesisConfig(kind="paper", curvature="local", twins=5)
    items = detector.training_set(clouds, TrainingPlan(synthesis=config, progress=False)).items
    assert len(items) == 5
    assert detector.epochs(len(clouds), config) == 1  # 4 steps of one twin each
    first, again, later = items[0, 3], items[0, 3], items[1, 3]
    assert torch.equal(later.pos0, first.pos0) and torch.equal(later.abnormal, first.abnormal)
    assert torch.equal(again.drawn, first.drawn) and not torch.equal(later.drawn, first.drawn)
    new = network(centers_per_pair=100)
    made = new.training_set(clouds, TrainingPlan(synthesis=config, progress=False)).items
    assert torch.equal(made[1, 1].pos0, first.pos0)  # number 3 of the same twins


def test_every_cloud_has_a_stored_twin(clouds):
    config = SynthesisConfig(kind="paper", curvature="local", twins=1)
    plan = TrainingPlan(synthesis=config, progress=False)
    assert len(network(twins="stored").training_set(clouds, plan).items) == len(clouds)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_coordinates_are_centered_and_of_radius_one(bumped_plate, scale):
    cloud = bumped_plate(300)
    record = network().reader()(cloud.replace(pos=(cloud.pos * scale + 5 * scale)))
    assert record.pos0.mean(dim=0).abs().max() < 1e-5
    assert float(record.pos0.norm(dim=1).max()) == pytest.approx(1, abs=1e-6)


def test_clouds_of_more_points_are_read_thinned_and_scored_whole(bumped_plate):
    detector = network(points=256).eval()
    cloud = bumped_plate(1000)
    record = detector.reader()(cloud)
    assert (len(record.pos0), record.num_nodes) == (256, 1000)
    scores = detector.score(cloud)
    assert scores.points.shape == (1000,) and np.isfinite(scores.points).all()
    order = np.random.default_rng(0).permutation(1000)
    shuffled = detector.score(cloud.replace(pos=cloud.pos[order], label=None))
    np.testing.assert_allclose(shuffled.points, scores.points[order], rtol=1e-3)


def loss_after(name, steps):
    """The loss of Eq. 4 after gradient steps on free features, a tenth of them synthetic."""
    torch.manual_seed(0)
    expert = torch.randn(100, 8)
    apprentice = nn.Parameter(torch.randn(100, 8))
    synthetic = torch.arange(100) < 10
    optimizer = torch.optim.SGD([apprentice], lr=10.0)
    for _ in range(steps):
        optimizer.zero_grad()
        d = distance(expert, apprentice)
        pushed = d[synthetic]
        if name == "limited":
            pushed = pushed.clamp(max=expert.norm(dim=1).mean())
        loss = sdo_loss(d[~synthetic], pushed, alpha=0.01)["loss"]
        loss.backward()
        optimizer.step()
    return loss.item()


def test_equation_4_has_no_lower_bound_and_the_limited_one_has():
    printed = [loss_after("printed", steps) for steps in (50, 250, 1250)]
    assert printed[1] < 3 * printed[0] < 0 and printed[2] < 3 * printed[1]
    limited = [loss_after("limited", steps) for steps in (250, 1250)]
    assert limited[0] == pytest.approx(limited[1], abs=0.2)


def test_what_is_pushed_beyond_the_limit_has_no_gradient(clouds, monkeypatch):
    detector = network(distance="limited").train()
    record, _ = twin(detector, clouds)
    d = torch.full((1, len(record.pos0)), 3.0, requires_grad=True)
    monkeypatch.setattr(type(detector), "forward", lambda *_: (d, torch.tensor([2.0])))
    (loss,) = detector._losses(record)
    loss["loss"].backward()
    assert (d.grad[0, record.abnormal] == 0).all()
    assert (d.grad[0, ~record.abnormal] > 0).all()


@pytest.mark.parametrize("keys", [{}, {"distance": "unit"}, {"standardize": True}])
def test_an_apprentice_that_starts_as_the_expert_agrees_with_it(keys, clouds, tmp_path):
    detector = network(start="expert", steps=1, learning_rate=1e-12, weight_decay=0.0, **keys)
    fitted(detector, clouds, tmp_path)
    assert detector.eval().score(clouds[0]).points.max() < 1e-2


def test_the_pretext_is_learned_once_and_stored(clouds, tmp_path):
    detector = network(pretext="curvature", pretraining=3, steps=1)
    random = network()
    fitted(detector, clouds, tmp_path)
    before = [part.clone() for part in detector.expert.parameters()]
    pairs = zip(before, random.expert.parameters(), strict=True)
    assert not any(torch.equal(part, other) for part, other in pairs)
    detector.on_fit_start()
    for part, other in zip(before, detector.expert.parameters(), strict=True):
        assert torch.equal(part, other)


def test_curvature_is_learned(plate):
    torch.manual_seed(0)
    layout = SSG.scaled(width=0.25)
    made = PointNet2(layout, 3)
    pos = plate(600).pos.copy()
    pos[:, 2] = 0.2 * np.maximum(np.sin(4 * pos[:, 0]), 0)
    records = [make_hierarchy(torch.from_numpy(pos), layout)]
    losses = learn_curvature(
        made, records, inputs=[records[0].pos0], width=layout.features, steps=80, seed=0
    )
    assert np.mean(losses[-10:]) < 0.5  # the mean would give 1
    assert not made.training and not any(part.requires_grad for part in made.parameters())


def test_an_expert_of_a_file_keeps_its_statistics(clouds, tmp_path, monkeypatch):
    def load(network, path):
        assert path == "best.pth"
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.running_mean.uniform_()

    monkeypatch.setattr(paper, "load_backbone", load)
    detector = network(weights="best.pth", steps=1)
    detector.prepare(clouds)
    before = {name: part.clone() for name, part in detector.expert.state_dict().items()}
    fitted(detector, clouds, tmp_path)
    for name, part in detector.expert.state_dict().items():
        assert torch.equal(before[name], part)
    assert detector.config.label == "weights of a file"


@pytest.mark.parametrize(
    ("channels", "count"), [(["normals"], 6), (["close", "deviation"], 3 + 66 + DEVIATION)]
)
def test_further_channels_are_read_standardized_and_stored(channels, count, clouds, tmp_path):
    detector = network(
        channels=channels, points=256, width=0.25, steps=2, pose="registered", smoothing=4
    )
    fitted(detector, clouds, tmp_path, kind="surface")
    record = detector.reader()(clouds[0], clouds[0].name)
    assert record.x.shape == (len(record.pos0), count)
    assert 200 < len(record.pos0) <= 256
    assert (record.x[:, :3] == record.pos0).all()
    values = detector._x(record)
    assert values.abs().max() <= 8 and values.mean().abs() < 0.2
    again = GMANetPaper(detector.config)
    again.load_state_dict(detector.state_dict())
    one, other = detector.eval().score(clouds[0]), again.eval().score(clouds[0])
    assert one.points.shape == (600,)
    np.testing.assert_array_equal(one.points, other.points)


def test_normals_point_outward(sphere):
    detector, cloud = network(channels=["normals"], points=300), sphere(500)
    detector.sizes.fit([cloud], 300)
    record = detector.reader()(cloud)
    torch.testing.assert_close(record.x[:, 3:], record.pos0, atol=0.2, rtol=0)


def test_scores_of_a_cloud_do_not_depend_on_others(clouds, bumped_plate):
    detector = network().eval()
    estimate_statistics(detector.apprentice[0], iter([]))
    one = detector.score(clouds[0])
    detector.score(bumped_plate(400, 5))
    np.testing.assert_array_equal(detector.score(clouds[0]).points, one.points)


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"layout": "tall"}, "layout='tall', wanted one of ssg, msg"),
        ({"distance": "far"}, "distance='far', wanted one of printed, limited, unit"),
        ({"pretext": "masked"}, "pretext='masked', wanted one of none, curvature"),
        ({"start": "zero"}, "start='zero', wanted one of random, expert"),
        ({"points": 10}, "points=10, wanted at least 64"),
        ({"alpha": -1.0}, r"alpha=-1\.0"),
        ({"synthetic": 0.9, "border_share": 0.1}, "synthetic=0.9"),
        ({"weights": "a.pth", "layout": "msg"}, "layout=ssg"),
        ({"channels": ["color"]}, r"channels=\['color'\], wanted some of normals, close"),
        ({"width": 0.0}, r"width=0\.0"),
        ({"levels": 5}, "levels=5, wanted 1 to 4"),
        ({"weights": "a.pth", "levels": 2}, "levels=4"),
        ({"statistics": "batch"}, "statistics='batch', wanted one of twin, normal"),
        ({"twins": "old"}, "twins='old', wanted one of new, stored"),
    ],
)
def test_settings_that_are_refused(keys, found):
    with pytest.raises(InputError, match=found):
        PaperConfig(**keys)


def test_train_clouds_of_few_points_are_refused(bumped_plate, given_clouds):
    few = given_clouds([bumped_plate(100, seed, height=0) for seed in range(2)], "train")
    with pytest.raises(InputError, match="100 points, wanted at least 128"):
        twin(network(), few)

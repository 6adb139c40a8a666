"""What the data module hands to Lightning."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gmanet.detectors.config import CurvatureConfig
from gmanet.detectors.curvature import Curvature
from gmanet.detectors.gmanet.config import GMANetConfig
from gmanet.detectors.gmanet.detector import GMANet
from gmanet.errors import InputError
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.datamodule import CloudData


@pytest.fixture(scope="module")
def module(bumped_plate, given_clouds):
    """Return ``module(...)``: three normal train and five bumped test plates, the last unknown."""
    train = given_clouds([bumped_plate(1000, seed, height=0) for seed in range(3)], "train")
    test = [bumped_plate(1000, seed) for seed in range(5)]
    test[4] = test[4].replace(label=None, defect=None)

    def make(rank=None, centers=None, batch=1, **words):
        if centers is None:
            detector = Curvature(CurvatureConfig(centers=256))
        else:
            sizes = {"points": 512, "centers": 256, "coarse_queries": 256}
            drawn = {"centers_per_pair": centers, "pairs": batch}
            detector = GMANet(GMANetConfig(**sizes, **drawn, experts=1, align=False))
            detector.prepare(train)
        data = CloudData(
            train,
            given_clouds(test, "test"),
            detector=detector,
            synthesis=SynthesisConfig(twins=4),
            progress=False,
            **words,
        )
        if rank is not None:
            data.trainer = SimpleNamespace(global_rank=rank, world_size=2, global_step=0)
        return data

    return make


def test_two_processes_score_every_cloud_once(module):
    names = [[batch.name for batch in module(rank).predict_dataloader()] for rank in (0, 1)]
    assert names == [["bump0", "bump2", "bump4"], ["bump1", "bump3"]]
    alone = [batch.name for batch in module().predict_dataloader()]
    assert alone == [f"bump{seed}" for seed in range(5)]


def test_fields_of_a_batch(module, bumped_plate):
    batches = list(module().predict_dataloader())
    first, last = batches[0], batches[4]
    cloud = bumped_plate(1000, 0)
    np.testing.assert_array_equal(first.pos.numpy(), cloud.pos)
    np.testing.assert_array_equal(first.label.numpy(), cloud.label)
    assert (first.name, first.defect, first.labelled) == ("bump0", "bump", True)
    assert first.seconds > 0
    assert first.near.shape == (1000, 3)
    assert (last.defect, last.labelled) == ("", False)
    assert not last.label.any()


@pytest.fixture(scope="module")
def fitted(module):
    data = module(centers=40, batch=2, seed=1)
    data.setup("fit")
    return data


def test_batches_of_pairs(fitted):
    batches = list(fitted.train_dataloader())
    assert len(batches) == 2
    for batch in batches:
        assert batch.descriptor.shape[0] == batch.local.shape[0] == len(batch.abnormal) == 80
        assert int(batch.abnormal.sum()) == 20
    again = list(fitted.train_dataloader())
    assert all(torch.equal(a.context, b.context) for a, b in zip(batches, again, strict=True))


def test_setting_up_twice_makes_nothing_again(fitted):
    made = fitted.training_set
    fitted.setup("fit")
    assert fitted.training_set is made


def test_validation_clouds_are_synthetic_and_new(fitted):
    batches = list(fitted.val_dataloader())
    assert [batch.defect for batch in batches] == ["good", "synthetic"] * 3
    for normal, twin in zip(batches[::2], batches[1::2], strict=True):
        assert not normal.label.any()
        assert twin.label.any()
        drawn_from = [pair.twin.points for pair in fitted.learned.items.pairs]
        assert not any(np.array_equal(twin.points.numpy(), points) for points in drawn_from)


def test_workers_change_nothing(module, fitted):
    data = module(centers=40, batch=2, seed=1, workers=1)
    data.setup("fit")
    for one, other in zip(data.learned.items.pairs, fitted.learned.items.pairs, strict=True):
        np.testing.assert_array_equal(one.twin.context, other.twin.context)


def test_all_of_more_clouds_than_twins_are_learned_from(module):
    data = module(centers=40, batch=1, seed=1)
    data.synthesis = replace(data.synthesis, twins=2)
    data.setup("fit")
    assert len({id(pair.normal) for pair in data.learned.items.pairs}) == 3
    assert len({id(pair.twin) for pair in data.learned.items.pairs}) == 3
    assert len(list(data.train_dataloader())) == 3


def test_normal_clouds_alone_without_a_draw(module):
    data = module()
    data.setup("fit")
    assert not data.learned.drawn
    assert [batch.name for batch in data.train_dataloader()] == ["good0", "good1", "good2"]
    assert list(data.val_dataloader()) == []


@pytest.mark.parametrize(("steps", "passes"), [(1, 1), (2, 1), (3, 2), (40, 20)])
def test_passes_that_steps_take(steps, passes):
    synthesis = SynthesisConfig(twins=4)
    assert GMANet(GMANetConfig(steps=steps, pairs=2)).epochs(3, synthesis) == passes
    assert GMANet(GMANetConfig(steps=steps, pairs=9)).epochs(3, synthesis) == steps
    assert Curvature(CurvatureConfig()).epochs(3, synthesis) == 1


def test_two_processes_draw_from_other_pairs(fitted):
    keys = []
    try:
        for rank in (0, 1):
            fitted.trainer = SimpleNamespace(global_rank=rank, world_size=2, global_step=0)
            keys += list(fitted.train_dataloader().sampler)
    finally:
        fitted.trainer = None
    assert sorted(keys) == [(0, index) for index in range(4)]


def test_processes_and_parts_divide_the_pairs_of_a_step(fitted):
    def batches(rank, world, parts):
        fitted.trainer = SimpleNamespace(
            global_rank=rank, world_size=world, global_step=0, accumulate_grad_batches=parts
        )
        return [len(batch.abnormal) // 40 for batch in fitted.train_dataloader()]

    try:
        assert batches(0, 1, 1) == [2, 2]
        assert batches(0, 1, 2) == [1, 1, 1, 1]
        assert batches(0, 2, 1) == batches(1, 2, 1) == [1, 1]
        with pytest.raises(
            InputError, match=r"a step reads 2 pairs, wanted .* at most that, not 4"
        ):
            batches(0, 2, 2)
    finally:
        fitted.trainer = None


def test_every_process_fits_on_as_many_clouds(module):
    """Three clouds on two processes: one stands in twice, and all are seen."""
    names = []
    for rank in (0, 1):
        data = module(rank)
        data.setup("fit")
        names.append([batch.name for batch in data.train_dataloader()])
    assert names == [["good0", "good2"], ["good1", "good0"]]

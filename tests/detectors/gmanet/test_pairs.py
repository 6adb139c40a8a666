"""Pairs and draws: decided by seed, epoch and index alone, with the counts that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.detectors.gmanet.pairs import BORDER, PairDataset, PairSampling, make_pair
from gmanet.detectors.gmanet.reader import StructureReader
from gmanet.detectors.gmanet.scale import Scale
from gmanet.detectors.gmanet.training_pairs import step_count, twin_count
from gmanet.detectors.gmanet.twin_dataset import TwinDataset
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.spcg import Generator
from gmanet.synthesis.twins import make_twin
from gmanet.training.sampler import EpochSampler

CONFIG = SynthesisConfig(twins=3, rescans=0)


class Plates(list):
    """Clouds that stand in for a data set."""


@pytest.fixture(scope="module")
def plates(bumped_plate):
    return Plates(bumped_plate(1500, seed, height=0) for seed in range(2))


@pytest.fixture(scope="module")
def reader(plates):
    scale = Scale.of([cloud.pos for cloud in plates], 512)
    return StructureReader(points=512, centers=256, coarse_queries=256, scale=scale)


@pytest.fixture(scope="module")
def twins(plates, reader):
    return TwinDataset(plates, reader, config=CONFIG, seed=4)


@pytest.fixture(scope="module")
def pairs(twins):
    normal = [twins[0][0], twins[1][0]]
    made = [twins[2], twins[3], twins[4]]
    return [
        make_pair(normal[i % 2], twin, label=label, diameter=2.8)
        for i, (twin, label) in enumerate(made)
    ]


def same(one, other):
    return all(torch.equal(one[key], other[key]) for key in ("descriptor", "local", "context"))


def test_twins_follow_the_normal_clouds(twins, plates):
    assert len(twins) == 2 + 2 * 3
    assert not twins[0][1].any()
    assert twins[2][1].any()
    assert len(twins[2][1]) == len(twins[2][0].context) == 256
    assert twins[2][0].context.dtype == np.float16


def test_a_twin_depends_on_its_number_alone(plates, reader, twins):
    fresh = TwinDataset(plates, reader, config=CONFIG, seed=4)
    np.testing.assert_array_equal(fresh[4][0].points, twins[4][0].points)
    other = TwinDataset(plates, reader, config=CONFIG, seed=5)
    assert not np.array_equal(other[4][0].points, twins[4][0].points)


def test_the_shown_twin_is_the_first_of_the_run(plates, reader, twins):
    generator = Generator(SynthesisConfig(twins=3))
    shown = make_twin(generator, plates, index=0, seed=4)[1]
    made = reader.describe(shown)
    np.testing.assert_array_equal(made.points, twins[2][0].points)
    np.testing.assert_array_equal(shown.label[made.chosen[:256]], twins[2][1])


def test_centers_are_sorted_by_what_they_are(pairs, twins):
    for made, index in zip(pairs, (2, 3, 4), strict=True):
        label = twins[index][1]
        everything = np.sort(np.concatenate([made.abnormal, made.border, made.far]))
        np.testing.assert_array_equal(everything, np.arange(256))
        np.testing.assert_array_equal(made.abnormal, np.flatnonzero(label))
        center = made.twin.points[:256]
        gap = np.linalg.norm(center[:, None] - center[label][None], axis=2).min(axis=1)
        assert (gap[made.border] < BORDER * 2.8).all()
        assert (gap[made.far] >= BORDER * 2.8 - 1e-5).all()


@given(st.integers(4, 80), st.sampled_from([(0.25, 0.1), (0.5, 0.0), (0.0, 0.3), (0.1, 0.8)]))
@settings(max_examples=20, deadline=None)
def test_counts_of_a_draw(pairs, count, shares):
    synthetic, near = shares
    drawn = PairDataset(
        pairs, PairSampling(centers=count, synthetic=synthetic, border=near), seed=0
    )[0, 0]
    assert len(drawn.abnormal) == count
    assert int(drawn.abnormal.sum()) == round(count * synthetic)
    assert drawn.descriptor.shape[:2] == drawn.local.shape[:2] == (count, 32)
    assert len(drawn.context) == count


def rows_of(structure, index):
    return {row.tobytes() for row in structure.context[index]}


def test_labels_are_those_of_the_rows(pairs):
    made = pairs[0]
    drawn = PairDataset(pairs, PairSampling(centers=60, synthetic=0.3, border=0.2), seed=0)[0, 0]
    context = drawn.context.numpy()
    bad = rows_of(made.twin, made.abnormal)
    good = rows_of(made.normal, slice(None)) | rows_of(made.twin, np.r_[made.border, made.far])
    assert {row.tobytes() for row in context[drawn.abnormal.numpy()]} <= bad
    assert {row.tobytes() for row in context[~drawn.abnormal.numpy()]} <= good
    near = rows_of(made.twin, made.border)
    assert sum(row.tobytes() in near for row in context) >= 12


def test_a_twin_without_defect_gives_normal_centers(pairs):
    made = pairs[0]
    plain = make_pair(made.normal, made.twin, label=np.zeros(256, dtype=bool), diameter=2.8)
    drawn = PairDataset([plain], PairSampling(centers=40), seed=0)[0, 0]
    assert len(drawn.abnormal) == 40
    assert not drawn.abnormal.any()


def test_a_draw_depends_on_seed_epoch_and_index_alone(pairs):
    data = PairDataset(pairs, PairSampling(centers=40), seed=7)
    first = data[3, 1]
    for key in ((0, 0), (3, 2), (9, 1)):
        assert not same(data[key], first)
    assert same(data[3, 1], first)
    assert same(PairDataset(pairs, PairSampling(centers=40), seed=7)[3, 1], first)
    assert not same(PairDataset(pairs, PairSampling(centers=40), seed=8)[3, 1], first)


def test_the_sample_is_normal_and_even(pairs):
    drawn = PairDataset(pairs, PairSampling(centers=40), seed=0).sample(100)
    assert len(drawn.context) == 100
    assert not drawn.abnormal.any()
    rows = [row.tobytes() for row in drawn.context.numpy()]
    for made in pairs[:2]:
        assert sum(row in rows_of(made.normal, slice(None)) for row in rows) >= 50


@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 9), st.integers(0, 9))
def test_every_process_takes_other_keys(length, world, seed, epoch):
    taken = []
    for rank in range(world):
        share = length // world
        sampler = EpochSampler(
            length, seed, rank=rank, world=world, batch=1, steps=lambda share=share: epoch * share
        )
        keys = list(sampler)
        assert len(keys) == len(sampler) == share
        assert all(key[0] == epoch for key in keys)
        taken += [index for _, index in keys]
    assert len(set(taken)) == len(taken) == length - length % world


def test_epochs_have_another_order():
    first, second = (list(EpochSampler(50, 0, steps=lambda n=n: n)) for n in (0, 50))
    assert [index for _, index in first] != sorted(index for _, index in first)
    assert list(EpochSampler(50, 0)) == first
    assert [index for _, index in second] != [index for _, index in first]
    assert {epoch for epoch, _ in second} == {1}


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 100))
def test_a_resumed_run_goes_on_with_the_next_batch(length, batch, steps):
    batch = min(batch, length)
    epoch, done = divmod(steps, length // batch)
    start = EpochSampler(length, 3, batch=batch, steps=lambda: steps - done)
    assert (
        list(EpochSampler(length, 3, batch=batch, steps=lambda: steps))
        == list(start)[done * batch :]
    )
    assert {key[0] for key in start} == {epoch}


def test_twins_are_scanned_again_with_their_originals(plates, reader, twins):
    config = SynthesisConfig(twins=3, rescans=1)
    again = TwinDataset(plates, reader, config=config, seed=4)
    assert [twins[5 + number] for number in range(3)] == [None] * 3
    for number in range(3):
        (normal, plain), (twin, label) = again[5 + number], again[2 + number]
        assert not plain.any()
        assert len(plain) == len(normal.context)
        assert len(label) == len(twin.context)
        original = plates[number % 2].pos
        assert len(normal.points) != len(twins[number % 2][0].points) or not np.array_equal(
            normal.points, twins[number % 2][0].points
        )
        assert np.abs(normal.points - normal.points.mean(axis=0)).max() < 2 * np.ptp(original)


@pytest.mark.parametrize(("clouds", "twins"), [(1, 72), (72, 72), (73, 73), (220, 220), (999, 224)])
def test_twins_follow_the_number_of_normal_clouds(clouds, twins):
    assert twin_count(clouds, SynthesisConfig()) == twins
    assert twin_count(clouds, SynthesisConfig(twins=300)) == 300


def test_steps_follow_the_number_of_normal_clouds():
    steps = [step_count(clouds, 900) for clouds in (1, 8, 48, 100, 224, 5000)]
    assert steps[:3] == [900] * 3
    assert 900 < steps[3] < steps[4] == steps[5] == 1800

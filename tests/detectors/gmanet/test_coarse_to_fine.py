"""A closer look: GMANet's networks answer at further points where scores are high."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gmanet.cloud import Cloud
from gmanet.detectors.gmanet.config import GMANetConfig
from gmanet.detectors.gmanet.descriptors import CONTEXT
from gmanet.detectors.gmanet.detector import GMANet
from gmanet.detectors.gmanet.deviation import DEVIATION, deviation
from gmanet.detectors.records import read

SIZES = {"points": 1024, "centers": 256, "coarse_queries": 256, "experts": 1}
COUNT = 2000


@pytest.fixture
def ready(bumped_plate, given_clouds):
    """Return ``ready(**words)``: a detector with random weights that knows its normal clouds."""

    def make(**words):
        torch.manual_seed(0)
        detector = GMANet(GMANetConfig(**{**SIZES, **words}))
        detector.prepare(
            given_clouds([bumped_plate(COUNT, seed, height=0) for seed in range(3)], "train")
        )
        return detector.eval()

    return make


def scores(detector, cloud):
    """Return the scores of a cloud as tensors, ``points`` and ``object``."""
    points, whole = detector.score_record(read(cloud, detector.reader()))
    return SimpleNamespace(points=points, object=whole)


EXACT = {"fine_queries": 2000}


@pytest.mark.parametrize("words", [{"align": False}, {"inputs": "raw"}], ids=["descriptors", "raw"])
def test_a_look_at_every_point_is_as_if_all_were_surveyed(ready, bumped_plate, words):
    cloud = bumped_plate(COUNT, 9)
    looked = scores(ready(**words, **EXACT), cloud)
    surveyed = scores(ready(**words, fine_queries=0, coarse_queries=1024), cloud)
    torch.testing.assert_close(looked.points, surveyed.points)
    torch.testing.assert_close(looked.object, surveyed.object)


@pytest.mark.slow
def test_a_look_brings_the_highest_scores_close_to_the_exact_ones(ready, bumped_plate):
    made = [ready(**words) for words in (EXACT, {"fine_queries": 0}, {"fine_queries": 200})]
    apart = torch.zeros(2)
    for seed in range(9, 21):  # single differences are a few thousandths
        cloud = bumped_plate(COUNT, seed, height=0.4)
        exact, rough, looked = (scores(one, cloud).object for one in made)
        apart += torch.stack([abs(looked - exact), abs(rough - exact)])
    assert apart[0] < 0.2 * apart[1]


@pytest.mark.parametrize("words", [{}, {"inputs": "raw"}], ids=["aligned", "raw"])
def test_a_look_at_surveyed_places_reads_what_was_read(ready, bumped_plate, words):
    """Where all kept points are even ones, over which deviations are averaged."""
    detector = ready(**words)
    train = bumped_plate(COUNT, 1, height=0)
    for cloud, origin in ((bumped_plate(COUNT, 9), ""), (Cloud(train.pos, name="1"), "1")):
        reader = detector.reader()
        record = reader(cloud, origin)
        index = torch.tensor(np.random.default_rng(0).permutation(256)[:50])
        look = reader.describe_at(record, index)
        for name in ("groups", "local", "neighbors"):
            assert torch.equal(look[name], record[name][index]), name
        one, other = look.context, record.context[index]
        shape = CONTEXT if reader.aligner is not None else one.shape[1]
        assert torch.equal(one[:, :shape], other[:, :shape])
        # Deviations are averaged over the same area; at rims it holds other points.
        assert torch.isclose(one, other).all(dim=1).float().mean() > 0.3
        torch.testing.assert_close(one, other, atol=0.6, rtol=0)


def test_a_look_averages_deviations_over_all_kept_points(ready, bumped_plate):
    detector = ready(points=6144, coarse_queries=2048)
    cloud, reader = bumped_plate(8000, 9), detector.reader()
    record = reader(cloud)
    values = reader.aligner.distances(record.aligned, slice(None))
    index = np.random.default_rng(0).permutation(6144)[:50]
    look = reader.describe_at(record, torch.tensor(index))
    count = reader.scale.support_of(24)
    wanted = deviation(values[index], values, neighbors=look.neighbors[:, :count].numpy())
    np.testing.assert_allclose(look.context[:, -DEVIATION:], wanted, atol=1e-6)

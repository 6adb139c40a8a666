"""GMANet's normal clouds are scored without their own surfaces, and as if they were new."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gmanet.datasets.procedural.dataset import Procedural
from gmanet.datasets.subset import Subset
from gmanet.detectors.gmanet.held_out import HIGHEST, as_if_new
from gmanet.detectors.records import read
from gmanet.detectors.table import DETECTORS
from gmanet.detectors.training_set import TrainingPlan
from gmanet.synthesis.config import SynthesisConfig

PLAN = TrainingPlan(synthesis=SynthesisConfig(twins=2), seed=0, workers=0, progress=False)


@pytest.mark.parametrize("name", ["gmanet", "contexts"])
def test_a_rescan_is_not_compared_with_its_own_cloud(name):
    """Nor is the cloud itself; a cloud of another name is compared with all."""
    every = Procedural("t_screw", "train", profile="many")
    clouds = Subset(every, every.names[:4])
    kind = DETECTORS[name]
    detector = kind(
        kind.Config(name=name, align=True, points=2048, centers=256, coarse_queries=256)
    )
    detector.prepare(clouds)
    cloud = clouds[1]
    kept = np.random.default_rng(0).random(len(cloud)) < 0.7
    rescan = cloud.replace(pos=cloud.pos[kept], label=None)
    reader = detector.held_out_reader()
    for scan in (cloud, rescan):
        assert 1 not in read(scan, reader).aligned.used
    stranger = every[10]
    assert 1 in read(stranger, reader).aligned.used
    own = read(cloud, detector.reader())
    assert 1 not in own.aligned.used
    assert torch.equal(own.context, read(cloud, reader).context)
    assert 1 in read(rescan, detector.reader()).aligned.used


@given(st.lists(st.integers(0, 300).map(lambda hundredths: hundredths / 100), min_size=2))
def test_new_clouds_score_higher_in_the_same_order(scores):
    """The highest score there is, and scores beyond it, remain."""
    learned = torch.tensor(sorted(scores), dtype=torch.float64)
    new = as_if_new(learned)
    below = learned < HIGHEST
    assert (new >= learned).all()
    assert torch.equal(new > learned, below)
    assert (new[below] <= HIGHEST).all()
    assert torch.equal(new[~below], learned[~below])
    assert (new.diff() >= 0).all()


def test_held_out_scores_are_those_of_new_clouds(bumped_plate, given_clouds):
    clouds = given_clouds([bumped_plate(700, seed, height=0) for seed in range(3)], "train")
    kind = DETECTORS["gmanet"]
    words = {"points": 512, "centers": 256, "coarse_queries": 256, "fine_queries": 0}
    detector = kind(kind.Config(**words, align=False))
    detector.prepare(clouds)
    reader = detector.held_out_reader()
    detector.calibrate(detector.training_set(clouds, PLAN).items.sample(500))
    highest: list[float] = []
    found = detector.held_out_scores(
        [read(cloud, reader) for cloud in clouds], each=lambda p: highest.append(float(p.max()))
    )
    for cloud, whole, point in zip(clouds, found, highest, strict=True):
        scores = detector.score(cloud)
        assert whole == pytest.approx(scores.object + 0.1 * (HIGHEST - scores.object), rel=1e-5)
        top = float(scores.points.max())
        assert point == pytest.approx(top + 0.1 * (HIGHEST - top), rel=1e-5)

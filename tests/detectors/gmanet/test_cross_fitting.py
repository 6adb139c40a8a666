"""Each member of the committee leaves out some normal clouds, and scores these for the limit."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gmanet.detectors.gmanet.config import GMANetConfig
from gmanet.detectors.gmanet.cross_fitting import FEWEST, LEARNED, committee_loss, leaving_out
from gmanet.detectors.gmanet.detector import GMANet
from gmanet.detectors.gmanet.sdo import sdo_loss
from gmanet.detectors.records import read
from gmanet.detectors.training_set import TrainingPlan
from gmanet.synthesis.config import SynthesisConfig

MEMBERS = 3
TINY = {"points": 512, "centers": 256, "coarse_queries": 256, "fine_queries": 0, "align": False}


def committee(clouds, **words):
    torch.manual_seed(0)
    detector = GMANet(GMANetConfig(**{**TINY, "experts": MEMBERS, **words}))
    detector.prepare(clouds)
    return detector


def training_set(detector, clouds, twins):
    plan = TrainingPlan(
        synthesis=SynthesisConfig(twins=twins, rescans=0.5), seed=2, workers=0, progress=False
    )
    return detector.training_set(clouds, plan)


@pytest.fixture(scope="module")
def five(bumped_plate, given_clouds):
    return given_clouds([bumped_plate(700, seed, height=0) for seed in range(5)], "train")


@pytest.fixture
def plates(five, monkeypatch):
    """Five plates, which are enough to leave some out."""
    monkeypatch.setattr("gmanet.detectors.gmanet.cross_fitting.FEWEST", len(five))
    return five


@given(st.sets(st.text(min_size=1), min_size=FEWEST), st.integers(2, 6), st.randoms())
def test_each_cloud_is_left_out_by_one_member_and_members_leave_out_alike(names, members, random):
    found = leaving_out(names, members)
    assert found.keys() == names
    counts = Counter(found.values())
    assert set(counts) <= set(range(members))
    each = [counts[member] for member in range(members)]
    assert max(each) - min(each) <= 1
    shuffled = sorted(names)
    random.shuffle(shuffled)
    assert leaving_out(shuffled, members) == found


def test_few_clouds_or_one_member_leave_out_nothing():
    names = [str(number) for number in range(FEWEST)]
    for few in (leaving_out(names[1:], 3), leaving_out(names, 1)):
        assert set(few.values()) == {LEARNED}


def test_the_loss_is_that_of_what_each_member_learns_from():
    torch.manual_seed(0)
    d = torch.rand(2, 6)
    abnormal = torch.tensor([False, False, False, True, True, False])
    by = torch.tensor([0, 1, 1, 1, 0, LEARNED])
    found = committee_loss(d, abnormal=abnormal, left_out_by=by, sdo=True, alpha=0.5)
    one = sdo_loss(d[0, [1, 2, 5]], d[0, [3]], alpha=0.5)
    other = sdo_loss(d[1, [0, 5]], d[1, [4]], alpha=0.5)
    for name, value in found.items():
        torch.testing.assert_close(value, (one[name] + other[name]) / 2)


def test_a_member_that_leaves_out_all_of_a_step_has_gradients_of_zero():
    """Processes that average gradients want some of every weight."""
    d = torch.rand(2, 4, requires_grad=True)
    abnormal = torch.tensor([False, False, True, False])
    by = torch.zeros(4, dtype=torch.long)
    found = committee_loss(d, abnormal=abnormal, left_out_by=by, sdo=True, alpha=0.01)
    found["loss"].backward()
    assert not d.grad[0].any()
    assert d.grad[1].all()
    other = sdo_loss(d[1, ~abnormal], d[1, abnormal], alpha=0.01)
    torch.testing.assert_close(found["loss"], other["loss"] / 2)
    torch.testing.assert_close(found["d_n"], other["d_n"])


@pytest.mark.parametrize("twins", [2, 8])
def test_pairs_know_the_clouds_that_they_are_made_of(plates, monkeypatch, twins):
    """Also with fewer twins than clouds, where a pair has the twin of another cloud."""
    monkeypatch.setattr("gmanet.detectors.gmanet.training_pairs.MOST_TWINS", 2)
    detector = committee(plates)
    pairs = training_set(detector, plates, twins).items.pairs
    assert len(pairs) == max(twins, len(plates))
    by = [detector.left_out_by[name] for name in plates.names]
    assert [made.left_out_by[0] for made in pairs] == [by[i % 5] for i in range(len(pairs))]
    twin = [i % twins % 5 for i in range(len(pairs))]
    assert [made.left_out_by[1] for made in pairs] == [by[i] for i in twin]


def test_no_member_learns_from_what_it_leaves_out(plates, monkeypatch):
    """Of a step on two pairs: what member 0 leaves out changes all members but member 0."""
    detector = committee(plates)
    monkeypatch.setattr(detector, "log_dict", lambda *_, **__: None)
    items = training_set(detector, plates, 4).items
    detector.calibrate(items.sample(500))

    def gradients(values):
        detector.zero_grad()
        batch = items[0, 0].concat(items[0, 1])
        left_out = batch.left_out_by == 0
        assert left_out.any() and not left_out.all()
        batch.context[left_out] *= values
        detector.training_step(batch).backward()
        return [member.head[0].weight.grad.clone() for member in detector.apprentice.members]

    same = [torch.equal(*pair) for pair in zip(gradients(1.0), gradients(0.5), strict=True)]
    assert same == [True, False, False]


def test_a_held_out_score_is_that_of_one_member(plates):
    detector = committee(plates)
    detector.calibrate(training_set(detector, plates, 4).items.sample(500))
    with torch.no_grad():  # the members score alike before they have learned
        for number, member in enumerate(detector.apprentice.members):
            member.head[-1].bias += number
    cloud = plates[1]
    member = detector.left_out_by[cloud.name]
    record = read(cloud, detector.held_out_reader())
    found = detector.score_record(record)[0]
    alone = committee(plates, experts=1)
    alone.load_state_dict(
        {
            name.replace(f".members.{member}.", ".members.0."): value
            for name, value in detector.state_dict().items()
            if ".members." not in name or f".members.{member}." in name
        }
        | {
            f"answers.{key}": value[[member]]
            for key, value in detector.answers.state_dict().items()
        }
    )
    torch.testing.assert_close(found, alone.score_record(record_of(alone, cloud))[0])
    together = detector.score_record(record_of(detector, cloud))[0]
    assert not np.allclose(found, together)
    assert detector.held_out_scores([record]) == [
        pytest.approx(float(detector.with_object(found)[1]))
    ]


def record_of(detector, cloud):
    return read(cloud, detector.reader())

"""Object rules and the interpolation of scores."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gmanet.detectors.base import object_score
from gmanet.detectors.config import OBJECT_RULES
from gmanet.geometry.neighbors import interpolate


@pytest.mark.parametrize(("rule", "count"), [("max", 1), ("top", 5), ("mean", 15)])
def test_rules_average_the_highest(rule, count):
    score = torch.arange(1000.0)[torch.randperm(1000)]
    expected = sum(999 - i for i in range(count)) / count
    assert object_score(score, OBJECT_RULES[rule]).item() == pytest.approx(expected)


@given(st.integers(1, 300), st.sampled_from(sorted(OBJECT_RULES)))
def test_at_least_one_point_counts(size, rule):
    score = torch.arange(float(size))
    value = object_score(score, OBJECT_RULES[rule]).item()
    assert size - 1 - 0.015 * size <= value <= size - 1


def test_propagation_by_hand():
    score = torch.tensor([1.0, 10, 100])
    near = torch.tensor([[0, 1, 2], [2, 2, 2]])
    weight = torch.tensor([[0.5, 0.25, 0.25], [1.0, 0, 0]])
    assert interpolate(score, near, weight=weight).tolist() == [28.0, 100.0]

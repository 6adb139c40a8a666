"""The SDO loss by hand (Eqs. 2 to 4), its gradients and its edges."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.detectors.gmanet.sdo import discrepancy, sdo_loss


@given(st.integers(0, 2**31), st.floats(1e-3, 1e3))
@settings(max_examples=30, deadline=None)
def test_discrepancy_is_a_distance_on_the_unit_sphere(seed, scale):
    torch.manual_seed(seed)
    one, other = torch.randn(20, 8), torch.randn(20, 8)
    d = discrepancy(one, other)
    assert d.shape == (20,)
    assert ((d >= 0) & (d <= 2 + 1e-6)).all()
    torch.testing.assert_close(d, discrepancy(other, one))
    torch.testing.assert_close(d, discrepancy(one, other * scale), atol=1e-4, rtol=1e-4)


def test_discrepancy_by_hand():
    one = torch.tensor([[2.0, 0], [1, 0], [1, 0]])
    other = torch.tensor([[5.0, 0], [0, 3], [-4, 0]])
    assert discrepancy(one, other).tolist() == pytest.approx([1e-4, math.sqrt(2), 2], abs=1e-6)


def test_no_nan_where_both_agree():
    apprentice = torch.ones(3, 4, requires_grad=True)
    discrepancy(torch.ones(3, 4), apprentice).sum().backward()
    assert torch.isfinite(apprentice.grad).all()
    zero = torch.zeros(3, 4, requires_grad=True)
    discrepancy(torch.ones(3, 4), zero).sum().backward()
    assert torch.isfinite(zero.grad).all()


def test_without_focal_weights_by_hand():
    parts = sdo_loss(torch.tensor([1.0, 2, 3]), torch.tensor([4.0]), alpha=0.0)
    assert parts["loss"].item() == pytest.approx((6 - 4) / 4)
    assert (parts["d_n"].item(), parts["d_s"].item()) == pytest.approx((2, 4))


@pytest.mark.parametrize("alpha", [0.01, 0.5, 2.0])
def test_with_focal_weights_by_hand(alpha):
    w_n = [(1 / 2) ** alpha, (3 / 2) ** alpha]  # mean 2: more weight above it
    w_s = [(4 / 6) ** -alpha, (8 / 6) ** -alpha]  # mean 6: more weight below it
    pull, push = w_n[0] * 1 + w_n[1] * 3, w_s[0] * 4 + w_s[1] * 8
    parts = sdo_loss(torch.tensor([1.0, 3]), torch.tensor([4.0, 8]), alpha=alpha)
    expected = {
        "loss": (pull - push) / (sum(w_n) + sum(w_s)),
        "d_n": pull / sum(w_n),
        "d_s": push / sum(w_s),
    }
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(expected, rel=1e-5)
    assert w_n[1] > w_n[0]
    assert w_s[0] > w_s[1]


def test_without_synthetic_points_the_mean_stays():
    parts = sdo_loss(torch.tensor([1.0, 2, 3]), torch.zeros(0), alpha=0.0)
    assert parts["loss"].item() == pytest.approx(2)
    assert parts["d_s"].item() == 0


def test_gradients_pull_normal_points_and_push_synthetic_ones():
    d_n = torch.tensor([1.0, 3], requires_grad=True)
    d_s = torch.tensor([4.0, 8], requires_grad=True)
    sdo_loss(d_n, d_s, alpha=0.5)["loss"].backward()
    assert (d_n.grad > 0).all()
    assert (d_s.grad < 0).all()
    # The weights are constants: the gradient is the weight over the sum of all weights.
    w = torch.tensor([(1 / 2) ** 0.5, (3 / 2) ** 0.5, (4 / 6) ** -0.5, (8 / 6) ** -0.5])
    torch.testing.assert_close(torch.cat([d_n.grad, -d_s.grad]), w / w.sum())

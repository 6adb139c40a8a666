"""Jitter of deviations: good parts vary as the normal clouds differ, shapes and labels stay."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gmanet.detectors.gmanet.descriptors import CONTEXT
from gmanet.detectors.gmanet.deviation import DEVIATION
from gmanet.detectors.gmanet.deviation_jitter import jittered


def centers(seed, count=60):
    """Contexts whose normal centers deviate along one direction, and labels."""
    rng = np.random.default_rng(seed)
    context = rng.normal(size=(count, CONTEXT + DEVIATION)).astype(np.float16)
    along = rng.normal(size=DEVIATION)
    context[:, CONTEXT:] = rng.uniform(-1, 1, (count, 1)) * along
    abnormal = np.arange(count) >= count // 2
    context[abnormal, CONTEXT:] += 9 * rng.normal(size=DEVIATION)
    return torch.from_numpy(context), torch.from_numpy(abnormal), torch.from_numpy(along).float()


@given(st.integers(0, 99), st.sampled_from([0.1, 1.0, 3.0]))
def test_deviations_vary_as_normal_centers_differ(seed, largest):
    context, abnormal, along = centers(seed)
    made = jittered(context, abnormal, largest=largest, rng=np.random.default_rng(seed))
    assert torch.equal(made[:, :CONTEXT], context[:, :CONTEXT].float())
    change = made[:, CONTEXT:] - context[:, CONTEXT:].float()
    share = change @ along / (along @ along)
    torch.testing.assert_close(change, share[:, None] * along, atol=0.03 * largest, rtol=0)
    assert share.abs().max() <= 2 * largest * 1.01  # normal centers differ by at most 2
    assert share[abnormal].abs().max() > 0
    assert share[~abnormal].abs().max() > 0


def test_the_given_context_and_what_has_no_deviation_stay(seed=0):
    context, abnormal, _ = centers(seed)
    before = context.clone()
    rng = np.random.default_rng(seed)
    jittered(context, abnormal, largest=1.0, rng=rng)
    assert torch.equal(context, before)
    assert jittered(context, abnormal, largest=0.0, rng=rng) is context
    shapes = context[:, :CONTEXT]
    assert jittered(shapes, abnormal, largest=1.0, rng=rng) is shapes
    everything = torch.ones_like(abnormal)
    assert jittered(context, everything, largest=1.0, rng=rng) is context


@pytest.mark.parametrize("seed", range(3))
def test_the_same_generator_gives_the_same(seed):
    context, abnormal, _ = centers(seed)
    one, other = (
        jittered(context, abnormal, largest=1.0, rng=np.random.default_rng(seed)) for _ in range(2)
    )
    assert torch.equal(one, other)

"""The pretext: an expert learns to tell what is hidden, and is frozen again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gmanet.detectors.gmanet.config import PRETEXTS
from gmanet.detectors.gmanet.context_layout import PARTS
from gmanet.detectors.gmanet.descriptors import CONTEXT
from gmanet.detectors.gmanet.encoder import Committee, LocalEncoder
from gmanet.detectors.gmanet.expert_pretraining import pretrain


def made(seed=0, rows=400):
    """Return a committee and inputs of which a few hidden numbers decide all channels."""
    torch.manual_seed(seed)
    expert = Committee(2, lambda: LocalEncoder(66, CONTEXT, group=16, head=[64], features=32))
    expert.requires_grad_(False).eval()
    hidden = torch.randn(rows, 4)
    inputs = (torch.rand(rows, 8, 66), torch.rand(rows, 8, 6), hidden @ torch.randn(4, CONTEXT))
    return expert, inputs


def trained(pretext, seed=0, steps=150):
    expert, inputs = made()
    generator = torch.Generator().manual_seed(seed)
    return expert, pretrain(expert, inputs, pretext=pretext, steps=steps, generator=generator)


@pytest.mark.parametrize("pretext", PRETEXTS[1:])
def test_an_expert_learns_what_is_hidden(pretext):
    before = made()[0].state_dict()
    expert, losses = trained(pretext)
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:3])
    assert not torch.equal(
        expert.state_dict()["members.0.head.0.weight"], before["members.0.head.0.weight"]
    )
    assert not any(weight.requires_grad for weight in expert.parameters())
    assert not any(module.training for module in expert.modules())


def test_parts_that_are_hidden_are_parts():
    assert set(PRETEXTS[2:]) <= set(PARTS)


def test_the_seed_decides():
    one, same, other = (trained("masked", seed, 5)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)

"""Masked reconstruction: partitions, iterations, distances to the reconstructed surface."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.detectors.imrnet.reconstruction import Reconstructor, mask_partition, surface_distance
from gmanet.networks.pointmae.pretraining import TARGET, chamfer

SIZES = {"width": 24, "depth": 3, "heads": 2, "mask": 0.4}


def discs(count=24, seed=0):
    """Flat patches about centers on a plane, and the centers."""
    generator = torch.Generator().manual_seed(seed)
    flat = torch.tensor([1.0, 1.0, 0.0])
    patches = 0.1 * flat * (2 * torch.rand(count, 40, 3, generator=generator) - 1)
    return patches, flat * (2 * torch.rand(count, 3, generator=generator) - 1)


def net(seed=0):
    torch.manual_seed(seed)
    made = Reconstructor(**SIZES)
    made.fit_size([discs()[0]])
    return made.eval()


@given(st.integers(1, 300), st.floats(0.01, 1), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_a_partition_holds_every_patch_once(count, mask, seed):
    parts = mask_partition(count, mask, rng=np.random.default_rng(seed))
    assert sorted(np.concatenate(parts)) == list(range(count))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1 and min(sizes) > 0
    assert max(sizes) <= np.ceil(mask * count) + 1e-9


def test_the_paper_s_mask_makes_three_parts():
    parts = mask_partition(128, 0.4, rng=np.random.default_rng(0))
    assert [len(part) for part in parts] == [43, 43, 42]
    other = mask_partition(128, 0.4, rng=np.random.default_rng(1))
    assert not np.array_equal(parts[0], other[0])


def test_iterations_repeat_themselves_and_are_applied_to_their_output():
    made, (patches, centers) = net(), discs()
    with torch.no_grad():
        one = made(patches, centers, 3, 5)
        torch.manual_seed(99)
        assert torch.equal(made(patches, centers, 3, 5), one)
        assert one.shape == (24, TARGET, 3)
        assert not torch.equal(made(patches, centers, 3, 6), one)
        assert not torch.equal(made(patches, centers, 2, 5), one)


def test_a_patch_is_told_without_being_seen():
    """One iteration of a changed patch changes what the others are told, but not it."""
    made, (patches, centers) = net(), discs()
    changed = patches.clone()
    changed[7] += 0.3
    with torch.no_grad():
        one, other = made(patches, centers, 1, 5), made(changed, centers, 1, 5)
    together = mask_partition(24, 0.4, rng=np.random.default_rng(5))
    same = next(part for part in together if 7 in part)
    torch.testing.assert_close(other[same], one[same], rtol=0, atol=0)
    others = np.setdiff1d(np.arange(24), same)
    assert ((other[others] - one[others]).abs().amax(dim=(1, 2)) > 0).all()


def test_training_makes_reconstructions_better():
    made, rng = net(), np.random.default_rng(0)
    patches, centers = discs(seed=1)  # never trained on
    with torch.no_grad():
        before = chamfer(made(patches, centers, 3, 0), patches).item()
    optimizer = torch.optim.AdamW(made.parameters(), 3e-3)
    made.train()
    for step in range(60):
        loss = made.loss(*discs(seed=2 + step % 4), order=rng.permutation(24))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    made.eval()
    with torch.no_grad():
        after = made(patches, centers, 3, 0)
    assert chamfer(after, patches).item() < 0.5 * before


def test_distance_to_a_plane_by_hand():
    axis = torch.linspace(-1, 1, 21)
    surface = torch.cartesian_prod(axis, axis, torch.zeros(1))
    points = torch.tensor([[0.03, 0.02, 0.0], [0.03, 0.02, 0.25], [0.4, 0.1, -0.1]])
    found = surface_distance(points, surface)
    assert found.tolist() == pytest.approx([0, 0.25, 0.1], abs=1e-6)

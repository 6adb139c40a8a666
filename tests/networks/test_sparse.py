"""Convolutions on occupied voxels are dense convolutions, looked at where voxels are occupied."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import conv3d, conv_transpose3d

from gmanet.networks.sparse.convolution import DepthwiseConv, DownConv, SubmanifoldConv, UpConv
from gmanet.networks.sparse.voxels import Voxels, offsets

EDGE = 8


def occupied(share, seed, clouds=2):
    """Random voxels of some clouds, shuffled within each, and their features."""
    generator = torch.Generator().manual_seed(seed)
    full = torch.rand(clouds, EDGE, EDGE, EDGE, generator=generator) < share
    full[:, 0, 0, 0] = True
    place = full.nonzero()
    order = (place[:, 0] + torch.rand(len(place), generator=generator)).argsort()
    place = place[order]
    x = torch.randn(len(place), 3, generator=generator, dtype=torch.float64)
    return Voxels(place[:, 1:], place[:, 0]), x


def dense(voxels, x):
    grid = torch.zeros(voxels.clouds, x.shape[1], EDGE, EDGE, EDGE, dtype=x.dtype)
    a, b, c = voxels.coord.T
    grid[voxels.cloud, :, a, b, c] = x
    return grid


def at(grid, voxels):
    a, b, c = voxels.coord.T
    return grid[voxels.cloud, :, a, b, c]


def kernel(layer):
    """The weights as a dense convolution wants them."""
    edge = round(len(layer.weight) ** (1 / 3))
    return layer.weight.permute(2, 1, 0).unflatten(2, (edge, edge, edge))


shares = st.floats(0.02, 0.9)
seeds = st.integers(0, 2**31)


@given(shares, seeds, st.sampled_from([1, 3, 5]), st.booleans())
@settings(max_examples=12, deadline=None)
def test_submanifold_convolution_is_conv3d(share, seed, size, bias):
    voxels, x = occupied(share, seed)
    layer = SubmanifoldConv(3, 4, size=size, bias=bias).double()
    if bias:
        torch.nn.init.normal_(layer.bias)
    wanted = conv3d(dense(voxels, x), kernel(layer), layer.bias, padding=size // 2)
    torch.testing.assert_close(layer(x, voxels), at(wanted, voxels))


@given(shares, seeds)
@settings(max_examples=6, deadline=None)
def test_depthwise_convolution_is_conv3d_of_groups(share, seed):
    voxels, x = occupied(share, seed)
    layer = DepthwiseConv(3).double()
    wanted = conv3d(dense(voxels, x), kernel(layer), padding=1, groups=3)
    torch.testing.assert_close(layer(x, voxels), at(wanted, voxels))


@given(shares, seeds)
@settings(max_examples=6, deadline=None)
def test_strided_convolution_is_conv3d_and_visits_every_voxel(share, seed):
    voxels, x = occupied(share, seed)
    layer = DownConv(3, 4).double()
    wanted = conv3d(dense(voxels, x), kernel(layer), stride=2)
    coarser = voxels.coarser
    torch.testing.assert_close(layer(x, voxels), at(wanted, coarser))
    assert torch.equal(coarser.coord[voxels.parent], voxels.coord // 2)
    assert torch.equal(coarser.cloud[voxels.parent], voxels.cloud)
    distinct = torch.cat([voxels.cloud[:, None], voxels.coord // 2], dim=1).unique(dim=0)
    assert len(coarser) == len(distinct)


@given(shares, seeds, st.sampled_from([2, 3]))
@settings(max_examples=8, deadline=None)
def test_inverse_convolution_is_the_transposed_one(share, seed, size):
    voxels, _ = occupied(share, seed)
    coarser = voxels.coarser
    layer = UpConv(3, 4, size=size).double()
    x = torch.randn(len(coarser), 3, dtype=torch.float64)
    grid = dense(coarser, x)[..., : EDGE // 2, : EDGE // 2, : EDGE // 2]
    weight = kernel(layer).transpose(0, 1)
    shift = size // 2 if size == 3 else 0
    wanted = conv_transpose3d(grid, weight, stride=2, padding=shift, output_padding=shift)
    torch.testing.assert_close(layer(x, voxels), at(wanted, voxels))


def test_gradients_are_those_of_conv3d():
    voxels, x = occupied(0.3, 0)
    layer = SubmanifoldConv(3, 4).double()
    answers = []
    for dense_way in (False, True):
        given_x = x.clone().requires_grad_()
        if dense_way:
            found = at(conv3d(dense(voxels, given_x), kernel(layer), padding=1), voxels)
        else:
            found = layer(given_x, voxels)
        found.square().sum().backward()
        answers.append((given_x.grad, layer.weight.grad.clone()))
        layer.weight.grad = None
    for ours, theirs in zip(*answers, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_it_is_spconv():
    spconv = pytest.importorskip("spconv.pytorch")
    voxels, x = occupied(0.2, 0)
    layer, theirs = SubmanifoldConv(3, 4), spconv.SubMConv3d(3, 4, 3, padding=1, bias=False)
    weight = kernel(layer).permute(0, 2, 3, 4, 1)
    theirs.weight.data = weight.contiguous()
    place = torch.cat([voxels.cloud[:, None], voxels.coord], dim=1).int()
    answer = theirs(spconv.SparseConvTensor(x.float(), place, [EDGE] * 3, voxels.clouds)).features
    torch.testing.assert_close(layer(x.float(), voxels), answer)


def test_morton_order_is_that_of_an_octree():
    coord = torch.cartesian_prod(*[torch.arange(4)] * 3)[torch.randperm(64)]
    voxels = Voxels(coord, torch.zeros(64, dtype=torch.int64))
    ordered = coord[voxels.z_order]
    for edge, count in ((2, 8), (1, 1)):  # all leaves of a node come in turn
        for node in ordered.view(-1, count, 3) // edge:
            assert len(node.unique(dim=0)) == 1
    assert ordered[:2].tolist() == [[0, 0, 0], [0, 0, 1]]


def test_offsets_are_in_the_order_of_dense_weights():
    assert offsets(1) == [(0, 0, 0)]
    assert offsets(3)[:2] == [(-1, -1, -1), (-1, -1, 0)]
    assert len(offsets(5)) == 125


def test_coordinates_that_are_no_voxels_are_refused():
    with pytest.raises(ValueError, match="from -1 to 0"):
        Voxels(torch.tensor([[0, 0, -1]]), torch.tensor([0]))
    with pytest.raises(ValueError, match="to 65536"):
        Voxels(torch.tensor([[0, 0, 65536]]), torch.tensor([0]))
    with pytest.raises(ValueError, match="wanted at most 7"):
        Voxels(torch.tensor([[0, 0, 0]]), torch.tensor([0])).neighbors(9)

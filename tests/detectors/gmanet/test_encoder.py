"""The backbone: PyG's message passing and the dense path are the same function."""

from __future__ import annotations

from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gmanet.detectors.gmanet import encoder as module
from gmanet.detectors.gmanet.encoder import LOCAL, LocalEncoder, LocalFrameConv, mlp


@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 9), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_message_passing_equals_the_dense_path(seed, centers, neighbors, channels):
    torch.manual_seed(seed)
    points = centers + 7
    conv = LocalFrameConv(mlp(channels + LOCAL, 16, 8))
    x, local = torch.randn(points, channels), torch.randn(centers, neighbors, LOCAL)
    groups = torch.randint(points, (centers, neighbors))
    edges = torch.stack([groups.flatten(), torch.arange(centers).repeat_interleave(neighbors)])
    passed = conv(x, local.flatten(0, 1), edges, centers)
    dense = conv.dense(x[groups], local)
    assert passed.shape == (centers, 8)
    torch.testing.assert_close(passed, dense, atol=1e-5, rtol=1e-5)
    for block in (5, 256):  # several blocks, the last one smaller; one
        with patch.object(module, "BLOCK", block):
            scored = conv.sparse(x, groups, local)
        torch.testing.assert_close(scored, dense, atol=1e-5, rtol=1e-5)


def test_no_center_is_its_own_neighbor_unless_asked():
    conv = LocalFrameConv(mlp(1 + LOCAL, 1))
    with torch.no_grad():
        conv.local_nn[0].weight.fill_(0)
        conv.local_nn[0].weight[0, 0] = 1
        conv.local_nn[0].bias.fill_(0)
    x = torch.tensor([[9.0], [2.0], [3.0]])
    answer = conv(x, torch.zeros(2, LOCAL), torch.tensor([[1, 2], [0, 0]]), 1)
    assert answer.tolist() == [[3.0]]


def test_mlp_ends_without_a_relu():
    layers = mlp(3, 5, 2)
    assert [type(layer) for layer in layers] == [nn.Linear, nn.ReLU, nn.Linear]
    assert [tuple(layers[i].weight.shape) for i in (0, 2)] == [(5, 3), (2, 5)]
    assert [type(layer) for layer in mlp(3, 2)] == [nn.Linear]


@pytest.mark.parametrize("group", [0, 16])
def test_features_of_every_center(group):
    torch.manual_seed(0)
    net = LocalEncoder(descriptor=5, context=7, group=group, head=[12, 9], features=4)
    descriptor, local, context = (
        torch.randn(10, 6, 5),
        torch.randn(10, 6, LOCAL),
        torch.randn(10, 7),
    )
    whole = net(descriptor, local, context)
    assert whole.shape == (10, 4)
    parts = [net(descriptor[i : i + 3], local[i : i + 3], context[i : i + 3]) for i in (0, 3, 6, 9)]
    torch.testing.assert_close(torch.cat(parts), whole)
    order = torch.randperm(6)
    torch.testing.assert_close(net(descriptor[:, order], local[:, order], context), whole)
    changed = net(descriptor + 1, local, context)
    assert torch.equal(changed, whole) == (group == 0)

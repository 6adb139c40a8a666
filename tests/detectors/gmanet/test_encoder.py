"""The backbone: PyG's message passing and the dense path are the same function."""

from __future__ import annotations

from typing import ClassVar
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch_geometric.nn import PointNetConv
from torch_geometric.typing import PairOptTensor

from gmanet.detectors.gmanet import encoder as module
from gmanet.detectors.gmanet.encoder import LOCAL, LocalEncoder, LocalFrameConv, mlp


class Passing(PointNetConv):
    """PyG's set abstraction with a position for each edge."""

    propagate_type: ClassVar = {"x": PairOptTensor, "local": Tensor}

    def forward(self, x, local, edge_index, centers):
        return self.propagate(edge_index, x=(x, None), local=local, size=(len(x), centers))

    def message(self, x_j, local):
        return self.local_nn(torch.cat([x_j, local], dim=1))


@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 9), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_message_passing_equals_the_dense_path(seed, centers, neighbors, channels):
    torch.manual_seed(seed)
    points = centers + 7
    conv = LocalFrameConv(mlp(channels + LOCAL, 16, 8))
    x, local = torch.randn(points, channels), torch.randn(centers, neighbors, LOCAL)
    groups = torch.randint(points, (centers, neighbors))
    edges = torch.stack([groups.flatten(), torch.arange(centers).repeat_interleave(neighbors)])
    passing = Passing(local_nn=conv.local_nn, add_self_loops=False)
    passed = passing(x, local.flatten(0, 1), edges, centers)
    dense = conv.dense(x[groups], local)
    assert passed.shape == (centers, 8)
    torch.testing.assert_close(passed, dense, atol=1e-5, rtol=1e-5)
    for block in (5, 256):  # several blocks, the last one smaller; one
        with patch.object(module, "BLOCK", block):
            scored = conv.sparse(x, groups, local)
        torch.testing.assert_close(scored, dense, atol=1e-5, rtol=1e-5)


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

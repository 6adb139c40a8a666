"""GMANet's normal clouds are scored without their own surfaces."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gmanet.datasets.procedural.dataset import Procedural
from gmanet.datasets.subset import Subset
from gmanet.detectors.records import read
from gmanet.detectors.table import DETECTORS


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

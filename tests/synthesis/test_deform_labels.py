"""Labels of defects that overlap: what moved beyond the limit is labelled."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.synthesis import spcg
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.deform import FAMILIES, LABEL_SHARE, relabel
from gmanet.synthesis.spcg import Generator


def test_labels_follow_the_largest_move_that_is_left():
    shift = np.zeros((5, 3), np.float32)
    shift[:, 2] = [1.0, 0.5, 0.15, 0.08, 0.0]
    label = np.array([True, True, False, False, False])
    every = np.ones(5, dtype=bool)
    assert relabel(shift, label, free=every, depth=1.0, shallowest=0.01).tolist() == label.tolist()
    rest = np.array([False, False, True, True, True])
    assert relabel(shift, label, free=rest, depth=1.0, shallowest=0.01).tolist() == [
        False,
        False,
        True,
        True,
        False,
    ]
    assert relabel(shift, label, free=rest, depth=1.0, shallowest=0.5).tolist() == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert not relabel(shift, label, free=~every, depth=1.0, shallowest=0.01).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_no_rest_of_a_defect_moves_without_a_label(bumped_plate, monkeypatch, family):
    made = []

    def spy(surface, seed, family, radius, depth, rng):
        found = spcg.deform_of_test(surface, seed, family, radius, depth, rng)
        made.append((*found, depth))
        return found

    monkeypatch.setattr(spcg, "deform_of_test", spcg.deform, raising=False)
    monkeypatch.setattr(spcg, "deform", spy)
    shallowest = 0.01
    sizes = {"radius": [0.06, 0.12], "depth": [shallowest, 0.05]}
    config = SynthesisConfig(families={family: 1.0}, fewest=9, most=9, guided=0.0, **sizes)
    cloud = bumped_plate(2000, height=0)
    rng, generator, cut = np.random.default_rng(0), Generator(config), 0
    for _ in range(6):
        made.clear()
        twin = generator.twin(cloud, rng)
        touched = np.zeros(len(cloud), dtype=bool)
        for index, shift, _label, depth in made:
            free = ~touched[index]
            touched[index] = True
            length = np.linalg.norm(shift, axis=1)
            left, label = length[free], twin.label[index[free]]
            assert not label[left == 0].any()
            if len(left) and length.max() > depth / 2 and left.max() > 2 * LABEL_SHARE * shallowest:
                cut += left.max() < length.max()
                assert label[left.argmax()]
                assert left[~label].max(initial=0) < max(
                    2.01 * LABEL_SHARE * left.max(), 1.01 * LABEL_SHARE * shallowest
                )
        assert not (twin.label & ~touched).any()
    assert cut

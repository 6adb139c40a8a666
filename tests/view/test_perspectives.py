"""A cloud from four sides: the part turns, each line has its own colors, bytes repeat."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gmanet.errors import InputError
from gmanet.view.colors import label_colors
from gmanet.view.sheet import Panel, save_row
from gmanet.view.viewpoints import ANGLES, GAP, HEAD, LEFT, SIZE, rotated, save_perspectives


def red(image):
    return int((image[..., 0] - image[..., 1] > 60).sum())


def panels(path, line):
    image = np.asarray(Image.open(path).convert("RGB")).astype(int)
    top = HEAD + line * (SIZE + GAP)
    left = [LEFT + place * (SIZE + GAP) for place in range(len(ANGLES))]
    return [image[top : top + SIZE, x : x + SIZE] for x in left]


@pytest.mark.parametrize("degrees", [0, 60, 90, 180])
def test_a_turned_view_is_a_rotation_about_the_upright_axis(degrees):
    view = rotated(np.eye(3), degrees)
    np.testing.assert_allclose(view @ view.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(view) == pytest.approx(1)
    assert view[1] @ [0, 1, 0] == pytest.approx(1)
    assert view[0] @ [1, 0, 0] == pytest.approx(np.cos(np.radians(degrees)))


@pytest.mark.slow
def test_a_mark_on_one_side_is_seen_from_that_side_alone(sphere, tmp_path):
    cloud = sphere(4000)
    label = cloud.pos @ np.array([0.3, 0.5, 0.8]) > 0.9
    colors = {"truth": label_colors(label), "none": label_colors(np.zeros(4000, bool))}
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for path in paths:
        save_perspectives(path, cloud.pos, colors=colors, region=label, limits=(0.0, 1.0))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    seen = [red(panel) for panel in panels(paths[0], 0)]
    assert seen[0] == max(seen) > 500
    assert min(seen[2:]) == 0
    assert not any(red(panel) for panel in panels(paths[0], 1))


def test_only_png(sphere, tmp_path):
    with pytest.raises(InputError, match=r"a\.jpg: pictures are PNG files"):
        save_perspectives(tmp_path / "a.jpg", sphere(500).pos, colors={})


def test_panels_with_views_of_their_own_all_show_their_regions(sphere, tmp_path):
    """Opposite regions in one row: a common view shows but one of them."""
    pos = sphere(3000).pos * [1.0, 0.9, 0.5]
    row = [
        Panel(title="a", pos=pos, label=pos[:, 2] > 0.45),
        Panel(title="b", pos=pos, label=pos[:, 2] < -0.45),
    ]
    counts = {}
    for own in (False, True):
        path = tmp_path / f"{own}.png"
        save_row(path, [row], size=200, own_views=own)
        image = np.asarray(Image.open(path).convert("RGB")).astype(int)
        counts[own] = [red(image[:, 12:212]), red(image[:, 224:424])]
    assert min(counts[True]) > 100
    assert counts[False][0] < 0.2 * counts[False][1]

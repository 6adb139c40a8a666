"""Pictures of shapes whose outline, light and visibility are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread
from scipy.spatial.transform import Rotation

from gmanet.errors import InputError
from gmanet.view.colors import LABEL_COLOR, SCORE_MAP, SURFACE_COLOR, label_colors, score_colors
from gmanet.view.render import fitting_extent, render
from gmanet.view.scale_bar import round_length
from gmanet.view.sheet import FOOT, GAP, HEAD, Panel, best_view, save_row

FRONT = np.eye(3)


def sphere(count, seed=0):
    pos = np.random.default_rng(seed).normal(size=(count, 3))
    return (pos / np.linalg.norm(pos, axis=1, keepdims=True)).astype(np.float32)


def box(sides, count, seed=0):
    """A box centered at the origin, sampled uniformly per area."""
    generator = np.random.default_rng(seed)
    sides = np.asarray(sides, dtype=np.float64)
    area = np.array([sides[1] * sides[2], sides[0] * sides[2], sides[0] * sides[1]])
    axis = generator.choice(3, count, p=area / area.sum())
    pos = generator.uniform(-0.5, 0.5, (count, 3))
    pos[np.arange(count), axis] = generator.choice([-0.5, 0.5], count)
    return (pos * sides).astype(np.float32)


def washer(count, seed=0):
    generator = np.random.default_rng(seed)
    angle, radius = (
        generator.uniform(0, 2 * np.pi, count),
        np.sqrt(generator.uniform(25, 100, count)),
    )
    height = generator.choice([0.0, 1.0], count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], 1).astype(np.float32)


def gray(count):
    return np.tile(SURFACE_COLOR, (count, 1))


def is_paper(image):
    return (image == 255).all(axis=2)


def distance_to_middle(size):
    step = np.arange(size) - (size - 1) / 2
    return np.hypot(step[:, None], step)


@pytest.mark.parametrize(("count", "slack"), [(1_000, 0.08), (12_000, 0.03), (60_000, 0.02)])
def test_sphere_is_a_disc_without_holes(count, slack):
    image, scale = render(sphere(count), None, rgb=gray(count), view=FRONT, size=300)
    radius = distance_to_middle(300) / scale
    assert image.shape == (300, 300, 3)
    assert image.dtype == np.uint8
    assert not is_paper(image)[radius < 1 - slack].any()
    assert is_paper(image)[radius > 1 + slack].all()


def test_pinholes_do_not_show_the_far_side():
    pos = sphere(12_000)
    front = pos[:, 2] > 0
    rgb = np.where(front[:, None], [0, 255, 0], [255, 0, 0])
    image = render(pos, None, rgb=rgb, view=FRONT, size=300)[0].astype(int)
    inner = distance_to_middle(300) < 130
    assert (image[..., 1] > image[..., 0])[inner].all()


def test_scale_is_pixels_per_unit():
    image, scale = render(sphere(12_000), None, rgb=gray(12_000), view=FRONT, size=300, extent=2.0)
    assert scale == 75
    rows = np.flatnonzero(~is_paper(image).all(axis=1))
    assert np.ptp(rows) + 1 == pytest.approx(2 * 75, abs=3)


def test_light_comes_from_the_upper_left():
    image, _ = render(sphere(12_000), None, rgb=gray(12_000), view=FRONT, size=300)
    value = image.mean(axis=2)
    assert (
        value[80:100, 80:100].mean()
        > value[140:160, 140:160].mean()
        > value[210:230, 210:230].mean()
    )
    assert value[80:100, 80:100].mean() > value[210:230, 80:100].mean()


def test_rows_of_the_view_point_right_up_and_at_the_viewer():
    pos = sphere(12_000)
    rgb = np.zeros((12_000, 3))
    rgb[pos[:, 0] > 0.5, 0] = 255
    rgb[pos[:, 1] > 0.5, 1] = 255
    rgb[pos[:, 2] > 0.5, 2] = 255
    image = render(pos, None, rgb=rgb, view=FRONT, size=300)[0]
    assert image[150, 250].argmax() == 0
    assert image[50, 150].argmax() == 1
    assert image[150, 150].argmax() == 2
    aside = render(pos, None, rgb=rgb, view=[[0, 0, 1], [0, 1, 0], [-1, 0, 0]], size=300)[0]
    assert aside[150, 250].argmax() == 2


def test_what_is_in_front_hides_what_is_behind():
    sheet = np.random.default_rng(0).uniform(-1, 1, (6_000, 3)).astype(np.float32)
    pos = sheet * [1, 1, 0] + [0, 0, 0.3] * np.sign(sheet[:, 2:])
    rgb = np.where(pos[:, 2:] > 0, [255, 0, 0], [0, 0, 255])
    for view, seen in ((FRONT, 0), (np.diag([-1, 1, -1]), 2)):
        image = render(pos, None, rgb=rgb, view=view, size=200)[0].astype(int)
        assert (image[20:180, 20:180].argmax(axis=2) == seen).all()


def test_faces_of_a_cube_are_flat_up_to_the_edges():
    view = best_view(box((1, 1, 1), 15_000))
    image, _ = render(box((1, 1, 1), 15_000), None, rgb=gray(15_000), view=view, size=300)
    value = image.mean(axis=2)[~is_paper(image)]
    counts = np.bincount(value.astype(int), minlength=256)
    within = np.convolve(counts, np.ones(9), "same")
    share = 0.0
    for _ in range(3):
        peak = int(within.argmax())
        share += within[peak] / len(value)
        within[max(0, peak - 9) : peak + 10] = 0
    assert share > 0.75  # three shades; rounded edges would spread the values


def test_given_normals_are_used():
    pos = sphere(6_000)
    inner = distance_to_middle(200) < 60
    lit, dim = (
        render(pos, np.tile(normal, (6_000, 1)), rgb=gray(6_000), view=FRONT, size=200)[0][
            inner
        ].mean()
        for normal in ([-0.6, 0.6, 0.53], [0.6, -0.6, 0.53])
    )
    assert lit > dim + 50


@given(st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_best_view_turns_with_the_part(seed):
    pos = np.concatenate([box((10, 1, 2), 3_000), box((1, 3, 4), 2_000) + np.float32([4, 0, 0.5])])
    turn = Rotation.random(random_state=seed).as_matrix()
    moved = (pos @ turn.T + 7).astype(np.float32)
    view = best_view(moved)
    np.testing.assert_allclose(view @ view.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(view) == pytest.approx(1)
    np.testing.assert_allclose(view @ turn, best_view(pos), atol=1e-3)


def test_long_parts_lie_diagonally():
    right, up, near = best_view(box((10, 1, 1), 3_000)) @ [1, 0, 0]
    assert abs(abs(right) - abs(up)) < 0.05
    assert 0.1 < abs(near) < 0.6


def test_flat_parts_show_their_hole():
    pos = washer(8_000)
    image, _ = render(pos, None, rgb=gray(8_000), view=best_view(pos), size=200)
    paper = is_paper(image)
    assert paper[100, 100]
    assert not paper[100, 50:100].all()
    assert not paper[100, 100:150].all()
    assert not paper[50:100, 100].all()


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("side", [-1, 1])
def test_best_view_shows_the_region(axis, side):
    pos = box((3, 2, 1), 5_000)
    middle = np.array([0.0, 0.0, 0.0])
    middle[axis] = side * [1.5, 1, 0.5][axis]
    region = np.linalg.norm(pos - middle, axis=1) < 0.4
    image = render(pos, None, rgb=label_colors(region), view=best_view(pos, region), size=150)[
        0
    ].astype(int)
    assert (image[..., 0] > image[..., 2] + 50).sum() > 100


def test_one_sided_scan_is_seen_from_outside():
    pos = sphere(9_000)
    shell = pos[pos[:, 0] > 0.1]
    assert best_view(shell)[2] @ [1, 0, 0] > 0.3


def test_ends_of_the_score_map():
    colors = score_colors(np.array([-1e9, -2.0, 5.0, 1e9]), -2.0, high=5.0)
    assert (colors[:2] == SCORE_MAP[0]).all()
    assert (colors[2:] == SCORE_MAP[-1]).all()
    assert (score_colors(np.zeros(3), 0.0, high=0.0) == SCORE_MAP[0]).all()


def test_score_map_darkens_evenly():
    linear = np.where(
        SCORE_MAP > 10, ((SCORE_MAP / 255 + 0.055) / 1.055) ** 2.4, SCORE_MAP / 3294.6
    )
    lightness = 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16
    assert (np.diff(lightness) < 0.3).all()  # rounding to bytes
    assert (np.diff(lightness[::16]) < 0).all()
    assert lightness[0] - lightness[-1] > 55


@pytest.mark.parametrize(("score", "low", "high"), [([1.0], 2.0, 1.0), ([np.nan], 0.0, 1.0)])
def test_scores_without_a_color_are_refused(score, low, high):
    with pytest.raises(ValueError, match=r"range|finite"):
        score_colors(np.array(score), low, high=high)


def test_label_colors():
    assert (label_colors([True, False]) == [LABEL_COLOR, SURFACE_COLOR]).all()


@given(st.floats(1e-6, 1e6))
def test_scale_bar_is_one_two_or_five(most):
    length = round_length(most)
    assert length <= most * (1 + 1e-9) < 2.5 * length * (1 + 1e-6)
    assert f"{length:e}"[0] in "125"
    assert float(f"{length:.0e}") == pytest.approx(length)


def panels():
    pos = sphere(3_000)
    score = pos[:, 2].copy()
    return [
        Panel(title="Normal", pos=pos),
        Panel(title="Truth", pos=pos, label=score > 0.9),
        Panel(title="Score", pos=pos, score=score),
    ]


def test_picture_holds_panels_bars_and_words(tmp_path):
    path = tmp_path / "row.png"
    save_row(path, [panels(), panels()[:2]], unit="mm", size=200)
    image = np.rint(imread(path)[..., :3] * 255).astype(int)
    pitch = HEAD + 200 + FOOT
    assert image.shape == (2 * pitch, GAP + 3 * (200 + GAP) + 120, 3)
    for column in range(3):
        left = GAP + column * (200 + GAP)
        drawn = ~is_paper(image[HEAD : HEAD + 200, left : left + 200])
        assert drawn.mean() == pytest.approx(np.pi / 4 / 1.06**2, abs=0.03)
        assert is_paper(image[: HEAD - 2, left : left + 200]).mean() < 0.99  # a title
    reds = image[HEAD : HEAD + 200, GAP + 212 : GAP + 412]
    assert (reds[..., 0] > reds[..., 2] + 80).any()
    assert is_paper(image[pitch : pitch + HEAD - 2]).mean() > 0.99  # repeated titles
    bar = image[HEAD + 40 : HEAD + 160, GAP + 3 * 212 + 10]
    np.testing.assert_array_equal(bar[[0, -1]], SCORE_MAP[[-1, 0]])


def test_scale_bar_is_as_long_as_it_says(tmp_path):
    pos = sphere(3_000) * 10
    save_row(tmp_path / "row.png", [[Panel(title="", pos=pos)]], unit="mm", size=200)
    image = imread(tmp_path / "row.png")[..., :3]
    line = (image[-FOOT // 2 - 2] == 0).all(axis=1)[GAP:]
    run = int(np.argmin(line))
    scale = 200 / (2 * fitting_extent(pos, best_view(pos)))
    assert run == round(5 * scale)


def test_same_input_same_bytes_and_nothing_else(tmp_path):
    for name in ("one.png", "two.png"):
        save_row(tmp_path / name, [panels()], size=100)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "two.png"]


def test_clouds_in_other_poses_are_turned_alike(tmp_path):
    pos = np.concatenate([box((10, 1, 2), 3_000), box((1, 3, 4), 2_000) + np.float32([4, 0, 0.5])])
    turn = Rotation.random(random_state=1).as_matrix()
    other = (pos @ turn.T).astype(np.float32)
    save_row(
        tmp_path / "row.png", [[Panel(title="", pos=pos), Panel(title="", pos=other)]], size=120
    )
    image = np.rint(imread(tmp_path / "row.png")[HEAD : HEAD + 120, :, :3] * 255)
    left, right = image[:, GAP : GAP + 120], image[:, 2 * GAP + 120 : 2 * GAP + 240]
    assert np.mean(is_paper(left) != is_paper(right)) < 0.01


def test_unusable_requests_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"row\.jpg.*\.png"):
        save_row(tmp_path / "row.jpg", [panels()])
    for rows in ([], [[]]):
        with pytest.raises(ValueError, match="at least one"):
            save_row(tmp_path / "row.png", rows)
    pos = sphere(100)
    with pytest.raises(ValueError, match="colors for"):
        Panel(title="both", pos=pos, score=pos[:, 0], label=pos[:, 0] > 0)
    with pytest.raises(ValueError, match="colors for"):
        Panel(title="short", pos=pos, score=pos[:50, 0])

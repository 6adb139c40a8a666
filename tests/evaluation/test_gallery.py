"""Which clouds are drawn, and into which files."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.evaluation.gallery import choose, draw_gallery
from gmanet.evaluation.predictions import Prediction


def named(*names):
    return [
        Prediction(name=name, score=np.zeros(1), defect=name.partition("_")[0]) for name in names
    ]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, []),
        (1, ["dent_0"]),
        (3, ["dent_0", "scar_0", "good_0"]),
        (5, ["dent_0", "scar_0", "good_0", "dent_1", "good_1"]),
        (99, ["dent_0", "scar_0", "good_0", "dent_1", "good_1", "good_2"]),
        (-1, ["dent_0", "scar_0", "good_0", "dent_1", "good_1", "good_2"]),
    ],
)
def test_kinds_take_turns_and_good_comes_last(count, expected):
    predictions = named("dent_0", "dent_1", "good_0", "good_1", "good_2", "scar_0")
    assert choose(predictions, count) == expected


def test_nothing_to_choose_from():
    assert choose([], 5) == choose([], -1) == []


def test_one_picture_per_name(bumped_plate, given_clouds, tmp_path):
    clouds = [bumped_plate(300, seed).replace(name=f"dent/{seed}") for seed in range(2)]
    normal = bumped_plate(300, 5, height=0)
    predictions = {c.name: Prediction(name=c.name, score=c.pos[:, 2].copy()) for c in clouds}
    test = given_clouds(clouds, "test")
    files = draw_gallery(
        tmp_path,
        ["dent/1"],
        normal=normal,
        twin=clouds[0],
        test=test,
        predictions=predictions,
        workers=0,
    )
    assert len(files) == 1
    assert files[0].parent == tmp_path
    assert files[0].read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == [files[0].name]

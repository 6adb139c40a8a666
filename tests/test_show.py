"""``show`` and ``synthesize``: what they write and refuse, and that twins are a run's own."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gmanet import show, synthesize
from gmanet.config.compose import compose
from gmanet.datasets.catalog import open_data
from gmanet.evaluation.predictions import Prediction
from gmanet.formats import read_cloud, write_cloud
from gmanet.runs.folder import Run
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.spcg import Generator

WORDS = ("data.profile=tiny", "data.category=washer")


def size(path):
    with Image.open(path) as image:
        return image.size


@pytest.fixture
def run(type_in):
    """A run whose scores are the truth; ``type_in`` says where runs lie."""
    made = Run.create(compose([*WORDS, "name=w", "seed=3"]))
    for cloud in open_data(made.config.data, "test"):
        score = cloud.label.astype(np.float32)
        Prediction(
            name=cloud.name, score=score, label=cloud.label, region=None, defect=cloud.defect
        ).save(made.predictions)
    return made


@pytest.fixture
def refused(type_in, capsys):
    def call(main, *words):
        with pytest.raises(SystemExit) as end:
            type_in(main, *words)
        assert end.value.code == 2
        return capsys.readouterr().err

    return call


@pytest.mark.slow
def test_twins_are_those_of_a_run(type_in, tmp_path, capsys):
    type_in(synthesize.main, *WORDS, "seed=3", 4, "-o", tmp_path / "twins")
    names = [f"good_00{i % 3}_twin_00{i}.ply" for i in range(4)]
    files = [str(tmp_path / "twins" / name) for name in [*names, "twins.png"]]
    assert sorted(map(str, (tmp_path / "twins").iterdir())) == sorted(files)
    assert capsys.readouterr().out.split() == files
    train = open_data(compose(list(WORDS)).data, "train")
    wanted = Generator(SynthesisConfig()).twin(train[0], np.random.default_rng([3, 3]))
    made = read_cloud(tmp_path / "twins" / names[3])
    np.testing.assert_array_equal(made.pos, wanted.pos)
    np.testing.assert_array_equal(made.label, wanted.label)


@pytest.mark.parametrize("words", [["0"], ["two"], ["2", "3"]])
def test_synthesize_refuses_other_counts(refused, tmp_path, words):
    assert "one number of twins" in refused(synthesize.main, *words, "-o", tmp_path / "twins")
    assert not (tmp_path / "twins").exists()


def test_a_scan_is_shown_with_what_is_known_of_it(type_in, tmp_path, bumped_plate):
    cloud = bumped_plate(500)
    path = tmp_path / "part.xyz"
    heights = []
    for known, scored in ((None, False), (cloud.label, False), (cloud.label, True)):
        write_cloud(path, cloud.replace(label=known))
        if scored:
            np.savez(tmp_path / "part.scores.npz", score=np.linspace(0, 1, 500, dtype=np.float32))
        type_in(show.main, path)
        heights.append(size(tmp_path / "part.views.png")[1])
    assert heights[0] == heights[1] < heights[2]


@pytest.mark.slow
def test_a_run_is_shown(run, type_in, tmp_path):
    type_in(show.main, run.folder)
    drawn = sorted(path.name for path in run.pictures.iterdir())
    assert drawn == ["concave_000.views.png", "real_and_synthetic.png"]
    type_in(show.main, run.folder, "scar_000", "-o", tmp_path / "out")
    assert (tmp_path / "out/scar_000.views.png").is_file()
    assert size(tmp_path / "out/real_and_synthetic.png")[0] > 5 * 300  # one of each kind


def test_what_cannot_be_shown(refused, run, tmp_path, bumped_plate):
    path = tmp_path / "part.xyz"
    write_cloud(path, bumped_plate(500))
    assert "no test cloud 'scar_00'" in refused(show.main, run.folder, "scar_00")
    assert "only a run has clouds" in refused(show.main, path, "scar_000")
    np.savez(tmp_path / "part.scores.npz", score=np.zeros(7, dtype=np.float32))
    assert "7 scores for the 500 points" in refused(show.main, path)
    assert "missing.ply" in refused(show.main, tmp_path / "missing.ply")
    empty = Run.create(compose(["name=empty"]))
    assert "holds no predictions" in refused(show.main, empty.folder)

"""Experiment files: every cell of every one composes, and no two share a folder."""

from pathlib import Path

import pytest

from gmanet.config import compose
from gmanet.errors import InputError
from gmanet.sweep import read_experiment

FILES = sorted((Path(__file__).parents[1] / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_cell_composes_into_a_folder_of_its_own(path, tmp_path):
    cells = read_experiment(path, tmp_path).cells
    assert cells
    assert len({cell.run.folder for cell in cells}) == len(cells)
    for cell in cells:
        assert tmp_path / compose(cell.words).name == cell.run.folder


def test_a_file_that_is_no_experiment_is_refused(tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_text("rows: {a: []}\ngird: {seed: [0]}\n", encoding="utf-8")
    with pytest.raises(InputError, match="unknown keys gird"):
        read_experiment(path, tmp_path)
    with pytest.raises(InputError, match=r"no such file; there are: .*odd\.yaml"):
        read_experiment(tmp_path / "other.yaml", tmp_path)

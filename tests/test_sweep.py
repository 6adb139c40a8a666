"""Experiment files: every cell of every one composes, and no two share a folder."""

from pathlib import Path

import pytest

from gmanet.config import compose
from gmanet.errors import InputError
from gmanet.experiment import read_experiment

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


def test_a_row_may_have_a_grid_of_its_own(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        "rows:\n  all: [detector=btf_raw]\n"
        "  one: {words: [detector=curvature], grid: {seed: [0]}}\n"
        "grid: {data.category: [washer], seed: [0, 1]}\n"
    )
    cells = read_experiment(path, tmp_path).cells
    assert [(cell.row, cell.point["seed"]) for cell in cells] == [
        ("all", 0),
        ("all", 1),
        ("one", 0),
    ]
    assert "detector=curvature" in cells[2].words
    path.write_text("rows: {one: {word: []}}")
    with pytest.raises(InputError, match="row one: unknown keys word, wanted words and grid"):
        read_experiment(path, tmp_path)

"""Experiment files: every cell of every one composes, and no two share a folder."""

import json
from pathlib import Path

import pytest

from gmanet.config.compose import compose
from gmanet.errors import InputError
from gmanet.runs.experiment import file_and_overrides, read_experiment

FILES = sorted((Path(__file__).parents[1] / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_row_and_point_composes_into_a_folder_of_its_own(path, tmp_path):
    cells = read_experiment(path, tmp_path).cells
    assert cells
    assert len({cell.run.folder for cell in cells}) == len(cells)
    rows = {cell.row: cell for cell in cells}
    points = {str(cell.point): cell for cell in cells}
    for cell in (*rows.values(), *points.values()):  # each row, and each point of the grids
        assert tmp_path / compose(cell.overrides).name == cell.run.folder


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_single_cell_composes(path, tmp_path):
    for cell in read_experiment(path, tmp_path).cells:
        assert tmp_path / compose(cell.overrides).name == cell.run.folder


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
        "  one: {overrides: [detector=curvature], grid: {seed: [0]}}\n"
        "grid: {data.category: [washer], seed: [0, 1]}\n"
    )
    cells = read_experiment(path, tmp_path).cells
    assert [(cell.row, cell.point["seed"]) for cell in cells] == [
        ("all", 0),
        ("all", 1),
        ("one", 0),
    ]
    assert "detector=curvature" in cells[2].overrides
    path.write_text("rows: {one: {word: []}}")
    with pytest.raises(InputError, match="row one: unknown keys word, wanted overrides and grid"):
        read_experiment(path, tmp_path)


@pytest.mark.parametrize(
    "rows", [("+align", "-align"), ("a é", "a"), ("検査", "部品"), ("..", "."), ("1.10", "1.1")]
)
def test_two_rows_never_share_a_folder(tmp_path, rows):
    path = tmp_path / "signs.yaml"
    lines = "".join(f"  {row}: []\n" for row in map(json.dumps, rows))
    path.write_text(f"rows:\n{lines}", encoding="utf-8")
    one, other = read_experiment(path, tmp_path).cells
    assert one.run.folder != other.run.folder
    assert one.run.folder.parent == other.run.folder.parent == tmp_path / "signs"


def test_rows_that_differ_in_punctuation_alone_are_refused(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("rows: {a+b: [], a-b: []}")
    with pytest.raises(InputError, match=r"row 'a\+b' and row 'a-b' would share the folder"):
        read_experiment(path, tmp_path)


def test_text_of_an_experiment_stays_as_it_is_written(tmp_path):
    path = tmp_path / "text.yaml"
    path.write_text("set: {data.root: 001}\nrows: {x: []}\ngrid: {data.category: [1.10, 12:30]}")
    cells = read_experiment(path, tmp_path).cells
    assert [cell.overrides[:2] for cell in cells] == [
        ["data.root=001", "data.category=1.10"],
        ["data.root=001", "data.category=12:30"],
    ]


def test_a_file_may_lie_below_a_folder_with_an_equals_sign(tmp_path):
    path = tmp_path / "a=b/x.yaml"
    assert file_and_overrides(["seed=1", str(path)]) == (path, ["seed=1"])
    overrides = ["detector.weights=x.yaml"]
    assert file_and_overrides([*overrides, "x.yaml"]) == (Path("x.yaml"), overrides)
    with pytest.raises(InputError, match="0 files named, wanted one"):
        file_and_overrides(["seed=1"])

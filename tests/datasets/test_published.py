"""Every loader of a published data set against a tiny imitation in its true layout."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import imitations
import numpy as np
import pytest

from gmanet.cleaning.tabletop import find_table, part_on_table
from gmanet.config.compose import compose
from gmanet.datasets.catalog import DATASETS, PUBLISHED, categories, open_data
from gmanet.datasets.config import DataConfig
from gmanet.errors import InputError
from gmanet.formats import read_cloud
from gmanet.formats.png import read_picture
from gmanet.formats.stl import read as read_stl
from gmanet.formats.tiff import read_grid

every = pytest.mark.parametrize("name", PUBLISHED)


@pytest.fixture
def made(tmp_path):
    """Return ``made(name)``: the configuration of an imitation, and its test names with kinds."""

    def write(name):
        category, kinds = imitations.WRITERS[name](tmp_path / name)
        return DataConfig(name=name, category=category, root=str(tmp_path / name)), kinds

    return write


def refusal(config, split="test", read=True):
    with pytest.raises(InputError) as caught:
        data = open_data(config, split)
        if read:
            list(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def label_file(config):
    """The label file of the first defective cloud, and of which cloud."""
    data = open_data(config, "test")
    item = next(item for item in data.items if item.truth is not None)
    return item.truth, item.path


def test_every_data_set_has_an_imitation_and_a_file():
    assert set(imitations.WRITERS) == {*PUBLISHED, "folder"} == set(DATASETS) - {"procedural"}
    for name in PUBLISHED:
        assert compose([f"data={name}", "data.root=there"]).data.name == name


@every
def test_clouds_of_both_splits(made, name):
    config, kinds = made(name)
    train, test = open_data(config, "train"), open_data(config, "test")
    assert len(train) == 2
    assert train.names == sorted(train.names)
    assert test.names == open_data(config, "test").names
    assert {one: cloud.defect for one, cloud in zip(test.names, test, strict=True)} == kinds
    for cloud in train:
        assert not cloud.abnormal
    for cloud in [*train, *test]:
        assert cloud.checked("") is cloud
        assert cloud.label.dtype == np.bool_
        assert cloud.label.shape == (len(cloud),)
        wanted = imitations.truth(cloud) if cloud.abnormal else np.zeros(len(cloud), bool)
        assert np.array_equal(cloud.label, wanted)
        assert cloud.abnormal == cloud.label.any()
        assert cloud.category == test.category
    assert test.unit in ("", "mm", "m")
    assert test[-1].name == test.names[-1]


@pytest.mark.parametrize("name", ["folder", *PUBLISHED])
def test_kinds_are_known_without_reading_and_a_part_is_divided(made, name):
    config, _ = made(name)
    data = open_data(config, "test")
    assert list(data.defects) == [cloud.defect for cloud in data]
    bad = [kind for kind in data.defects if kind != "good"]
    both = dataclasses.replace(config, task="supervised", unseen=bad[0])
    test = open_data(both, "test")
    assert {*test.defects} == {bad[0]} and len(test) == bad.count(bad[0])
    assert test.names[0].startswith(f"{data.category}/") and test.files


@every
def test_hidden_files_do_not_count(made, name):
    config, _ = made(name)
    before = open_data(config, "train").names
    path = open_data(config, "train").items[0].path
    path.with_name(f"._{path.name}").write_bytes(b"left behind by a file manager")
    assert open_data(config, "train").names == before


@every
def test_other_files_do_not_count(made, name):
    config, kinds = made(name)
    root = Path(config.root)
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        (folder / "ReadMe.md").write_text("about this folder")
        (folder / "Thumbs.db").write_bytes(b"pictures")
    (root / "tools").mkdir(exist_ok=True)
    assert open_data(config, "train").names
    assert sorted(open_data(config, "test").names) == sorted(kinds)
    assert categories(config) == [config.category]


@every
def test_what_lies_in_another_place_is_named(made, name):
    config, _ = made(name)
    folder = PUBLISHED[name].folders(Path(config.root))[config.category]
    for path in [path for path in folder.rglob("test*") if path.is_dir()]:
        path.rename(path.with_name("exam"))
    said = refusal(config)
    assert said.startswith(f"{folder}: no test clouds, found ")
    assert said.endswith(f", wanted {PUBLISHED[name].layout}")
    empty = Path(config.root) / "empty"
    empty.mkdir()
    assert "no category folder, found nothing, wanted" in refusal(
        DataConfig(name=name, category=config.category, root=str(empty))
    )


@every
def test_the_root_and_the_category_have_to_be_there(made, name):
    config, _ = made(name)
    loader = PUBLISHED[name]
    gone = DataConfig(name=name, category=config.category, root=f"{config.root}/gone")
    for where in (gone, DataConfig(name=name, category=config.category)):
        assert loader.source in refusal(where)
        assert loader.layout in refusal(where)
    wrong = DataConfig(name=name, category=f"{config.category[:-1]}x", root=config.root)
    assert f"did you mean {config.category!r}?); there are: {config.category}" in refusal(wrong)
    assert categories(config) == [config.category]
    assert open_data(
        DataConfig(name=name, category=config.category.upper(), root=config.root), "test"
    ).names


@every
def test_a_label_file_has_to_be_there(made, name):
    config, _ = made(name)
    truth, path = label_file(config)
    truth.unlink()
    assert refusal(config) == f"{truth}: no such file, wanted the labels of {path}"


@every
def test_empty_and_truncated_files_are_named(made, name):
    config, _ = made(name)
    truth, path = label_file(config)
    normal = next(i.path for i in open_data(config, "test").items if i.defect == "good")
    for file in (truth, path, normal):
        whole = file.read_bytes()
        file.write_bytes(b"")
        assert refusal(config).startswith(f"{file}: is empty")
        half = len(whole) // 2
        space = whole.rfind(b" ", 0, half)  # a row of text without its last number
        file.write_bytes(whole[: space if file.suffix == ".txt" and space > 0 else half])
        assert str(file) in refusal(config)
        file.write_bytes(whole)
    list(open_data(config, "test"))


TABLES = ["iec3d", "real3d", "shapenet", "open_industry", "minishift"]


@pytest.mark.parametrize("name", TABLES)
def test_labels_are_0_or_1_and_one_for_each_point(made, name):
    config, _ = made(name)
    truth, _ = label_file(config)
    lines = truth.read_text().splitlines()
    for changed, message in (
        ([*lines, lines[-1]], "145"),
        (lines[1:], "143"),
        ([f"{lines[0][:-1]}2", *lines[1:]], "label 2.0 at point 1, wanted 0"),
        ([f"{lines[0][:-1]}0.5", *lines[1:]], "label 0.5 at point 1, wanted 0"),
        ([f"{lines[0][:-1]}nan", *lines[1:]], "label nan at point 1, wanted 0"),
        ([f"{lines[0]} 1", *lines[1:]], ""),
    ):
        truth.write_text("\n".join(changed))
        assert refusal(config).startswith(f"{truth}: ")
        assert message in refusal(config)


REPEATED = pytest.mark.parametrize("name", ["iec3d", "real3d", "shapenet", "open_industry"])
"""Layouts whose label files repeat the coordinates."""


def rewritten(truth, change):
    """Write the rows of a label file anew after ``change(rows)``."""
    separator = "," if "," in truth.read_text() else " "
    rows = change(np.loadtxt(truth, delimiter=separator))
    formats = "\n".join(separator.join(f"{v:.9g}" for v in row) for row in rows)
    truth.write_text(f"{formats}\n")


def shifted(rows, by):
    return rows + np.array([by, 0, 0, 0])


@REPEATED
def test_labels_go_to_the_points_of_the_scan(made, name):
    config, _ = made(name)
    truth, path = label_file(config)
    scan = read_cloud(path)
    place = next(i for i, one in enumerate(open_data(config, "test").items) if one.path == path)
    wanted = imitations.truth(scan)
    for change in (
        lambda rows: rows,
        lambda rows: rows[np.random.default_rng(1).permutation(len(rows))],
        lambda rows: np.round(rows, 4),
    ):
        rewritten(truth, change)
        cloud = open_data(config, "test")[place]
        assert np.array_equal(cloud.pos, scan.pos)
        assert np.array_equal(cloud.label, wanted)


@REPEATED
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda rows: rows * [0.001, 0.001, 0.001, 1], id="another unit"),
        pytest.param(lambda rows: np.column_stack([np.round(rows[:, :3], 1), rows[:, 3]]), id=".1"),
        pytest.param(lambda rows: shifted(rows, 0.01), id="shifted"),
        pytest.param(lambda rows: rows * [1, 1, 1.1, 1], id="another scan"),
        pytest.param(lambda rows: rows[[0, 0, *range(2, len(rows))]], id="a row twice"),
        pytest.param(lambda rows: np.vstack([rows[:-1], shifted(rows[-1:], 9)]), id="one row"),
    ],
)
def test_label_files_of_other_points_are_refused(made, name, change):
    config, _ = made(name)
    truth, path = label_file(config)
    rewritten(truth, change)
    said = refusal(config)
    assert said.startswith(f"{truth}: ")
    assert str(path) in said
    assert "data.label_points=true takes the points of the label file instead" in said
    knowingly = dataclasses.replace(config, label_points=True)
    test = open_data(knowingly, "test")
    cloud = test[next(i for i, one in enumerate(test.items) if one.path == path)]
    rows = np.loadtxt(truth, delimiter="," if name == "shapenet" else None)
    assert np.allclose(cloud.pos + cloud.origin, rows[:, :3], atol=1e-5)
    assert np.array_equal(cloud.label, rows[:, 3] == 1)


@every
def test_outputs_of_predict_are_no_scans_of_a_published_data_set(made, name):
    config, kinds = made(name)
    for path in [
        item.path for split in ("train", "test") for item in open_data(config, split).items
    ]:
        for output in (
            path.with_name(f"{path.stem}.scores.ply"),
            path.parent / "gmanet-scores/a.ply",
        ):
            output.parent.mkdir(exist_ok=True)
            output.write_bytes(b"ply")
        (path.parent / f"{path.stem}.scores.npz").write_bytes(b"PK")
        (path.parent.parent / "gmanet-scores").mkdir(exist_ok=True)
    test = open_data(config, "test")
    assert sorted(test.names) == sorted(kinds)
    assert len(open_data(config, "train")) == 2
    assert "files that gmanet predict wrote are passed over" in test.notes[0]


@pytest.mark.parametrize("name", ["mvtec3d", "eyecandies"])
def test_the_table_is_gone_and_labels_have_no_say_in_it(made, name):
    config, _ = made(name)
    truth, _ = label_file(config)
    before = open_data(config, "test")[-1]
    assert len(before) == 17 * 17
    middle = before.positions()[:, 2].mean()
    assert np.ptp(before.pos[:, 2]) < 0.02 * middle
    for values in (np.zeros((40, 40), np.uint8), np.full((40, 40), 9, np.uint8)):
        truth.write_bytes(imitations.png_bytes(values))
        after = open_data(config, "test")[-1]
        assert np.array_equal(after.pos, before.pos)
        assert after.label.all() == values.any()
    truth.write_bytes(imitations.png_bytes(np.zeros((40, 41), np.uint8)))
    assert "40 x 41 pixels, wanted 40 x 40 as in" in refusal(config)


def test_shapenet_is_found_from_inside(made):
    config, _ = made("shapenet")
    inside = DataConfig(name="shapenet", category="desk0", root=f"{config.root}/pcd")
    assert len(open_data(inside, "test")) == 4


def test_real3d_skips_left_overs(made):
    config, _ = made("real3d")
    assert "5_temp" not in open_data(config, "test").names
    names = open_data(config, "train").names
    assert names == ["airplane_prototype2", "airplane_template1"]


def test_open_industry_without_labels_or_with_strange_names(made):
    config, _ = made("open_industry")
    truth, path = label_file(config)
    truth.unlink()
    truth.parent.rmdir()
    good, dent = open_data(config, "test")
    assert dent.label is None
    assert dent.abnormal
    assert not good.label.any()
    path.rename(path.with_name("circlip_dusty.pcd"))
    assert "is neither numbered nor named by a defect" in refusal(config)


def test_mulsen_rows_belong_to_scans_by_number_or_in_order(made):
    config, kinds = made("mulsen")
    table = Path(config.root) / "capsule/RGB/GT/crack/data.csv"
    for rows in ("10,1,1,1\n2,1,0,0\n", "x,1,0,0\ny,1,1,1\n", "0,1,0,0\n1,1,1,1\n"):
        table.write_text(f"object,label1,label2,label3\n{rows}")
        test = open_data(config, "test")
        assert [cloud.defect for cloud in test] == list(kinds.values())
    for text, message in (
        ("object,label1,label2,label3\n2,1,0,0\n", "1 rows, wanted 2 as scans in"),
        ("object,label1,label2\n2,1,0\n10,1,1\n", "wanted object,…,label3"),
        ("object,label1,label2,label3\n2,1,0,0\n10,1,1,2\n", "row 3 is '10,1,1,2'"),
    ):
        table.write_text(text)
        assert message in refusal(config)


def test_mulsen_points_of_another_scan_are_refused(made):
    config, _ = made("mulsen")
    truth, _ = label_file(config)
    x, y, z = open_data(config, "test")[-1].positions()[7]
    truth.write_text(f"{x},{y},{z}\n9,9,9\n")
    assert "row 2 is" in refusal(config)
    truth.write_text("0,0\n")
    assert "2 columns, wanted x y z" in refusal(config)


def test_triangles_in_text_and_their_damage(tmp_path):
    pos = imitations.wave(0)[:96].reshape(-1, 3, 3)
    facets = "".join(
        "facet normal 0 0 0\nouter loop\n"
        + "".join(f"  vertex {x:.9g} {y:.9g} {z:.9g}\n" for x, y, z in one)
        + "endloop\nendfacet\n"
        for one in pos.tolist()
    )
    path = tmp_path / "a.stl"
    path.write_text(f"solid part\n{facets}{facets}endsolid part\n")
    assert np.allclose(read_stl(path).positions(), pos.reshape(-1, 3), rtol=0, atol=1e-6)
    for text, message in (
        (f"solid part\n{facets}", "wanted three each and endsolid at the end"),
        (f"solid part\n{facets}vertex 1 2 3\nendsolid\n", "97 corners for 32 triangles"),
        (f"solid part\n{facets}vortex 1 2 3\nendsolid\n", "is no line of an STL file"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_stl(path)
    path.write_bytes(b"x" * 80 + struct.pack("<I", 2**31) + b"y" * 50)
    with pytest.raises(InputError, match="2147483648 triangles promised, found 1"):
        read_stl(path)


def test_pictures_of_coordinates(tmp_path):
    grid = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    path = tmp_path / "a.tiff"
    for order in "<>":
        path.write_bytes(imitations.tiff_bytes(grid, order))
        assert np.array_equal(read_grid(path), grid)
    data = imitations.tiff_bytes(grid)
    for damaged in (
        b"",
        b"II*\0",
        data[:-9],
        data[8:],
        data.replace(b"\x20\0\x20\0", b"\x10\0\x10\0"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError):
            read_grid(path)
    huge = data.replace(
        struct.pack("<HHIHH", 256, 3, 1, 7, 0), struct.pack("<HHII", 256, 4, 1, 2**31)
    )
    path.write_bytes(huge)
    with pytest.raises(InputError, match="for 5 x 2147483648 x 3 pixels"):
        read_grid(path)


def test_masks_of_any_kind(tmp_path):
    path = tmp_path / "a.png"
    gray = np.arange(200, dtype=np.uint8).reshape(10, 20)
    color = np.stack([gray * 0, gray, gray * 0], axis=2)
    alpha = np.stack([gray, gray, gray, gray * 0 + 255], axis=2)
    for values in (gray, color, alpha):
        path.write_bytes(imitations.png_bytes(values))
        assert np.array_equal(read_picture(path), gray)
    whole = imitations.png_bytes(gray)
    for damaged in (whole[:-20], whole[:50] + b"?" + whole[51:], b"GIF89a", whole[:30]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"a\.png: "):
            read_picture(path)


REAL = Path(__file__).parents[2].parent / "shared" / "data" / "mvtec3d_raw"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real scans are not at hand")


@pytest.fixture(scope="module")
def raw():
    """Each real scan's item, coordinates, and which pixels were measured."""
    config = DataConfig(name="mvtec3d", category="cable_gland", root=str(REAL))
    items = [item for split in ("train", "test") for item in open_data(config, split).items]
    assert [item.defect for item in items] == ["good"] * 3 + ["bent", "cut", "hole", "thread"]
    grids = [read_grid(item.path) for item in items]
    return [(i, grid, (grid != 0).any(axis=2)) for i, grid in zip(items, grids, strict=True)]


@real
def test_real_scans_lose_the_table_but_no_label(raw):
    for item, grid, valid in raw:
        kept, table = part_on_table(grid, valid), find_table(grid, valid)
        assert 0.2 < kept.sum() / valid.sum() < 0.35
        assert table.heights(grid[kept]).min() > table.reach > 0.001
        if item.truth is not None:
            abnormal = read_picture(item.truth) > 0
            assert (abnormal & kept).sum() >= 0.98 * (abnormal & valid).sum()


@real
def test_the_defect_of_a_real_scan_has_no_say_in_what_is_kept(raw):
    for item, grid, valid in raw:
        if item.truth is not None:
            abnormal = read_picture(item.truth) > 0
            kept = part_on_table(grid, valid)
            assert np.array_equal(part_on_table(grid, valid & ~abnormal), kept & ~abnormal)


@real
def test_the_table_of_a_real_scan_gave_the_label_away_and_is_gone(raw):
    measured = {True: [], False: []}
    left = {True: [], False: []}
    for item, grid, valid in raw:
        kept, table = part_on_table(grid, valid), find_table(grid, valid)
        heights = table.heights(grid[kept])
        measured[item.truth is None].append(valid.sum())
        left[item.truth is None].append(
            [kept.sum(), table.reach, table.height, heights.min(), heights.max()]
        )
        # as little of the table as in a defective scan: the part stays as it is
        on_table = valid & (table.heights(grid) < table.reach)
        lost = on_table & (np.random.default_rng(0).random(valid.shape) < 0.2)
        changed = (part_on_table(grid, valid & ~lost) != kept).sum()
        assert changed <= 0.002 * kept.sum()
    assert min(measured[True]) > max(measured[False])
    normal, defective = np.array(left[True]), np.array(left[False])
    assert (normal.min(axis=0) < defective.max(axis=0)).all()
    assert (normal.max(axis=0) > defective.min(axis=0)).all()


def test_unknown_sources():
    assert set(PUBLISHED) < set(DATASETS)
    assert "did you mean 'real3d'?" in refusal(DataConfig(name="real3", category="car"))
    for key in ("views", "train_clouds"):
        with pytest.raises(InputError, match=f"data.{key}=-1, wanted 0 or more"):
            DataConfig(**{key: -1})

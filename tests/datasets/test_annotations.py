"""What CloudCompare saves becomes label files that the IEC3D-AD loader reads."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet import annotate
from gmanet.cloud import Cloud
from gmanet.datasets.annotations import convert_annotations, read_annotation, write_gt
from gmanet.datasets.loaders.iec3d import IEC3D
from gmanet.errors import InputError
from gmanet.formats import read_cloud, write_cloud

POS = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
LABEL = POS[:, 0] > 1


@pytest.fixture
def category(tmp_path):
    folder = tmp_path / "data" / "KNut"
    for stem in ("train/1", "test/good_1", "test/dent_2"):
        write_cloud(folder / f"{stem}.pcd", Cloud(POS[::-1]))
    return folder


def rows(separator=" ", label=LABEL, colors=False):
    return "".join(
        separator.join([*(f"{v:.9g}" for v in p), *(["9", "8", "7"] if colors else []), str(one)])
        + "\n"
        for p, one in zip(POS.tolist(), label.astype(float).tolist(), strict=True)
    )


TEXTS = {
    "head": "//X Y Z Scalar_field\n" + rows(),
    "colors": "//X Y Z R G B label\n" + rows(colors=True),
    "commas": "//X,Y,Z,Scalar field\n" + rows(","),
    "no head": rows(),
    "no head, colors": rows(colors=True),
    "nan": "//X Y Z scalar_Label\n" + rows(label=np.where(LABEL, 1, np.nan)),
    "two fields": "//X Y Z label Density\n" + rows().replace("\n", " 17.5\n"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_tables(tmp_path, case):
    path = tmp_path / "dent_2.txt"
    path.write_text(TEXTS[case])
    cloud = read_annotation(path)
    assert np.array_equal(cloud.pos, POS)
    assert np.array_equal(cloud.label, LABEL)


@pytest.mark.parametrize("field", ["label", "scalar_Scalar_field", "scalar_Label"])
@pytest.mark.parametrize("ending", [".ply", ".pcd"])
def test_fields_of_binary_files(tmp_path, field, ending):
    path = tmp_path / f"dent_2{ending}"
    write_cloud(path, Cloud(POS, LABEL))
    head = path.read_bytes().replace(b"label", field.encode(), 1)
    path.write_bytes(head)
    assert np.array_equal(read_annotation(path).label, LABEL)


def test_any_field_can_be_named(tmp_path):
    path = tmp_path / "dent_2.txt"
    path.write_text("//X Y Z My_marks\n" + rows())
    with pytest.raises(InputError, match=r"columns are 'x y z my_marks', wanted label or"):
        read_annotation(path)
    assert np.array_equal(read_annotation(path, "my_marks").label, LABEL)


def test_the_loader_reads_what_was_converted(category, tmp_path):
    path = tmp_path / "dent_2.txt"
    path.write_text(TEXTS["head"])
    assert convert_annotations(category, [path]) == [category / "gt" / "dent_2.txt"]
    dent = IEC3D(category.parent, "k_nut", split="test")[0]
    assert dent.name == "dent_2"
    scan, labels = scanned(category)
    assert np.array_equal(dent.pos, scan)
    assert np.array_equal(dent.label, labels)


def scanned(category):
    """The scan's points and, as it has them in the reverse order, their labels."""
    scan = read_cloud(category / "test/dent_2.pcd").pos
    assert np.array_equal(scan, POS[::-1])
    return scan, LABEL[::-1]


def test_rounded_annotations_label_the_points_of_the_scan(category, tmp_path):
    write_gt(category, Cloud(np.round(POS, 3), LABEL, name="dent_2"))
    dent = IEC3D(category.parent, "k_nut", split="test")[0]
    scan, labels = scanned(category)
    assert np.array_equal(dent.pos, scan)
    assert np.array_equal(dent.label, labels)


def test_the_command(category, tmp_path, type_in, capsys):
    folder = tmp_path / "marked"
    write_cloud(folder / "dent_2.ply", Cloud(POS, LABEL))
    (folder / "notes.md").write_text("not a cloud")
    type_in(annotate.main, folder, "-o", category)
    share = 100 * LABEL.mean()
    assert capsys.readouterr().out == (
        f"{category / 'gt' / 'dent_2.txt'}: {share:.2f} % of the points are abnormal\n"
    )
    assert np.array_equal(
        IEC3D(category.parent, "k_nut", split="test")[0].label, scanned(category)[1]
    )
    path = tmp_path / "dent_2.txt"
    path.write_text("//X Y Z My_marks\n" + rows(label=1 - LABEL))
    type_in(annotate.main, path, "-o", category, "--field", "My marks")
    assert np.array_equal(
        IEC3D(category.parent, "k_nut", split="test")[0].label, ~scanned(category)[1]
    )


def test_mistakes_at_the_command(category, tmp_path, type_in, capsys):
    (tmp_path / "empty").mkdir()
    for words, message in (
        ([tmp_path / "empty", "-o", category], "empty: no files that end in .txt, .xyz"),
        ([tmp_path / "gone.txt", "-o", category], "gone.txt: no such file"),
        ([tmp_path / "gone.txt", "-o", tmp_path], "test: no such folder, wanted the scans"),
    ):
        with pytest.raises(SystemExit):
            type_in(annotate.main, *words)
        assert message in capsys.readouterr().err


def test_one_bad_file_and_none_is_written(category, tmp_path):
    for stem, label in (("dent_2", LABEL), ("scar_3", LABEL & False)):
        write_cloud(category / f"test/{stem}.pcd", Cloud(POS))
        write_cloud(tmp_path / f"{stem}.ply", Cloud(POS, label))
    files = [tmp_path / "dent_2.ply", tmp_path / "scar_3.ply"]
    with pytest.raises(InputError, match="scar_3: no point is marked abnormal"):
        convert_annotations(category, files)
    assert not (category / "gt").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rows(label=LABEL * 2), "label 2.0 at point"),
        (rows(label=LABEL * np.nan), "no point has a label"),
        ("81\n" + rows(), "promises 81 points, found 80"),
        ("//X Y Z\n" + rows(), "4 columns named 'x y z'"),
        ("//A B C label\n" + rows(), "wanted a first line //X Y Z"),
        ("", "is empty"),
        (rows()[:-20], r"columns, wanted|80 points|79|label"),
    ],
)
def test_refusals(category, tmp_path, text, message):
    path = tmp_path / "dent_2.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        convert_annotations(category, [path])
    assert not (category / "gt").exists()


def test_label_files_need_their_scan_and_a_defect(category, tmp_path):
    for cloud, message in (
        (Cloud(POS, LABEL, name="dint_2"), "no such file, wanted one of: dent_2.pcd, good_1.pcd"),
        (Cloud(POS[:70], LABEL[:70], name="dent_2"), "70 labels, wanted 80 as points"),
        (Cloud(POS, LABEL & False, name="dent_2"), "no point is marked abnormal"),
        (Cloud(POS, LABEL, name="good_1"), "is called good"),
        (Cloud(POS + 1, LABEL, name="dent_2"), "away from all points, wanted those of"),
    ):
        with pytest.raises(InputError, match=message):
            write_gt(category, cloud)
    path = tmp_path / "dent_3.txt"
    path.write_text(rows())
    with pytest.raises(InputError, match=r"no dent_3\.pcd in"):
        convert_annotations(category, [path])
    with pytest.raises(InputError, match=r"ending '\.las', wanted"):
        read_annotation(tmp_path / "a.las")

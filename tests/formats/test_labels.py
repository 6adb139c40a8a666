"""What a label is: one rule for all readers."""

from __future__ import annotations

import numpy as np
import pytest

from gmanet.cloud import Cloud
from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.errors import InputError
from gmanet.formats import read_cloud, write_cloud

N = 100
POS = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
FEW = np.arange(N) < 9


def write(path, values, name="label"):
    """Write a scan with a field of that name."""
    if path.suffix == ".npz":
        with path.open("wb") as file:
            np.savez(file, pos=POS, **{name: values})
        return
    rows = "".join(
        " ".join(f"{v:.12g}" for v in (*p, one)) + "\n"
        for p, one in zip(POS.tolist(), np.asarray(values, float).tolist(), strict=True)
    )
    heads = {
        ".txt": f"//X Y Z {name}\n",
        ".xyz": f"# x,y,z,{name}\n",
        ".ply": f"ply\nformat ascii 1.0\nelement vertex {N}\nproperty float x\nproperty float y\n"
        f"property float z\nproperty double {name}\nend_header\n",
        ".pcd": f"VERSION .7\nFIELDS x y z {name}\nSIZE 4 4 4 8\nTYPE F F F F\nCOUNT 1 1 1 1\n"
        f"WIDTH {N}\nHEIGHT 1\nPOINTS {N}\nDATA ascii\n",
    }
    path.write_text(heads[path.suffix] + rows)


ENDINGS = [".txt", ".xyz", ".ply", ".pcd", ".npz"]
NONE = {
    "gray": (np.arange(N) % 256, "0 to 99"),
    "segments": (1 + FEW, "1 to 2"),
    "255": (FEW * 255, "0 to 255"),
    "-1": (FEW * -1, "-1 to 0"),
    "all bits": (FEW * 4294967295, "0 to 4294967295"),
    "half": (FEW * 0.5, "0 to 0.5"),
    "nan": (np.where(FEW, 1, np.nan), "1 to 1 and NaN"),
    "only nan": (np.full(N, np.nan), "no number"),
    "all ones": (np.ones(N), "marks 100% of the points"),
    "most": (1 - FEW, "marks 91% of the points"),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("case", NONE)
def test_no_label(tmp_path, ending, case):
    values, found = NONE[case]
    path = tmp_path / f"bump{ending}"
    write(path, values)
    cloud = read_cloud(path)
    assert cloud.label is None
    (sentence,) = cloud.notes
    assert sentence.startswith(f"{path}: ")
    assert found in sentence
    assert "is not read as labels: wanted" in sentence


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["label", "Labels", "scalar_label", "gt", "anomaly"])
def test_label(tmp_path, ending, name):
    path = tmp_path / f"bump{ending}"
    for values in (FEW, FEW & False):
        write(path, values.astype(int), name)
        cloud = read_cloud(path)
        assert np.array_equal(cloud.label, values)
        assert cloud.notes == ()


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["Intensity", "grey", "classification", "class", "segment", "s"])
def test_other_names_are_no_labels(tmp_path, ending, name):
    path = tmp_path / f"bump{ending}"
    write(path, FEW.astype(int), name)
    cloud = read_cloud(path)
    assert cloud.label is None
    if ending != ".npz":
        found = f"{path}: the field {name.lower()} is not read as labels: wanted one called label"
        assert cloud.notes == (found,)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("value", [255, 7, -1, 0.5])
def test_a_value_that_the_user_names(tmp_path, ending, value):
    path = tmp_path / f"bump{ending}"
    write(path, FEW * value)
    hint = f"data.label_value={value} takes {value} as abnormal"
    assert hint in read_cloud(path).notes[0]
    cloud = read_cloud(path, value)
    assert np.array_equal(cloud.label, FEW)
    assert cloud.notes == ()
    assert read_cloud(path, 3).label is None


def test_a_fourth_column_without_a_name(tmp_path):
    path = tmp_path / "bump.txt"
    for head in ("", "# a scan of ours\n", "# x y z\n"):
        for values, label in ((FEW, FEW), (np.arange(N), None)):
            np.savetxt(path, np.column_stack((POS, values)), header=head, comments="")
            cloud = read_cloud(path)
            assert (cloud.label is None) == (label is None)
            assert label is None or np.array_equal(cloud.label, label)
            assert label is not None or "the fourth column holds 0 to 99" in cloud.notes[0]


def test_names_order_the_columns(tmp_path):
    path = tmp_path / "bump.txt"
    np.savetxt(path, np.column_stack((FEW, POS[:, ::-1], POS)), header="label z y x r g b")
    cloud = read_cloud(path)
    assert np.array_equal(cloud.pos, POS)
    assert np.array_equal(cloud.label, FEW)


def test_a_folder_of_scans(tmp_path):
    for number in range(5):
        write_cloud(tmp_path / "good" / f"{number}.ply", Cloud(POS + np.float32(number)))
    (tmp_path / "bump").mkdir()
    write(tmp_path / "bump" / "1.txt", FEW * 255)
    write(tmp_path / "bump" / "2.txt", FEW * 0)
    config = DataConfig(name="folder", category="", root=str(tmp_path))
    one, zeros = list(open_data(config, "test"))[1:]
    assert one.label is None
    assert "2.txt: lies in bump, but none of its points is labeled" in zeros.notes[0]
    config = DataConfig(name="folder", category="", root=str(tmp_path), label_value=255.0)
    assert np.array_equal(open_data(config, "test")[1].label, FEW)
    with pytest.raises(InputError, match="wanted the number of abnormal points"):
        DataConfig(label_value=0.0)

"""IEC3D-AD's folders: a tiny imitation in the true layout, and a real part where it is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gmanet.cloud import Cloud
from gmanet.datasets.loaders.iec3d import IEC3D, categories
from gmanet.errors import InputError
from gmanet.formats import write_cloud

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "iec3d_layout"
NAMES = ("HexagonalNut", "KNut", "PullingNail")


@pytest.fixture
def root(tmp_path):
    """Three categories; in gt the points stand in the reverse order, and the last is abnormal."""
    rng = np.random.default_rng(0)
    for name in NAMES:
        for stem in ("train/b_2", "train/b_10", "test/good_001", "test/Scar_Deep_002"):
            cloud = Cloud(rng.normal(size=(80, 3)).astype(np.float32))
            write_cloud(tmp_path / name / f"{stem}.pcd", cloud)
            if "good" not in stem and "train" not in stem:
                back = Cloud(cloud.pos[::-1], np.arange(80) == 79)
                write_cloud(tmp_path / name / "gt" / "Scar_Deep_002.txt", back)
        (tmp_path / name / "train" / "._b_2.pcd").write_text("left behind by a file manager")
    return tmp_path


def refusal(root, category="KNut", split="test", read=False):
    with pytest.raises(InputError) as caught:
        data = IEC3D(root, category, split=split)
        if read:
            list(data)
    return str(caught.value)


def test_train_clouds_are_normal_and_sorted(root):
    data = IEC3D(root, "HexagonalNut", split="train")
    assert data.names == ["b_10", "b_2"]
    for cloud, name in zip(data, data.names, strict=True):
        assert (cloud.name, cloud.category, cloud.defect) == (name, "hexagonal_nut", "good")
        assert not cloud.abnormal
        assert not cloud.label.any()


def test_labels_of_defective_clouds_are_read_from_gt(root):
    scar, good = IEC3D(root, "KNut", split="test")
    assert (scar.name, scar.defect, scar.category) == ("Scar_Deep_002", "scar_deep", "k_nut")
    assert np.flatnonzero(scar.label).tolist() == [0]  # the last of the rows in reverse order
    path = root / "KNut" / "test" / "Scar_Deep_002.pcd"
    stored = np.frombuffer(path.read_bytes()[-80 * 12 :], "<f4").reshape(80, 3)
    assert np.array_equal(scar.pos, stored)
    assert (good.name, good.defect, good.label.any()) == ("good_001", "good", False)


@pytest.mark.parametrize(
    ("typed", "category"),
    [
        ("HexagonalNut", "hexagonal_nut"),
        ("hexagonal_nut", "hexagonal_nut"),
        ("HEXAGONAL-NUT", "hexagonal_nut"),
        ("k nut", "k_nut"),
        ("knut", "k_nut"),
        ("pulling_nut", "pulling_nut"),
        ("PullingNail", "pulling_nut"),
        ("pullingnail", "pulling_nut"),
    ],
)
def test_categories_in_any_spelling(root, typed, category):
    assert IEC3D(root, typed, split="train").category == category


def test_categories_are_listed(root):
    (root / "downloads").mkdir()
    assert categories(root) == sorted(NAMES)


def test_unknown_category_suggests_one(root):
    message = refusal(root, "hexagon_nut")
    assert "no category 'hexagon_nut' (did you mean 'HexagonalNut'?); there are: " in message
    assert all(name in message for name in NAMES)


def test_missing_root_says_where_the_data_are(root):
    for folder in (root / "gone", root / "KNut"):
        message = refusal(folder)
        assert message.startswith(f"{folder}: no ")
        assert "Guo et al. 2025: ask its authors" in message
        assert "<Category>/gt/*.txt" in message


def test_empty_train_folder(root):
    for path in (root / "KNut" / "train").iterdir():
        path.unlink()
    assert "KNut: no train clouds, found" in refusal(root, split="train")


def test_missing_label_file_is_named(root):
    path = root / "KNut" / "gt" / "Scar_Deep_002.txt"
    path.unlink()
    assert refusal(root).startswith(f"{path}: no such file")


def test_label_file_of_another_length(root):
    path = root / "KNut" / "gt" / "Scar_Deep_002.txt"
    path.write_text(path.read_text() + "1 2 3 0\n")
    message = refusal(root, read=True)
    assert "label file of another length than the cloud (81 rows), wanted 80 as in" in message


def test_label_file_without_labels(root):
    path = root / "KNut" / "gt" / "Scar_Deep_002.txt"
    path.write_text("".join(f"{i} 2 3\n" for i in range(80)))
    assert "no column of labels" in refusal(root, read=True)


def test_unknown_split(root):
    with pytest.raises(ValueError, match="split 'val'"):
        IEC3D(root, "KNut", split="val")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real part is not at hand")
def test_real_part():
    assert categories(REAL) == ["CableGland"]
    train, test = (IEC3D(REAL, "cable_gland", split=split) for split in ("train", "test"))
    assert (len(train), len(test)) == (40, 30)
    assert sum(name.startswith("good") for name in test.names) == 10
    bent, good = test[test.names.index("bent_001")], test[test.names.index("good_005")]
    assert (len(bent), bent.defect, bool(bent.label.any())) == (23832, "bent", True)
    assert (len(good), good.defect, bool(good.label.any())) == (23973, "good", False)

"""A user's own folders in each of the layouts that are documented."""

from __future__ import annotations

import imitations
import numpy as np
import pytest

from gmanet.cloud import Cloud
from gmanet.data.files import READERS, WRITERS, write_cloud
from gmanet.data.loaders.folder import Folder
from gmanet.errors import InputError


def place(root, *names, label=None):
    rng = np.random.default_rng(len(names))
    for name in names:
        write_cloud(root / name, Cloud(rng.normal(size=(70, 3)).astype(np.float32), label))


def numbered(folder, count, ending=".ply"):
    return [f"{folder}/{number:02}{ending}" for number in range(1, count + 1)]


def splits(root, category=""):
    return [Folder(root, category, split).names for split in ("train", "test")]


def test_every_fifth_good_cloud_is_for_testing(tmp_path):
    place(tmp_path, *numbered("good", 11), "dent/dent_1.pcd", "Scar/a.xyz")
    train, test = splits(tmp_path)
    assert train == [f"good_{n:02}" for n in (1, 2, 3, 4, 6, 7, 8, 9, 11)]
    assert test == ["good_05", "good_10", "dent_1", "scar_a"]
    assert [cloud.defect for cloud in Folder(tmp_path, "", "test")] == ["good"] * 2 + [
        "dent",
        "scar",
    ]


def test_every_ending_is_taken(tmp_path):
    place(tmp_path, *(f"good/part{number}{e}" for number, e in enumerate(WRITERS)))
    (tmp_path / "good/part5.stl").write_bytes(imitations.stl_bytes(imitations.wave(0)))
    place(tmp_path, "good/.part9.ply", "good/part8.ply")
    assert set(READERS) == {*WRITERS, ".stl"}
    (tmp_path / "good" / "notes.md").write_text("not a cloud")
    train, test = splits(tmp_path)
    assert train + test == [f"good_part{number}" for number in (0, 1, 2, 3, 5, 8, 4)]
    assert {len(cloud) for cloud in Folder(tmp_path, "", "train")} == {70, imitations.SIDE**2}


def test_folder_with_its_own_test_normals(tmp_path):
    place(tmp_path, *numbered("good", 6), "test/good/01.ply", "test/dent/01.ply", "extra/1.ply")
    train, test = splits(tmp_path)
    assert len(train) == 6
    assert test == ["good_01", "dent_01"]


@pytest.mark.parametrize("folder", ["train", "train/good", "Train/Good"])
def test_train_and_test_folders(tmp_path, folder):
    place(tmp_path, *numbered(folder, 5), "test/dent/01.ply")
    assert splits(tmp_path) == [
        [f"good_0{n}" for n in (1, 2, 3, 4)],
        ["good_05", "dent_01"],
    ]
    place(tmp_path, "test/good/07.ply")
    assert splits(tmp_path) == [[f"good_0{n}" for n in range(1, 6)], ["good_07", "dent_01"]]


def test_splits_are_disjoint_and_whole(tmp_path):
    for count in (1, 4, 5, 20):
        root = tmp_path / str(count)
        place(root, *numbered("good", count), "dent/01.ply")
        train, test = splits(root)
        assert len(train) == count - count // 5
        assert not set(train) & set(test)
        assert len(train) + len(test) == count + 1


def test_categories_are_sub_folders(tmp_path):
    place(tmp_path / "bolt", *numbered("good", 5))
    cloud = Folder(tmp_path, "bolt", "train")[0]
    assert (cloud.category, cloud.name, cloud.defect) == ("bolt", "good_01", "good")
    assert Folder(tmp_path / "bolt", "", "train")[0].category == "bolt"
    with pytest.raises(InputError, match=r"nut: no such folder, wanted one of: bolt"):
        Folder(tmp_path, "nut", "train")
    with pytest.raises(InputError, match=r"gone: no such folder"):
        Folder(tmp_path / "gone", "", "train")


def test_labels_only_where_a_file_has_them(tmp_path):
    place(tmp_path, *numbered("good", 5))
    place(tmp_path, "dent/1.ply", label=np.arange(70) < 3)
    place(tmp_path, "dent/2.ply")
    good, labeled, plain = Folder(tmp_path, "", "test")
    assert good.label is None
    assert not good.abnormal
    assert np.flatnonzero(labeled.label).tolist() == [0, 1, 2]
    assert plain.label is None
    assert plain.abnormal


def test_abnormal_points_in_a_good_cloud_are_a_contradiction(tmp_path):
    place(tmp_path, "good/1.ply", label=np.arange(70) < 3)
    with pytest.raises(InputError, match=r"1\.ply: 3 points labeled abnormal, wanted none"):
        Folder(tmp_path, "", "train")[0]


def test_nothing_to_train_or_to_test(tmp_path):
    place(tmp_path, "dent/1.ply")
    with pytest.raises(InputError, match=r"no train clouds, wanted good/\*"):
        Folder(tmp_path, "", "train")
    place(tmp_path / "few", "good/1.ply")
    with pytest.raises(InputError, match="no test clouds"):
        Folder(tmp_path / "few", "", "test")


def test_test_clouds_without_a_kind(tmp_path):
    place(tmp_path, "train/1.pcd", "test/good_1.pcd", "gt/1.txt")
    with pytest.raises(InputError, match=r"good_1\.pcd: lies directly in test, wanted test/"):
        Folder(tmp_path, "", "test")


def test_two_clouds_of_one_name(tmp_path):
    place(tmp_path, "good/1.ply", "good/1.pcd")
    with pytest.raises(InputError, match="is called good_1 like"):
        Folder(tmp_path, "", "train")

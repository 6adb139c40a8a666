"""A user's own folders in each of the layouts that are documented."""

from __future__ import annotations

import imitations
import numpy as np
import pytest

from gmanet.cloud import Cloud
from gmanet.datasets.folder import Folder
from gmanet.errors import InputError
from gmanet.formats import READERS, WRITERS, write_cloud


def place(root, *names, label=None):
    rng = np.random.default_rng(len(names))
    for name in names:
        write_cloud(root / name, Cloud(rng.normal(size=(70, 3)).astype(np.float32), label))


def numbered(folder, count, ending=".ply"):
    return [f"{folder}/{number:02}{ending}" for number in range(1, count + 1)]


def splits(root, category=""):
    return [Folder(root, category, split=split).names for split in ("train", "test")]


def test_every_fifth_good_cloud_is_for_testing(tmp_path):
    place(tmp_path, *numbered("good", 11), "dent/dent_1.pcd", "Scar/a.xyz")
    train, test = splits(tmp_path)
    assert train == [f"good_{n:02}" for n in (1, 2, 3, 4, 6, 7, 8, 9, 11)]
    assert test == ["good_05", "good_10", "dent_1", "scar_a"]
    assert [cloud.defect for cloud in Folder(tmp_path, "", split="test")] == ["good"] * 2 + [
        "dent",
        "scar",
    ]


def test_every_ending_is_taken(tmp_path):
    place(tmp_path, *(f"good/part{number}{e}" for number, e in enumerate(WRITERS)))
    (tmp_path / "good/part7.stl").write_bytes(imitations.stl_bytes(imitations.wave(0)))
    place(tmp_path, "good/.part9.ply", "good/part8.ply")
    assert set(WRITERS) < set(READERS)
    (tmp_path / "good" / "notes.md").write_text("not a cloud")
    train, test = splits(tmp_path)
    assert train + test == [f"good_part{number}" for number in (0, 1, 2, 3, 5, 6, 7, 8, 4)]
    assert {len(cloud) for cloud in Folder(tmp_path, "", split="train")} == {70, imitations.SIDE**2}


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
    cloud = Folder(tmp_path, "bolt", split="train")[0]
    assert (cloud.category, cloud.name, cloud.defect) == ("bolt", "good_01", "good")
    assert Folder(tmp_path / "bolt", "", split="train")[0].category == "bolt"
    with pytest.raises(InputError, match=r"nut: no such folder, wanted one of: bolt"):
        Folder(tmp_path, "nut", split="train")
    with pytest.raises(InputError, match=r"gone: no such folder"):
        Folder(tmp_path / "gone", "", split="train")


def test_labels_only_where_a_file_has_them(tmp_path):
    place(tmp_path, *numbered("good", 5))
    place(tmp_path, "dent/1.ply", label=np.arange(70) < 3)
    place(tmp_path, "dent/2.ply")
    good, labeled, plain = Folder(tmp_path, "", split="test")
    assert not good.label.any() and len(good.label) == 70  # a good scan's points are normal
    assert not good.abnormal
    assert np.flatnonzero(labeled.label).tolist() == [0, 1, 2]
    assert plain.label is None
    assert plain.abnormal


def test_abnormal_points_in_a_good_cloud_are_a_contradiction(tmp_path):
    place(tmp_path, "good/1.ply", label=np.arange(70) < 3)
    with pytest.raises(InputError, match=r"1\.ply: 3 points labeled abnormal, wanted none"):
        Folder(tmp_path, "", split="train")[0]


def test_nothing_to_train_or_to_test(tmp_path):
    place(tmp_path, "dent/1.ply")
    with pytest.raises(InputError, match=r"no train clouds, wanted good/\*"):
        Folder(tmp_path, "", split="train")
    place(tmp_path / "loose", "1.ply", "2.ply")
    with pytest.raises(
        InputError, match=r"2 scans lie directly in it: move the good ones to good/"
    ):
        Folder(tmp_path / "loose", "", split="train")
    place(tmp_path / "few", "good/1.ply")
    assert Folder(tmp_path / "few", "", split="train").names == ["good_1"]
    with pytest.raises(InputError, match=r"no test clouds: 1 good scans .* at least 5 .*bump/\*"):
        Folder(tmp_path / "few", "", split="test")


def test_test_clouds_without_a_kind(tmp_path):
    place(tmp_path, "train/1.pcd", "test/good_1.pcd", "gt/1.txt")
    with pytest.raises(InputError, match=r"good_1\.pcd: lies directly in test, wanted test/"):
        Folder(tmp_path, "", split="test")


def test_two_clouds_of_one_name(tmp_path):
    place(tmp_path, "good/1.ply", "good/1.pcd")
    with pytest.raises(InputError, match="is called good_1 like"):
        Folder(tmp_path, "", split="train")


def test_folders_of_one_kind_in_upper_and_lower_case_are_both_read(tmp_path):
    place(tmp_path, "good/1.ply", "Good/2.ply", "bump/1.ply", "Bump/2.ply", "TEST/dent/1.ply")
    place(tmp_path / "b", "train/1.ply", "Train/Good/2.ply", "test/bump/1.ply", "Test/Bump/2.ply")
    assert set(splits(tmp_path / "b")[0]) == {"good_1", "good_2"}
    assert set(splits(tmp_path / "b")[1]) == {"bump_1", "bump_2"}
    (tmp_path / "TEST").rename(tmp_path / "b" / "away")
    assert set(splits(tmp_path)[0]) == {"good_1", "good_2"}
    assert {"bump_1", "bump_2"} <= set(splits(tmp_path)[1])
    place(tmp_path, "Good/1.ply")
    with pytest.raises(InputError, match="is called good_1 like"):
        Folder(tmp_path, "", split="train")


def test_folders_in_folders_are_read_under_readable_names(tmp_path):
    place(tmp_path, *numbered("good/2024", 3), *numbered("good/2025", 3), "good/01.ply")
    place(tmp_path, "bump/day1/1.ply", "bump/day2/1.ply", "bump/day2/late/bump_1.ply")
    train, test = splits(tmp_path)
    years = [f"good_{year}_0{n}" for year in (2024, 2025) for n in (1, 2, 3)]
    assert train == ["good_01", *years[:3], *years[4:]]
    assert test == [years[3], "bump_day1_1", "bump_day2_1", "bump_day2_late_bump_1"]
    assert Folder(tmp_path, "", split="test")[1].defect == "bump"
    place(tmp_path, "bump/day1_1.ply")
    with pytest.raises(InputError, match="is called bump_day1_1 like"):
        Folder(tmp_path, "", split="test")


def test_linked_folders_are_read_once_and_loops_end(tmp_path):
    place(tmp_path / "elsewhere", "1.ply", "day2/2.ply")
    place(tmp_path / "root", *numbered("good", 5))
    (tmp_path / "root/bump").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "elsewhere/again").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "elsewhere/up").symlink_to(tmp_path / "root", target_is_directory=True)
    (tmp_path / "elsewhere/broken").symlink_to(tmp_path / "gone")
    (tmp_path / "elsewhere/up").unlink()
    assert splits(tmp_path / "root")[1] == ["good_05", "bump_1", "bump_day2_2"]
    assert Folder(tmp_path / "root", "", split="test").notes == []


@pytest.mark.parametrize(
    "name", ["gt", "ground_truth", "Ground-Truth", "labels", "label", "masks", "__MACOSX"]
)
@pytest.mark.parametrize("inside", ["", "test/", "bump/", "good/"])
def test_folders_of_labels_are_no_kinds_and_said(tmp_path, name, inside):
    kind = "test/bump" if inside == "test/" else "bump"
    place(tmp_path, *numbered("good", 5), f"{kind}/1.ply")
    place(tmp_path, f"{inside}{name}/1.txt", f"{kind}/.hidden/7.ply", ".git/7.ply")
    data = Folder(tmp_path, "", split="test")
    assert data.names == ["good_05", "bump_1"]
    (said,) = data.notes
    assert f"{name} are not read: 1, {inside}{name}/1.txt for example" in said


def test_what_is_not_read_is_said(tmp_path):
    place(tmp_path, *numbered("good", 5), "bump/1.ply", "loose.ply")
    (tmp_path / "crack").mkdir()
    for name in ("crack/a.las", "crack/b.las", "good/report.docx", "bump.zip", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"something else")
    scans, others = Folder(tmp_path, "", split="train").notes
    assert "scans outside the folders that are read are not read: 1, loose.ply" in scans
    assert "other endings are not read: 2 .las, 1 .zip, 1 .docx" in others
    place(tmp_path / "plain", *numbered("good", 5), "bump/1.ply")
    assert Folder(tmp_path / "plain", "", split="train").notes == []


def test_outputs_of_predict_are_passed_over_and_said(tmp_path):
    place(tmp_path, *numbered("good", 5), "bump/1.ply")
    before = splits(tmp_path)
    place(tmp_path, "good/01.scores.ply", "bump/gmanet-scores/1.scores.ply")
    place(tmp_path, "gmanet-scores/x.scores.ply")
    np.savez(tmp_path / "good/01.scores.npz", score=np.zeros(70))
    assert splits(tmp_path) == before
    (said,) = Folder(tmp_path, "", split="test").notes
    assert "4 files that gmanet predict wrote are passed over" in said


def test_a_root_of_several_parts_says_what_to_type(tmp_path):
    for part in ("PartA", "PartB"):
        place(tmp_path / part, *numbered("good", 5), "bump/1.ply")
    with pytest.raises(InputError, match=r"the parts PartA, PartB, .* data\.category=PartA"):
        Folder(tmp_path, "", split="train")
    assert Folder(tmp_path, "parta", split="train").category == "PartA"
    with pytest.raises(InputError, match=r"wanted one of: PartA, PartB$"):
        Folder(tmp_path, "Parta1", split="train")
    place(tmp_path / "one", *numbered("Part/Train", 5))
    with pytest.raises(InputError, match=r"holds Part, .* data\.category=Part$"):
        Folder(tmp_path / "one", "", split="train")

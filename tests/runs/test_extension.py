"""``gmanet fit --extend``: more good scans, the old ones kept, both detectors on the same scans."""

from __future__ import annotations

from importlib import import_module

import pytest

from gmanet.datasets.joined import Joined
from gmanet.formats import write_cloud
from gmanet.runs.folder import Run

fit = import_module("gmanet.fit")

WORDS = ("data=folder", "detector=btf", "train.workers=0", "train.pictures=0")


@pytest.fixture
def parts(tmp_path, bumped_plate):
    """Return ``parts(*seeds)``, which writes good scans, beside a defective one."""

    def write(*seeds):
        for seed in seeds:
            cloud = bumped_plate(600, seed, height=0).replace(label=None)
            write_cloud(tmp_path / f"parts/good/{seed}.ply", cloud)
        return tmp_path / "parts"

    write_cloud(tmp_path / "parts/bump/0.ply", bumped_plate(600, 99).replace(label=None))
    return write


@pytest.mark.slow
def test_new_scans_are_added(parts, type_in, tmp_path, capsys):
    root = parts(1, 3, 5, 7, 8)  # the fifth is held out for the test
    words = (*WORDS, f"data.root={root}", "wandb.mode=disabled")
    type_in(fit.main, *words, "name=a")
    with pytest.raises(SystemExit):
        type_in(fit.main, "--extend", tmp_path / "runs/a")
    assert "was fitted on all 4 scans, wanted new ones" in capsys.readouterr().err
    parts(2)  # now another scan, which the detector was fitted on, is the fifth
    type_in(fit.main, "--extend", tmp_path / "runs/a", "seed=1")
    said = capsys.readouterr().out
    assert "4 scans of" in said and "are kept, 2 are new (good_2, good_8)" in said
    assert "of the 2 new good scans, the earlier detector calls" in said
    assert "| on 1 test scans | limit | good called defective |" in said
    assert said.count("| limit ") >= 3 and "of 1 |" in said
    new = Run.open(tmp_path / "runs/a_extended")
    assert new.config.seed == 1 and new.config.detector.name == "btf"
    type_in(fit.main, "--extend", tmp_path / "runs/a", "seed=1")  # shows the finished run
    assert "are kept, 2 are new" in capsys.readouterr().out
    (root / "good/3.ply").unlink()
    for folder, sentence in (
        ("a", "1 of the 4 scans that it was fitted on are not in the data"),
        ("b", "no such folder"),
    ):
        with pytest.raises(SystemExit):
            type_in(fit.main, "--extend", tmp_path / "runs" / folder)
        assert sentence in capsys.readouterr().err
    with pytest.raises(SystemExit):
        type_in(fit.main, "--extend", "seed=1")
    assert "names no run" in capsys.readouterr().err


def test_joined_data_sets_have_all_clouds(given_clouds, bumped_plate):
    parts = [
        given_clouds([bumped_plate(100, seed) for seed in seeds], "test")
        for seeds in ((1, 2), (3,))
    ]
    joined = Joined(parts, "train")
    assert joined.names == ["bump1", "bump2", "bump3"] and len(joined) == 3
    assert [cloud.name for cloud in joined] == joined.names and joined.split == "train"
    assert joined.files == [] and joined.notes == []

"""Every mistake of a user ends in one sentence on stderr and exit code 2, never in a traceback."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch

from gmanet import evaluate, predict
from gmanet.config.compose import compose
from gmanet.formats import write_cloud
from gmanet.runs.folder import Run

fit = import_module("gmanet.fit")


@pytest.fixture
def refused(type_in, capsys):
    """Return ``refused(main, *words)``: the sentence that a command ends with."""

    def call(main, *words):
        with pytest.raises(SystemExit) as caught:
            type_in(main, *words)
        assert caught.value.code == 2
        found = capsys.readouterr()
        assert found.out == ""
        assert "Traceback" not in found.err
        # What only reading all clouds shows comes after a progress bar, on a line of its own.
        *bars, sentence = found.err.replace("\r", "\n").rstrip("\n").split("\n")
        assert all("%|" in bar or not bar.strip() for bar in bars)
        assert found.err.endswith(sentence + "\n")
        assert sentence.startswith("error: ")
        return sentence

    return call


@pytest.fixture
def scans(tmp_path, bumped_plate):
    """A folder of six good and two bumped scans."""
    for seed in range(6):
        write_cloud(tmp_path / f"scans/plate/good/{seed}.xyz", bumped_plate(300, seed, height=0))
    for seed in range(2):
        write_cloud(tmp_path / f"scans/plate/bump/{seed}.xyz", bumped_plate(300, seed))
    return tmp_path / "scans"


def folder_words(root, category="plate"):
    small = ("synthesis.twins=4", "detector.points=256", "detector.centers=64", "detector.steps=2")
    quiet = ("train.workers=0", "train.pictures=0", "wandb.mode=disabled")
    return ("data=folder", f"data.root={root}", f"data.category={category}", *small, *quiet)


@pytest.fixture
def nothing_written(tmp_path):
    yield
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("nothing_written")
class TestFitRefusesBeforeItWrites:
    def test_a_missing_folder(self, refused, tmp_path):
        assert str(tmp_path / "none") in refused(fit.main, *folder_words(tmp_path / "none"))
        sentence = refused(fit.main, "data=iec3d", f"data.root={tmp_path}/none")
        assert f"{tmp_path}/none: no such folder" in sentence
        assert "data.root=FOLDER" in refused(fit.main, "data=folder")

    def test_an_empty_folder(self, refused, tmp_path):
        (tmp_path / "empty/plate").mkdir(parents=True)
        assert "no train clouds" in refused(fit.main, *folder_words(tmp_path / "empty"))
        sentence = refused(fit.main, "data=iec3d", f"data.root={tmp_path}/empty")
        assert "no category folder" in sentence

    def test_a_category_that_does_not_exist(self, refused, scans):
        assert "wanted one of: plate" in refused(fit.main, *folder_words(scans, "plat"))
        sentence = refused(fit.main, "data.category=hexagonal_nutt")
        assert "did you mean 'hexagonal_nut'?" in sentence
        assert "washer" in sentence

    @pytest.mark.parametrize(
        ("word", "found"),
        [
            ("detector.stepps=3", "did you mean 'detector.steps'"),
            ("detector=gmanett", "did you mean 'gmanet'"),
            ("sead=3", "did you mean 'seed'"),
            ("detector.steps=many", "detector.steps"),
            ("detector.steps=0", "wanted at least 1"),
            ("--overwite", "overwite"),
            ("synthesis.kind=papr", "wanted one of surface, paper, noise"),
        ],
    )
    def test_an_unknown_option(self, refused, word, found):
        assert found in refused(fit.main, word)


def test_labels_of_another_length(refused, tmp_path, bumped_plate):
    root = tmp_path / "iec/Plate"
    for seed in range(2):
        write_cloud(root / f"train/good_{seed}.pcd", bumped_plate(300, seed, height=0))
    cloud = bumped_plate(300, 5)
    write_cloud(root / "test/bump_1.pcd", cloud.replace(label=None))
    write_cloud(root / "gt/bump_1.txt", cloud.replace(pos=cloud.pos[:299], label=cloud.label[:299]))
    words = folder_words(tmp_path / "iec")
    sentence = refused(fit.main, "data=iec3d", *words[1:])
    assert f"{root}/gt/bump_1.txt: label file of another length than the cloud" in sentence
    assert "299" in sentence
    assert "300" in sentence


@pytest.mark.parametrize("workers", [0, 1])
def test_a_scan_that_breaks_only_when_it_is_read(refused, scans, workers):
    file = scans / "plate/good/3.xyz"
    lines = file.read_text().splitlines()
    lines[10] = "x 0 0"
    file.write_text("\n".join(lines) + "\n")
    sentence = refused(fit.main, *folder_words(scans), f"train.workers={workers}")
    assert f"{file}: " in sentence
    assert "11" in sentence


def lines(count, change=None):
    rows = [f"{i * 0.1} {(i * 7) % 13} {(i * 3) % 5}" for i in range(count)]
    if change:
        rows[change[0]] = change[1]
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.xyz", lines(100, (41, "1 two 3")), ("a.xyz: ", "42", "two")),
        ("a.xyz", lines(63) + "nan 1 2\n0 inf 3\n", ("63 points", "2 of 65 points were never")),
        ("a.xyz", lines(63), ("63 points, wanted at least 64",)),
        ("a.xyz", "1 2 3\n" * 100, ("all 100 points are identical",)),
        ("a.xyz", "", ("a.xyz: ",)),
        ("a.pcd", lines(100), ("a.pcd: ",)),
        ("a.ply", "# .PCD v0.7\n", ("a.ply: ",)),
        ("a.npz", lines(100), ("a.npz: ",)),
        ("a.pcd", b"\x00\xff\xfe" * 99, ("a.pcd: ",)),
        ("a.xyz", b"\x00\xff\xfe" * 99, ("a.xyz: ",)),
        ("a.docx", lines(100), ("ending '.docx'", ".pcd")),
        ("a.xyz", None, ("a.xyz: ",)),
    ],
)
def test_files_that_cannot_be_scored(refused, tmp_path, name, content, found):
    run = Run.create(compose(["name=a"]))
    run.detector_file.write_bytes(b"not read, since no file is a scan")
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    sentence = refused(predict.main, run.folder, file, "-o", tmp_path / "out")
    for words in found:
        assert words in sentence
    assert not (tmp_path / "out").exists()


def test_runs_that_are_none(refused, tmp_path, bumped_plate):
    file = tmp_path / "a.xyz"
    write_cloud(file, bumped_plate(100))
    assert "no such folder" in refused(predict.main, tmp_path / "none", file)
    assert "holds no detector, wanted" in refused(predict.main, tmp_path, file)
    assert "no such folder" in refused(evaluate.main, tmp_path / "none")
    run = Run.create(compose(["name=a"]))
    assert "no predictions" in refused(evaluate.main, run.folder)
    assert "holds no detector.ckpt" in refused(predict.main, run.folder, file)


def test_a_checkpoint_of_another_version(refused, tmp_path, bumped_plate):
    file = tmp_path / "a.xyz"
    write_cloud(file, bumped_plate(100))
    run = Run.create(compose(["name=a"]))
    whole = {"gmanet": "9.1", "detector": "gmanet", "config": {}, "state": {}}
    torch.save({"format": 99, **whole}, run.detector_file)
    assert "by gmanet 9.1 in format 99" in refused(predict.main, run.folder, file)
    torch.save({"format": 1, **whole}, run.detector_file)
    assert "does not fit gmanet" in refused(predict.main, run.folder, file)
    run.detector_file.write_bytes(b"words")
    assert "detector.ckpt: cannot be read" in refused(predict.main, run.folder, file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.xyz", "runs"]


def test_two_files_of_the_same_name(refused, tmp_path, bumped_plate):
    run = Run.create(compose(["name=a"]))
    files = [tmp_path / "one/a.xyz", tmp_path / "two/a.pcd"]
    for file in files:
        write_cloud(file, bumped_plate(100).replace(label=None))
    sentence = refused(predict.main, run.folder, *files, "-o", tmp_path / "out")
    assert "two files would be written" in sentence


def test_damaged_predictions(refused, tmp_path):
    run = Run.create(compose(["name=a"]))
    run.predictions.mkdir()
    np.save(run.predictions / "a.npy", np.ones(3))
    (run.predictions / "a.npy").rename(run.predictions / "a.npz")
    assert "a.npz: is damaged" in refused(evaluate.main, run.folder)
    assert not run.scores_file.exists()

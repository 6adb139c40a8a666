"""Stored predictions: they come back whole and under their names, or are refused in a sentence."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.evaluation.predictions import Prediction, load_predictions, predict_cloud


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=12), st.booleans(), min_size=1, max_size=4))
def test_predictions_come_back_under_their_names(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("predictions")
    for size, (name, known) in enumerate(names.items()):
        score = np.arange(size, dtype=np.float32) - 1
        label, region = (score > 0, np.arange(size)) if known else (None, None)
        defect = "dent" if known else ""
        Prediction(
            name=name, score=score, label=label, region=region, defect=defect, seconds=size / 2
        ).save(folder)
    found = {prediction.name: prediction for prediction in load_predictions(folder)}
    assert set(found) == set(names)
    for size, (name, known) in enumerate(names.items()):
        made = found[name]
        np.testing.assert_array_equal(made.score, np.arange(size) - 1)
        assert made.score.dtype == np.float32
        assert (made.seconds, made.defect) == (size / 2, "dent" if known else "")
        if known:
            np.testing.assert_array_equal(made.label, made.score > 0)
            np.testing.assert_array_equal(made.region, np.arange(size))
        else:
            assert made.label is made.region is made.abnormal is None


def test_predictions_are_written_whole_and_in_order(tmp_path):
    folder = tmp_path / "predictions"
    for name in ("test/b 2", "test/a", ".hidden"):
        Prediction(name=name, score=np.ones(3)).save(folder)
    (folder / ".test.0a1b.npz").write_bytes(b"a killed writer's")
    names = [prediction.name for prediction in load_predictions(folder)]
    assert names == [".hidden", "test/a", "test/b 2"]
    with np.load(folder / "test%2Fa.npz", allow_pickle=False) as archive:
        assert archive["score"].dtype == np.float32
        assert sorted(archive.files) == ["defect", "object_score", "score", "seconds"]


def test_two_names_never_share_a_file(tmp_path):
    names = ["a/b", "a__b", "a%2Fb", "a b", "a+b", ".a", "%2Ea"]
    assert len({Prediction(name=name, score=np.ones(3)).save(tmp_path) for name in names}) == len(
        names
    )


def archive_of(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def array_of(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


WHOLE = archive_of(score=np.ones(50, np.float32))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"words",
        WHOLE[:60],
        WHOLE[:-30],
        WHOLE[:100] + b"????" + WHOLE[104:],
        pickle.dumps([1]),
        array_of(np.ones(3)),
        archive_of(),
        archive_of(label=np.ones(3, bool)),
        archive_of(score=np.ones((3, 1), np.float32)),
        archive_of(score=np.array(["a"])),
        archive_of(score=np.array([None])),
        archive_of(score=np.array([1, np.nan, np.inf])),
        archive_of(score=np.ones(3), label=np.ones(2, bool)),
        archive_of(score=np.ones(3), label=np.ones(3)),
        archive_of(score=np.ones(3), region=np.ones(2, int)),
        archive_of(score=np.ones(3), region=np.ones(3)),
        archive_of(score=np.ones(3), defect=np.array(["good"] * 3)),
        archive_of(score=np.ones(3), seconds=np.array("soon")),
    ],
)
def test_damaged_predictions(tmp_path, data):
    Prediction(name="a", score=np.ones(2)).save(tmp_path)
    (tmp_path / "b.npz").write_bytes(data)
    with pytest.raises(InputError, match=r"b\.npz: ") as caught:
        list(load_predictions(tmp_path))
    assert "\n" not in str(caught.value)


def test_scores_alone_are_a_prediction(tmp_path):
    (tmp_path / "a.npz").write_bytes(archive_of(score=np.arange(3.0)))
    (made,) = load_predictions(tmp_path)
    assert made.score.tolist() == [0, 1, 2]
    assert (made.label, made.region, made.abnormal, made.defect) == (None, None, None, "")
    assert np.isnan(made.seconds)


def test_no_predictions(tmp_path):
    (tmp_path / ".a.npz").write_bytes(WHOLE)
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="no predictions"):
            load_predictions(folder)


def test_an_object_is_what_its_kind_or_its_labels_say():
    label = np.array([False, True])
    assert Prediction(name="a", score=np.ones(2), label=label, defect="good").abnormal is False
    assert (
        Prediction(name="a", score=np.ones(2), label=~label & label, defect="dent").abnormal is True
    )
    assert Prediction(name="a", score=np.ones(2), label=label).abnormal is True
    assert Prediction(name="a", score=np.ones(2), label=label & ~label).abnormal is False
    assert Prediction(name="a", score=np.ones(2)).abnormal is None


def test_a_cloud_brings_its_truth_along():
    grid = np.stack(np.meshgrid(np.arange(20), np.arange(20), [0]), axis=-1).reshape(-1, 3)
    corners = (np.abs(grid[:, :2] - 9.5) > 7).all(axis=1)
    score = np.zeros(400, np.float32)
    cloud = Cloud(grid.astype(np.float32), corners, name="grid", defect="dent")
    made = predict_cloud(cloud, score, seconds=0.5)
    assert (made.name, made.defect, made.seconds) == ("grid", "dent", 0.5)
    assert (made.region[~corners] == -1).all()
    corner = (grid[corners, 0] > 9) * 2 + (grid[corners, 1] > 9)
    assert len(set(zip(corner, made.region[corners], strict=True))) == 4
    assert len(set(made.region[corners])) == 4
    unknown = predict_cloud(cloud.replace(label=None, defect=None), score, seconds=0.5)
    assert (unknown.label, unknown.region, unknown.defect) == (None, None, "")

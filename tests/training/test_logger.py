"""Dashboards: offline and said so, refused in one sentence, and everything is on them."""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pytest
from PIL import Image

from gmanet.config.compose import compose
from gmanet.config.schema import resolved
from gmanet.errors import InputError
from gmanet.evaluation.dashboard import show
from gmanet.evaluation.measure import measure
from gmanet.evaluation.predictions import predict_cloud
from gmanet.training.logger import identity, make_logger

KEY = "0123456789" * 4


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        del os.environ[name]
    os.environ["HOME"] = "/nonexistent"
    yield
    os.environ.clear()
    os.environ.update(before)


def logger_of(folder, *words):
    config = compose(["name=part/seed0", "data.category=washer", *words])
    kind = config.train.logger
    return make_logger(
        kind, config.wandb, folder=folder, name=config.name, resolved=resolved(config)
    )


@pytest.fixture
def shown(bumped_plate, given_clouds, tmp_path):
    """Return ``shown(logger)``: a finished run of six clouds is put on a dashboard."""
    clouds = [bumped_plate(400, seed, 0.2 * (seed % 2)) for seed in range(6)]
    scores = [(np.abs(cloud.pos[:, 2]) + 0.01).astype(np.float32) for cloud in clouds]
    predictions = [
        predict_cloud(cloud, score, seconds=0.1, whole=float(score.max()))
        for cloud, score in zip(clouds, scores, strict=True)
    ]
    Image.new("RGB", (40, 30)).save(tmp_path / "bump1.png")
    (tmp_path / "detector.ckpt").write_bytes(b"weights")
    pictures = [tmp_path / "bump1.png"]

    def make(logger):
        figures, test = measure(predictions, "top"), given_clouds(clouds, "test")
        file = tmp_path / "detector.ckpt"
        show(
            logger,
            600,
            name="part/seed0",
            figures=figures,
            predictions=predictions,
            pictures=pictures,
            test=test,
            detector=file,
        )

    return make


def test_offline_shows_everything_and_says_so(shown, tmp_path, capsys, inspected):
    os.environ.update(WANDB_RUN_GROUP="table", WANDB_JOB_TYPE="cell")
    folder = tmp_path / "run"
    shown(logger_of(folder, "wandb.tags=[a]"))
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "W&B is offline; wandb sync " in said
    (run,) = folder.glob("wandb/**/offline-run-*")
    records = inspected(run)
    about = next(record["run"] for record in records if record["type"] == "run")
    text = json.dumps(about)
    for word in ('"table"', '"cell"', '"part-seed0"', '"a"', '"procedural"', '"gmanet"'):
        assert word in text
    assert about["config"]["update"]["data"]["category"] == "washer"
    logged = [record["history"]["item"] for record in records if record["type"] == "history"]
    assert all(item["trainer/global_step"] == 600 for item in logged)
    keys = {key.partition(".")[0] for item in logged for key in item}
    curves = {f"{level}_{kind}_table" for level in ("object", "point") for kind in ("roc", "pr")}
    shares = {
        f"{level}_scores/{kind}" for level in ("object", "point") for kind in ("normal", "abnormal")
    }
    assert {"scores/point_auroc", "pictures", "score_cloud", *curves, *shares} <= keys
    artifacts = [record["artifact"] for record in records if record["type"] == "artifact"]
    (artifact,) = [one for one in artifacts if one["type"] == "detector"]
    assert "detector.ckpt" in json.dumps(artifact)
    assert json.loads(artifact["metadata"])["expert_run"] == about["run_id"] == "part-seed0"


@pytest.mark.slow
def test_online_without_a_network_is_refused_in_time(tmp_path):
    os.environ.update(WANDB_API_KEY=KEY, WANDB_BASE_URL="http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(InputError, match=r"W&B did not start.*wandb\.mode=offline needs no"):
        logger_of(tmp_path / "run", "wandb.mode=online")
    assert time.monotonic() - start < 30


def test_tensorboard_is_offered_or_named(shown, tmp_path):
    try:
        import tensorboard  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(InputError, match=r"wanted pip install -e '.\[tensorboard\]'"):
            logger_of(tmp_path / "run", "train.logger=tensorboard")
        return
    shown(logger_of(tmp_path / "run", "train.logger=tensorboard"))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
    tags = events.Tags()
    assert "scores/point_auroc" in tags["scalars"]
    assert events.Scalars("scores/point_auroc")[0].step == 600
    assert tags["images"] == ["pictures/bump1"]
    assert "point_scores/normal" in tags["histograms"]


def test_wrong_words_are_named(tmp_path):
    with pytest.raises(InputError, match=r"train\.logger='paper', wanted one of wandb, tensorb"):
        logger_of(tmp_path, "train.logger=paper")
    assert logger_of(tmp_path, "wandb.mode=disabled") is None
    assert identity("table/a=b c/seed0") == "table-a-b-c-seed0"

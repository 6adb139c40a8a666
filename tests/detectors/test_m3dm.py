"""M3DM and PatchCore on Point-MAE: the re-weighting by hand, poses, weights, a small fit."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.config.compose import compose
from gmanet.detectors.m3dm import M3DM, reweighted
from gmanet.detectors.patchcore_pointmae import PointMAE
from gmanet.detectors.pointmae_config import M3DMConfig, PointMAEConfig
from gmanet.detectors.records import read
from gmanet.errors import InputError
from gmanet.networks.pointmae.encoder import PointEncoder
from gmanet.networks.pointmae.patches import PatchReader
from gmanet.registration.canonical import Canonicalizer, principal_pose
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

SMALL = {"width": 24, "depth": 3, "heads": 2, "centers": 300, "group": 24, "pretraining": 4}


def fit(detector, clouds, folder):
    detector.prepare(clouds)
    synthesis = SynthesisConfig()
    data = CloudData(clouds, clouds, detector=detector, synthesis=synthesis, progress=False)
    make_trainer(detector, TrainConfig(workers=0), folder=folder, logger=None, epochs=1).fit(
        detector, data
    )
    return detector.eval()


def scores(detector, cloud):
    """Return the scores of a cloud as tensors, ``points`` and ``object``."""
    points, whole = detector.score_record(read(cloud, detector.reader()))
    return SimpleNamespace(points=points, object=whole)


@pytest.fixture(scope="module")
def plates(given_clouds, bumped_plate):
    return given_clouds([bumped_plate(1200, seed, height=0) for seed in range(3)], "train")


@pytest.fixture(scope="module", params=["pointmae", "pointbert"])
def fitted(request, plates, tmp_path_factory):
    torch.manual_seed(0)
    detector = M3DM(M3DMConfig(encoder=request.param, pose="principal", **SMALL))
    return fit(detector, plates, tmp_path_factory.mktemp(request.param))


def test_reweighting_by_hand():
    rows = torch.tensor([[0.0, 0, 0, 0], [2, 0, 0, 0], [9, 0, 0, 0]])
    features = torch.tensor([[-2.0, 0, 0, 0], [2, 0, 0, 0]])
    distance = torch.tensor([2.0, 0.0])
    # the rows around 0 are itself and 2: at 2 and 4 from the feature, over the root of 4 channels
    share = np.exp(1) / (np.exp(1) + np.exp(2))
    assert reweighted(features, rows, distance=distance, count=2).item() == pytest.approx(
        2 * (1 - share)
    )
    share = np.exp(1) / (np.exp(1) + np.exp(2) + np.exp(5.5))
    assert reweighted(features, rows, distance=distance, count=3).item() == pytest.approx(
        2 * (1 - share)
    )
    assert reweighted(features, rows, distance=distance, count=9).item() == pytest.approx(
        2 * (1 - share)
    )
    assert reweighted(features, rows, distance=distance, count=1).item() == 2


@given(st.integers(0, 2**31), st.integers(2, 5), st.sampled_from([1.0, 1e4]))
@settings(max_examples=20, deadline=None)
def test_a_weight_is_between_none_and_all(seed, count, scale):
    generator = torch.Generator().manual_seed(seed)
    features, rows = (scale * torch.randn(n, 6, generator=generator) for n in (20, 10))
    distance = torch.cdist(features, rows).amin(dim=1)
    answer = reweighted(features, rows, distance=distance, count=count)
    assert 0 <= answer <= distance.max()


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_principal_pose_forgets_the_pose(seed):
    rng = np.random.default_rng(seed)
    pos = rng.gamma(1.0, [3.0, 2.0, 1.0], (300, 3)) - [3, 2, 1]
    pos = (pos - pos.mean(axis=0)).astype(np.float32)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    one, other = principal_pose(pos), principal_pose((pos @ turn).astype(np.float32))
    np.testing.assert_allclose(one, other, atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), np.linalg.norm(pos, axis=1), rtol=1e-3)
    spread = (one.astype(np.float64) ** 2).sum(axis=0)
    assert spread[0] > spread[1] > spread[2]


def test_patches_are_the_nearest_points_in_units_of_the_radius(bumped_plate):
    cloud = bumped_plate(500, 0)
    made = PatchReader(centers=40, group=9, pose=Canonicalizer())(
        cloud.replace(pos=7 * cloud.pos + 3)
    )
    assert torch.linalg.norm(made.points, dim=1).max().item() == pytest.approx(1)
    same = PatchReader(centers=40, group=9, pose=Canonicalizer())(cloud)
    torch.testing.assert_close(made.points, same.points, atol=1e-5, rtol=0)
    reach = torch.cdist(made.points[made.chosen], made.points)
    expected = reach.topk(9, largest=False).values
    own = (made.points[made.groups] - made.points[made.chosen][:, None]).norm(dim=2)
    torch.testing.assert_close(own, expected, atol=1e-3, rtol=0)
    assert made.near.shape == (500, 3) and made.near.max() < 40


def test_all_points_are_scored_in_any_order_and_reloaded(fitted, bumped_plate):
    cloud = bumped_plate(1200, 9)
    alone = scores(fitted, cloud)
    assert alone.points.shape == (1200,) and torch.isfinite(alone.points).all()
    torch.testing.assert_close(fitted.point_scores(read(cloud, fitted.reader())), alone.points)

    order = np.random.default_rng(0).permutation(1200)
    shuffled = scores(fitted, cloud.replace(pos=cloud.pos[order], label=cloud.label[order]))
    torch.testing.assert_close(shuffled.points, alone.points[order], rtol=1e-3, atol=1e-3)

    stored = io.BytesIO()
    torch.save(fitted.state_dict(), stored)
    stored.seek(0)
    fresh = M3DM(fitted.config)
    fresh.load_state_dict(torch.load(stored, weights_only=True))
    assert torch.equal(scores(fresh.eval(), cloud).points, alone.points)


def test_objects_are_below_the_highest_center(fitted, bumped_plate):
    cloud = bumped_plate(1200, 9)
    detector = M3DM(M3DMConfig(**{**vars(fitted.config), "reweight": 1}))
    detector.load_state_dict(fitted.state_dict())
    plain = scores(detector.eval(), cloud)
    assert scores(fitted, cloud).object < plain.object
    assert plain.object >= plain.points.max()
    torch.testing.assert_close(plain.points, scores(fitted, cloud).points)


def test_a_fit_repeats_itself_and_keeps_a_tenth(fitted, plates, tmp_path):
    torch.manual_seed(0)
    again = fit(M3DM(fitted.config), plates, tmp_path)
    assert len(fitted.banks["feature"].rows) == 90  # of 3 x 300 centers
    for key, value in again.state_dict().items():
        assert torch.equal(value, fitted.state_dict()[key]), key
    assert fitted.config.label == "self-pretrained"
    assert not fitted.train().encoder.training
    fitted.eval()


def test_patchcore_keeps_the_bank_and_scores_the_highest_point(plates, bumped_plate, tmp_path):
    config = PointMAEConfig(bank_size=200, **SMALL)
    detector = fit(PointMAE(config), plates, tmp_path)
    assert detector.banks["feature"].rows.shape == (200, 72)
    answer = scores(detector, bumped_plate(800, 9))
    assert answer.points.max() == answer.object


def test_official_weights_are_used_as_they_are(plates, tmp_path):
    torch.manual_seed(4)
    source = PointEncoder("pointmae", 24, depth=3, heads=2)
    stored = {}
    for key, value in source.state_dict().items():
        name = key.replace("blocks.", "blocks.blocks.", 1)
        stored[f"MAE_encoder.{name}"] = value
    whole = stored.pop("MAE_encoder.encoder.whole.weight")
    own = stored["MAE_encoder.encoder.second_conv.0.weight"]
    stored["MAE_encoder.encoder.second_conv.0.weight"] = torch.cat([whole, own], dim=1)
    torch.save({"base_model": stored}, tmp_path / "official.pth")
    config = M3DMConfig(weights=str(tmp_path / "official.pth"), **SMALL)
    detector = fit(M3DM(config), plates, tmp_path)
    assert detector.config.label == "official weights"
    for key, value in detector.encoder.state_dict().items():
        assert torch.equal(value, source.state_dict()[key]), key
    with pytest.raises(InputError, match=r"official\.pth: MAE_encoder\..* has shape"):
        fit(M3DM(M3DMConfig(weights=config.weights, **{**SMALL, "width": 12})), plates, tmp_path)


def test_named_files_are_rows_of_the_table():
    mae, bert, core = (
        compose([f"detector={name}"]).detector
        for name in ("m3dm_pointmae", "m3dm_pointbert", "patchcore_pointmae")
    )
    assert (mae.name, mae.encoder, mae.pose) == ("m3dm", "pointmae", "given")
    assert (bert.name, bert.encoder, bert.pose) == ("m3dm", "pointbert", "given")
    assert (type(core), core.bank_size, core.pose) == (PointMAEConfig, 4096, "registered")


@pytest.mark.parametrize(
    ("settings_", "sentence"),
    [
        ({"encoder": "resnet"}, r"detector\.encoder='resnet', wanted one of pointmae, pointbert"),
        ({"pose": "up"}, r"detector\.pose='up', wanted one of given, principal, registered"),
        ({"centers": 2}, r"detector\.centers=2, wanted at least 3"),
        ({"pretraining": -1}, r"detector\.pretraining=-1, wanted at least 0"),
        ({"share": 0.0}, r"detector\.share=0\.0, wanted more than 0 and at most 1"),
        ({"reweight": 0}, r"detector\.reweight=0, wanted at least 1"),
    ],
)
def test_wrong_settings_are_named(settings_, sentence):
    with pytest.raises(InputError, match=sentence):
        M3DMConfig(**settings_)

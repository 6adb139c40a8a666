"""Supervised detectors: fragments, crops, and a run from the labels to Table X."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

import gmanet
from gmanet.cloud import Cloud
from gmanet.detectors.supervised.config import PTv1Config
from gmanet.detectors.supervised.crops import LabeledCrops, draw_motion, one_of_each
from gmanet.detectors.supervised.methods import SpUNet
from gmanet.detectors.supervised.surface import Surface, fragments, voxel_keys, voxels_of
from gmanet.detectors.supervised.voxel_config import OctFormerConfig, SpUNetConfig
from gmanet.detectors.training_set import TrainingPlan
from gmanet.errors import InputError
from gmanet.formats import write_cloud
from gmanet.metrics.segmentation import SEGMENTATION
from gmanet.runs.folder import Run
from gmanet.runs.scoring import load_detector
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

fit, evaluate, predict, show = (
    import_module(f"gmanet.{name}") for name in ("fit", "evaluate", "predict", "show")
)
TINY = {"stem": 4, "widths": [4, 4], "blocks": [1, 1], "clouds": 2, "votes": 2}


def voxels(pos, coord):
    return Data(coord=coord, num_nodes=len(coord))


def test_fragments_hold_one_point_of_every_voxel_and_every_point():
    coord = np.random.default_rng(0).integers(0, 4, (150, 3))
    key = voxel_keys(coord)
    found = fragments(coord)
    assert len(found) == np.bincount(key).max()
    assert set(np.concatenate(found)) == set(range(150))
    for rows in found:
        assert sorted(key[rows]) == sorted(set(key))
    assert len(np.unique(coord, axis=0)) == len(set(key))


def test_a_drawn_point_of_every_voxel():
    coord = np.random.default_rng(0).integers(0, 3, (100, 3))
    first, again, other = (one_of_each(coord, np.random.default_rng(s)) for s in (0, 0, 1))
    assert np.array_equal(first, again) and set(first) != set(other)
    assert sorted(voxel_keys(coord)[first]) == sorted(set(voxel_keys(coord)))


def test_a_surface_does_not_depend_on_the_order_in_the_file(bumped_plate):
    cloud = bumped_plate(500, 1)
    order = np.random.default_rng(0).permutation(500)
    one, other = Surface.of(cloud), Surface.of(cloud.replace(pos=cloud.pos[order], label=None))
    np.testing.assert_array_equal(one.pos, other.pos)
    np.testing.assert_array_equal(one.normal, other.normal)
    np.testing.assert_array_equal(one.order, order[other.order])
    np.testing.assert_allclose(np.linalg.norm(one.normal, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_normals_move_with_the_surface(sphere, seed):
    surface = Surface.of(sphere(400))
    motion = draw_motion(np.random.default_rng(seed))
    moved = surface.moved(motion)
    np.testing.assert_allclose(moved.pos, surface.pos @ motion.T, atol=1e-6)
    outward = moved.pos / np.linalg.norm(moved.pos, axis=1, keepdims=True)
    assert (np.einsum("nc,nc->n", outward, moved.normal) > 0.9).all()
    assert 0.9 <= abs(np.linalg.det(motion)) ** (1 / 3) <= 1.1


def test_crops_keep_labels_and_are_drawn_by_epoch_and_index(bumped_plate):
    cloud = bumped_plate(2000, 2)
    surface = Surface.of(cloud)
    distance = np.linalg.norm(surface.pos, axis=1)  # what no motion changes
    label = distance > 0.25
    crops = LabeledCrops(
        *([surface], [label]),
        **{"grid": 0.02, "normals": True, "crop": 300, "structure": voxels, "seed": 0},
    )
    item = crops[3, 0]
    assert item.x.shape == (300, 6) and item.y.shape == (300,) and item.coord.shape == (300, 3)
    assert len(item.coord.unique(dim=0)) == 300
    far = item.x[:, :3].norm(dim=1)
    assert 0 < item.y.sum() < 300
    assert far[item.y == 1].min() > far[item.y == 0].max() - 0.01  # the jitter
    assert torch.equal(crops[3, 0].x, item.x) and not torch.equal(crops[4, 0].x, item.x)


def test_normals_of_a_thin_ring_have_consistent_signs():
    """Of the hole's wall, normals away from the centroid would have either sign."""
    rng = np.random.default_rng(0)
    turn, side = rng.uniform(0, 2 * np.pi, 3000), rng.integers(0, 4, 3000)
    across = rng.uniform(-1, 1, 3000)
    out = np.select([side == 0, side == 1], [1.0, -1.0], 0.0)
    up = np.select([side == 2, side == 3], [1.0, -1.0], 0.0)
    radius = 1 + 0.12 * np.where(side < 2, out, across)
    height = 0.12 * np.where(side < 2, across, up)
    around = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    surface = Surface.of(Cloud(np.column_stack([around * radius[:, None], height]).astype("f4")))
    out, up = out[surface.order], up[surface.order]
    across = surface.pos[:, :2] / np.linalg.norm(surface.pos[:, :2], axis=1, keepdims=True)
    wall = np.einsum("nc,nc->n", surface.normal[:, :2], across)[out != 0] * out[out != 0]
    assert np.sign(wall).mean() > 0.9  # of one sign, outward


@pytest.mark.parametrize(
    ("share", "least", "most"), [(0.0, 0, 10), (0.5, 80, 120), (1.0, 165, 200)]
)
def test_a_share_of_the_crops_is_near_an_abnormal_point(bumped_plate, share, least, most):
    """Most of them hold the abnormal point; a crop around a random point holds 1 in 50 points."""
    found = sum(len(place) for place in abnormal_places(bumped_plate, share, 200))
    assert least <= found <= most


def test_an_abnormal_point_is_anywhere_in_a_crop(bumped_plate):
    """Its place in the crop, from 0 in the middle to 1 at the border, is that of any point."""
    places = np.concatenate(abnormal_places(bumped_plate, 1.0, 200))
    assert 0.55 < places.mean() < 0.75  # 2 / 3 in a disk
    assert (places < 0.5).mean() > 0.1


def abnormal_places(bumped_plate, share, epochs):
    """Return, for each crop, the places of the abnormal point, which is one or none."""
    surface = Surface.of(bumped_plate(4000, 2))
    label = np.arange(4000) == np.argmin(np.linalg.norm(surface.pos, axis=1))
    crops = LabeledCrops(
        *([surface], [label]),
        **{"grid": 1e-4, "normals": True, "crop": 80, "structure": voxels, "seed": 0},
        abnormal_crops=share,
    )
    places = []
    for epoch in range(epochs):
        item = crops[epoch, 0]
        pos = item.x[:, :3].numpy()
        distance = np.linalg.norm(pos - pos.mean(axis=0), axis=1)
        places.append((distance / distance.max())[item.y.numpy() == 1])
    return places


def test_voxels_begin_at_zero():
    pos = np.float32([[-0.05, 0.0, 0.31], [0.05, 0.11, 0.3]])
    assert voxels_of(pos, 0.1).tolist() == [[0, 0, 0], [1, 1, 0]]


@pytest.mark.parametrize(
    ("config", "settings", "sentence"),
    [
        (SpUNetConfig, {"widths": [8, 8, 8]}, r"widths=\[8, 8, 8\], wanted 2 whole numbers"),
        (SpUNetConfig, {"blocks": [1]}, r"blocks=\[1\], wanted 8 whole numbers"),
        (SpUNetConfig, {"grid": 0.0}, "grid=0.0, wanted at least 0.0001"),
        (SpUNetConfig, {"learning_rate": 0.0}, "learning_rate=0.0, wanted more than 0"),
        (OctFormerConfig, {"heads": [5, 12, 24, 24]}, "heads=5 for 96 channels, wanted a divisor"),
        (OctFormerConfig, {"drop": 1.0}, "drop=1.0, wanted 0 or more and less than 1"),
        (PTv1Config, {"shared": 7}, "shared=7 for 32 channels, wanted a divisor"),
    ],
)
def test_settings_that_make_no_network_are_refused(config, settings, sentence):
    with pytest.raises(InputError, match=sentence):
        config(**settings)


def test_normal_clouds_are_refused_in_a_sentence(bumped_plate):
    plates = [bumped_plate(200, seed, height=0) for seed in range(2)]
    with pytest.raises(InputError, match=r"none of these 2 clouds has an abnormal point; wanted "):
        gmanet.fit(plates, detector="spunet", progress=False)


def test_clouds_without_labels_are_refused(bumped_plate, given_clouds, tmp_path):
    unlabeled = given_clouds([bumped_plate(200).replace(label=None)], "train")
    data = CloudData(
        unlabeled, unlabeled, detector=SpUNet(SpUNetConfig(**TINY)), synthesis=SynthesisConfig()
    )
    with pytest.raises(InputError, match="bump0: has no labels of points"):
        data.setup("fit")


@pytest.fixture
def labeled(type_in, tmp_path, bumped_plate):
    """Return ``labeled(pictures)``: a finished run on ten labeled plates."""

    def make(pictures):
        for kind in ("bump", "dent"):
            for seed in range(5):
                write_cloud(tmp_path / f"parts/plate/{kind}/{seed}.ply", bumped_plate(300, seed))
        write_cloud(tmp_path / "parts/plate/good/0.ply", bumped_plate(300, 9, height=0))
        sizes = [f"detector.{key}={value}" for key, value in {**TINY, "steps": 3}.items()]
        type_in(
            fit.main,
            *("detector=spunet", "data=folder", "data.task=supervised", "name=labeled", "seed=1"),
            *(f"data.root={tmp_path}/parts", "data.category=plate", "data.split_seed=${seed}"),
            *("train.workers=0", f"train.pictures={pictures}", "wandb.mode=disabled"),
            *("detector.grid=0.04", *sizes),
        )
        return Run.open(Run.root() / "labeled")

    return make


def test_a_run_from_labels_to_figures(labeled, type_in, capsys, bumped_plate):
    run = labeled(0)
    shown = capsys.readouterr().out
    assert "abnormal IoU" in shown and "no limit: fitted without good scans" in shown
    assert run.config.data.split_seed == 1
    figures = run.read_scores()
    assert figures["n_clouds"] == 2 and set(SEGMENTATION) <= set(figures)
    assert figures["object_auroc"] is None and 0 <= figures["point_auroc"] <= 1
    assert set(figures["defects"]) == {"bump", "dent"}
    assert all("iou_abnormal" in part for part in figures["defects"].values())
    stored = [np.load(path)["score"] for path in sorted(run.predictions.glob("*.npz"))]
    assert len(stored) == 2 and all(((s >= 0) & (s <= 1)).all() for s in stored)
    type_in(evaluate.main, run.folder)
    again = run.read_scores()
    assert {name: again[name] for name in SEGMENTATION} == {n: figures[n] for n in SEGMENTATION}
    scores = load_detector(run).score(bumped_plate(300, 9))
    assert scores.verdict == "not judged" and scores.reason.startswith("a supervised detector has")


@pytest.mark.slow
def test_a_run_is_shown_and_predicts(labeled, type_in, tmp_path, capsys):
    run = labeled(1)
    assert len(list(run.pictures.glob("*.png"))) == 1
    type_in(show.main, run.folder)
    type_in(predict.main, run.folder, tmp_path / "parts/plate/good/0.ply")
    assert "not judged (a supervised detector has no limit" in capsys.readouterr().out


def test_one_point_on_the_coarsest_level_is_one_sentence(bumped_plate, given_clouds):
    config = SpUNetConfig(**{**TINY, "grid": 2.0})
    train = given_clouds([bumped_plate(100, seed) for seed in range(2)], "train")
    detector = SpUNet(config)
    items = detector.training_set(train, TrainingPlan(synthesis=SynthesisConfig())).items
    with pytest.raises(InputError, match="one point on its coarsest level, wanted a smaller grid"):
        detector.training_step(items[0, 0])


@pytest.mark.slow
def test_bumps_are_learned(bumped_plate, given_clouds, tmp_path):
    """What is learned on six plates is found on a seventh."""
    torch.manual_seed(0)
    sizes = {"stem": 8, "widths": [8, 16, 16, 8], "blocks": [1, 1, 1, 1], "grid": 0.02}
    detector = SpUNet(SpUNetConfig(**sizes, steps=60, clouds=2, votes=1, learning_rate=0.01))
    train = given_clouds([bumped_plate(2000, seed) for seed in range(6)], "train")
    synthesis = SynthesisConfig()
    data = CloudData(train, train, detector=detector, synthesis=synthesis, progress=False)
    make_trainer(
        detector,
        TrainConfig(workers=0),
        folder=tmp_path,
        logger=None,
        epochs=detector.epochs(6, synthesis),
    ).fit(detector, data)
    cloud = bumped_plate(2000, 9)
    found = detector.eval().score(cloud).points > 0.5
    assert (found & cloud.label).sum() / (found | cloud.label).sum() > 0.5

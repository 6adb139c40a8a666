"""The bank, and the detectors that have one."""

import io
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.detectors.bank import Bank, greedy_coreset, k_nearest
from gmanet.detectors.btf import BTF
from gmanet.detectors.config import (
    BTFConfig,
    CurvatureConfig,
    MemoryConfig,
    PatchCoreConfig,
    Simple3DConfig,
)
from gmanet.detectors.curvature import Curvature
from gmanet.detectors.patchcore import PatchCore
from gmanet.detectors.records import read
from gmanet.detectors.simple3d import Simple3D
from gmanet.errors import InputError
from gmanet.metrics.functional import auroc
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer

CASES = {
    "btf_raw": (BTF, BTFConfig(feature="raw")),
    "btf_fpfh": (BTF, BTFConfig(feature="fpfh")),
    "patchcore": (PatchCore, PatchCoreConfig(features=["fpfh", "raw"], bank_size=300)),
    "simple3d": (Simple3D, Simple3DConfig(scale=15, centers=600, average=30, coarse=200)),
    "simple3d_fine": (Simple3D, Simple3DConfig(scale=15, centers=600, average=30, coarse=0)),
    "curvature": (Curvature, CurvatureConfig(pool_size=900, bank_size=300, centers=800)),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(count, channels, seed=0):
    return torch.randn(count, channels, generator=generator(seed))


def radius(features, chosen):
    """Largest distance from a feature to its nearest chosen one."""
    return torch.cdist(features, features[chosen]).min(dim=1).values.max()


def test_greedy_choice_by_hand():
    features = torch.tensor([[0.0], [1.0], [2.0], [10.0], [-6.0], [4.0]])
    # mean 11 / 6: begins with 2, then 10 and -6 (both 8 away: the first), then 4 or 0 (2 away)
    assert greedy_coreset(features, 4, generator=generator()).tolist() == [2, 3, 4, 0]


@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_greedy_choice_has_no_row_twice_and_prefixes_agree(count, total, seed):
    features = rows(total, 3, seed)[torch.randint(total, (total,), generator=generator(seed))]
    chosen = greedy_coreset(features, count, generator=generator())
    assert len(chosen) == min(count, total) == len(chosen.unique())
    assert (
        chosen[:5].tolist()
        == greedy_coreset(features, 5, generator=generator()).tolist()[: len(chosen)]
    )


@given(st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_greedy_choice_is_within_twice_of_any_other(seed):
    features = rows(200, 4, seed)
    found = radius(features, greedy_coreset(features, 12, generator=generator()))
    for other in range(20):
        any_rows = torch.randperm(200, generator=generator(other))[:12]
        assert found <= 2 * radius(features, any_rows) + 1e-4


def test_projection_depends_on_the_generator_alone():
    features = rows(300, 200)
    one, same, other = (
        greedy_coreset(features, 40, generator=generator(seed), project=16) for seed in (1, 1, 2)
    )
    assert one.tolist() == same.tolist() != other.tolist()
    narrow = features[:, :16]
    assert (
        greedy_coreset(narrow, 40, generator=generator(1), project=16).tolist()
        == greedy_coreset(narrow, 40, generator=generator(2), project=16).tolist()
    )


@given(st.sampled_from([1, 3, 33]), st.integers(1, 9), st.sampled_from([0.0, 1e3]))
@settings(max_examples=20, deadline=None)
def test_k_nearest_equals_brute_force(channels, count, shift):
    query, bank = rows(50, channels) + shift, rows(6, channels, 1) + shift
    bank[0] = query[0]
    every = (query[:, None].double() - bank.double()).norm(dim=2).sort(dim=1).values
    found = k_nearest(query, bank, count=count)
    assert found.shape == (50, min(count, 6))
    torch.testing.assert_close(
        found.double(), every[:, :count], rtol=1e-4, atol=1e-4 + shift * 1e-6
    )


def test_blocks_change_nothing(monkeypatch):
    query, bank = rows(100, 8), rows(40, 8, 1)
    whole = k_nearest(query, bank, count=3)
    monkeypatch.setattr("gmanet.detectors.bank.BLOCK", 170)
    torch.testing.assert_close(k_nearest(query, bank, count=3), whole)


def test_a_bank_is_scaled_by_clouds_it_does_not_know():
    # every row is kept, so that a row against all rows, its own too, would have distance 0
    clouds = [torch.tensor([[0.0], [4.0]]), torch.tensor([[1.0], [7.0]])]
    bank = Bank()
    bank.build(clouds, 4, neighbors=1, generator=generator())
    # distances to the other cloud: 1, 3 and 1, 3
    assert (float(bank.mean), float(bank.deviation)) == (2, 1)
    assert bank.score(torch.tensor([[0.0], [10.0]]), 1).tolist() == [-2, 1]
    assert bank.score(torch.tensor([[0.0]]), 2).tolist() == [pytest.approx(-1.5)]


def test_a_bank_of_one_cloud_is_scaled_by_itself():
    bank = Bank()
    bank.build(
        [torch.tensor([[0.0], [1.0], [8.0]])], 2, neighbors=1, generator=generator()
    )  # 1 (near 3) and 8
    assert float(bank.mean) == pytest.approx(1 / 3)
    bank.build([torch.ones(5, 2)], 5, neighbors=1, generator=generator())
    assert torch.isfinite(bank.score(torch.ones(1, 2), 1)).all()


def fit(case, clouds, folder):
    torch.manual_seed(0)
    kind, config = CASES[case]
    detector = kind(config)
    detector.prepare(clouds)
    synthesis = SynthesisConfig()
    data = CloudData(clouds, clouds, detector=detector, synthesis=synthesis, progress=False)
    make_trainer(detector, TrainConfig(workers=0), folder=folder, logger=None, epochs=1).fit(
        detector, data
    )
    return detector.eval()


@pytest.fixture(scope="module")
def plates(given_clouds, bumped_plate):
    return given_clouds([bumped_plate(1500, seed, height=0) for seed in range(3)], "train")


@pytest.fixture(scope="module", params=CASES)
def fitted(request, plates, tmp_path_factory):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        detector = fit(request.param, plates, tmp_path_factory.mktemp(request.param))
    assert not [str(one.message) for one in heard if "training_step" in str(one.message)]
    return detector


def scores(detector, cloud):
    """Return the scores of a cloud as tensors, ``points`` and ``object``."""
    points, whole = detector.score_record(read(cloud, detector.reader()))
    return SimpleNamespace(points=points, object=whole)


def test_bump_is_found_shuffled_and_reloaded(fitted, bumped_plate):
    cloud = bumped_plate(1500, 9)
    alone = scores(fitted, cloud)
    assert alone.points.shape == (1500,) and torch.isfinite(alone.points).all()
    assert auroc(alone.points.numpy(), cloud.label) > 0.7

    order = np.random.default_rng(0).permutation(1500)
    shuffled = cloud.replace(pos=cloud.pos[order], label=cloud.label[order])
    again = scores(fitted, shuffled).points
    torch.testing.assert_close(again, alone.points[order], rtol=1e-3, atol=1e-3)

    stored = io.BytesIO()
    torch.save(fitted.state_dict(), stored)
    stored.seek(0)
    fresh = type(fitted)(fitted.config)
    fresh.load_state_dict(torch.load(stored, weights_only=True))
    torch.testing.assert_close(scores(fresh, cloud).points, alone.points)


def test_banks_are_bounded_and_clouds_come_in_any_order(
    tmp_path, plates, given_clouds, monkeypatch
):
    monkeypatch.setitem(CASES, "small", (PatchCore, PatchCoreConfig(pool_size=100, bank_size=50)))
    one = fit("small", plates, tmp_path).banks["fpfh"].rows
    backward = given_clouds([plates[2], plates[1], plates[0]], "train")
    other = fit("small", backward, tmp_path).banks["fpfh"].rows
    assert one.shape == (50, 33)
    torch.testing.assert_close(one, other)
    monkeypatch.setitem(CASES, "small", (Simple3D, Simple3DConfig(pool_size=300, share=0.1)))
    assert len(fit("small", plates, tmp_path).banks["feature"].rows) == 30


@pytest.mark.parametrize(
    ("config", "settings_", "sentence"),
    [
        (MemoryConfig, {"pool_size": 0}, r"detector\.pool_size=0, wanted at least 1"),
        (MemoryConfig, {"object_rule": "best"}, r"detector\.object_rule='best', wanted one of"),
        (BTFConfig, {"feature": "rgb"}, r"detector\.feature='rgb', wanted one of raw, fpfh"),
        (BTFConfig, {"share": 2.0}, r"detector\.share=2\.0, wanted 0 to 1"),
        (PatchCoreConfig, {"features": []}, r"detector\.features=\[\], wanted some of"),
        (PatchCoreConfig, {"features": ["raw", "raw"]}, r"detector\.features=\['raw', 'raw'\]"),
        (Simple3DConfig, {"share": 0.0}, r"detector\.share=0\.0, wanted more than 0"),
        (Simple3DConfig, {"centers": 2}, r"detector\.centers=2, wanted at least 3"),
        (CurvatureConfig, {"centers": 50}, r"detector\.centers=50, wanted at least 96"),
    ],
)
def test_wrong_settings_are_named(config, settings_, sentence):
    with pytest.raises(InputError, match=sentence):
        config(**settings_)

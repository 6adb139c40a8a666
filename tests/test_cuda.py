"""What a CUDA device finds is what the processor finds; skipped where there is none."""

from __future__ import annotations

import json
from importlib import import_module

import pytest
import torch

from gmanet import efficiency
from gmanet.detectors.bank import greedy_coreset, k_nearest

fit = import_module("gmanet.fit")

DEVICE, ACCELERATOR = "cuda", "gpu"
"""With cpu for both, all of it runs anywhere, which tests the tests."""

NEAR = 0.02
"""Of the figures after a fit of few steps on another device."""

pytestmark = pytest.mark.skipif(
    DEVICE == "cuda" and not torch.cuda.is_available(), reason="torch sees no CUDA device"
)

TINY = (
    *("data.profile=tiny", "train.workers=0", "train.pictures=0", "wandb.mode=disabled"),
    *(
        "detector.points=512",
        "detector.centers=256",
        "detector.centers_per_pair=32",
        "synthesis.twins=8",
    ),
    "detector.steps=60",
)


def rows(count, channels, seed):
    return torch.randn(count, channels, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("channels", [3, 33])
@pytest.mark.parametrize("count", [1, 4, 50])
def test_nearest_rows_are_the_same(channels, count):
    bank, query = rows(40, channels, 0), rows(300, channels, 1)
    found = k_nearest(query.to(DEVICE), bank.to(DEVICE), count=count)
    assert found.device.type == DEVICE
    torch.testing.assert_close(found.cpu(), k_nearest(query, bank, count=count))


def test_the_same_rows_are_chosen():
    features = rows(500, 12, 2)
    chosen = [
        greedy_coreset(features.to(device), 40, generator=torch.Generator().manual_seed(0)).cpu()
        for device in ("cpu", DEVICE)
    ]
    assert torch.equal(*chosen)


def figures(folder):
    found = json.loads((folder / "scores.json").read_text())
    return {key: found[key] for key in ("point_auroc", "object_auroc")}


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [TINY, ("detector=curvature", *TINY[:4]), ("detector=patchcore_fpfh", *TINY[:4])],
    ids=["gmanet", "curvature", "patchcore"],
)
def test_a_fit_finds_the_same(type_in, tmp_path, words):
    for name in ("cpu", ACCELERATOR):
        type_in(fit.main, *words, f"train.accelerator={name}", f"name=on-{name}")
    one, other = (figures(tmp_path / f"runs/on-{name}") for name in ("cpu", ACCELERATOR))
    assert other == pytest.approx(one, abs=NEAR)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_half_precision_fits(type_in, tmp_path, precision):
    if (DEVICE, precision) == ("cpu", "16-mixed"):
        pytest.skip("16-mixed wants a GPU")
    words = (f"train.accelerator={ACCELERATOR}", f"train.precision={precision}", "name=half")
    type_in(fit.main, *TINY, *words)
    assert figures(tmp_path / "runs/half")["point_auroc"] > 0.5


@pytest.mark.slow
def test_the_efficiency_table_names_the_device(type_in, tmp_path):
    words = ("--device", DEVICE, "--rounds", "1", "--clouds", "1", "--points", "2000")
    type_in(efficiency.main, "detector=curvature", *words, "-o", tmp_path)
    (page,) = tmp_path.glob("efficiency*.md")
    said = page.read_text()
    assert "| curvature |" in said
    assert DEVICE == "cpu" or f"({torch.cuda.get_device_name()}, CUDA " in said

"""The gate: good scans pass, scans of something else are named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gmanet.datasets.procedural.dataset import Procedural
from gmanet.datasets.rescan import rescan
from gmanet.datasets.subset import Subset
from gmanet.synthesis.rescans import noise_of
from gmanet.verdict.gate import ORDER, Gate
from gmanet.verdict.measures import measure_scan

PARTS = ("hexagonal_nut", "t_screw")
TRAIN = 6


def good(part):
    return Procedural(part, "train", profile="many")


@pytest.fixture(scope="module", params=PARTS)
def made(request):
    """A part, its gate, and a fresh good cloud."""
    clouds = good(request.param)
    gate = Gate.of(Subset(clouds, clouds.names[:TRAIN]))
    return request.param, gate, clouds[TRAIN]


def direction(rng):
    vector = rng.normal(size=3)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def part_of(cloud, keep):
    return cloud.replace(pos=cloud.pos[keep], label=None)


def with_table(cloud, rng):
    low, size = cloud.pos.min(axis=0), np.ptp(cloud.pos, axis=0)
    flat = rng.uniform(-0.3, 1.3, (len(cloud) // 2, 3)) * size + low
    flat[:, 2] = low[2]
    return cloud.replace(pos=np.concatenate([cloud.pos, flat]).astype(np.float32), label=None)


def sphere(cloud, rng):
    pos = rng.normal(size=cloud.pos.shape)
    pos *= np.ptp(cloud.pos, axis=0).max() / 2 / np.linalg.norm(pos, axis=1, keepdims=True)
    return cloud.replace(pos=pos.astype(np.float32), label=None)


def half_of_it(cloud, rng):
    along = cloud.pos @ direction(rng)
    return part_of(cloud, along < np.median(along))


def another(cloud, rng):
    other = {PARTS[0]: PARTS[1], PARTS[1]: PARTS[0]}[cloud.category]
    return good(other)[TRAIN]


WRONG = {
    "meters": (lambda cloud, rng: cloud.replace(pos=cloud.pos / np.float32(1000)), "as meters"),
    "inches": (lambda cloud, rng: cloud.replace(pos=cloud.pos / np.float32(25.4)), "as inches"),
    "micrometers": (
        lambda cloud, rng: cloud.replace(pos=cloud.pos * np.float32(1000)),
        "as micrometers",
    ),
    "another part": (another, "is this the part?"),
    "half a part": (half_of_it, "scan the rest of it"),
    "sphere": (sphere, "is this the part?"),
    "table": (with_table, "take out the table"),
    "100 points": (lambda cloud, rng: part_of(cloud, slice(100)), "100 points"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_scan_of_the_part_is_named(made, kind):
    _, gate, cloud = made
    change, said = WRONG[kind]
    failed = [check for check in gate(change(cloud, np.random.default_rng(0))) if not check.passed]
    assert failed and said in failed[0].sentence


def quantized(cloud, rng):
    return cloud.replace(pos=(np.round(cloud.pos / 0.05) * 0.05).astype(np.float32))


def noisy(cloud, rng):
    noise = rng.normal(scale=0.0005 * cloud.diameter, size=cloud.pos.shape)
    return cloud.replace(pos=(cloud.pos + noise).astype(np.float32))


def with_flying_points(cloud, rng):
    count = len(cloud) // 200
    start = cloud.pos[rng.integers(len(cloud), size=count)]
    away = rng.normal(size=(count, 3))
    away *= np.exp(rng.uniform(np.log(0.01), np.log(0.3), (count, 1))) * cloud.diameter
    away /= np.linalg.norm(away / cloud.diameter, axis=1, keepdims=True).clip(0.3)
    pos = np.concatenate([cloud.pos, start + away]).astype(np.float32)
    return cloud.replace(pos=pos, label=None)


GOOD = {
    "as it is": lambda cloud, rng: cloud,
    "half of the points": lambda cloud, rng: part_of(cloud, rng.random(len(cloud)) < 0.5),
    "quantized": quantized,
    "noisy": noisy,
    "flying points": with_flying_points,
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_part_scanned_another_way_is_judged(made, kind):
    _, gate, cloud = made
    checks = gate(GOOD[kind](cloud, np.random.default_rng(0)))
    assert [check.sentence for check in checks if not check.passed] == []
    assert [check.name for check in checks] == list(ORDER)
    assert all(check.lowest <= check.value <= check.highest for check in checks)


def test_a_stored_gate_measures_the_same(made, tmp_path):
    _, gate, cloud = made
    torch.save(gate.state(), tmp_path / "gate.pt")
    again = Gate.from_state(torch.load(tmp_path / "gate.pt", weights_only=True))
    assert again(cloud) == gate(cloud)


def test_a_moved_scan_passes_alike(made, moved):
    _, gate, cloud = made
    after = gate(cloud.replace(pos=moved(cloud.pos, 3)))
    assert [check.passed for check in after] == [True] * len(ORDER)


def test_the_setting_of_a_scan_does_not_depend_on_defects(made):
    _, gate, cloud = made
    rng = np.random.default_rng(0)

    def setting(pos):
        return gate.setting(measure_scan(pos.astype(np.float32)))

    bump = np.linalg.norm(cloud.pos - cloud.pos[0], axis=1) < 0.1 * cloud.diameter
    raised = cloud.pos + bump[:, None] * np.float32(0.03 * cloud.diameter) * direction(rng)
    assert setting(cloud.pos) == setting(raised) == ""
    assert setting(cloud.pos[rng.random(len(cloud)) < 0.4]) == "sparser"
    noise = rng.normal(scale=2 * noise_of(cloud.pos), size=cloud.pos.shape)
    assert setting(cloud.pos + noise) == "noisier"


@pytest.mark.parametrize(
    ("kind", "setting"),
    [("pose", ""), ("quantized", ""), ("half", "sparser"), ("density", "sparser")],
)
def test_a_scan_that_is_sparse_on_one_side_alone_counts_as_sparser(made, kind, setting):
    part, gate, _ = made
    for number in range(TRAIN, TRAIN + 6):
        scan = rescan(good(part)[number], kind, rng=np.random.default_rng(number))
        assert gate.setting(measure_scan(scan.pos)) == setting

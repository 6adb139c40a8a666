"""Twins of every kind: labels, order, and that a generator's state decides everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.geometry.open3d import load_open3d
from gmanet.synthesis import spcg
from gmanet.synthesis.config import SynthesisConfig
from gmanet.synthesis.deform import FAMILIES, LABEL_SHARE
from gmanet.synthesis.spcg import Generator

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def egg():
    """A closed part of 3000 points, 60 long, far from the origin."""
    pos = np.random.default_rng(0).normal(size=(3000, 3))
    pos = pos / np.linalg.norm(pos, axis=1, keepdims=True) * [30, 20, 10] + [100, 0, 0]
    return Cloud(pos.astype(np.float32), name="egg", category="egg", defect="good")


def twin(cloud, seed=0, **settings_of):
    config = SynthesisConfig(**settings_of)
    return Generator(config).twin(cloud, np.random.default_rng(seed))


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_surface_moves_labelled_rows_and_keeps_the_others(egg, seed):
    config = SynthesisConfig()
    made = twin(egg, seed).checked("twin")
    assert len(made) == len(egg)
    length = np.linalg.norm(made.pos - egg.pos, axis=1) / egg.diameter
    assert 0 < made.label.sum() < 0.6 * len(egg)
    # flatten and scar go deeper than the depth that is drawn, and labels follow the deepest
    assert length[~made.label].max() <= LABEL_SHARE * 3 * config.depth[1] + 1e-5
    assert length[made.label].min() > LABEL_SHARE * config.depth[0] - 1e-5
    assert length.max() <= 3 * config.depth[1] + 1e-5
    assert (length == 0).mean() > 0.2


@pytest.mark.parametrize("kind", ["surface", "noise"])
def test_a_twin_is_named_after_its_original(egg, kind):
    made = twin(egg, kind=kind)
    assert (made.name, made.category, made.defect) == ("egg_twin", "egg", "synthetic")
    assert made.abnormal
    assert made.normal is None
    assert made.pos.dtype == np.float32
    assert made.label.dtype == np.bool_


@pytest.mark.parametrize("kind", ["surface", "noise"])
def test_the_same_state_gives_the_same_twin(egg, kind):
    before = egg.pos.copy()
    one, same, other = (twin(egg, seed, kind=kind) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.pos, same.pos)
    np.testing.assert_array_equal(one.label, same.label)
    assert not np.array_equal(one.pos, other.pos)
    np.testing.assert_array_equal(egg.pos, before)


def test_earlier_twins_do_not_matter(egg):
    generator = Generator(SynthesisConfig())
    generator.twin(egg, np.random.default_rng(5))
    again = generator.twin(egg, np.random.default_rng(1))
    np.testing.assert_array_equal(again.pos, twin(egg, 1).pos)


def test_noise_moves_exactly_what_it_labels(egg):
    made = twin(egg, kind="noise", ratio=0.02)
    moved = (made.pos != egg.pos).any(axis=1)
    np.testing.assert_array_equal(moved, made.label)
    assert 0.02 <= made.label.mean() <= 0.02 * 7


def test_paper_adds_or_removes(egg):
    try:
        load_open3d()
    except InputError as error:
        pytest.skip(str(error))
    cloud = egg.replace(pos=egg.pos[:300])
    generator = Generator(SynthesisConfig(kind="paper", ratio=0.05))
    sizes = set()
    for seed in range(4):
        made = generator.twin(cloud, np.random.default_rng(seed)).checked("twin")
        sizes.add(len(made))
        assert made.label.sum() == 15
    assert sizes == {315, 285}


def test_the_quick_curvature_may_stand_in_for_poisson_meshes(egg):
    generator = Generator(SynthesisConfig(kind="paper", curvature="local"))
    made = generator.twin(egg, np.random.default_rng(0)).checked("twin")
    assert made.label.sum() == 45
    surface = Generator(SynthesisConfig())
    np.testing.assert_array_equal(generator.regions(egg).score, surface.regions(egg).score)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_one_family_alone(egg, monkeypatch, family):
    asked = []

    def spy(surface, seed, *, family, **rest):
        asked.append(family)
        return original(surface, seed, family=family, **rest)

    original = spcg.deform
    monkeypatch.setattr(spcg, "deform", spy)
    assert twin(egg, families={family: 1.0}, guided=0.0).label.any()
    assert set(asked) == {family}


def test_shares_are_respected(egg):
    config = SynthesisConfig(families={"bump": 3.0, "groove": 1.0, "scar": 0.0})
    generator, rng = Generator(config), np.random.default_rng(0)
    drawn = [generator._defect(rng) for _ in range(1000)]
    names = [name for name, *_ in drawn]
    assert set(names) == {"bump", "groove"}
    assert 0.7 < names.count("bump") / 1000 < 0.8
    for _, radius, depth in drawn:
        assert config.radius[0] <= radius <= config.radius[1]
        assert depth <= min(config.depth[1], radius / 2) + 1e-9


@pytest.mark.parametrize(("fewest", "most"), [(1, 1), (2, 2)])
def test_the_number_of_defects(egg, monkeypatch, fewest, most):
    seeds_of = []

    def spy(surface, seed, **rest):
        seeds_of.append(seed)
        return original(surface, seed, **rest)

    original = spcg.deform
    monkeypatch.setattr(spcg, "deform", spy)
    twin(egg, fewest=fewest, most=most)
    assert len(seeds_of) == most


def test_guided_defects_lie_where_gma_says(egg):
    generator = Generator(SynthesisConfig(guided=1.0))
    region = generator.regions(egg)
    allowed = np.concatenate([c for c, s in zip(region.clusters, region.score, strict=True) if s])
    rng = np.random.default_rng(0)
    assert {generator._seed(egg, rng) for _ in range(50)} <= set(allowed)
    assert generator.regions(egg) is region


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({"kind": "papr"}, "kind='papr'"),
        ({"curvature": "mean"}, "curvature='mean', wanted one of poisson, local"),
        ({"twins": 0}, "twins=0"),
        ({"fewest": 0}, "fewest=0"),
        ({"fewest": 3, "most": 2}, "most=2"),
        ({"families": {"bumb": 1.0}}, "bumb"),
        ({"families": {"bump": 0.0}}, "bump"),
        ({"radius": [0.2, 0.1]}, "radius"),
        ({"depth": [0.0, 0.1]}, "depth"),
        ({"ratio": 0.5}, r"ratio=0\.5"),
    ],
)
def test_settings_that_are_refused(words, found):
    with pytest.raises(InputError, match=found):
        SynthesisConfig(**words)

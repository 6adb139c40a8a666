"""Pre-trained encoders that are looked up."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gmanet.networks.pointmae import pretraining_cache as module
from gmanet.networks.pointmae.encoder import PointEncoder
from gmanet.networks.pointmae.pretraining_cache import pretrained


@pytest.fixture
def clouds():
    torch.manual_seed(0)
    return [(0.1 * torch.randn(6, 32, 3), torch.randn(6, 3)) for _ in range(2)]


def made(clouds, steps=2, seed=0):
    torch.manual_seed(1)
    encoder = PointEncoder("pointmae", 24, depth=3, heads=3)
    pretrained(encoder, clouds, steps=steps, rng=np.random.default_rng(seed))
    assert not encoder.training
    assert not any(part.requires_grad for part in encoder.parameters())
    return encoder.state_dict()


def equal(one, other):
    return all(torch.equal(part, other[name]) for name, part in one.items())


def test_an_encoder_is_looked_up(clouds, tmp_path, monkeypatch):
    fresh = made(clouds)
    monkeypatch.setenv("GMANET_CACHE", str(tmp_path))
    assert equal(made(clouds), fresh)
    assert not equal(made(clouds, steps=3), fresh)
    assert not equal(made(clouds, seed=1), fresh)
    assert len(list((tmp_path / "encoder").iterdir())) == 3
    monkeypatch.setattr(module, "pretrain", None)  # would raise if it were called
    assert equal(made(clouds), fresh)


def cut(path):
    path.write_bytes(path.read_bytes()[:100])


def fit_in_part(path):
    """Leave weights of which some have the right name and shape."""
    stored = {name: part + 1 for name, part in torch.load(path, weights_only=True).items()}
    stored.popitem()
    torch.save(stored, path)


def hold_no_numbers(path):
    stored = torch.load(path, weights_only=True)
    next(part for part in stored.values() if part.is_floating_point()).fill_(torch.nan)
    torch.save(stored, path)


def hold_something_else(path):
    torch.save([1, 2], path)


@pytest.mark.parametrize("damage", [cut, fit_in_part, hold_no_numbers, hold_something_else])
def test_a_damaged_file_is_made_again(damage, clouds, tmp_path, monkeypatch):
    monkeypatch.setenv("GMANET_CACHE", str(tmp_path))
    fresh = made(clouds)
    (path,) = (tmp_path / "encoder").iterdir()
    damage(path)
    assert equal(made(clouds), fresh)
    monkeypatch.setattr(module, "pretrain", None)
    assert equal(made(clouds), fresh)

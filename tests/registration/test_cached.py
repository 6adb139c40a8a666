"""Cached registrations."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from gmanet.registration import cached
from gmanet.registration.cached import KIND
from gmanet.registration.icp import register
from gmanet.registration.target import Target
from gmanet.runtime.cache import FOLDER


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    pos = (rng.normal(size=(400, 3)) * (3, 2, 1)).astype(np.float32)
    return pos, Target.of(pos + np.float32(1))


def register_anew(pos, target):
    """The registration as a process that remembers none finds it."""
    cached._RECENT.results.clear()
    return cached.register_cached(pos, target)


def same(one, other):
    np.testing.assert_array_equal(one.rotation, other.rotation)
    np.testing.assert_array_equal(one.translation, other.translation)
    assert (one.inlier_rmse, one.overlap) == (other.inlier_rmse, other.overlap)


def test_nothing_is_cached_unless_a_folder_is_named(pair, tmp_path, monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    same(register_anew(*pair), register(*pair))
    assert not list(tmp_path.iterdir())


def test_the_second_time_it_is_read_from_the_cache(pair, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    first = register_anew(*pair)
    monkeypatch.setattr(cached, "register", None)  # would raise if it were called
    same(register_anew(*pair), first)


def test_other_clouds_and_other_targets_are_found_anew(pair, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    pos, target = pair
    register_anew(pos, target)
    register_anew(pos * np.float32(1.1), target)
    register_anew(pos, Target.of(pos))
    assert len(list((tmp_path / KIND).iterdir())) == 3


def test_a_damaged_file_is_made_again(pair, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    first = register_anew(*pair)
    (path,) = (tmp_path / KIND).iterdir()
    path.write_bytes(path.read_bytes()[:60])
    same(register_anew(*pair), first)
    same(register_anew(*pair), first)


def test_many_writers_leave_one_whole_file(pair, tmp_path, monkeypatch):
    """Eight processes with one process number, as on eight machines, begin together."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))
    expected = register(*pair)
    monkeypatch.setattr(cached, "register", lambda *_, **__: expected)  # what counts is the writing
    number = os.getpid()
    children = []
    for _ in range(8):
        child = os.fork()
        if child == 0:
            monkeypatch.setattr(os, "getpid", lambda: number)
            try:
                while not (tmp_path / "go").exists():
                    time.sleep(0.001)
                for _ in range(20):
                    same(register_anew(*pair), expected)
                    for path in (tmp_path / "cache" / KIND).glob("*.npy"):
                        path.unlink(missing_ok=True)  # so that others have to write it again
                os._exit(0)
            except BaseException:
                os._exit(1)
        children.append(child)
    (tmp_path / "go").touch()
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 8
    same(register_anew(*pair), expected)
    assert len(list((tmp_path / "cache" / KIND).iterdir())) == 1


def test_a_process_remembers_the_last_ones(pair, monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    first = register_anew(*pair)
    monkeypatch.setattr(cached, "register", None)  # would raise if it were called
    same(cached.register_cached(*pair), first)

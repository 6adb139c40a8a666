"""A home directory that cannot be written is spared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gmanet.runtime.matplotlib_home import spare_home


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    for name in ("XDG_CONFIG_HOME", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "")
    yield monkeypatch


def test_a_writable_home_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    spare_home()
    assert not os.environ["MPLCONFIGDIR"]


def test_what_the_user_said_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/proc/nothing")
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    spare_home()
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="wants a folder that nobody can write")
def test_without_a_home_nothing_is_said(tmp_path):
    code = (
        "from gmanet.runtime.matplotlib_home import spare_home; spare_home(); "
        "import torchmetrics, matplotlib.font_manager"
    )
    environment = {**os.environ, "HOME": "/proc/nothing", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert list(tmp_path.glob("gmanet-*/matplotlib/fontlist-*.json"))

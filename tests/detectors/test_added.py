"""The three steps of docs/method.md to add a detector: a file, a row of the table, a YAML file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gmanet

FILE = '''
"""Height: how far a point lies from the mean height of normal points."""

from dataclasses import dataclass

import torch
from torch_geometric.data import Data

from gmanet.detectors.base import Detector
from gmanet.detectors.config import DetectorConfig


@dataclass
class HeightConfig(DetectorConfig):
    """Settings.

    Args:
        name: ``height``.
        power: Of the difference.
    """

    name: str = "height"
    power: float = 1.0


def read_height(cloud):
    return Data(height=torch.from_numpy(cloud.pos[:, 2]), num_nodes=len(cloud))


class Height(Detector):
    """Knows one number."""

    Config = HeightConfig

    def __init__(self, config):
        super().__init__(config)
        self.automatic_optimization = False
        self.register_buffer("usual", torch.zeros(()))

    def reader(self):
        return read_height

    def training_step(self, batch, *_):
        self.usual.copy_(batch.height.median())

    def score_record(self, record):
        return self.with_object((record.height - self.usual).abs() ** self.config.power)
'''

ROW = '    "height": ("height:Height", "height:HeightConfig"),\n'


@pytest.fixture
def checkout(tmp_path):
    """A copy of the package and its named files, with a detector more."""
    package = Path(gmanet.__file__).parent
    # Compiled code comes along, since it takes longer than the fit; drafts of it may vanish.
    ignored = shutil.ignore_patterns("*.tmp.*", "*.pyc.*")
    for part in (package, package.parent / "conf"):
        shutil.copytree(part, tmp_path / part.name, ignore=ignored)
    shutil.copy(package.parent / "pyproject.toml", tmp_path)
    (tmp_path / "gmanet/detectors/height.py").write_text(FILE)
    table = tmp_path / "gmanet/detectors/table.py"
    changed = table.read_text()
    table.write_text(changed.replace("ROWS = {\n", f"ROWS = {{\n{ROW}", 1))
    (tmp_path / "conf/detector/steep.yaml").write_text("detector: {name: height, power: 2.0}\n")
    return tmp_path


@pytest.mark.slow
def test_a_detector_is_added_by_a_file_a_row_and_a_yaml(checkout):
    rng = np.random.default_rng(0)
    for kind, count, height in (("good", 8, 0.0), ("bump", 3, 0.5)):
        folder = checkout / "parts" / kind
        folder.mkdir(parents=True)
        for number in range(count):
            pos = rng.random((300, 3)) * (1, 1, 0.01)
            pos[:20, 2] += height
            np.savetxt(folder / f"{number}.xyz", pos)
    words = ["detector=steep", "data=folder", "data.root=parts", "name=toy", "train.workers=0"]
    done = subprocess.run(
        [sys.executable, "-m", "gmanet.fit", *words, "wandb.mode=disabled", "train.pictures=0"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), "GMANET_RUNS": "runs"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "power: 2.0" in (checkout / "runs/toy/run.yaml").read_text()
    first = next(line for line in done.stdout.splitlines() if line.startswith("all"))
    assert first.split()[2] == "1.000"  # object AUROC

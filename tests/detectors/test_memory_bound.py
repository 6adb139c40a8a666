"""The memory of a fit is bounded by the configuration, not by the number or the size of clouds."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch_geometric.data import Data

from gmanet.detectors.memory_bank import MemoryDetector
from gmanet.detectors.table import DETECTORS

CLOUDS, ROWS, CHANNELS = 100, 8000, 33
"""A 25th of 100 clouds of 200 000 points; all their rows take 101 MiB."""

FEEDING = f"""
import resource
from pathlib import Path
from types import SimpleNamespace

import torch
from torch_geometric.data import Data

from gmanet.detectors.btf import BTF
from gmanet.detectors.config import BTFConfig

def feed(detector):
    for number in range({CLOUDS}):
        feature = torch.rand({ROWS}, {CHANNELS})
        detector.training_step(Data(feature=feature, name=str(number), num_nodes=len(feature)))
    detector.on_train_end()

torch.set_num_threads(1)
detector = BTF(BTFConfig(pool_size=4096, bank_size=64))
data = SimpleNamespace(train=range({CLOUDS}))
detector.trainer = SimpleNamespace(datamodule=data, world_size=1)
detector.on_train_start()
detector.training_step(Data(feature=torch.rand(9, {CHANNELS}), name="0", num_nodes=9))
detector.on_train_end()  # what libraries take when they are first used
lines = Path("/proc/self/status").read_text().splitlines()
held = next(int(line.split()[1]) for line in lines if line.startswith("VmData")) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (held + 2**20 * 48,) * 2)
feed(detector)
print("bounded", len(detector.banks["feature"].rows), flush=True)
detector.quota = {ROWS}
try:
    feed(detector)
except RuntimeError as error:
    print("unbounded", "allocate memory" in str(error))
"""


@pytest.mark.slow
def test_a_hundred_clouds_fit_where_all_their_rows_do_not():
    if not sys.platform.startswith("linux"):
        pytest.skip("other systems do not limit a process's data")
    typed = [sys.executable, "-c", FEEDING]
    # blocks of a cloud go back to the system when freed; holes of glibc's heap are not at stake
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(typed, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["bounded 64", "unbounded True"], done.stderr


@pytest.mark.parametrize(
    "name", sorted(name for name, kind in DETECTORS.items() if issubclass(kind, MemoryDetector))
)
def test_no_bank_exceeds_its_configuration(name, monkeypatch):
    kind = DETECTORS[name]
    detector = kind(kind.Config(name=name, pool_size=1000, bank_size=40))
    rows = torch.rand(500, CHANNELS)
    monkeypatch.setattr(detector, "features", lambda _: dict.fromkeys(detector.banks, rows))
    data = SimpleNamespace(train=range(20))
    detector.trainer = SimpleNamespace(datamodule=data, world_size=1)
    detector.on_train_start()
    for number in range(20):
        detector.training_step(Data(name=f"cloud{number}", num_nodes=500))
        for bank in detector.banks:
            seen = [parts[bank] for parts in detector.seen.values()]
            assert sum(map(len, seen)) <= 1000
            # a view of a cloud's rows would keep all of them
            assert sum(part.untyped_storage().nbytes() for part in seen) <= 1000 * CHANNELS * 4
    detector.on_train_end()
    assert not detector.seen
    for bank in detector.banks.values():
        assert 0 < len(bank.rows) <= 40
        assert bank.rows.untyped_storage().nbytes() <= 40 * CHANNELS * 4

"""Every loader against damaged files: one sentence, or the right cloud, and soon, in little memory.

The imitations' labels follow from the coordinates (``imitations.truth``), so that a label that has
come to another point is found out.  Where columns were swapped the points may come with their
coordinates swapped: no reader can know better.  A few bytes that differ in place may change as many
labels and points.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import imitations
import numpy as np
import pytest
from damages import AXES, DAMAGES, flipped, huge_header, swapped_columns

from gmanet.datasets.base import SPLITS
from gmanet.datasets.catalog import DATASETS, open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.loaders import truth
from gmanet.errors import InputError

LOADERS = [name for name in DATASETS if name not in ("procedural", "cad")]
PATIENCE = 20
"""Seconds for one case."""
MOST = 4 * 17 * 17
"""More points than any imitation has."""
HEADROOM = 64 << 20
"""Bytes that all loaders together may need beyond what undamaged files took, of some 10 KB each."""


def swapped(cloud, axes):
    """The cloud with its coordinates, and what was subtracted from them, in another order."""
    origin = tuple(np.take(cloud.origin, axes))
    return cloud.replace(pos=cloud.pos[:, axes], origin=origin)


def shifted(cloud, axes=(0, 1, 2)):
    """How many labels are not those of their points."""
    return int((cloud.label != imitations.truth(swapped(cloud, axes))).sum())


def check(config, kinds, path, damage):
    """Read both splits; whatever can be read has to be right."""
    for split in SPLITS:
        for cloud in open_data(config, split):
            assert cloud.checked("") is cloud
            assert len(cloud) <= MOST
            if cloud.label is None:
                continue
            assert cloud.label.shape == (len(cloud),)
            listed = config.name == "mulsen" and path.parts[-3] == "GT"  # some are not listed then
            if cloud.abnormal and kinds.get(cloud.name) == cloud.defect and not listed:
                axes = AXES if damage is swapped_columns else AXES[:1]
                wrong = min(shifted(cloud, one) for one in axes)
                assert wrong <= (8 if damage is flipped else 2), (path, damage.__name__, wrong)


def attack(config, kinds, cases, seed):
    """Return how often each damage was refused; one file is damaged at a time."""
    rng = np.random.default_rng(seed)
    files = sorted(path for path in Path(config.root).rglob("*") if path.is_file())
    refused = dict.fromkeys((one.__name__ for one in DAMAGES), 0)
    for case in range(cases):
        damage, path = DAMAGES[case % len(DAMAGES)], files[rng.integers(len(files))]
        whole = path.read_bytes()
        path.write_bytes(damage(whole, rng))
        signal.alarm(PATIENCE)
        try:
            check(config, kinds, path, damage)
        except InputError as error:
            refused[damage.__name__] += 1
            assert str(error).startswith(f"{config.root}/"), (path, damage.__name__)
            assert "\n" not in str(error)
        finally:
            signal.alarm(0)
        path.write_bytes(whole)
    return refused


@pytest.fixture
def made(tmp_path):
    """Return ``made(name)``: the configuration of an imitation, and its test names with kinds."""

    def write(name):
        category, kinds = imitations.WRITERS[name](tmp_path / name)
        return DataConfig(name=name, category=category, root=str(tmp_path / name)), kinds

    return write


@pytest.mark.parametrize("name", LOADERS)
def test_damaged_files_are_refused_or_right(made, name):
    assert sum(attack(*made(name), 48, 0).values()) > 8


def test_labels_at_other_points_would_be_found(made, monkeypatch):
    config, kinds = made("iec3d")
    path = next(Path(config.root).rglob("*.txt"))
    check(config, kinds, path, DAMAGES[0])
    flags = truth.as_flags
    monkeypatch.setattr(truth, "as_flags", lambda path, values: np.roll(flags(path, values), 1))
    with pytest.raises(AssertionError):
        check(config, kinds, path, DAMAGES[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", LOADERS)
def test_a_thousand_damaged_files_are_refused_or_right(made, name):
    refused = attack(*made(name), 1000, 1)
    assert sum(refused.values()) > 200
    refused.pop("swapped_columns")  # nothing to swap in pictures
    assert min(refused.values()) > 0, refused


def promise_much(folder):
    """Every imitation with headers that promise more than there is, in little more memory."""
    made = []
    for name in LOADERS:
        category, kinds = imitations.WRITERS[name](folder / name)
        made.append((DataConfig(name=name, category=category, root=str(folder / name)), kinds))
    for one in made:  # libraries are loaded
        attack(*one, 12, 0)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with pytest.raises(MemoryError):
        np.ones(2 * HEADROOM, np.uint8)
    for config, kinds in made:
        rng = np.random.default_rng(7)
        for path in sorted(path for path in Path(config.root).rglob("*") if path.is_file()):
            whole = path.read_bytes()
            for _ in range(6):
                path.write_bytes(huge_header(whole, rng))
                try:
                    check(config, kinds, path, huge_header)
                except InputError as error:
                    assert "memory" not in str(error).lower(), error
            path.write_bytes(whole)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="counts memory as Linux does")
def test_huge_promises_are_not_believed(tmp_path):
    here = Path(__file__).parent
    code = f"import sys; sys.path.insert(0, {str(here)!r}); import pathlib, test_damaged as t; "
    code += f"t.promise_much(pathlib.Path({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]

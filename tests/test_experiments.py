"""Every row of every experiment on procedural parts runs, on tiny clouds and for two steps."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from gmanet.config.compose import compose
from gmanet.errors import InputError
from gmanet.geometry.open3d import load_open3d
from gmanet.runs.experiment import read_experiment
from gmanet.runs.folder import Run

fit = import_module("gmanet.fit")

FOLDER = Path(__file__).parents[1] / "experiments"
FILES = ("ablation_modules", "ablation_synthesis", "controls", "expert", "families", "inputs")
FILES += ("few_normals", "sensitivity", "differences", "encoders", "paper")
TINY = ("data.profile=tiny", "train.workers=0", "train.pictures=0", "wandb.mode=disabled")
SMALL = {
    "gmanet": ("detector.steps=2", "detector.points=512", "detector.centers=256"),
    "gmanet_paper": ("detector.steps=2", "detector.points=512", "detector.pretraining=2"),
    "contexts": ("detector.points=512", "detector.centers=256"),
    "simple3d": ("detector.centers=256",),
}
LEARNING = ("synthesis.twins=4", "detector.pairs=2")


def rows():
    """Yield the first cell of each row on the first part."""
    for name in FILES:
        cells = read_experiment(FOLDER / f"{name}.yaml", Path("runs")).cells
        first = {(cell.row, *_rest(cell)): cell for cell in reversed(cells)}
        for key, cell in reversed(first.items()):
            yield pytest.param(cell, id=f"{name}-{'-'.join(key)}")


def _rest(cell):
    return [str(value) for key, value in cell.point.items() if key not in ("data.category", "seed")]


@pytest.mark.slow
@pytest.mark.parametrize("cell", rows())
def test_a_row_runs(cell, type_in):
    config = compose(cell.overrides)
    name = config.detector.name
    learning = LEARNING if name == "gmanet" else ()
    overrides = [*cell.overrides, *TINY, *SMALL.get(name, ()), *learning, "name=tried"]
    if config.synthesis.kind == "paper" and config.synthesis.curvature != "local":
        try:
            load_open3d()
        except InputError as error:
            pytest.skip(str(error))
    type_in(fit.main, *overrides)
    figures = Run.open(Run.root() / "tried").read_scores()
    assert 0 <= figures["object_auroc"] <= 1
    assert figures["n_clouds"] == 8

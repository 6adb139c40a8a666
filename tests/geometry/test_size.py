"""Sizes of a cloud: each is what its name says, and one alone is called diameter."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import gmanet
from gmanet.cloud import Cloud, diameter, extent, frame_diagonal, robust_size
from gmanet.datasets.procedural.dataset import Procedural
from gmanet.registration.target import Target

PACKAGE = Path(gmanet.__file__).parent
seeds = st.integers(0, 2**32 - 1)


def blob(seed, count=400):
    """A cloud with distinct principal axes, at random sides of its centroid."""
    rng = np.random.default_rng(seed)
    pos = rng.exponential(size=(count, 3)) * [5.0, 2.5, 1.0]
    return (pos * 10.0 ** rng.integers(-2, 3)).astype(np.float32)


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_a_rigid_motion_changes_no_size(seed):
    pos = blob(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    size = diameter(pos)
    there = (pos @ turn.T + size * np.array([3.0, -2.0, 1.0])).astype(np.float32)
    assert diameter(there) == pytest.approx(size, rel=1e-3)
    assert extent(there) == pytest.approx(extent(pos), rel=1e-4)
    doubled = (2 * pos).astype(np.float32)
    for measure in (diameter, extent, robust_size):
        assert measure(doubled) == pytest.approx(2 * measure(pos), rel=1e-5)


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_sizes_keep_their_order(seed):
    pos = blob(seed)
    farthest = 2 * np.linalg.norm(pos - pos.mean(axis=0, dtype=np.float64), axis=1).max()
    assert extent(pos) <= farthest <= 2 * diameter(pos)
    between = pos[:, None] - pos[None]
    assert np.linalg.norm(between, axis=2).max() <= diameter(pos) * (1 + 1e-5)


def test_a_box_along_the_axes_has_its_diagonal():
    corners = np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T * [6.0, 3.0, 2.0]
    assert frame_diagonal(corners) == pytest.approx(14)
    assert diameter(corners.astype(np.float32)) == pytest.approx(14)
    assert extent(corners.astype(np.float32)) == pytest.approx(14)


def test_registration_measures_in_extents():
    pos = blob(3)
    assert Target.of(pos).length == pytest.approx(extent(pos), rel=1e-6)


def test_the_washer_of_the_docstrings():
    pos = Procedural("washer", "train", profile="small")[0].pos
    assert diameter(pos) == pytest.approx(34.1, abs=0.5)
    assert extent(pos) == pytest.approx(24.1, abs=0.5)


def named(tree):
    """Yield what is named diameter in a module, and what it is: functions, fields, values."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and re.fullmatch("_?diameter", node.name):
            yield "function", ast.unparse(node.args)
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.target).endswith("diameter"):
            yield "field", ""
        elif isinstance(node, ast.Assign):
            yield from _assigned(node)
        elif isinstance(node, ast.Attribute) and node.attr == "diameter":
            yield "attribute", ast.unparse(node.value)


def _assigned(node):
    for target in node.targets:
        both = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        names, values = (target.elts, node.value.elts) if both else ([target], [node.value])
        for name, value in zip(names, values, strict=True):
            if ast.unparse(name).split(".")[-1] == "diameter":
                yield "value", ast.unparse(value)


def test_one_thing_is_called_diameter():
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "diameter" in text:
            for what, about in named(ast.parse(text)):
                found.setdefault((what, about), set()).add(path.relative_to(PACKAGE).as_posix())
    functions = {key: files for key, files in found.items() if key[0] in ("function", "field")}
    assert functions == {
        ("function", "self"): {"cloud.py"},
        ("function", "pos: Floats"): {"cloud.py"},
        ("field", ""): {"datasets/inventory.py"},  # an entry stores that of its cloud
    }
    assert {about for what, about in found if what == "attribute"} <= {"cloud", "Cloud(pos)"}
    values = {about for what, about in found if what == "value"}
    assert all("cloud.diameter" in about for about in values)
    assert diameter(blob(0)) == Cloud(blob(0)).diameter


@pytest.mark.parametrize(
    "planted",
    [
        "def diameter(mesh):\n    pass",
        "class Mesh:\n    @property\n    def diameter(self):\n        return 1.0",
        "diameter = extent(pos)",
        "length, diameter = 1.0, extent(pos)",
    ],
)
def test_another_diameter_is_found(planted):
    assert list(named(ast.parse(planted)))


@pytest.mark.parametrize(
    "file",
    [
        *("registration/target.py", "registration/icp.py", "registration/initial_poses.py"),
        "geometry/fpfh.py",
        *(f"detectors/gmanet/{name}.py" for name in ("deviation", "aligner")),
        *(f"datasets/procedural/{name}.py" for name in ("mesh", "defects", "surface", "dataset")),
    ],
)
def test_who_measures_in_other_sizes_does_not_say_diameter(file):
    assert "diameter" not in (PACKAGE / file).read_text(encoding="utf-8").lower()

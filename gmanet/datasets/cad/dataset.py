"""A data set whose normal clouds are simulated scans of a CAD mesh.

Every fifth scan is held out for testing, as in a folder of good scans.  With ``data.test=FOLDER``
real scans are tested instead, good ones in ``good/`` and defective ones in other folders.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.datasets.cad.conditions import TOWARD, Conditions, measure_conditions, usual
from gmanet.datasets.cad.scanning import Scanner
from gmanet.datasets.config import DataConfig
from gmanet.datasets.folder import Folder
from gmanet.errors import InputError
from gmanet.formats import list_files, read_cloud
from gmanet.nominal.mesh import TriangleMesh
from gmanet.nominal.pose import MeshTarget
from gmanet.nominal.reading import read_mesh

__all__ = ["CadScans", "open_cad"]

HELD_OUT = 5
"""Interval of the scans that are held out for testing."""


class CadScans(CloudDataset):
    """One split of the simulated scans of a mesh; all are made at the first access.

    A scan depends only on the mesh, the conditions, the seed and its number.

    Args:
        scanner: Scanner of the mesh.
        category: Name of the part.
        split: ``train`` or ``test``.
        scans: Number of scans, those of both splits together.
        seed: Seed of all random numbers.
        said: Sentences on the conditions.
    """

    def __init__(
        self,
        scanner: Scanner,
        category: str,
        *,
        split: str,
        scans: int,
        seed: int = 0,
        said: tuple[str, ...] = (),
    ) -> None:
        super().__init__(category, split)
        self.scanner, self.mesh, self.seed, self._said = scanner, scanner.mesh, seed, said
        held = split == "test"
        self._numbers = [i for i in range(scans) if (i % HELD_OUT == HELD_OUT - 1) == held]
        self._made: list[Cloud] = []

    @property
    def names(self) -> list[str]:
        """Return the names of the scans, in order, without making them."""
        return [f"good_{number:03d}" for number in self._numbers]

    @property
    def notes(self) -> tuple[str, ...]:
        """Return sentences on the conditions of the scans."""
        return self._said

    def __getitem__(self, index: int) -> Cloud:
        if not self._made:  # at once: the ray caster must not be used after a fork
            self._made = [self._scan(number) for number in self._numbers]
        return self._made[index]

    def _scan(self, number: int) -> Cloud:
        made = self.scanner.scan(np.random.default_rng([self.seed, number]))
        name = f"good_{number:03d}"
        return made.replace(name=name, category=self.category).checked(name)


class TestedFolder(Folder):
    """All scans of a folder as the test split: nothing in it is trained on."""

    def __init__(self, root: Path, *, label_value: float) -> None:
        super().__init__(root, "", split="train", label_value=label_value)
        self.split = "test"
        self.scans = [*self.train, *(scan for scan in self.test if scan not in self.train)]


def open_cad(config: DataConfig, split: str) -> CloudDataset:
    """Return one split of the data of a CAD mesh.

    Args:
        config: The data: ``root`` is the file of the mesh.
        split: ``train`` or ``test``.

    Raises:
        InputError: The mesh, the scan or the folder of test scans cannot be used.
    """
    if config.root is None:
        raise InputError("data=cad needs data.root=part.stl, the mesh of the part")
    if split == "test" and config.test is not None:
        return TestedFolder(Path(config.test), label_value=config.label_value)
    root = Path(config.root)
    mesh = read_mesh(root)
    conditions, said = _conditions(config, mesh)
    return CadScans(
        Scanner(mesh=mesh, conditions=conditions),
        config.category or root.stem,
        split=split,
        scans=config.scans,
        seed=config.seed,
        said=(f"{root}: {said}",),
    )


def _conditions(config: DataConfig, mesh: TriangleMesh) -> tuple[Conditions, str]:
    """Return the conditions of the scans, and a sentence on them."""
    source = "assumed"
    found = usual(mesh)
    if config.scan is not None:
        scans = _scans(Path(config.scan))
        found = measure_conditions(scans, MeshTarget(mesh=mesh))
        several = "" if len(scans) == 1 else f"{len(scans)} scans in "
        source = f"measured from {several}{config.scan}"
    if config.points:
        found = replace(found, points=config.points)
    if config.noise is not None:
        found = replace(found, noise=config.noise)
    if config.tolerance is not None:
        found = replace(found, tolerance=config.tolerance)
    if config.one_sided:
        found = replace(found, direction=TOWARD[config.one_sided])
    view = found.direction
    sides = "all sides" if view is None else f"one side ({view[0]:.2g} {view[1]:.2g} {view[2]:.2g})"
    return found, (
        f"simulated scans have {found.points:,} points, noise {found.noise:.3g}, tolerance "
        f"{found.tolerance:.3g}, {sides}; what is not stated is {source}"
    )


def _scans(path: Path) -> list[Cloud]:
    """Return the scan of a file, or all scans of a folder.

    Raises:
        InputError: There is no such file, a file cannot be read, or the folder holds none.
    """
    if not path.exists():
        raise InputError(f"data.scan={path}: no such file, wanted a scan or a folder of scans")
    files = list_files(path) if path.is_dir() else [path]
    if not files:
        raise InputError(f"data.scan={path}: holds no scan, wanted a scan or a folder of scans")
    return [read_cloud(file) for file in files]

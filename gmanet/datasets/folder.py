"""A user's own scans: a folder of normal scans, and one folder for each kind of defect.

Train clouds are in ``good/``, or in ``train/`` and ``train/good/`` if ``train/`` exists.  Test
clouds are in the folders of ``test/``, or, if ``test/`` does not exist, in all other folders; a
folder's name is the kind of defect, ``good`` for normal clouds.  If there is no such ``good``
folder of test clouds, every fifth normal cloud (the 5th, 10th, … by name) is held out for testing.

Sub-folders (``bump/day1/``, ``good/2024/``) and linked folders are searched too.  Folders of labels
(``gt``, ``ground_truth``, ``labels``, ``masks``) and the outputs of ``predict`` are no kinds of
defects; ``Folder.notes`` names what is not read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmanet.cloud import Cloud
from gmanet.datasets.base import CloudDataset
from gmanet.errors import InputError
from gmanet.formats import READERS, list_files, read_cloud
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.unread import unread
from gmanet.formats.walking import holds_labels, is_ignored, sub_folders, walk

__all__ = ["Folder"]

HELD_OUT = 5
"""Interval of the normal clouds that are held out for testing."""
LAYOUT = f"good/* and <defect>/* with the endings {', '.join(READERS)}"


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One scan of a folder, not yet read.

    Args:
        kind: Kind of defect, ``good`` for a normal cloud.
        path: File of the scan.
        name: Name of the cloud, unique within its split.
    """

    kind: str
    path: Path
    name: str


class Folder(CloudDataset):
    """One split of a folder of scans; a cloud is named ``<kind>_<folders>_<file stem>``.

    All points of a good scan are normal.  Labels of other scans are read from their files
    (``gmanet.formats.labels``), and are None if a file has none.

    Args:
        root: The folder.
        category: Name of the sub-folder with the clouds of one part, in upper or lower case; empty
            for ``root`` itself.
        split: ``train`` or ``test``.
        label_value: Value that marks abnormal points in the files.

    Raises:
        InputError: The folder is missing, the split has no clouds, or two have the same name.
    """

    def __init__(
        self, root: Path, category: str, *, split: str, label_value: float = LABEL_VALUE
    ) -> None:
        self.label_value = label_value
        self.folder = _category_folder(root, category)
        named = category if (root / category).is_dir() else self.folder.name
        super().__init__(named or self.folder.resolve().name, split)
        self.train, self.test = _splits(self.folder)
        self.scans = self.train if split == "train" else self.test
        if not self.scans:
            raise InputError(_no_clouds(self.folder, split, good=len(self.train)))
        seen: dict[str, Path] = {}
        for scan in self.scans:
            if scan.name in seen:
                found = f"is called {scan.name} like {seen[scan.name]}"
                raise InputError(f"{scan.path}: {found}, wanted other names")
            seen[scan.name] = scan.path

    @property
    def names(self) -> list[str]:
        """Return the clouds' names: normal clouds first, then by kind of defect."""
        return [scan.name for scan in self.scans]

    @property
    def files(self) -> list[Path]:
        """Return the clouds' files, in the order of the names."""
        return [scan.path for scan in self.scans]

    @property
    def defects(self) -> list[str]:
        """Return the kinds of defects, in the order of the names, without reading the files."""
        return [scan.kind for scan in self.scans]

    @property
    def notes(self) -> list[str]:
        """Return sentences on the files in the folder that belong to neither split."""
        return unread(self.folder, [scan.path for scan in (*self.train, *self.test)])

    def __getitem__(self, index: int) -> Cloud:
        """Return a cloud.

        Raises:
            InputError: The file cannot be read, or points of a good cloud are labeled abnormal.
        """
        scan = self.scans[index]
        cloud = read_cloud(scan.path, self.label_value)
        marked = cloud.label is not None and bool(cloud.label.any())
        if scan.kind == "good" and marked:
            assert cloud.label is not None
            found = f"{int(cloud.label.sum())} points labeled abnormal"
            wanted = "wanted none in a folder of good clouds; move the file, or its labels"
            raise InputError(f"{scan.path}: {found}, {wanted}")
        if scan.kind == "good":
            cloud = cloud.replace(label=np.zeros(len(cloud), np.bool_))
        elif cloud.label is not None and not marked:
            found = f"lies in {scan.kind}, but none of its points is labeled abnormal"
            cloud = cloud.replace(notes=(*cloud.notes, f"{scan.path}: {found}"))
        return cloud.replace(name=scan.name, category=self.category, defect=scan.kind)


def _category_folder(root: Path, category: str) -> Path:
    """Return the folder of a category, which may be typed in upper or lower case."""
    folder = root / category
    if folder.is_dir():
        return folder
    found = {path.name: path for path in _kinds(root)} if root.is_dir() else {}
    same = [path for name, path in found.items() if name.lower() == category.lower()]
    if len(same) == 1:
        return same[0]
    if not root.is_dir():
        raise InputError(f"{root}: no such folder, wanted data.root=FOLDER with {LAYOUT}")
    raise InputError(f"{folder}: no such folder, wanted one of: {', '.join(found) or 'none there'}")


def _no_clouds(folder: Path, split: str, *, good: int) -> str:
    """Return the error sentence for a split without clouds, with what the user can add or type."""
    parts = [path.name for path in _kinds(folder) if {"good", "train"} & set(_by_name(path))]
    if split == "train" and parts:
        several = f"holds the parts {', '.join(parts)}" if parts[1:] else f"holds {parts[0]}"
        return f"{folder}: {several}, wanted one of them: data.category={parts[0]}"
    if split == "train":
        loose = len(list_files(folder))
        there = f" ({loose} scans lie directly in it: move the good ones to good/)" if loose else ""
        return f"{folder}: no train clouds, wanted {LAYOUT}{there}"
    return (
        f"{folder}: no test clouds: {good} good scans and no others, wanted at least {HELD_OUT} "
        f"(every fifth is then held out for testing), or a folder of defective scans (bump/*), or "
        "one of further good ones (test/good/*)"
    )


def _splits(root: Path) -> tuple[list[Scan], list[Scan]]:
    """Return the train scans and the test scans."""
    folders = _by_name(root)
    if "train" in folders:
        inner = [place for folder in folders["train"] for place in _by_name(folder).get("good", [])]
        good = _scans("good", folders["train"], deep=False) + _scans("good", inner)
    else:
        good = _scans("good", folders.pop("good", []))
    if "test" in folders:
        loose = [path for folder in folders["test"] for path in list_files(folder)]
        if loose:
            raise InputError(
                f"{loose[0]}: lies directly in test, wanted test/<defect>/{loose[0].name}"
            )
        folders = _by_name(*folders["test"])
    folders.pop("train", None)
    kinds = sorted(folders, key=lambda kind: (kind != "good", kind))
    test = [scan for kind in kinds for scan in _scans(kind, folders[kind])]
    if any(scan.kind == "good" for scan in test):
        return good, test
    kept = [scan for number, scan in enumerate(good, 1) if number % HELD_OUT]
    return kept, good[HELD_OUT - 1 :: HELD_OUT] + test


def _kinds(root: Path) -> list[Path]:
    """Return the sub-folders that may hold scans of one kind, sorted."""
    return [path for path in sub_folders(root) if not _holds_no_scans(path)]


def _holds_no_scans(folder: Path) -> bool:
    return is_ignored(folder) or holds_labels(folder)


def _by_name(*roots: Path) -> dict[str, list[Path]]:
    """Return the sub-folders of some folders by lower-case name (``Good`` is ``good``), sorted."""
    found: dict[str, list[Path]] = {}
    for path in sorted(path for root in roots for path in _kinds(root)):
        found.setdefault(path.name.lower(), []).append(path)
    return found


def _scans(kind: str, folders: Iterable[Path], *, deep: bool = True) -> list[Scan]:
    """Return the scans in some folders, and in the folders below them if ``deep``."""
    found = []
    for folder in folders:
        for place in walk(folder, _holds_no_scans) if deep else [folder]:
            inner = place.relative_to(folder).parts
            for path in list_files(place):
                name = "_".join([*inner, path.stem])
                if not name.lower().startswith(kind):
                    name = f"{kind}_{name}"
                found.append(Scan(kind=kind, path=path, name=name))
    return found

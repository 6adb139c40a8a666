"""A user's own scans: a folder of good ones, and one folder for each kind of defect.

Normal clouds stand in ``good/``, or in ``train/`` and ``train/good/`` if there is a ``train/``.
Test clouds stand in the folders of ``test/``, or without a ``test/`` in all other folders but
``gt/``; a folder's name is the kind of defect, ``good`` for normal ones.  Where no such ``good``
folder is among them, every fifth normal cloud (the 5th, 10th, … by name) is for testing only.
"""

from __future__ import annotations

from pathlib import Path

from gmanet.cloud import Cloud
from gmanet.data.dataset import CloudDataset
from gmanet.data.files import READERS, list_files, read_cloud
from gmanet.data.files.labels import LABEL_VALUE
from gmanet.errors import InputError

__all__ = ["Folder"]

HELD_OUT = 5
LAYOUT = f"good/* and <defect>/* with the endings {', '.join(READERS)}"


class Folder(CloudDataset):
    """One split of a folder of scans; a cloud is named ``<kind>_<file stem>``.

    Labels are those that a file carries (``gmanet.data.files.labels``), and None where it carries
    none.

    Args:
        root: The folder.
        category: A sub-folder of it that holds the clouds of one part; empty for ``root`` itself.
        split: ``train`` or ``test``.
        label_value: Of abnormal points in the files' fields of labels.

    Raises:
        InputError: The folder is missing, the split has no clouds, or two have the same name.
    """

    def __init__(
        self, root: Path, category: str, split: str, label_value: float = LABEL_VALUE
    ) -> None:
        self.label_value = label_value
        folder = root / category
        super().__init__(category or folder.resolve().name, split)
        if not folder.is_dir():
            found = ", ".join(_folders(root)) if root.is_dir() else ""
            raise InputError(f"{folder}: no such folder, wanted one of: {found or 'none there'}")
        train, test = _splits(folder)
        self.clouds = train if split == "train" else test
        if not self.clouds:
            raise InputError(f"{folder}: no {split} clouds, wanted {LAYOUT}")
        seen: dict[str, Path] = {}
        for kind, path in self.clouds:
            name = _name(kind, path)
            if name in seen:
                raise InputError(f"{path}: is called {name} like {seen[name]}, wanted other names")
            seen[name] = path

    @property
    def names(self) -> list[str]:
        """Return the names, in order: normal clouds first, then kind by kind."""
        return [_name(kind, path) for kind, path in self.clouds]

    def __getitem__(self, index: int) -> Cloud:
        """Return a cloud.

        Raises:
            InputError: Its file cannot be read, or labels points of a good cloud as abnormal.
        """
        kind, path = self.clouds[index]
        cloud = read_cloud(path, self.label_value)
        if kind == "good" and cloud.label is not None and cloud.label.any():
            found = f"{int(cloud.label.sum())} points labeled abnormal"
            raise InputError(f"{path}: {found}, wanted none in a folder of good clouds")
        if kind != "good" and cloud.label is not None and not cloud.label.any():
            found = f"lies in {path.parent.name}, but none of its points is labeled abnormal"
            cloud = cloud.replace(notes=(*cloud.notes, f"{path}: {found}"))
        return cloud.replace(name=_name(kind, path), category=self.category, defect=kind)


def _splits(root: Path) -> tuple[list[tuple[str, Path]], list[tuple[str, Path]]]:
    """Return kind and file of the train clouds and of the test clouds."""
    folders = _folders(root)
    if "train" in folders:
        normal = list_files(folders["train"])
        normal += list_files(_folders(folders["train"]).get("good", root / "train" / "good"))
    else:
        normal = list_files(folders.get("good", root / "good"))
        folders.pop("good", None)
    if "test" in folders:
        loose = list_files(folders["test"])
        if loose:
            raise InputError(
                f"{loose[0]}: lies directly in test, wanted test/<defect>/{loose[0].name}"
            )
        folders = _folders(folders["test"])
    folders = {kind: path for kind, path in folders.items() if kind not in ("train", "gt")}
    good = [("good", path) for path in normal]
    kinds = sorted(folders, key=lambda kind: (kind != "good", kind))
    test = [(kind, path) for kind in kinds for path in list_files(folders[kind])]
    if any(kind == "good" for kind, _ in test):
        return good, test
    kept = [one for number, one in enumerate(good, 1) if number % HELD_OUT]
    return kept, good[HELD_OUT - 1 :: HELD_OUT] + test


def _folders(root: Path) -> dict[str, Path]:
    """Return the sub-folders by lower-case name, sorted, without hidden ones."""
    found = (path for path in sorted(root.iterdir()) if path.is_dir())
    return {path.name.lower(): path for path in found if not path.name.startswith(".")}


def _name(kind: str, path: Path) -> str:
    """Return a name that tells clouds of all kinds apart."""
    return path.stem if path.stem.lower().startswith(kind) else f"{kind}_{path.stem}"

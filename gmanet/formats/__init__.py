"""Reading and writing of one cloud as a file; the extension decides the format.

The formats in ``READERS`` that are not in ``WRITERS`` can only be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gmanet.cloud import Cloud
from gmanet.errors import InputError
from gmanet.formats import e57, npy, npz, obj, off, pcd, ply, stl, text, tiff
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.outputs import is_output, is_table
from gmanet.runtime.atomic import replacing

__all__ = ["READERS", "WRITERS", "list_files", "read_cloud", "write_cloud"]


class _Reader(Protocol):
    def __call__(self, path: Path, label_value: float = ...) -> Cloud: ...


READERS: dict[str, _Reader] = {
    ".pcd": pcd.read,
    ".ply": ply.read,
    ".xyz": text.read,
    ".txt": text.read,
    ".asc": text.read,
    ".csv": text.read,
    ".pts": text.read,
    ".npz": npz.read,
    ".npy": npy.read,
    ".stl": stl.read,
    ".obj": obj.read,
    ".off": off.read,
    ".tiff": tiff.read,
    ".tif": tiff.read,
    ".e57": e57.read,
}
WRITERS: dict[str, Callable[[Path, Cloud], None]] = {
    ".pcd": pcd.write,
    ".ply": ply.write,
    ".xyz": text.write,
    ".txt": text.write,
    ".asc": text.write,
    ".csv": text.write,
    ".npz": npz.write,
}


def read_cloud(path: Path | str, label_value: float = LABEL_VALUE) -> Cloud:
    """Return the file's cloud, checked and named after the file.

    Normals are scaled to unit length; all are left out if one of them is zero.  Unmeasured points
    and fields that are no valid labels are left out and reported in ``Cloud.notes``.

    Args:
        path: A file with one of the extensions in ``READERS``.
        label_value: Label of abnormal points in the file; normal points have 0.

    Raises:
        InputError: The file is missing, damaged, of an unknown extension, an output of
            ``predict``, or holds no cloud that can be scored (``Cloud.checked``).
    """
    path = Path(path)
    if is_output(path) and path.is_file():
        wanted = "wanted a scan (under another name, if this is one)"
        raise InputError(f"{path}: was written by gmanet predict, as its name says, {wanted}")
    reader = READERS[_ending(path, READERS)]
    # A value beyond float32 becomes infinite; the check refuses infinite values.
    with np.errstate(over="ignore", invalid="ignore"):
        return reader(path, label_value).checked(str(path))


def write_cloud(
    path: Path | str,
    cloud: Cloud,
    *,
    color: npt.NDArray[np.uint8] | None = None,
    comment: str = "",
) -> None:
    """Write a cloud so that ``read_cloud`` returns equal points and labels.

    Coordinates are those of the cloud's source file (``Cloud.positions``), written as doubles if
    ``Cloud.origin`` is not zero.  Text files have no normals.  Writing is atomic; a missing folder
    is created.

    Args:
        path: A file with one of the extensions in ``WRITERS``.
        cloud: The cloud.
        color: Red, green and blue, with shape ``(N, 3)``, for ``.ply`` only.
        comment: One line for the header of a colored file.

    Raises:
        InputError: The extension is unknown or has no colors, or the file cannot be written.
    """
    path = Path(path)
    ending = _ending(path, WRITERS)
    if color is not None and ending != ".ply":
        raise InputError(f"{path}: {ending} files are written without colors, wanted .ply")
    with replacing(path) as draft:
        if color is None:
            WRITERS[ending](draft, cloud)
        else:
            ply.write(draft, cloud, color=color, comment=comment)


def list_files(folder: Path, endings: tuple[str, ...] = tuple(READERS)) -> list[Path]:
    """Return the folder's files with these extensions, sorted by name.

    Hidden files, outputs of ``predict`` and tables of results are skipped.

    Args:
        folder: Folder to search, without its sub-folders; a missing folder has no files.
        endings: Extensions in lower case, with the dot.
    """
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.suffix.lower() in endings)
    visible = (path for path in found if not path.name.startswith(".") and path.is_file())
    return sorted(path for path in visible if not is_output(path) and not is_table(path))


def _ending(path: Path, known: Iterable[str]) -> str:
    ending = path.suffix.lower()
    if ending not in known and path.is_dir():
        raise InputError(f"{path}: is a folder, wanted a scan, or all of them: {path}/*.ply")
    if ending not in known:
        raise InputError(f"{path}: ending {ending!r}, wanted one of {', '.join(known)}")
    return ending

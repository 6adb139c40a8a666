"""Eyecandies (Bonfiglioli et al., ACCV 2022): ten candies on a conveyor, rendered from one side.

``<Category>/{train,test_public}/data`` holds for each number ``NNN_depth.png`` (16 bits),
``NNN_info_depth.yaml`` with ``normalization: {min, max}``, ``NNN_mask.png`` (abnormal above 0) and
``NNN_metadata.yaml`` with ``anomalous: 0`` or ``1``.  Depth in meters is
``value / 65535 * (max - min) + min``; the camera is a pinhole with a focal length of 711.11 pixels
and its center in the middle of the picture.  ``val`` is not read; ``test_private`` has no labels.

Numbers have three digits for training and two for testing.  The other entries of the metadata
(``bumps``, ``dents``, ``colors``, ``normals``) are assumed to be the kinds of defects: the kind of
an anomalous item is composed of the entries that are 1, or is ``anomalous`` if there are none.
Defects of colors and normals are not visible in a depth image.  The conveyor is removed, together
with the rails and the background, which touch the border of the picture
(``gmanet.cleaning.tabletop``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from omegaconf import OmegaConf

from gmanet.cleaning.tabletop import part_on_table
from gmanet.cloud import Cloud
from gmanet.datasets.loaders.published import Item, Published
from gmanet.datasets.loaders.truth import pixel_labels
from gmanet.errors import InputError
from gmanet.formats import list_files
from gmanet.formats.centering import centered
from gmanet.formats.png import read_picture
from gmanet.formats.source import read_bytes

__all__ = ["Eyecandies"]

FOCAL = 711.11
"""Focal length of the camera, in pixels."""
SPLITS = {"train": "train", "test": "test_public"}
LIMIT = 1 << 14
"""Largest size of a metadata file, in bytes."""


class Eyecandies(Published):
    """One split of one category; a cloud's name is the number of its files."""

    unit = "m"
    layout = (
        "<Category>/{train,test_public}/data/NNN_{depth.png,info_depth.yaml,mask.png,metadata.yaml}"
    )
    source = "Eyecandies, Bonfiglioli et al. 2022: GitHub, eyecan-ai/eyecandies"
    marker = "train/data"

    def listed(self) -> list[Item]:
        """Return the items with a depth image; metadata of test items hold the kind of defect."""
        items = []
        for path in list_files(self.folder / SPLITS[self.split] / "data", (".png",)):
            if path.stem.endswith("_depth"):
                kind = "good" if self.split == "train" else _kind(_companion(path, "metadata.yaml"))
                truth = None if kind == "good" else _companion(path, "mask.png")
                items.append(
                    Item(name=path.stem.removesuffix("_depth"), defect=kind, path=path, truth=truth)
                )
        return items

    def read(self, item: Item) -> Cloud:
        """Return the candy without the conveyor, with the labels of its pixels."""
        grid, valid = _grid(item.path)
        kept = part_on_table(grid.astype(np.float32), valid)
        pos, origin = centered(grid[kept])
        cloud = Cloud(pos, origin=origin).checked(f"{item.path} without the conveyor")
        if item.truth is None:
            return cloud
        return cloud.replace(label=pixel_labels(item.truth, item.path, kept=kept))


def _companion(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.stem.removesuffix('depth')}{ending}")


def _grid(path: Path) -> tuple[npt.NDArray[np.float64], Any]:
    """Return coordinates in meters, ``(H, W, 3)``, and True for measured pixels, ``(H, W)``."""
    info = _companion(path, "info_depth.yaml")
    said = _mapping(info).get("normalization")
    ends = [said.get(key) for key in ("min", "max")] if isinstance(said, dict) else []
    near, far = (float(end) if isinstance(end, (int, float)) else np.nan for end in ends or "??")
    if not near < far < 1e6:
        raise InputError(f"{info}: normalization is {said!r}, wanted min and max in meters")
    picture = read_picture(path)
    if picture.dtype not in (np.uint16, np.int32):
        raise InputError(f"{path}: values of type {picture.dtype}, wanted a picture of 16 bits")
    depth = picture / 65535 * (far - near) + near
    rows, columns = np.indices(depth.shape)
    height, width = depth.shape
    x, y = (columns - width / 2) * depth / FOCAL, (rows - height / 2) * depth / FOCAL
    return np.stack([x, y, depth], axis=2), depth > 0


def _kind(path: Path) -> str:
    """Return the kind of defect in the metadata of an item, or ``good``."""
    said = _mapping(path)
    flag = said.get("anomalous")
    if flag not in (0, 1):
        raise InputError(f"{path}: anomalous is {flag!r}, wanted 0 or 1")
    named = [key for key, value in sorted(said.items()) if key != "anomalous" and value == 1]
    return ("_".join(named) or "anomalous") if flag else "good"


def _mapping(path: Path) -> dict[str, Any]:
    """Return the mapping in a small YAML file."""
    text = read_bytes(path, ".yaml", limit=LIMIT + 1)
    if len(text) > LIMIT or b"&" in text:  # nested aliases can expand without limit
        raise InputError(f"{path}: is too long or too clever, wanted a few plain YAML lines")
    try:
        said = OmegaConf.to_container(OmegaConf.create(text.decode()), resolve=False)
    except Exception as error:  # the YAML parser has no common error type
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: is no YAML mapping ({reason})") from None
    if not isinstance(said, dict):
        raise InputError(f"{path}: holds no mapping, wanted one in YAML")
    return {str(key): value for key, value in said.items()}

"""Eyecandies (Bonfiglioli et al., ACCV 2022): ten candies on a conveyor, rendered from one side.

``<Category>/{train,test_public}/data`` holds for each number ``NNN_depth.png`` (16 bits),
``NNN_info_depth.yaml`` with ``normalization: {min, max}``, ``NNN_mask.png`` (abnormal above 0) and
``NNN_metadata.yaml`` with ``anomalous: 0`` or ``1``.  Depth in metres is
``value / 65535 * (max - min) + min``; the camera is a pinhole with a focal length of 711.11 pixels
and its center in the middle of the picture.  ``val`` is not read; ``test_private`` has no labels.

Numbers have three digits for training and two for testing.  That the other entries of the metadata
(``bumps``, ``dents``, ``colors``, ``normals``) name the kinds is assumed, from memory: an item is
``good`` or else called after those that are 1, ``anomalous`` if there are none.  Of these, colors
and normals are not to be seen in a depth.  The conveyor is taken off, and with it what runs out of
the picture: rails and background (``gmanet.cleaning.tabletop``).
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
SPLITS = {"train": "train", "test": "test_public"}
LIMIT = 1 << 14
"""A metadata file has at most this many bytes."""


class Eyecandies(Published):
    """One split of one category; a cloud is named by its number."""

    unit = "m"
    layout = (
        "<Category>/{train,test_public}/data/NNN_{depth.png,info_depth.yaml,mask.png,metadata.yaml}"
    )
    source = "Eyecandies, Bonfiglioli et al. 2022: GitHub, eyecan-ai/eyecandies"
    marker = "train/data"

    def listed(self) -> list[Item]:
        """Return the depth pictures; train items are normal, of others the metadata tell."""
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
    """Return coordinates in metres, with shape ``(H, W, 3)``, and which of them were measured."""
    info = _companion(path, "info_depth.yaml")
    said = _mapping(info).get("normalization")
    ends = [said.get(key) for key in ("min", "max")] if isinstance(said, dict) else []
    near, far = (float(end) if isinstance(end, (int, float)) else np.nan for end in ends or "??")
    if not near < far < 1e6:
        raise InputError(f"{info}: normalization is {said!r}, wanted min and max in metres")
    picture = read_picture(path)
    if picture.dtype not in (np.uint16, np.int32):
        raise InputError(f"{path}: values of type {picture.dtype}, wanted a picture of 16 bits")
    depth = picture / 65535 * (far - near) + near
    rows, columns = np.indices(depth.shape)
    height, width = depth.shape
    x, y = (columns - width / 2) * depth / FOCAL, (rows - height / 2) * depth / FOCAL
    return np.stack([x, y, depth], axis=2), depth > 0


def _kind(path: Path) -> str:
    """Return what the metadata say of an item."""
    said = _mapping(path)
    flag = said.get("anomalous")
    if flag not in (0, 1):
        raise InputError(f"{path}: anomalous is {flag!r}, wanted 0 or 1")
    named = [key for key, value in sorted(said.items()) if key != "anomalous" and value == 1]
    return ("_".join(named) or "anomalous") if flag else "good"


def _mapping(path: Path) -> dict[str, Any]:
    """Return what a small YAML file says."""
    text = read_bytes(path, ".yaml", limit=LIMIT + 1)
    if len(text) > LIMIT or b"&" in text:  # aliases of aliases unpack without a bound
        raise InputError(f"{path}: is too long or too clever, wanted a few plain YAML lines")
    try:
        said = OmegaConf.to_container(OmegaConf.create(text.decode()), resolve=False)
    except Exception as error:  # the parser of YAML has no error of its own
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: is no YAML mapping ({reason})") from None
    if not isinstance(said, dict):
        raise InputError(f"{path}: holds no mapping, wanted one in YAML")
    return {str(key): value for key, value in said.items()}

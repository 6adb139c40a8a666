"""The file of a detector: a zip archive of plain values, tensors and a page for people, no code.

``content.json`` holds the plain values, in which ``{"tensor": NAME}`` stands for a tensor;
``tensors.safetensors`` holds the tensors [safetensors, Hugging Face 2022]; ``README.txt`` says in
words what the detector is.  Equal contents give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmanet.runtime.atomic import replacing

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["digest", "is_archive", "read_archive", "read_content", "write_archive"]

CONTENT, TENSORS, README = "content.json", "tensors.safetensors", "README.txt"
"""Names of the three files in the archive."""

LARGEST = {CONTENT: 2**27, TENSORS: 2**32}
"""Largest size of the files that are read, in bytes: a small archive may unpack to a huge file."""

FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""Time stamp of the files in the archive, the earliest of the format."""


def write_archive(path: Path, content: Mapping[str, Any], *, readme: str) -> None:
    """Write nested plain values and tensors as one file.

    Args:
        path: The file to be written or replaced.
        content: Mappings with keys of type ``str``, lists, texts, numbers, None and tensors.
        readme: Text for people.

    Raises:
        OutputError: The file cannot be written.
    """
    from safetensors.torch import save

    plain, tensors = _split(content)
    parts = {
        README: readme.encode(),
        CONTENT: json.dumps(plain, indent=1).encode(),
        TENSORS: save({name: tensor.clone() for name, tensor in tensors.items()}),
    }
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name, FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    with replacing(path) as draft:
        draft.write_bytes(whole.getbuffer())


def is_archive(path: Path) -> bool:
    """Return whether a file is a zip archive with plain values; older detector files are not.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            return False
        with zipfile.ZipFile(file) as archive:
            return CONTENT in archive.namelist()


def read_content(path: Path) -> dict[str, Any]:
    """Return the plain values of an archive, without its tensors.

    Raises:
        Exception: The file is damaged: one of a dozen kinds of ``zipfile`` and ``json``.
    """
    with zipfile.ZipFile(path) as archive:
        content = json.loads(_unpacked(archive, CONTENT))
    return content if isinstance(content, dict) else {}


def read_archive(path: Path) -> dict[str, Any]:
    """Return what :func:`write_archive` wrote, with tensors on the CPU.

    Raises:
        Exception: The file is damaged: one of a dozen kinds of ``zipfile``, ``json`` and
            ``safetensors``.
    """
    from safetensors.torch import load

    content = read_content(path)
    with zipfile.ZipFile(path) as archive:
        tensors = load(_unpacked(archive, TENSORS))
    whole = _joined(content, tensors)
    assert isinstance(whole, dict)
    return whole


def digest(content: Mapping[str, Any]) -> str:
    """Return a hash of nested plain values and tensors, 32 hexadecimal digits.

    Args:
        content: Values as for :func:`write_archive`.
    """
    plain, tensors = _split(content)
    found = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(_raw(tensor))
    return found.hexdigest()[:32]


def _raw(tensor: Tensor) -> bytes:
    """Return the bytes of a tensor on the CPU."""
    import torch

    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the bytes of a file in an archive.

    Raises:
        ValueError: The file is larger than any that was written.
    """
    if archive.getinfo(name).file_size > LARGEST[name]:
        raise ValueError(f"{name} unpacks to more than {LARGEST[name]} bytes")
    return archive.read(name)


def _split(value: Any, place: str = "") -> tuple[Any, dict[str, Tensor]]:
    """Return values with references in the place of tensors, and the tensors by name.

    The name of a tensor is its place as a JSON pointer [RFC 6901], such as
    ``/state/atlas.points``.
    """
    if isinstance(value, Mapping):
        inner = {key: _split(part, f"{place}/{_escaped(key)}") for key, part in value.items()}
        plain: Any = {key: part for key, (part, _) in inner.items()}
        tensors = {name: each for _, found in inner.values() for name, each in found.items()}
        return plain, tensors
    if isinstance(value, list | tuple):
        several = [_split(part, f"{place}/{number}") for number, part in enumerate(value)]
        tensors = {name: each for _, found in several for name, each in found.items()}
        return [part for part, _ in several], tensors
    if hasattr(value, "detach"):
        return {"tensor": place}, {place: value.detach().cpu().contiguous()}
    return value, {}


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _joined(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Return values with tensors in the place of references.

    Raises:
        KeyError: A tensor is missing.
    """
    if isinstance(value, dict):
        if value.keys() == {"tensor"}:
            return tensors[value["tensor"]]
        return {key: _joined(part, tensors) for key, part in value.items()}
    if isinstance(value, list):
        return [_joined(part, tensors) for part in value]
    return value

"""Contents of a file, after checks that it exists, is not empty and matches its extension."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from gmanet.errors import InputError

__all__ = ["quote", "read_bytes"]

MAGIC = {
    ".ply": re.compile(rb"ply\s"),
    ".pcd": re.compile(rb"# \.PCD|(?:#[^\n]*\n)*(?:VERSION|FIELDS|COLUMNS)\s"),
    ".npz": re.compile(rb"PK(?:\x03\x04|\x05\x06)"),
    ".npy": re.compile(rb"\x93NUMPY"),
    ".gz": re.compile(rb"\x1f\x8b"),
}
"""First bytes of a file by extension; text files have no such signature."""
MARKED, MARK = (".ply", ".pcd", ".off", ".obj"), codecs.BOM_UTF8
"""Formats in which an editor may have put a byte-order mark before the first bytes."""


def quote(text: bytes | str) -> str:
    """Return a text for use in a message: in quotation marks and shortened."""
    plain = text.decode("latin-1") if isinstance(text, bytes) else text
    return repr(plain if len(plain) <= 40 else plain[:37] + "...")


def read_bytes(path: Path, ending: str, *, limit: int = -1) -> bytes:
    """Return the file's bytes.

    Args:
        path: The file.
        ending: Expected extension, such as ``.ply``.
        limit: Largest number of bytes to read from the beginning; negative reads all.

    Raises:
        InputError: The file is missing, not regular, unreadable, empty, or has the first bytes of
            another format.
    """
    try:
        if not path.exists():
            raise InputError(f"{path}: no such file")
        if not path.is_file():  # reading a pipe or a device might never end
            raise InputError(f"{path}: is no regular file, wanted a {ending} file")
        with path.open("rb") as file:
            data = file.read(limit)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if ending in MARKED:
        data = data.removeprefix(MARK)
    if not data:
        raise InputError(f"{path}: is empty, wanted a {ending} file")
    found = next((kind for kind, magic in MAGIC.items() if magic.match(data)), ending)
    if found != ending:
        raise InputError(f"{path}: begins like a {found} file, wanted a {ending} file")
    return data

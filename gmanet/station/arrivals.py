"""Arrivals: files in a folder that are complete, so that no scan is read while it is written.

A file is complete when its size and its time of change have stayed the same for some seconds, it is
not empty, and no process that this user may look at has it open for writing (Linux).  A writer that
gives a file another name until it is whole (``part.ply.tmp``, ``.part.ply``) is always safe: files
with other endings and hidden files are passed over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gmanet.formats import list_files

__all__ = ["Arrival", "Arrivals", "Stamp", "stamp_of"]

PROCESSES = Path("/proc")
"""Folder of the processes, on Linux."""

Stamp = tuple[int, int, int, int]
"""Size in bytes, time of change in nanoseconds, device and number (inode) of a file."""

WRITING = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A complete file.

    Args:
        path: The file.
        stamp: Its size, time of change, device and number.
        age: Seconds for which it has stayed the same.
    """

    path: Path
    stamp: Stamp
    age: float = 0.0

    @property
    def unchanged(self) -> bool:
        """Whether the file is still there and the same."""
        return stamp_of(self.path) == self.stamp


class Arrivals:
    """The complete files of a folder, asked for again and again.

    Args:
        folder: The folder; folders below it are passed over.
        settle: Seconds for which a file must stay the same.
        clock: Function that returns seconds, for tests.
    """

    def __init__(
        self, folder: Path, *, settle: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder, self.settle, self.clock = folder, settle, clock
        self._seen: dict[Path, tuple[Stamp, float]] = {}

    def complete(self) -> list[Arrival]:
        """Return the files that are complete now, those that arrived first at the beginning.

        Raises:
            OSError: The folder cannot be read.
        """
        self.folder.stat()
        now, found = self.clock(), []
        present = {path: stamp_of(path) for path in list_files(self.folder)}
        seen = {}
        for path, stamp in present.items():
            if stamp is None:
                continue
            before, since = self._seen.get(path, (None, now))
            seen[path] = (stamp, since if before == stamp else now)
            age = now - seen[path][1]
            if stamp[0] and age >= self.settle:
                found.append(Arrival(path=path, stamp=stamp, age=age))
        self._seen = seen
        written = _open_for_writing() if found else set()
        ready = [each for each in found if each.stamp[2:] not in written]
        return sorted(ready, key=lambda each: (each.stamp[1], each.path.name))

    @property
    def present(self) -> dict[Path, Stamp]:
        """The files that were there at the last question, complete or not, and their stamps."""
        return {path: stamp for path, (stamp, _) in self._seen.items()}


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of a file; None if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino


def _open_for_writing() -> set[tuple[int, ...]]:
    """Return device and inode of the files that processes have open for writing.

    Processes of other users are not seen.
    """
    found: set[tuple[int, ...]] = set()
    for process in PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            for entry in (process / "fd").iterdir():
                with suppress(OSError, ValueError, IndexError):
                    info = (process / "fdinfo" / entry.name).read_text()
                    flags = int(info.partition("flags:")[2].split()[0], 8)
                    if flags & WRITING:
                        file = entry.stat()
                        found.add((file.st_dev, file.st_ino))
    return found

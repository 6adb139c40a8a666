"""The scans that a command was given, as files and folders, and where the outputs of each go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gmanet.errors import InputError, note
from gmanet.formats import READERS, list_files
from gmanet.formats.outputs import OUTPUTS, count_outputs, is_output, output_stem
from gmanet.formats.walking import holds_labels, is_ignored, walk

__all__ = ["ScanFile", "find_scans"]


@dataclass(frozen=True, kw_only=True)
class ScanFile:
    """A scan, and the path of its outputs.

    Args:
        path: The file.
        target: Path of the outputs without their endings: ``FOLDER/part.scores``.
    """

    path: Path
    target: Path

    def output(self, ending: str) -> Path:
        """Return the path of the output with an ending, such as ``.npz``."""
        return self.target.with_name(f"{self.target.name}{ending}")


def find_scans(places: Sequence[Path], *, output: Path | None = None) -> list[ScanFile]:
    """Return the scans among files and in folders, in the order given, without earlier outputs.

    A folder stands for all scans in it and below it, sorted by name; folders that are hidden, of
    labels or of outputs are passed over.  A file that is missing or no scan is returned as well.

    Args:
        places: Files and folders.
        output: Folder of the outputs, in which folders below a given folder are repeated; None for
            the folder ``gmanet-scores`` next to each scan.

    Raises:
        InputError: A folder holds no scan, all files are outputs, or two scans have one output.
    """
    found: list[ScanFile] = []
    passed: list[Path] = []
    for place in places:
        if is_output(place):
            passed += [place] if place.is_file() else []
        elif place.is_dir():
            found += [_scan(path, output, root=place) for path in _below(place)]
        else:
            found.append(_scan(place, output, root=place.parent))
    if not found and not places[0].exists():
        found.append(_scan(places[0], output, root=places[0].parent))
    if not found:
        raise InputError(f"{places[0]}: was written by gmanet predict, wanted a scan")
    if sentence := count_outputs(passed):
        note(sentence)
    _refuse_twins(found)
    return found


def _below(folder: Path) -> Iterator[Path]:
    """Yield the scans in a folder and below it.

    Raises:
        InputError: There is none.
    """
    scans = [path for place in walk(folder, _holds_none) for path in list_files(place)]
    if not scans:
        raise InputError(f"{folder}: holds no scan, wanted files that end in {', '.join(READERS)}")
    yield from scans


def _holds_none(folder: Path) -> bool:
    return is_ignored(folder) or holds_labels(folder)


def _scan(path: Path, output: Path | None, *, root: Path) -> ScanFile:
    folder = path.parent / OUTPUTS if output is None else output / path.parent.relative_to(root)
    return ScanFile(path=path, target=folder / output_stem(path.stem, ".scores"))


def _refuse_twins(scans: Sequence[ScanFile]) -> None:
    """Raise an error if two scans have the same output."""
    seen: dict[Path, Path] = {}
    for scan in scans:
        other = seen.setdefault(scan.target.resolve(), scan.path)
        if other is not scan.path:
            found = f"two files would be written to {scan.output('.npz')}, {other} and {scan.path}"
            raise InputError(f"{found}: wanted distinct names, or one call of predict for each")

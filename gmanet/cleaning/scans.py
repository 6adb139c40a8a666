"""Cleaning of all scans below a folder into the same paths below another folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from gmanet.cleaning.clean import Cleaned, Cleaning, clean
from gmanet.cloud import Cloud
from gmanet.errors import InputError, OutputError, note
from gmanet.formats import READERS, WRITERS, list_files, read_cloud, write_cloud
from gmanet.formats.labels import LABEL_VALUE
from gmanet.formats.outputs import output_stem
from gmanet.formats.unread import unread
from gmanet.formats.walking import walk
from gmanet.runtime.progress_table import TABLE, digest, read_table, write_table

__all__ = ["Line", "clean_scans", "print_notes", "print_scans", "unmeasured"]

METHOD = 3
"""Version of the algorithms, part of the cache key; raised when a result changes."""

PICTURES = "pictures"
"""Name of the folder of pictures of what was removed, in the folder of clean scans."""

SIZE = 280
"""Width and height of a picture's panels, in pixels."""

TAKEN = ("table", "pieces")
"""Columns of points that are not the part's."""

MANY = 0.05
"""Share of outliers above which a scan is reported, since outliers may be surface points."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Result of one scan, a line of the table.

    Args:
        file: Path of the scan relative to both folders.
        points: Number of measured points of the scan.
        outliers: Number of points removed as outliers.
        table: Number of points removed as a table below the part.
        pieces: Number of points removed as pieces beside the part.
        thinned: Number of points that the octree left out.
        labelled: Number of points labeled as abnormal in the scan.
        labelled_kept: Number of these points in the clean scan.
        unmeasured: Number of unmeasured points of the file, not included in ``points``.
        key: Hash of the file's contents and of the settings.
        error: Reason for a missing clean scan; empty if there is none.
    """

    file: str
    points: int = 0
    outliers: int = 0
    table: int = 0
    pieces: int = 0
    thinned: int = 0
    labelled: int = 0
    labelled_kept: int = 0
    unmeasured: int = 0
    key: str = ""
    error: str = ""


def clean_scans(
    scans: Path, folder: Path, *, cleaning: Cleaning, label_value: float = LABEL_VALUE
) -> list[Line]:
    """Clean all scans, and return a line of the table for each.

    Args:
        scans: Folder of scans with known extensions, also in sub-folders and linked folders.
        folder: Folder for clean scans and the table, outside of ``scans``.
        cleaning: Settings of cleaning.
        label_value: Label of abnormal points in the files.

    Raises:
        InputError: There are no scans, two scans have the same output path, or a folder cannot be
            used.
    """
    files = sorted(
        path.relative_to(scans) for directory in walk(scans) for path in list_files(directory)
    )
    if not files:
        raise InputError(f"{scans}: no scans, wanted files that end in {', '.join(READERS)}")
    _refuse_twins(scans, files, folder=folder)
    for sentence in unread(scans, [scans / name for name in files]):
        note(sentence)
    known = {line.key: line for line in read_table(folder / TABLE, Line) if not line.error}
    lines: list[Line] = []
    for name in tqdm(files, "clean", unit="scan"):
        try:
            key = digest((METHOD, cleaning, label_value), [scans / name])
        except OSError as error:
            lines.append(
                Line(file=str(name), error=f"{scans / name}: cannot be read ({error.strerror})")
            )
            continue
        line = known.get(key)
        target = folder / _written(name)
        if line is None or line.file != str(name) or not target.is_file():
            line = _clean(scans, name, folder=folder, how=(cleaning, label_value), key=key)
        lines.append(line)
        write_table(folder / TABLE, lines)
    return lines


def _written(name: Path) -> Path:
    """Return the name of a clean scan; formats that are read only become ``.ply``."""
    return name if name.suffix.lower() in WRITERS else name.with_suffix(".ply")


def _refuse_twins(scans: Path, files: Sequence[Path], *, folder: Path) -> None:
    """Raise an error if two scans would be written to the same path."""
    blind = _ignores_case(folder)
    seen: dict[str, Path] = {}
    for name in files:
        target = str(_written(name))
        other = seen.setdefault(target.lower() if blind else target, name)
        if other is not name:
            found = f"{scans / other} and {scans / name} would both be written to {folder / target}"
            raise InputError(f"{found}, wanted another name for one of them")


def _ignores_case(folder: Path) -> bool:
    """Return whether the file system of a folder (existing or not) ignores case."""
    directory = next(one for one in (folder, *folder.resolve().parents) if one.exists())
    other = directory.resolve().with_name(directory.resolve().name.swapcase())
    return other.name != directory.resolve().name and other.exists() and other.samefile(directory)


def _clean(scans: Path, name: Path, *, folder: Path, how: tuple[Cleaning, float], key: str) -> Line:
    path, target = scans / name, folder / _written(name)
    cleaning, label_value = how
    picture = folder / PICTURES / f"{output_stem('_'.join(name.parts))}.png"
    try:
        cloud = read_cloud(path, label_value)
        print_notes(cloud)
        cleaned = clean(cloud, cleaning)
        write_cloud(target, cleaned.cloud)
        _draw(picture, cloud, cleaned=cleaned)
    except OutputError:
        raise  # not caused by the scan
    except InputError as error:
        for old in (target, picture):  # results of earlier settings
            old.unlink(missing_ok=True)
        said = str(error)
        named = said if said.startswith(str(path)) else f"{path}: {said}"
        return Line(file=str(name), key=key, error=named)
    before, after = (
        0 if one.label is None else int(one.label.sum()) for one in (cloud, cleaned.cloud)
    )
    return Line(
        file=str(name),
        points=len(cloud),
        outliers=cleaned.outliers,
        table=cleaned.table,
        pieces=cleaned.pieces,
        thinned=cleaned.thinned,
        labelled=before,
        labelled_kept=after,
        unmeasured=unmeasured(cloud),
        key=key,
    )


def _draw(path: Path, cloud: Cloud, *, cleaned: Cleaned) -> None:
    """Draw a scan whose table or pieces were removed: the part in it in red, and the part alone."""
    if not cleaned.table + cleaned.pieces or cleaned.kept is None:
        path.unlink(missing_ok=True)
        return
    from gmanet.view.sheet import Panel, save_row

    panels = [
        Panel(title=f"{cloud.name}: the part in red", pos=cloud.pos, label=cleaned.kept),
        Panel(title="kept", pos=cloud.pos[cleaned.kept]),
    ]
    save_row(path, [panels], size=SIZE)


def print_notes(cloud: Cloud) -> None:
    """Print a cloud's notes, one per line, below the progress bar."""
    with tqdm.external_write_mode(sys.stderr):
        for sentence in cloud.notes:
            note(sentence)


def unmeasured(cloud: Cloud) -> int:
    """Return the number of unmeasured points in a cloud's file."""
    return 0 if cloud.rows is None else cloud.file_points - len(cloud)


def print_scans(lines: Sequence[Line], folder: Path) -> None:
    """Print a summary of the scans, and the names of those that lost many points."""
    done = sum(not line.error for line in lines)
    points, outliers, table, pieces, thinned = (
        sum(getattr(line, name) for line in lines)
        for name in ("points", "outliers", "table", "pieces", "thinned")
    )
    lost = sum(line.unmeasured for line in lines)
    never = f"; {lost} others were never measured" if lost else ""
    sys.stdout.write(
        f"{done} of {len(lines)} scans written to {folder}: of {points} points "
        f"{outliers} were outliers, {table} a table, {pieces} beside the part and {thinned} "
        f"thinned out{never}; details: {folder / TABLE}\n"
    )
    taken = [line for line in lines if line.table or line.pieces]
    if taken:
        tables, pieces = (sum(getattr(line, name) > 0 for line in taken) for name in TAKEN)
        sys.stderr.write(
            f"{tables} scans lost a table and {pieces} scans pieces beside the part: look at "
            f"{folder / PICTURES}; table=false and pieces=false keep them\n"
        )
    eaten = [line.file for line in lines if line.outliers > MANY * line.points]
    if eaten:
        sys.stderr.write(
            f"{len(eaten)} scans, {eaten[0]} among them, lost more than {MANY:.0%} of their points "
            "as outliers: look at them, or raise ratio\n"
        )

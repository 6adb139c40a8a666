"""Clean a folder of scans: ``python -m gmanet.prepare SCANS -o FOLDER [key=value ...]``.

Every scan below SCANS (a whole part in one file) loses its outliers, is thinned by an octree where
``cell=`` (in the scan's unit) or ``depth=`` says so, and is written to the same place below FOLDER,
with the labels and normals that its file carries.  ``prepare.csv`` tells what became of each; a
scan that cannot be used is listed there, and others go on.  The same command again does what is
missing or has changed.  Keys: neighbors, ratio, stop and rounds of statistical outlier removal,
cell and depth.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tqdm import tqdm

from gmanet.data.files import READERS, read_cloud, write_cloud
from gmanet.data.files.atomic import replacing
from gmanet.errors import InputError, command
from gmanet.preprocess.cleaning import Cleaning, clean
from gmanet.words import hint, parse

__all__ = ["main", "prepare"]

TABLE = "prepare.csv"

MANY = 0.05
"""Share of outliers above which a scan is named: perhaps its surface was taken for them."""


@dataclass(frozen=True)
class Line:
    """What became of one scan, a line of the table.

    Args:
        file: Below both folders.
        points: Of the scan.
        outliers: Removed as such.
        thinned: Left out by the octree.
        labelled: Labelled points of the scan.
        labelled_kept: Those that are left.
        key: Digest of the file's bytes and of the settings.
        error: Why there is no clean scan.
    """

    file: str
    points: int = 0
    outliers: int = 0
    thinned: int = 0
    labelled: int = 0
    labelled_kept: int = 0
    key: str = ""
    error: str = ""


def prepare(scans: Path, folder: Path, cleaning: Cleaning) -> list[Line]:
    """Clean all scans, and return what became of each.

    Args:
        scans: A folder with files of known endings, also in sub-folders.
        folder: Where clean scans and the table go; neither ``scans`` nor a folder of it.
        cleaning: How.

    Raises:
        InputError: There are no scans, or one of the folders cannot be used.
    """
    if folder.resolve().is_relative_to(scans.resolve()):
        raise InputError(f"-o {folder}: lies in {scans}, wanted a folder elsewhere")
    found = (path for path in scans.rglob("*") if path.suffix.lower() in READERS)
    names = (path.relative_to(scans) for path in found if path.is_file())
    files = sorted(name for name in names if not any(part.startswith(".") for part in name.parts))
    if not files:
        raise InputError(f"{scans}: no scans, wanted files that end in {', '.join(READERS)}")
    known = {line.key: line for line in _read(folder / TABLE) if not line.error}
    lines: list[Line] = []
    for name in tqdm(files, "clean", unit="scan"):
        try:
            key = _key(scans / name, cleaning)
        except OSError as error:
            lines.append(
                Line(str(name), error=f"{scans / name}: cannot be read ({error.strerror})")
            )
            continue
        line = known.get(key)
        if line is None or line.file != str(name) or not (folder / name).is_file():
            line = _clean(scans / name, name, folder / name, cleaning, key)
        lines.append(line)
        _write(folder / TABLE, lines)
    return lines


def _key(path: Path, cleaning: Cleaning) -> str:
    digest = hashlib.sha256(repr(cleaning).encode())
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()[:16]


def _clean(path: Path, name: Path, target: Path, cleaning: Cleaning, key: str) -> Line:
    try:
        cloud = read_cloud(path)
        cleaned = clean(cloud, cleaning)
        write_cloud(target, cleaned.cloud)
    except InputError as error:
        target.unlink(missing_ok=True)  # of earlier settings
        said = str(error)
        named = said if said.startswith(str(path)) else f"{path}: {said}"
        return Line(str(name), key=key, error=named)
    before, after = (
        0 if one.label is None else int(one.label.sum()) for one in (cloud, cleaned.cloud)
    )
    return Line(str(name), len(cloud), cleaned.outliers, cleaned.thinned, before, after, key)


def _read(path: Path) -> list[Line]:
    """Return the lines of an earlier run; none where there is no such table."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != [field.name for field in fields(Line)]:
            raise InputError(f"{path}: is no table of this command, wanted another folder after -o")
        text = ("file", "key", "error")
        try:
            read = [{k: v if k in text else int(v) for k, v in row.items()} for row in rows]
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}, line {rows.line_num}: {error}, wanted a number") from None
    return [Line(**row) for row in read]  # type: ignore[arg-type]


def _write(path: Path, lines: Sequence[Line]) -> None:
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(Line))
        table.writerows(asdict(line).values() for line in lines)


def settings(words: Sequence[str]) -> Cleaning:
    """Return what the words ``key=value`` say.

    Raises:
        InputError: A key or its value is unknown.
    """
    whole = {name: isinstance(value, int) for name, value in asdict(Cleaning()).items()}
    values = {}
    for key, text, value in map(parse, words):
        if key not in whole:
            known = list(whole)
            raise InputError(f"{key}={text}: no key {key!r}{hint(key, known)}; wanted {known}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or (whole[key] and not isinstance(value, int)):
            raise InputError(f"{key}={text}: wanted {'an integer' if whole[key] else 'a number'}")
        values[key] = value
    return Cleaning(**values)


def main() -> None:
    """Read the words, clean, and print what became of the scans."""
    parser = argparse.ArgumentParser(
        prog="python -m gmanet.prepare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scans", type=Path)
    parser.add_argument("words", nargs="*", metavar="key=value")
    parser.add_argument("-o", "--output", type=Path, required=True)
    said = parser.parse_intermixed_args()
    if not said.scans.is_dir():
        raise InputError(f"{said.scans}: no such folder, wanted one with scans")
    lines = prepare(said.scans, said.output, settings(said.words))
    failed = [line for line in lines if line.error]
    done = len(lines) - len(failed)
    points, outliers, thinned = (
        sum(getattr(line, name) for line in lines) for name in ("points", "outliers", "thinned")
    )
    sys.stdout.write(
        f"{done} of {len(lines)} scans written to {said.output}: of {points} points "
        f"{outliers} were outliers and {thinned} thinned out; {said.output / TABLE} tells more\n"
    )
    eaten = [line.file for line in lines if line.outliers > MANY * line.points]
    if eaten:
        sys.stderr.write(
            f"{len(eaten)} scans, {eaten[0]} among them, lost more than {MANY:.0%} of their points "
            "as outliers: look at them, or raise ratio\n"
        )
    if failed:
        sys.stderr.write("".join(f"failed: {line.error}\n" for line in failed))
        raise SystemExit(1)


if __name__ == "__main__":
    command(main)

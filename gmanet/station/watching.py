"""Watching of a folder: every scan that arrives in it is judged once, whatever happens meanwhile.

A scan is read and scored, its outputs are written, then a line is appended to the journal
(``record.jsonl``) and flushed to the disk, and last the file is moved.  A process that is killed
before the line is on the disk judges the scan again, with outputs at the same place; one that is
killed later only moves the file.  While the disk is full or a folder is away, nothing is judged,
and nothing is lost.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from gmanet.errors import InputError, OutputError, note
from gmanet.formats.outputs import OUTPUTS, output_stem
from gmanet.inspection.finding import ScanFile
from gmanet.inspection.record import UNUSABLE, Inspection
from gmanet.runtime.atomic import replacing
from gmanet.runtime.locks import hold
from gmanet.station.arrivals import Arrival, Arrivals, Stamp
from gmanet.station.choosing import Candidate
from gmanet.station.judging import Judged, judge_safely, write_judged
from gmanet.station.shelves import Shelves
from gmanet.verdict.check import NOT_JUDGED

__all__ = ["SETTLE", "Watch", "watch"]

SETTLE = 2.0
"""Seconds for which a file must stay the same before it is judged."""

PATIENCE = 5
"""Factor of this time before a file is called unusable or is not judged: a slow writer may still be
at it."""

POLL = 0.5
"""Seconds between two looks at the folder."""

RETRY = 3.0
"""Seconds between two tries while nothing can be written."""


@dataclass(kw_only=True, eq=False)
class Watch:
    """A folder in which scans arrive, and the folder of what was judged.

    Args:
        candidates: The detectors.
        arrivals: The complete files of the folder.
        shelves: The folder of what was judged.
        picture: Whether to draw a picture of each scan.
        undone: Number of files that were not judged in the last round.
    """

    candidates: Sequence[Candidate]
    arrivals: Arrivals
    shelves: Shelves
    picture: bool = True
    undone: int = 0
    _doubtful: dict[Path, Stamp] = field(default_factory=dict)

    def round(self) -> Iterator[Inspection]:
        """Judge the files that are complete now, and yield what was found about each.

        Raises:
            OSError, OutputError: A file or folder cannot be read or written now.
        """
        self.shelves.tidy()
        complete = self.arrivals.complete()
        present = self.arrivals.present
        self.undone = sum(not self.shelves.has(path, stamp) for path, stamp in present.items())
        for arrival in complete:
            if not self.shelves.has(arrival.path, arrival.stamp):
                found = self._take(arrival)
                if found is not None:
                    self.undone -= 1
                    error = self._tidy()
                    yield found
                    if error is not None:
                        raise error

    def _tidy(self) -> Exception | None:
        """Move the judged scan; return why that is impossible now, as the scan is judged."""
        try:
            self.shelves.tidy()
        except (OSError, OutputError) as error:
            return error
        return None

    def _take(self, arrival: Arrival) -> Inspection | None:
        """Judge one file; None if it may not be complete after all."""
        old = arrival.age >= PATIENCE * self.arrivals.settle
        if not arrival.unchanged or (not old and self._is_doubtful(arrival)):
            return None
        name = self.shelves.name(arrival.path)
        made = judge_safely(self.candidates, arrival.path, scan=arrival.path.name)
        if made.found.verdict in (UNUSABLE, NOT_JUDGED) and not old:
            self._doubtful[arrival.path] = arrival.stamp
            return None
        if not arrival.unchanged:
            return None
        self._doubtful.pop(arrival.path, None)
        self._write(made, name)
        self.shelves.enter(_entry(made.found, arrival, name=name))
        return made.found

    def _is_doubtful(self, arrival: Arrival) -> bool:
        return self._doubtful.get(arrival.path) == arrival.stamp

    def _write(self, made: Judged, name: str) -> None:
        """Write the outputs of a scan, or the reason why a file is unusable."""
        folder = self.shelves.folder
        if made.found.verdict == UNUSABLE:
            with replacing(folder / UNUSABLE / f"{name}.why") as draft:
                draft.write_text(f"{made.found.reason}\n", encoding="utf-8")
        target = folder / OUTPUTS / output_stem(Path(name).stem, ".scores")
        try:
            write_judged(ScanFile(path=Path(name), target=target), made, picture=self.picture)
        except (OSError, OutputError):
            raise
        except Exception as error:  # a picture that cannot be drawn must not stop the station
            note(f"{name}: outputs are incomplete ({type(error).__name__}: {error})")


def _entry(found: Inspection, arrival: Arrival, *, name: str) -> dict[str, Any]:
    """Return the line of the journal: what was found, when, and about which file."""
    return {
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "name": name,
        "bytes": arrival.stamp[0],
        "changed": arrival.stamp[1],
        **replace(found, scan=arrival.path.name).state(),
    }


def watch(
    candidates: Sequence[Candidate],
    incoming: Path,
    *,
    judged: Path,
    leave: bool = False,
    picture: bool = True,
    settle: float = SETTLE,
    once: bool = False,
) -> Iterator[Inspection]:
    """Judge the scans that arrive in a folder, and yield what was found about each, without end.

    Args:
        candidates: The detectors; of several, the one whose gate a scan passes judges it.
        incoming: Folder in which the scans arrive.
        judged: Folder of what was judged.
        leave: Whether scans stay where they are; if not, they are moved to the folder of their
            verdict in ``judged``.
        picture: Whether to draw a picture of each scan.
        settle: Seconds for which a file must stay the same before it is judged.
        once: Whether to end when every file that is there was judged.

    Raises:
        InputError: A folder cannot be used, or another process watches it.
        OSError, OutputError: With ``once``, a file or folder cannot be read or written.
    """
    if not incoming.is_dir():
        raise InputError(f"{incoming}: no such folder, wanted the one in which scans arrive")
    if incoming.resolve() == judged.resolve():
        raise InputError(f"{judged}: is the folder in which scans arrive, wanted another one")
    with ExitStack() as stack:
        stack.enter_context(hold(judged / ".lock"))
        if not leave:
            stack.enter_context(hold(incoming / ".gmanet-watch"))
        shelves = Shelves(judged, None if leave else incoming)
        arrivals = Arrivals(incoming, settle=settle)
        made = Watch(candidates=candidates, arrivals=arrivals, shelves=shelves, picture=picture)
        yield from _rounds(made, once=once)


def _rounds(made: Watch, *, once: bool) -> Iterator[Inspection]:
    """Repeat rounds; while nothing can be written, wait."""
    said = ""
    while True:
        try:
            yield from made.round()
        except (OSError, OutputError) as error:
            if once:
                raise
            if (sentence := str(error)) != said:
                note(f"{sentence}; nothing is lost, it goes on when this is mended")
            said = sentence
            time.sleep(RETRY)
            continue
        said = ""
        if once and made.undone <= 0:
            return
        time.sleep(min(POLL, made.arrivals.settle or POLL))

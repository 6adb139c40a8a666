"""What an HTTP client is told: a scan's verdict as JSON, the state of the station, one sentence.

A client's scan is a body of bytes.  The name that it gives only decides the format; no path of a
client is opened.  The bytes lie in a private folder while they are read.
"""

from __future__ import annotations

import hmac
import json
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any

import numpy as np

from gmanet import __version__
from gmanet.errors import InputError
from gmanet.formats import READERS
from gmanet.station.choosing import Candidate
from gmanet.station.judging import Judged, judge_file
from gmanet.station.reporting import report_of

__all__ = ["Answer", "Refused", "Station", "answer", "file_name"]

BLOCK = 2**20
"""Bytes of a body that are copied at a time."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer to a client.

    Args:
        status: Status of HTTP, such as ``200 OK``.
        body: Content.
        kind: Media type of the content.
    """

    status: str
    body: bytes
    kind: str = "application/json"


class Refused(Exception):
    """A request that gets no verdict.

    Args:
        status: Status of HTTP, such as ``400 Bad Request``.
        sentence: What was found, and what is wanted.
    """

    def __init__(self, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence

    @property
    def answer(self) -> Answer:
        """The answer that says so."""
        return answer({"error": self.sentence}, self.status)


@dataclass(kw_only=True, eq=False)
class Station:
    """The detectors that judge the scans of clients, one scan at a time.

    Args:
        candidates: The detectors; of several, the one whose gate a scan passes judges it.
        token: Word that clients must give (``Authorization: Bearer TOKEN``); empty for none.
        largest: Largest size of a scan, in bytes.
        patience: Seconds for which a scan may wait until earlier ones are judged.
    """

    candidates: Sequence[Candidate]
    token: str = ""
    largest: int = 64 * 2**20
    patience: float = 60.0
    judged: int = 0
    _busy: threading.Lock = field(default_factory=threading.Lock)
    _since: float = field(default_factory=time.monotonic)

    def health(self) -> Answer:
        """Return the state of the station."""
        return answer(
            {
                "status": "ok",
                "version": __version__,
                "detectors": [
                    {"name": one.name, "part": one.detector.part, "identity": one.identity}
                    for one in self.candidates
                ],
                "judged": self.judged,
                "seconds": round(time.monotonic() - self._since, 1),
            }
        )

    def check(self, authorization: str) -> None:
        """Raise an error if a client may not ask.

        Args:
            authorization: The header ``Authorization`` of the request.

        Raises:
            Refused: The token is missing or wrong.
        """
        given = authorization.removeprefix("Bearer ").strip().encode("utf-8", "replace")
        if self.token and not hmac.compare_digest(given, self.token.encode()):
            raise Refused("401 Unauthorized", "no such token, wanted Authorization: Bearer TOKEN")

    def judge(
        self, body: IO[bytes], *, size: int, name: str, points: bool = False, report: bool = False
    ) -> Answer:
        """Return the verdict on a scan.

        Args:
            body: The bytes of the scan.
            size: Their number.
            name: Name of the file at the client, of which the ending decides the format.
            points: Whether to return the score of every point.
            report: Whether to return the report instead, an HTML page.

        Raises:
            Refused: The bytes are no scan, too many, or fewer than the client said; or too many
                scans wait.
        """
        if size > self.largest:
            raise Refused("413 Content Too Large", f"{size} bytes, wanted at most {self.largest}")
        ending = ending_of(name)
        with TemporaryDirectory(prefix="gmanet-") as folder:
            path = Path(folder) / f"scan{ending}"
            _copy(body, path, size=size)
            if not self._busy.acquire(timeout=self.patience):
                wanted = "wanted the scan again later"
                sentence = f"other scans took more than {self.patience:g} s, {wanted}"
                raise Refused("503 Service Unavailable", sentence)
            try:
                made = judge_file(self.candidates, path, scan=_plain_name(name))
                self.judged += 1
                page = report_of(made, path) if report else b""
            except InputError as error:
                raise Refused("400 Bad Request", _without(path, str(error))) from None
            finally:
                self._busy.release()
        if report:
            return Answer(status="200 OK", body=page, kind="text/html; charset=utf-8")
        return answer(verdict_of(made, points=points, path=path))


def answer(values: Mapping[str, Any], status: str = "200 OK") -> Answer:
    """Return an answer in JSON.

    Args:
        values: Plain values; numbers that are not finite become null.
        status: Status of HTTP.
    """
    text = json.dumps(_finite(values), allow_nan=False)
    return Answer(status=status, body=f"{text}\n".encode())


def verdict_of(made: Judged, *, points: bool, path: Path) -> dict[str, Any]:
    """Return what was found as plain values.

    Args:
        made: What was found.
        points: Whether to add the score of every point, null for points that were never measured.
        path: The temporary file, which no sentence names.
    """
    values = made.found.state()
    values["notes"] = [_without(path, sentence) for sentence in values["notes"]]
    if points:
        scores = None
        if made.cloud is not None and made.scores is not None:
            found = made.cloud.in_file_order(made.scores.points.astype(np.float64), math.nan)
            scores = found.tolist()
        values["point_scores"] = scores
    return values


def file_name(query: Mapping[str, Sequence[str]], disposition: str) -> str:
    """Return the name that a client gives its scan; empty if it gives none.

    Args:
        query: The parameters of the address; ``name`` is the name.
        disposition: The header ``Content-Disposition`` (``attachment; filename=part.ply``).
    """
    if named := query.get("name"):
        return named[0]
    header = Message()
    header["Content-Disposition"] = disposition
    return header.get_filename("") if disposition else ""


def ending_of(name: str) -> str:
    """Return the ending of a file's name, which decides the format.

    Raises:
        Refused: The name has no ending of a format.
    """
    ending = PurePosixPath(_plain_name(name)).suffix.lower()
    if ending not in READERS:
        found = f"the ending {ending!r}" if ending else "no ending"
        wanted = f"wanted ?name=part.ply with one of {', '.join(READERS)}"
        raise Refused("400 Bad Request", f"the name of the scan has {found}, {wanted}")
    return ending


def _plain_name(name: str) -> str:
    """Return the last part of a client's path, in characters that can be printed."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable())[:100]


def _copy(body: IO[bytes], path: Path, *, size: int) -> None:
    """Write the bytes of a body to a file.

    Raises:
        Refused: There are fewer than the client said.
    """
    left = size
    with path.open("wb") as file:
        while left and (block := body.read(min(BLOCK, left))):
            file.write(block)
            left -= len(block)
    if left:
        found = f"{size - left} of {size} bytes arrived"
        raise Refused("400 Bad Request", f"{found}, wanted the whole scan")


def _without(path: Path, sentence: str) -> str:
    """Return a sentence that names no path of this machine."""
    return sentence.replace(str(path), "the scan").replace(str(path.parent), "")


def _finite(value: Any) -> Any:
    """Return plain values with None for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""The HTTP server of a station: the addresses, the limits, and Waitress, which serves them.

Waitress collects a body before the application sees it, large ones in a file, refuses one that is
too large, and closes a connection on which nothing arrives.
"""

from __future__ import annotations

import ipaddress
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from waitress.server import create_server

from gmanet.errors import InputError
from gmanet.station.answering import Answer, Refused, Station, file_name
from gmanet.station.page import POLICY, page

__all__ = ["Application", "is_loopback", "serve"]

THREADS = 4
"""Number of requests that are answered at a time; scans are judged one by one."""

SILENCE = 30
"""Seconds without a byte after which a connection is closed."""

CONNECTIONS = 64
"""Largest number of open connections."""

HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", POLICY),
)

Environment = dict[str, Any]
"""A request, as WSGI describes it."""


class Application:
    """The addresses of a station as a WSGI application.

    Args:
        station: The station.
        quiet: Whether to print no line for each request.
    """

    def __init__(self, station: Station, *, quiet: bool = False) -> None:
        self.station, self.quiet = station, quiet
        self.address = "http://127.0.0.1:8000"

    def __call__(self, environment: Environment, respond: Any) -> Iterable[bytes]:
        """Answer a request; whatever happens, the answer is one sentence, no traceback."""
        try:
            made = self._answer(environment)
        except Refused as refused:
            made = refused.answer
        except Exception as error:
            self._say(f"fault: {type(error).__name__}: {error}")
            sentence = "the scan could not be judged, a fault of the program; the next one can"
            made = Refused("500 Internal Server Error", sentence).answer
        size = str(len(made.body))
        respond(made.status, [("Content-Type", made.kind), ("Content-Length", size), *HEADERS])
        method, path = environment["REQUEST_METHOD"], environment.get("PATH_INFO", "")
        self._say(f"{method} {path}: {made.status}")
        return [b"" if method == "HEAD" else made.body]

    def _answer(self, environment: Environment) -> Answer:
        """Return the answer to a request.

        Raises:
            Refused: There is no such address, or the request cannot be answered.
        """
        path = environment.get("PATH_INFO", "").rstrip("/")
        methods = {
            **dict.fromkeys(("", "/health"), ("GET", "HEAD")),
            **dict.fromkeys(("/judge", "/report"), ("POST",)),
        }
        if path not in methods:
            wanted = "wanted GET /, GET /health, or POST to /judge or /report?name=part.ply"
            raise Refused("404 Not Found", f"no such address, {wanted}")
        if environment["REQUEST_METHOD"] not in methods[path]:
            wanted = f"wanted {methods[path][0]}"
            raise Refused("405 Method Not Allowed", f"{path or '/'} takes no such method, {wanted}")
        if not path:
            whole = page(self.station.candidates, self.address)
            return Answer(status="200 OK", body=whole.encode(), kind="text/html; charset=utf-8")
        self.station.check(environment.get("HTTP_AUTHORIZATION", ""))
        return self.station.health() if path == "/health" else self._judge(environment)

    def _judge(self, environment: Environment) -> Answer:
        """Return the verdict on the body of a request, or the report.

        Raises:
            Refused: The request holds no scan.
        """
        kind = environment.get("CONTENT_TYPE", "")
        if kind.startswith("multipart/"):
            wanted = "wanted the bytes of the file as the body: curl --data-binary @part.ply"
            raise Refused("400 Bad Request", f"the body is {kind.partition(';')[0]}, {wanted}")
        size = environment.get("CONTENT_LENGTH") or "0"
        if not size.isdecimal() or not int(size):
            raise Refused("400 Bad Request", "the body is empty, wanted the bytes of a scan")
        query = parse_qs(environment.get("QUERY_STRING", ""), errors="replace")
        return self.station.judge(
            environment["wsgi.input"],
            size=int(size),
            name=file_name(query, environment.get("HTTP_CONTENT_DISPOSITION", "")),
            points=query.get("points", ["0"])[0] not in ("", "0", "false"),
            report=environment["PATH_INFO"].rstrip("/") == "/report",
        )

    def _say(self, sentence: str) -> None:
        if not self.quiet:
            sys.stderr.write(f"{''.join(filter(str.isprintable, sentence))[:300]}\n")
            sys.stderr.flush()


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(station: Station, *, host: str, port: int, quiet: bool = False) -> None:
    """Answer requests until the process is ended, after a line that says where.

    Args:
        station: The station.
        host: Address of this machine; other machines reach it only if it is no loopback address.
        port: Port; 0 for a free one.
        quiet: Whether to print no line for each request.

    Raises:
        InputError: Other machines reach the address and there is no token, or it cannot be used.
    """
    if not is_loopback(host) and len(station.token) < 16:
        found = f"--host {host} is reached from other machines"
        raise InputError(f"{found}, wanted a token of 16 characters or more (GMANET_TOKEN)")
    if not 0 <= port < 2**16:
        raise InputError(f"--port {port}, wanted one from 0 to {2**16 - 1}")
    application = Application(station, quiet=quiet)
    try:
        server = create_server(
            application,
            host=host,
            port=port,
            threads=THREADS,
            channel_timeout=SILENCE,
            connection_limit=CONNECTIONS,
            max_request_body_size=station.largest,
            max_request_header_size=2**16,
            clear_untrusted_proxy_headers=True,
            ident="gmanet station",
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{host}:{port}: cannot be used ({reason}), wanted another one") from None
    taken = getattr(server, "effective_port", port)
    shown = f"[{host}]" if ":" in host else host
    application.address = f"http://{shown}:{taken}"
    sys.stdout.write(f"{application.address}\n")
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, _interrupt)  # scans that are judged leave no file behind
    with suppress(KeyboardInterrupt):
        server.run()
    server.close()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt

"""Judge the scans of HTTP clients: ``python -m gmanet.serve RUN``.

RUN is the folder of a run, a file of ``Detector.save``, or a folder of such files: of several
detectors, the one whose gate a scan passes judges it.  The address is printed.  A client posts the
bytes of a scan and gets JSON::

    curl --data-binary @part.ply 'http://127.0.0.1:8000/judge?name=part.ply'

Only this machine reaches the server.  With ``--host 0.0.0.0`` others do, and must send the token in
the environment variable ``GMANET_TOKEN`` or in ``--token``, which other users of this machine can
read: ``curl -H "Authorization: Bearer $GMANET_TOKEN" …``.  There is no encryption: beyond your own
network, put a proxy with TLS before it.  docs/interface.md describes the answers.
"""

from __future__ import annotations

import os
from pathlib import Path

from gmanet.errors import command
from gmanet.runtime.command_line import command_parser

__all__ = ["main"]


def main() -> None:
    """Read the arguments, and serve."""
    parser = command_parser("serve", __doc__)
    parser.add_argument(
        "run", type=Path, help="a fitted run, a file of detector.save, or a folder of them"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address, default 127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="port, default 8000; 0: a free one")
    parser.add_argument("--token", default="", help="word that clients must send")
    parser.add_argument(
        "--largest", type=int, default=64, metavar="MIB", help="largest scan, default 64"
    )
    parser.add_argument(
        "--patience", type=float, default=60.0, metavar="SECONDS", help="longest wait, default 60"
    )
    parser.add_argument("--quiet", action="store_true", help="print no line for each request")
    arguments = parser.parse_args()
    from gmanet.station.answering import Station
    from gmanet.station.choosing import open_detectors
    from gmanet.station.serving import serve

    station = Station(
        candidates=open_detectors([arguments.run]),
        token=arguments.token or os.environ.get("GMANET_TOKEN", ""),
        largest=arguments.largest * 2**20,
        patience=arguments.patience,
    )
    serve(station, host=arguments.host, port=arguments.port, quiet=arguments.quiet)


if __name__ == "__main__":
    command(main)

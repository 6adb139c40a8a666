"""``gmanet serve``: verdicts for good scans, one sentence for all else, no path is opened."""

from __future__ import annotations

import io
import json
import socket
import tempfile
import threading
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waitress.server import create_server

from gmanet.errors import InputError
from gmanet.formats import READERS, read_cloud
from gmanet.inspection.judged import not_taken
from gmanet.station.answering import Refused, Station, ending_of
from gmanet.station.judging import Judged
from gmanet.station.page import POLICY
from gmanet.station.reporting import report_of
from gmanet.station.serving import Application, is_loopback, serve


@pytest.fixture
def station(candidate):
    return Station(candidates=[candidate], largest=100_000)


@pytest.fixture
def ask(station):
    """Return ``ask(body, address, **environment)``: status and content of an answer."""
    application = Application(station, quiet=True)

    def call(body=b"", address="/judge?name=a.ply", **environment):
        path, _, query = address.partition("?")
        heads = []
        found = application(
            {
                "REQUEST_METHOD": "POST",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_LENGTH": str(len(body)),
                "wsgi.input": io.BytesIO(body),
                **environment,
            },
            lambda status, headers: heads.append((status, dict(headers))),
        )
        ((status, headers),) = heads
        whole = b"".join(found)
        assert int(headers["Content-Length"]) == len(whole) or not whole
        json_wanted = headers["Content-Type"] == "application/json" and whole
        return int(status[:3]), json.loads(whole) if json_wanted else whole.decode()

    return call


@pytest.mark.parametrize("ending", [".ply", ".xyz", ".npz", ".pcd"])
def test_a_scan_gets_a_verdict(ask, plate_file, ending, tmp_path):
    status, found = ask(plate_file(f"a{ending}", height=0.3), f"/judge?name=a{ending}&points=1")
    assert (status, found["verdict"], found["scan"]) == (200, "defective", f"a{ending}")
    cloud = read_cloud(tmp_path / f"made/a{ending}")
    np.testing.assert_allclose(found["point_scores"], cloud.pos[:, 2], rtol=1e-6)
    assert found["score"] == pytest.approx(cloud.pos[:, 2].max())
    assert found["worst"] == pytest.approx(cloud.pos[cloud.pos[:, 2].argmax()])
    assert found["limit"] is None and found["p_value"] == 0.5 and found["seconds"] >= 0
    assert found["detector"] == "0" * 32 and found["checks"] == []


def test_the_name_may_be_in_a_header_and_points_are_left_out(ask, plate_file):
    header = 'attachment; filename="C:\\scans\\a.XYZ"'
    status, found = ask(plate_file("a.xyz"), "/judge", HTTP_CONTENT_DISPOSITION=header)
    assert (status, found["scan"], found["verdict"]) == (200, "a.XYZ", "good")
    assert "point_scores" not in found


def test_points_that_were_never_measured_score_null(ask, plate_file):
    rows = plate_file("a.xyz").splitlines()
    body = b"\n".join([*rows[:5], b"nan nan nan", *rows[5:]])
    found = ask(body, "/judge?name=a.xyz&points=1")[1]["point_scores"]
    assert found[5] is None and None not in [*found[:5], *found[6:]]
    assert len(found) == len(rows) + 1


@pytest.mark.parametrize(
    ("address", "environment", "status", "sentence"),
    [
        ("/", {}, 405, "wanted GET"),
        ("/judge", {"REQUEST_METHOD": "GET"}, 405, "wanted POST"),
        ("/../etc/passwd", {"REQUEST_METHOD": "GET"}, 404, "no such address"),
        ("/judge", {}, 400, "has no ending, wanted ?name=part.ply"),
        ("/judge?name=a.exe", {}, 400, "the ending '.exe'"),
        ("/judge?name=a.ply", {}, 400, "wanted a .ply file"),
        ("/judge?name=a.ply", {"CONTENT_LENGTH": "0"}, 400, "the body is empty"),
        ("/judge?name=a.ply", {"CONTENT_LENGTH": "-3"}, 400, "the body is empty"),
        ("/judge?name=a.ply", {"CONTENT_LENGTH": "9999"}, 400, "5 of 9999 bytes arrived"),
        ("/judge?name=a.ply", {"CONTENT_LENGTH": "100001"}, 413, "wanted at most 100000"),
        ("/judge?name=a.ply", {"CONTENT_TYPE": "multipart/form-data; x"}, 400, "--data-binary"),
    ],
)
def test_all_else_is_one_sentence(ask, address, environment, status, sentence):
    found = ask(b"PK\3\4.", address, **environment)
    assert found[0] == status
    assert list(found[1]) == ["error"] and sentence in found[1]["error"]
    assert "\n" not in found[1]["error"] and "/tmp" not in found[1]["error"]


@pytest.mark.parametrize("ending", sorted(READERS))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(min_size=1, max_size=300))
def test_no_bytes_cause_a_fault(ask, ending, body):
    status, found = ask(body, f"/judge?name=a{ending}")
    assert status in (200, 400)
    assert "/tmp" not in json.dumps(found)


def test_no_path_of_a_client_is_opened(ask, plate_file, tmp_path, monkeypatch):
    opened = []
    real = Path.open

    def spy(self, *words, **named):
        opened.append(self)
        return real(self, *words, **named)

    secret = tmp_path / "secret.ply"
    secret.write_bytes(plate_file())
    monkeypatch.setattr(Path, "open", spy)
    for name in (str(secret), f"../../..{secret}", f"%2e%2e/{secret}", "x\0y.ply"):
        status, found = ask(b"ply\nno", f"/judge?name={name}")
        assert status == 400 and str(tmp_path) not in found["error"]
    assert secret not in opened and all(path.name == "scan.ply" for path in opened)
    assert not any(path.exists() for path in opened)


@given(name=st.text(max_size=60))
def test_an_ending_is_one_that_is_known(name):
    try:
        assert ending_of(f"{name}.ply") in READERS
    except Refused as refused:
        assert "wanted ?name" in refused.sentence


def test_a_fault_is_one_sentence_and_the_next_scan_is_judged(ask, detector, plate_file, capsys):
    def fail(cloud):
        raise IndexError("no such row")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(detector, "score", fail)
        status, found = ask(plate_file())
    assert status == 500 and "fault of the program" in found["error"]
    assert ask(plate_file())[0] == 200
    assert "Traceback" not in capsys.readouterr().err


def test_a_token_is_wanted(station, ask, plate_file):
    station.token = "a secret word"
    assert ask(plate_file())[0] == 401
    assert ask(plate_file(), HTTP_AUTHORIZATION="Bearer a secret")[0] == 401
    assert ask(plate_file(), HTTP_AUTHORIZATION="Bearer é")[0] == 401
    assert ask(plate_file(), HTTP_AUTHORIZATION="Bearer a secret word")[0] == 200
    assert ask(address="/health", REQUEST_METHOD="GET")[0] == 401
    assert ask(address="/", REQUEST_METHOD="GET")[0] == 200


def test_scans_wait_only_so_long(station, ask, plate_file):
    station.patience = 0.01
    with station._busy:
        status, found = ask(plate_file())
    assert status == 503 and "again later" in found["error"]
    assert ask(plate_file())[0] == 200


def test_health_and_page(ask, plate_file):
    ask(plate_file())
    status, found = ask(address="/health", REQUEST_METHOD="GET")
    assert status == 200 and found["status"] == "ok" and found["judged"] == 1
    assert found["detectors"] == [{"name": "a", "part": "plate", "identity": "0" * 32}]
    status, page = ask(address="/", REQUEST_METHOD="GET")
    assert status == 200 and "plate" in page and "000000000000" in page and "http-" not in page
    assert ask(address="/", REQUEST_METHOD="HEAD") == (200, "")


def test_the_report_on_a_scan_is_a_page(ask, plate_file):
    status, page = ask(plate_file("a.ply", height=0.3), "/report?name=a.ply")
    assert status == 200 and page.startswith("<!DOCTYPE html>")
    assert "Inspection of a.ply" in page and "defective" in page and "three.js" in page
    assert tempfile.gettempdir() not in page
    assert ask(b"hello", "/report?name=a.ply")[0] == 400
    assert ask(b"", "/report?name=a.ply", REQUEST_METHOD="GET")[0] == 405
    assert "blob:" in POLICY and "data:" in POLICY  # the page shows it in a frame, with pictures


def test_other_machines_need_a_token(station):
    assert is_loopback("127.0.0.1") and is_loopback("::1") and is_loopback("localhost")
    assert not is_loopback("0.0.0.0") and not is_loopback("example.org")
    for token in ("", "short"):
        station.token = token
        with pytest.raises(InputError, match="wanted a token"):
            serve(station, host="0.0.0.0", port=0)
    station.token = "a long secret word"
    with pytest.raises(InputError, match="wanted one from 0"):
        serve(station, host="127.0.0.1", port=99999)
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(InputError, match="cannot be used"),
    ):
        serve(station, host="127.0.0.1", port=taken.getsockname()[1])


def test_a_server_answers_several_clients(station, plate_file):
    server = create_server(
        Application(station, quiet=True),
        host="127.0.0.1",
        port=0,
        threads=2,
        clear_untrusted_proxy_headers=True,
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    bodies = [plate_file(seed=seed, height=0.3 * (seed % 2)) for seed in range(4)]
    wrong = []

    def client(number):
        connection = HTTPConnection("127.0.0.1", server.effective_port, timeout=30)
        for turn in range(3):
            which = (number + turn) % 4
            connection.request("POST", "/judge?name=a.ply", bodies[which])
            found = json.loads(connection.getresponse().read())
            if found.get("verdict") != ("good", "defective")[which % 2]:
                wrong.append(found)
        connection.close()

    clients = [threading.Thread(target=client, args=(number,)) for number in range(4)]
    for each in clients:
        each.start()
    for each in clients:
        each.join(30)
    server.close()
    assert wrong == [] and station.judged == 12


def test_a_scan_that_no_detector_takes_has_a_report_too(plate_file, tmp_path):
    path = tmp_path / "scan.ply"
    path.write_bytes(plate_file("a.ply"))
    found = not_taken(path, read_cloud(path), reason="none takes it", seconds=0.1)
    page = report_of(Judged(found=replace(found, scan="a.ply"), cloud=read_cloud(path)), path)
    assert b"none takes it" in page and b"not judged" in page

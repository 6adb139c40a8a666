"""The station as a process: files dropped while it is killed, and a thousand requests."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path

import pytest

import gmanet
from gmanet.formats import write_cloud

POINTS = 300
FILES, KILLS = 200, 10
REQUESTS, CLIENTS = 1000, 8
LARGEST = 2**20

pytestmark = pytest.mark.slow


DETECTORS = {
    "btf_raw": {},
    "gmanet": {
        **{"detector.points": 256, "detector.centers": 256, "detector.coarse_queries": 256},
        **{"detector.fine_queries": 64, "detector.steps": 200, "synthesis.twins": 20},
    },
}
"""Detectors, with overrides for scans that small."""


@pytest.fixture(scope="module", params=DETECTORS)
def fitted(request, tmp_path_factory, bumped_plate):
    """The file of a detector, and the bytes of scans with the verdicts that they must get."""
    folder = tmp_path_factory.mktemp("fitted")
    normals = [bumped_plate(POINTS, seed, height=0) for seed in range(19)]
    words = DETECTORS[request.param]
    detector = gmanet.fit(normals, detector=request.param, overrides=words, progress=False)
    detector.save(folder / "plate.gmanet")
    scans = []
    for seed in range(12):
        path = folder / f"{seed}.ply"
        cloud = bumped_plate(POINTS, 100 + seed, height=0.12 * (seed % 2)).replace(label=None)
        write_cloud(path, cloud)
        found = detector.score(gmanet.read_cloud(path))
        scans.append((path.read_bytes(), found.verdict, found.object))
    assert {verdict for _, verdict, _ in scans} == {"good", "defective"}
    return folder / "plate.gmanet", scans


def start(*words):
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def write_slowly(folder, names, scans, rng):
    """Write scans at random times: some in two pieces, some under another name until whole."""
    for number, name in names:
        data = scans[number % len(scans)][0]
        if number % 2:
            (folder / f"{name}.part").write_bytes(data)
            (folder / f"{name}.part").rename(folder / name)
        else:
            with (folder / name).open("wb") as file:
                file.write(data[: len(data) // 2])
                file.flush()
                time.sleep(rng.uniform(0, 0.6))
                file.write(data[len(data) // 2 :])
        time.sleep(rng.uniform(0, 0.3))


def test_each_of_200_files_is_judged_once_though_the_process_is_killed_ten_times(fitted, tmp_path):
    file, scans = fitted
    incoming, judged = tmp_path / "incoming", tmp_path / "judged"
    incoming.mkdir()
    names = [(number, f"part_{number}.ply") for number in range(FILES)]
    writers = [
        threading.Thread(
            target=write_slowly, args=(incoming, names[each::2], scans, random.Random(each))
        )
        for each in (0, 1)
    ]
    words = ("gmanet.watch", file, incoming, "-o", judged, "--no-picture", "--settle", "0.3")
    for writer in writers:
        writer.start()
    rng, killed = random.Random(7), 0
    while killed < KILLS:
        process = start(*words)
        said = process.stdout.readline()
        time.sleep(rng.uniform(0, 1.5))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += 1
        if not said and all(not writer.is_alive() for writer in writers):
            break
    for writer in writers:
        writer.join()
    last = start(*words, "--once")
    _, errors = last.communicate(timeout=600)
    assert last.returncode == 0, errors
    lines = [json.loads(line) for line in (judged / "record.jsonl").read_text().splitlines()]
    assert Counter(line["scan"] for line in lines) == Counter(name for _, name in names)
    assert not list(incoming.glob("[!.]*"))
    for line in lines:
        data, verdict, score = scans[int(line["scan"][5:-4]) % len(scans)]
        assert (line["verdict"], line["score"]) == (verdict, score)
        assert (judged / line["file"]).read_bytes() == data
        assert line["sha256"] == hashlib.sha256(data).hexdigest()
    outputs = list((judged / "gmanet-scores").glob("*.json"))
    assert len(outputs) == FILES
    print(f"{len(lines)} scans, killed {killed} times, {Counter(x['verdict'] for x in lines)}")


def memory(process, key="VmRSS"):
    """Return the memory of a process in MiB."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(text.partition(f"{key}:")[2].split()[0]) / 1024


def cut_off(port, data):
    """Send the half of a request and leave."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = f"POST /judge?name=a.ply HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data[: len(data) // 2])


class Client(threading.Thread):
    """A client that sends every eighth request; a tenth of its requests are bad."""

    def __init__(self, port, scans, *, first):
        super().__init__()
        self.port, self.scans, self.first = port, scans, first
        self.wrong, self.counts = [], Counter()

    def run(self):
        rng = random.Random(self.first)
        for turn, number in enumerate(range(self.first, REQUESTS, CLIENTS)):
            kind = rng.choice(["noise", "large", "cut", "name"]) if turn % 10 == 9 else "good"
            self.counts[kind] += 1
            data, *wanted = self.scans[number % len(self.scans)]
            if kind == "cut":
                cut_off(self.port, data)
            elif kind == "good":
                status, text = self.post("a.ply", data)
                found = json.loads(text) if status == 200 else {}
                if [found.get("verdict"), found.get("score")] != wanted:
                    self.wrong.append((kind, status, text[:300]))
            else:
                body = {"noise": rng.randbytes(500), "large": bytes(LARGEST + 1)}.get(kind, data)
                status, text = self.post("a.exe" if kind == "name" else "a.ply", body)
                if status != (413 if kind == "large" else 400) or "Traceback" in text:
                    self.wrong.append((kind, status, text[:300]))

    def post(self, name, body):
        """Return status and text of the answer; a body that is too large is not read to its end."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request("POST", f"/judge?name={name}", body)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        except ConnectionError:
            return (413, "") if len(body) > LARGEST else (0, "no answer")
        finally:
            connection.close()


def test_a_thousand_requests_of_eight_clients(fitted):
    if not Path("/proc/self/status").is_file():
        pytest.skip("reads the memory of a process from /proc")
    file, scans = fitted
    process = start("gmanet.serve", file, "--port", 0, "--largest", 1, "--quiet")
    try:
        port = int(process.stdout.readline().rpartition(":")[2])
        clients = [Client(port, scans, first=each) for each in range(CLIENTS)]
        first = clients[0].post("a.ply", scans[0][0])
        memories = [memory(process)]
        for each in clients:
            each.start()
        while any(each.is_alive() for each in clients):
            time.sleep(1)
            memories.append(memory(process))
        health = HTTPConnection("127.0.0.1", port, timeout=60)
        health.request("GET", "/health")
        judged = json.loads(health.getresponse().read())["judged"]
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    counts = sum((each.counts for each in clients), Counter())
    assert [wrong for each in clients for wrong in each.wrong] == []
    assert first[0] == 200 and judged == counts["good"] + 1
    assert counts.total() == REQUESTS and counts["good"] < 0.95 * REQUESTS
    assert "Traceback" not in errors
    assert max(memories) - memories[0] < 100
    print(f"{dict(counts)}; memory {memories[0]:.0f} to {max(memories):.0f} MiB")

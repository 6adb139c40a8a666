"""Runs of an experiment: what fails is named and stops no other; two at a time change nothing."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from gmanet import benchmark, sweep
from gmanet.runs import processes
from gmanet.runs.experiment import read_experiment
from gmanet.runtime.locks import hold

STUB = """
import os, pathlib, sys, time
typed = dict(text.split("=", 1) for text in sys.argv[1:])
run = pathlib.Path(os.environ["GMANET_RUNS"]) / typed["name"]
run.mkdir(parents=True, exist_ok=True)
if typed.get("sleep"):
    try:
        (run / "began").touch()
        time.sleep(60)
    except KeyboardInterrupt:
        (run / "left").touch()
        raise SystemExit(130)
if typed["seed"] == typed.get("bad"):
    sys.exit("error: seed %s is bad" % typed["seed"])
for name in ("scores.json", "detector.ckpt"):
    (run / name).write_text(" ".join(sys.argv[1:]))
(run / "threads").write_text(os.environ.get("OMP_NUM_THREADS", ""))
"""


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """Yield an experiment of six cells whose runs are made by a stub, in no time."""
    stub = tmp_path / "stub.py"
    stub.write_text(STUB, encoding="utf-8")
    monkeypatch.setattr(processes, "FIT", (sys.executable, str(stub)))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    path = tmp_path / "many.yaml"
    path.write_text("rows: {A: [], B: [x=1]}\ngrid: {seed: [0, 1, 2]}\n", encoding="utf-8")
    yield path
    for number, handler in before.items():
        signal.signal(number, handler)


def files(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != "threads"
    }


def test_two_at_a_time_leave_the_same_files_as_one(experiment, tmp_path, monkeypatch, type_in):
    found = []
    for jobs in (1, 2):
        monkeypatch.setenv("GMANET_RUNS", str(tmp_path / f"runs{jobs}"))
        type_in(benchmark.main, experiment, "--jobs", jobs, "y=2")
        found.append(files(tmp_path / f"runs{jobs}"))
    assert found[0] == found[1]
    assert len(found[0]) == 6 * 3
    assert found[0]["many/a/0/scores.json"] == b"seed=0 name=many/a/0 y=2"


def test_a_failing_cell_is_named_and_stops_no_other(experiment, tmp_path, type_in, capsys):
    with pytest.raises(SystemExit) as left:
        type_in(benchmark.main, "--jobs", 2, experiment, "bad=1")
    assert left.value.code == 1
    said = capsys.readouterr().err
    assert said.count("exit code 1: error: seed 1 is bad") == 2 * 2  # at once and at the end
    assert "2 of 6 runs failed" in said
    type_in(sweep.main, experiment, "--status")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line[3].isdigit()] == [
        "done",
        "failed",
        "done",
    ] * 2
    assert "error: seed 1 is bad (see " in lines[2]
    assert lines[-1] == "4 done, 0 running, 2 failed, 0 waiting"
    before = (tmp_path / "runs/many/a/0/scores.json").stat().st_mtime_ns
    type_in(benchmark.main, experiment)  # mended: only what failed runs again
    assert (tmp_path / "runs/many/a/0/scores.json").stat().st_mtime_ns == before
    capsys.readouterr()
    type_in(sweep.main, experiment, "--status")
    assert capsys.readouterr().out.endswith("6 done, 0 running, 0 failed, 0 waiting\n")


def test_what_another_command_does_is_left_to_it(experiment, tmp_path, type_in, capsys):
    busy, done, *others = read_experiment(experiment, tmp_path / "runs").cells
    busy.log.parent.mkdir(parents=True)
    busy.log.write_text("at work", encoding="utf-8")
    for name in ("scores.json", "detector.ckpt"):
        (done.run.folder / name).parent.mkdir(exist_ok=True)
        (done.run.folder / name).write_text("by another", encoding="utf-8")
    with hold(busy.run.lock_file):
        list(processes.run_cells([done], [], jobs=1))
        type_in(benchmark.main, experiment)
    assert busy.log.read_text(encoding="utf-8") == "at work"
    assert done.run.scores_file.read_text(encoding="utf-8") == "by another"
    assert all(cell.run.finished for cell in others)
    assert f"left to the command that works in it: {busy.run.folder}" in capsys.readouterr().err


def test_cores_are_shared_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert processes._environment(2)["OMP_NUM_THREADS"] == "5"
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert processes._environment(2)["OMP_NUM_THREADS"] == "4"
    assert processes._environment(99)["OMP_NUM_THREADS"] == "1"
    assert "OMP_NUM_THREADS" not in processes._environment(1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_the_processes_and_marks_none(
    experiment, tmp_path, type_in, capsys, number
):
    def interrupt():
        until = time.monotonic() + 60
        while len(list(tmp_path.rglob("began"))) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    # other tests, and shells that run this in the background, leave handlers of their own
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {one: signal.signal(one, handler) for one, handler in usual.items()}
    threading.Thread(target=interrupt).start()
    with pytest.raises(SystemExit) as left:
        type_in(benchmark.main, experiment, "--jobs", 2, "sleep=1")
    for one, handler in before.items():
        signal.signal(one, handler)
    assert left.value.code == 130
    assert "interrupted; python -m gmanet.benchmark" in capsys.readouterr().err
    assert len(list(tmp_path.rglob("left"))) == 2
    assert not any(cell.failure for cell in read_experiment(experiment, tmp_path / "runs").cells)


@pytest.mark.parametrize(("overrides", "said"), [(["--jobs", "0"], "--jobs 0"), (["b"], "2 files")])
def test_wrong_overrides_are_refused(experiment, type_in, capsys, overrides, said):
    with pytest.raises(SystemExit):
        type_in(benchmark.main, experiment, *overrides)
    assert said in capsys.readouterr().err

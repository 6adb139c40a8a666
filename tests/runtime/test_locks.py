"""One command works in a folder; the others leave with a sentence."""

from __future__ import annotations

import os
import signal
import time

import pytest

from gmanet.config.compose import compose
from gmanet.errors import InputError
from gmanet.runs.folder import Run
from gmanet.runtime.locks import hold, holder


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("GMANET_RUNS", str(tmp_path / "runs"))
    for key in ("RANK", "LOCAL_RANK", "SLURM_PROCID", "SLURM_RESTART_COUNT"):
        monkeypatch.delenv(key, raising=False)
    return tmp_path / "runs"


def forked(function):
    """Run a function in a process of its own; return its number."""
    child = os.fork()
    if child:
        return child
    try:
        function()
    except InputError as error:
        os._exit(2 if "works in it" in str(error) else 3)
    except BaseException:
        os._exit(4)
    os._exit(0)


def code(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait_for(path):
    end = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_of_twenty_starts_one_works_and_the_others_leave(root, tmp_path):
    config = compose(["name=a", "seed=3"])

    def start():
        wait_for(tmp_path / "go")
        with Run(root / "a").hold():
            run = Run.create(config, overwrite=True, overrides=[])
            (tmp_path / f"worked{os.getpid()}").touch()
            wait_for(tmp_path / "end")
            run.write_scores({"x": 1})

    children = [forked(start) for _ in range(20)]
    (tmp_path / "go").touch()
    codes = []
    while len(codes) < 19:
        child, status = os.wait()
        children.remove(child)
        codes.append(os.waitstatus_to_exitcode(status))
    assert codes == [2] * 19
    run = Run(root / "a")
    assert run.held()
    (tmp_path / "end").touch()
    assert code(children[0]) == 0
    assert len(list(tmp_path.glob("worked*"))) == 1
    assert run.config.seed == 3
    assert run.read_scores() == {"x": 1}
    assert sorted(path.name for path in run.folder.iterdir()) == [
        ".lock",
        "run.yaml",
        "scores.json",
    ]
    assert not run.held()


def test_a_killed_process_leaves_no_lock(root, tmp_path):
    def start():
        with hold(tmp_path / "x/.lock"):
            (tmp_path / "ready").touch()
            time.sleep(60)

    child = forked(start)
    wait_for(tmp_path / "ready")
    assert holder(tmp_path / "x/.lock").startswith(f"process {child} on ")
    os.kill(child, signal.SIGKILL)
    assert code(child) == -signal.SIGKILL
    assert holder(tmp_path / "x/.lock") is None
    with hold(tmp_path / "x/.lock"):
        pass


def test_a_worker_that_outlives_its_parent_keeps_no_lock(tmp_path):
    lock = tmp_path / ".lock"

    def work():
        (tmp_path / "ready").touch()
        wait_for(tmp_path / "end")

    with hold(lock):
        worker = forked(work)
        wait_for(tmp_path / "ready")
    assert holder(lock) is None
    (tmp_path / "end").touch()
    assert code(worker) == 0


def test_nothing_is_left_in_what_is_no_run(root):
    (root / "a").mkdir(parents=True)
    (root / "a/thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="exists and is no run"), Run(root / "a").hold():
        pass
    assert [path.name for path in (root / "a").iterdir()] == ["thesis.txt"]


def test_drafts_of_a_killed_process_do_not_bar_the_folder(root):
    (root / "a").mkdir(parents=True)
    (root / "a/.run.0a1b.yaml").write_text("half")
    with Run(root / "a").hold():
        assert Run.create(compose(["name=a"]), overrides=[]).config_file.is_file()


def test_other_processes_of_a_run_need_no_lock(root, monkeypatch):
    with Run(root / "a").hold():
        monkeypatch.setenv("LOCAL_RANK", "1")
        with Run(root / "a").hold():
            pass


def test_nobody_holds_what_is_not_there(tmp_path):
    assert holder(tmp_path / "none/.lock") is None

"""Signals wait where something would be lost, and stop the process everywhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from gmanet.runtime import preemption


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGTERM)}
    preemption.listen()
    yield
    preemption.listen()
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number=signal.SIGUSR1):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGUSR1, 75), (signal.SIGTERM, 143)])
def test_a_signal_stops_at_once(number, code):
    with pytest.raises(preemption.Preempted) as caught:
        send(number)
    assert caught.value.code == code
    send(number)  # leaving is not disturbed


def test_a_deferred_signal_waits_for_the_check():
    preemption.defer()
    send()
    assert preemption.asked()
    with pytest.raises(preemption.Preempted):
        preemption.check()


def test_without_a_signal_nothing_stops_and_nothing_waits_longer():
    preemption.defer()
    preemption.check()
    assert not preemption.asked()
    with pytest.raises(preemption.Preempted):
        send()


def test_all_stop_when_one_was_asked():
    preemption.defer()
    with pytest.raises(preemption.Preempted) as caught:
        preemption.check(all_were_asked=True)
    assert caught.value.code == preemption.AGAIN


def test_handlers_of_others_are_replaced():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    preemption.defer()
    send(signal.SIGTERM)
    assert preemption.asked()


def test_forked_workers_go_on():
    child = os.fork()
    if child == 0:
        send()
        os._exit(0 if not preemption.asked() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_signal_during_the_imports_is_no_crash(tmp_path):
    """SIGUSR1 as soon as torch begins to load: the process leaves with the code to start again."""
    code = (
        "import os, signal, sys\n"
        "class Signalling:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch': os.kill(os.getpid(), signal.SIGUSR1)\n"
        "sys.meta_path.insert(0, Signalling())\n"
        "from gmanet.fit import main; main()\n"
    )
    environment = {**os.environ, "GMANET_RUNS": str(tmp_path)}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == preemption.AGAIN, time.perf_counter() - start
    assert not list(tmp_path.iterdir())


def test_the_command_listens_before_anything_heavy_is_there():
    code = "import sys, gmanet.fit; print(*({'torch', 'numpy', 'omegaconf'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""

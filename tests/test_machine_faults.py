"""Every command under every fault of the machine, and the same command once its cause is gone."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gmanet import annotate, benchmark, efficiency, evaluate, fit, predict, prepare, report, show
from gmanet import stats, sweep, synthesize
from gmanet.data.files import atomic, write_cloud
from gmanet.evaluation import efficiency_table
from gmanet.experiment import read_experiment
from gmanet.run import Run

TINY = (
    *("data.profile=tiny", "detector=curvature", "train.workers=0", "train.pictures=0"),
    "wandb.mode=disabled",
)
DATA = ("data.profile=tiny", "data.category=washer")
BAR = re.compile(r"\d+%\||\d+(it|cloud|scan|part|run|cell|step) \[|\?(it|cloud|scan|run|cell)/s")
SENTENCE = "The file system is full, or read-only, or something else: one sentence on it."
STUB = """
import os, pathlib, sys
words = dict(word.split("=", 1) for word in sys.argv[1:])
run = pathlib.Path(os.environ["GMANET_RUNS"]) / words["name"]
run.mkdir(parents=True, exist_ok=True)
for name in ("scores.json", "detector.ckpt"):
    (run / name).write_text("{}")
"""


@dataclass(frozen=True)
class Typed:
    """A command as typed, and what it writes.

    Args:
        main: The command.
        words: What follows it, given the folder of inputs and that of outputs.
        written: Files below the folder of outputs, afterwards.
        target: What is to be written first, below the folder of outputs.
        inputs: What lies in the folder of outputs before.
    """

    main: Callable[[], None]
    words: Callable[[Path, Path], list[object]]
    written: tuple[str, ...] = ()
    target: str = ""
    inputs: tuple[str, ...] = ()


COMMANDS = {
    "fit": Typed(fit.main, lambda a, out: [*TINY, "name=b"], ("b/scores.json", "b/detector.ckpt")),
    "predict": Typed(
        predict.main,
        lambda a, out: [a / "tiny/a", a / "scans/good/0.ply", "-o", out],
        tuple(f"0.scores.{ending}" for ending in ("npz", "ply", "png")),
    ),
    "evaluate": Typed(
        evaluate.main,
        lambda a, out: [out / "tiny/a"],
        ("tiny/a/scores.json",),
        "tiny/a/scores.json",
        ("tiny",),
    ),
    "benchmark": Typed(
        benchmark.main, lambda a, out: [a / "tiny.yaml"], ("tiny/a/scores.json", "tiny/a.log")
    ),
    "prepare": Typed(
        prepare.main, lambda a, out: [a / "scans", "-o", out], ("good/0.ply", "prepare.csv")
    ),
    "synthesize": Typed(synthesize.main, lambda a, out: [*DATA, 2, "-o", out], ("twins.png",)),
    "show": Typed(
        show.main, lambda a, out: [a / "scans/good/0.ply", "-o", out], ("0.views.png",)
    ),
    "sweep": Typed(sweep.main, lambda a, out: [a / "tiny.yaml", "--status"]),
    "report": Typed(
        report.main,
        lambda a, out: [a / "tiny.yaml", "-o", out / "tables"],
        ("tables/tiny.md", "tables/tiny.csv", "tables/tiny.png"),
        "tables",
        ("tiny",),
    ),
    "stats": Typed(
        stats.main, lambda a, out: [*DATA, "-o", out], ("statistics.md", "statistics.csv")
    ),
    "annotate": Typed(
        annotate.main,
        lambda a, out: [a / "marked", "-o", out],
        ("gt/0.txt",),
        "gt",
        ("test",),
    ),
    "efficiency": Typed(
        efficiency.main, lambda a, out: ["-o", out], ("efficiency.md", "efficiency.csv")
    ),
}
WRITING = [name for name, command in COMMANDS.items() if command.written]


@pytest.fixture(scope="module")
def made(type_once, bumped_plate):
    """The folder of inputs: scans, marked scans, an experiment and its one finished run."""
    call, root = type_once
    (root / "tiny.yaml").write_text(f"rows: {{A: [{', '.join(TINY)}]}}\n", encoding="utf-8")
    (cell,) = read_experiment(root / "tiny.yaml", root).cells
    call(fit.main, *cell.words)
    for seed in range(3):
        write_cloud(root / f"scans/good/{seed}.ply", bumped_plate(900, seed, height=0))
    write_cloud(root / "scans/bump/0.ply", bumped_plate(900, 9))
    write_cloud(root / "marked/0.ply", bumped_plate(900, 9))
    write_cloud(root / "test/0.pcd", bumped_plate(900, 9).replace(label=None))
    return root


@pytest.fixture
def begin(made, tmp_path, type_in, monkeypatch, capsys):
    """Return ``begin(name, out)``: fill the folder of outputs; the rest says what is typed."""
    rounds = [{"seconds": [0.1], "stages": {}, "floor": 0.01, "peak": 1.0, "model": 1.0}]
    monkeypatch.setattr(efficiency, "_measure_all", lambda *_, **__: {})
    monkeypatch.setattr(efficiency, "_rounds", lambda *_: {("curvature", 900): rounds})
    monkeypatch.setattr(efficiency_table, "page", lambda *_: "a page")
    monkeypatch.setattr(efficiency_table, "csv_rows", lambda *_: "a,b\n")
    detector = SimpleNamespace(fitted_on=frozenset())
    monkeypatch.setattr(predict, "load_detector", lambda run: detector)
    monkeypatch.setattr(predict, "score_cloud", lambda _, cloud: (cloud.pos[:, 2].copy(), 0.5))
    stub = tmp_path / "stub.py"
    stub.write_text(STUB, encoding="utf-8")
    monkeypatch.setattr(benchmark, "FIT", (sys.executable, str(stub)))
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}

    def start(name, out):
        monkeypatch.setenv("GMANET_RUNS", str(out))
        typed = COMMANDS[name]
        out.mkdir(exist_ok=True)
        for part in typed.inputs:
            shutil.copytree(made / part, out / part)
        return Attempt(typed, typed.words(made, out), out, type_in, capsys)

    yield start
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@dataclass
class Attempt:
    """A command that is typed under a fault and once more without it."""

    typed: Typed
    words: list[object]
    out: Path
    type_in: Callable[..., None]
    capsys: pytest.CaptureFixture[str]

    def fails(self, *codes, sentences=1):
        """Type it; it ends with the code and one sentence, and no file is half-written."""
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            self.type_in(self.typed.main, *self.words)
        said = self.capsys.readouterr().err
        assert left.value.code in codes, said
        lines = [line for line in re.split(r"[\r\n]", said) if line.strip()]
        lines = [line for line in lines if not line.startswith("note: ") and not BAR.search(line)]
        assert len(lines) == sentences, said
        self.whole()
        return lines[0] if lines else ""

    def whole(self):
        """No draft is left."""
        assert [path for path in self.out.rglob(".*") if path.name != ".lock"] == []

    def succeeds(self):
        """Type it; it ends well and has written what it is to write."""
        self.type_in(self.typed.main, *self.words)
        for name in self.typed.written:
            assert (self.out / name).stat().st_size > 0, name
        self.whole()


def raising(error):
    def fails(*_, **__):
        raise error

    return fails


@pytest.mark.parametrize("name", WRITING)
def test_something_else_lies_where_it_writes(name, begin, tmp_path):
    attempt = begin(name, tmp_path / "out")
    target = attempt.out / attempt.typed.target
    if name == "evaluate":
        target.unlink()
        target.mkdir()
    else:
        if target.exists():
            target.rmdir()
        target.write_text("")
    assert str(target) in attempt.fails(2)
    target.rmdir() if target.is_dir() else target.unlink()
    attempt.succeeds()


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize(
    ("fault", "code", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 2, "No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=["full", "interrupt"],
)
def test_writing_fails(name, fault, code, sentence, begin, tmp_path, monkeypatch):
    if name == "benchmark":
        pytest.skip("its processes write")
    attempt = begin(name, tmp_path / "out")
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "_flush", raising(fault))
        assert sentence in attempt.fails(code)
    attempt.succeeds()


@pytest.fixture
def disk(tmp_path):
    """Return ``disk(free)``, a tiny file system, and what makes it full or read-only."""
    out = tmp_path / "disk"
    out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(out)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a tiny disk, and not in every container")
    yield out
    subprocess.run(["umount", "-l", str(out)], check=True)


@pytest.mark.parametrize("name", WRITING)
def test_a_disk_is_read_only(name, begin, disk):
    attempt = begin(name, disk)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert "Read-only file system" in attempt.fails(2)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    attempt.succeeds()


@pytest.mark.parametrize(
    ("name", "free"),
    [
        *((name, 0) for name in WRITING if name != "benchmark"),
        *((name, 20) for name in ("fit", "predict", "prepare", "synthesize", "stats")),
    ],
)
def test_a_disk_is_full(name, free, begin, disk):
    """``free`` is in KB: the first files may fit."""
    attempt = begin(name, disk)
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))
    os.truncate(filler, filler.stat().st_size - 1024 * free)
    assert "No space left on device" in attempt.fails(2)
    filler.unlink()
    attempt.succeeds()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reader_of_its_output_has_left(name, begin, tmp_path, monkeypatch):
    if name == "benchmark":
        pytest.skip("it prints nothing")
    attempt = begin(name, tmp_path / "out")
    reading, writing = os.pipe()
    os.close(reading)
    with monkeypatch.context() as patched, os.fdopen(writing, "w") as pipe:
        patched.setattr(sys, "stdout", pipe)
        attempt.fails(141, sentences=0)
    attempt.succeeds()


@pytest.mark.parametrize("name", ["sweep", "report", "benchmark"])
def test_an_interrupt_between_reading_and_writing(name, begin, tmp_path, monkeypatch):
    attempt = begin(name, tmp_path / "out")
    with monkeypatch.context() as patched:
        module = sys.modules[attempt.typed.main.__module__]
        patched.setattr(module, "read_experiment", raising(KeyboardInterrupt()))
        assert "interrupted" in attempt.fails(130)
    attempt.succeeds()

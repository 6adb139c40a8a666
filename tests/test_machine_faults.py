"""Every command under every fault of the machine, and the same command once its cause is gone."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning import Callback

from gmanet import (
    annotate,
    benchmark,
    efficiency,
    evaluate,
    predict,
    prepare,
    report,
    show,
    statistics,
    sweep,
    synthesize,
)
from gmanet.detectors.base import Scores
from gmanet.detectors.gmanet.config import GMANetConfig
from gmanet.detectors.gmanet.detector import GMANet
from gmanet.evaluation.efficiency import table
from gmanet.formats import write_cloud
from gmanet.registration.cached import _RECENT, register_cached
from gmanet.registration.target import Target
from gmanet.runs import efficiency as measuring
from gmanet.runs import processes, scoring
from gmanet.runs import report as written
from gmanet.runs.experiment import read_experiment
from gmanet.runtime import atomic, cores
from gmanet.runtime.cores import processes_at_most
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer
from gmanet.view import grid, sheet, viewpoints

fit = import_module("gmanet.fit")  # gmanet.fit is the function

TINY = (
    *("data.profile=tiny", "detector=curvature", "train.workers=0", "train.pictures=0"),
    "wandb.mode=disabled",
)
DATA = ("data.profile=tiny", "data.category=washer")
BAR = re.compile(r"\d+%\||\d+(it|cloud|scan|part|run|cell|step) \[|\?(it|cloud|scan|run|cell)/s")
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
    "fit": Typed(
        fit.main, lambda a, out: [*TINY, "name=b"], written=("b/scores.json", "b/detector.ckpt")
    ),
    "predict": Typed(
        predict.main,
        lambda a, out: [a / "tiny/a", a / "scans/good/0.ply", "-o", out],
        written=tuple(f"0.scores.{ending}" for ending in ("npz", "ply", "png")),
    ),
    "evaluate": Typed(
        evaluate.main,
        lambda a, out: [out / "tiny/a"],
        written=("tiny/a/scores.json",),
        target="tiny/a/scores.json",
        inputs=("tiny",),
    ),
    "benchmark": Typed(
        benchmark.main, lambda a, out: [a / "tiny.yaml"], written=("tiny/a/scores.json",)
    ),
    "prepare": Typed(
        prepare.main, lambda a, out: [a / "scans", "-o", out], written=("good/0.ply", "prepare.csv")
    ),
    "synthesize": Typed(
        synthesize.main, lambda a, out: [*DATA, 2, "-o", out], written=("twins.png",)
    ),
    "show": Typed(
        show.main, lambda a, out: [a / "scans/good/0.ply", "-o", out], written=("0.views.png",)
    ),
    "sweep": Typed(sweep.main, lambda a, out: [a / "tiny.yaml", "--status"]),
    "report": Typed(
        report.main,
        lambda a, out: [a / "tiny.yaml", "-o", out / "tables"],
        written=("tables/tiny.md", "tables/tiny.csv", "tables/tiny.png"),
        target="tables",
        inputs=("tiny",),
    ),
    "statistics": Typed(
        statistics.main,
        lambda a, out: [*DATA, "-o", out],
        written=("statistics.md", "statistics.csv"),
    ),
    "annotate": Typed(
        annotate.main,
        lambda a, out: [a / "marked", "-o", out],
        written=("gt/0.txt",),
        target="gt",
        inputs=("test",),
    ),
    "efficiency": Typed(
        efficiency.main, lambda a, out: ["-o", out], written=("efficiency.md", "efficiency.csv")
    ),
}
WRITING = [name for name, command in COMMANDS.items() if command.written]


def blank(pos, normal, rgb, view, size, extent=None, background=None):
    """Stand in for a picture, which takes a second."""
    return np.zeros((size, size, 3), dtype=np.uint8), 1.0


@pytest.fixture(scope="module")
def made(type_once, bumped_plate):
    """The folder of inputs: scans, marked scans, an experiment and its one finished run."""
    call, root = type_once
    (root / "tiny.yaml").write_text(f"rows: {{A: [{', '.join(TINY)}]}}\n", encoding="utf-8")
    (cell,) = read_experiment(root / "tiny.yaml", root).cells
    call(fit.main, *cell.overrides)
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
    monkeypatch.setattr(measuring, "_measure_all", lambda *_, **__: {})
    monkeypatch.setattr(measuring, "_rounds", lambda *_: {("curvature", 900): rounds})
    monkeypatch.setattr(table, "page", lambda *_, **__: "a page")
    monkeypatch.setattr(table, "csv_rows", lambda *_: "a,b\n")
    detector = SimpleNamespace(
        fitted_on=frozenset(), score=lambda cloud: Scores(cloud.pos[:, 2].copy(), 0.5)
    )
    monkeypatch.setattr(scoring, "load_detector", lambda run: detector)
    for module in (grid, viewpoints, sheet):
        monkeypatch.setattr(module, "render", blank)
    stub = tmp_path / "stub.py"
    stub.write_text(STUB, encoding="utf-8")
    monkeypatch.setattr(processes, "FIT", (sys.executable, str(stub)))
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}

    def start(name, out):
        monkeypatch.setenv("GMANET_RUNS", str(out))
        typed = COMMANDS[name]
        out.mkdir(exist_ok=True)
        for part in typed.inputs:
            shutil.copytree(made / part, out / part)
        return Attempt(typed, typed.words(made, out), out=out, type_in=type_in, capsys=capsys)

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
        *((name, 20) for name in ("fit", "predict", "prepare", "synthesize", "statistics")),
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
        module = written if name == "report" else sys.modules[attempt.typed.main.__module__]
        patched.setattr(module, "read_experiment", raising(KeyboardInterrupt()))
        assert "interrupted" in attempt.fails(130)
    attempt.succeeds()


NAMES = ["caf\udce9", "part$^_{x", "零件" * 30, "a\nb", "x" * 250, "it's 50% {a}"]
"""Latin-1 bytes, signs of formulas, a long name in three bytes a letter, two lines, ..."""


@pytest.mark.parametrize("odd", NAMES)
@pytest.mark.parametrize("name", ["predict", "prepare", "show", "annotate"])
def test_a_scan_with_an_odd_name(name, odd, begin, made, tmp_path):
    attempt = begin(name, tmp_path / "out")
    inputs = tmp_path / "in"
    ending = "pcd" if name == "annotate" else "ply"
    for part in ("scans/good", "marked"):
        (inputs / part).mkdir(parents=True)
        shutil.copy(made / part / "0.ply", inputs / part / f"{odd}.ply")
    if name == "annotate":
        (attempt.out / "test/0.pcd").rename(attempt.out / f"test/{odd}.{ending}")
    before = {path.stem for path in attempt.out.rglob("*") if path.is_file()}
    attempt.words = [
        *([made / "tiny/a"] if name == "predict" else []),
        inputs / {"prepare": "scans", "annotate": "marked"}.get(name, f"scans/good/{odd}.ply"),
        *("-o", attempt.out),
    ]
    attempt.typed = replace(attempt.typed, written=())
    attempt.succeeds()
    written = {path.name for path in attempt.out.rglob("*") if path.is_file()} - before
    assert any(one.startswith(odd[:200]) for one in written)
    attempt.succeeds()


@pytest.mark.parametrize("odd", NAMES)
@pytest.mark.parametrize("name", [name for name in WRITING if name != "fit"])
def test_an_odd_folder(name, odd, begin, tmp_path):
    begin(name, tmp_path / odd).succeeds()


@pytest.mark.parametrize("odd", NAMES)
def test_a_run_with_an_odd_name(odd, begin, tmp_path):
    attempt = begin("fit", tmp_path / "out" if odd.isprintable() else tmp_path / odd)
    attempt.words = [*TINY, f"name={odd}"]
    attempt.typed = replace(attempt.typed, written=())
    if odd.isprintable():
        attempt.succeeds()
    else:
        assert "name=" in attempt.fails(2)


@pytest.mark.parametrize("odd", NAMES[:4])
def test_data_with_odd_names(odd, type_in, made, tmp_path, capsys):
    root = tmp_path / odd / "scans"
    shutil.copytree(made / "scans", root)
    (root / "good/0.ply").rename(root / f"good/{odd}.ply")
    (root / "bump/0.ply").rename(root / f"bump/{odd}.ply")
    words = ["data=folder", f"data.root={root}", *TINY[1:], "name=a"]
    if "\udce9" in odd:
        with pytest.raises(SystemExit):
            type_in(fit.main, *words)
        assert "holds bytes that are no UTF-8" in capsys.readouterr().err
        (tmp_path / "link").symlink_to(root)
        words[1] = f"data.root={tmp_path}/link"
    type_in(fit.main, *words)
    type_in(fit.main, *words)
    type_in(evaluate.main, tmp_path / "runs/a")
    assert "object AUROC" in capsys.readouterr().out


def damaged(path, way):
    whole = path.read_bytes()
    if way == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif way == "empty":
        path.write_bytes(b"")
    else:
        np.save(path, np.array(["odd"]))


@pytest.mark.parametrize("way", ["cut", "empty", "other"])
def test_a_damaged_cache_is_made_again(way, bumped_plate, tmp_path, monkeypatch):
    monkeypatch.setenv("GMANET_CACHE", str(tmp_path))
    pos = bumped_plate(900, 1).pos
    target = Target.of(bumped_plate(900, 0, height=0).pos)

    def results():
        _RECENT.results.clear()  # what the process remembers
        motion = register_cached(pos, target)
        return motion.rotation, motion.translation, motion.inlier_rmse

    before = results()
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert files
    for path in files:
        damaged(path, way)
    for found, wanted in zip(results(), before, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == files


def typed_in_a_process(module, *words, **more):
    environment = {**os.environ, **{key: str(value) for key, value in more.items()}}
    return subprocess.Popen(
        [sys.executable, "-m", f"gmanet.{module}", *map(str, words)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_an_interrupt_while_it_imports(name, tmp_path):
    stub = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)\n"
    (tmp_path / "numpy.py").write_text(stub)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    process = typed_in_a_process(name, "name=a", PYTHONPATH=path)
    said = process.communicate()[1]
    assert (process.returncode, said) == (130, b"interrupted\n")


@pytest.mark.parametrize(("name", "more"), [("sweep", ["many.yaml"]), ("fit", ["--help"])])
def test_head_closes_the_pipe(name, more, tmp_path, monkeypatch):
    grid = ", ".join(map(str, range(4000)))
    (tmp_path / "many.yaml").write_text(f"rows: {{A: []}}\ngrid: {{seed: [{grid}]}}\n")
    monkeypatch.chdir(tmp_path)
    process = typed_in_a_process(name, *more)
    process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() in (0, 141)
    assert said == b""


def test_several_gpus_cannot_gather_what_lies_on_the_cpu(tmp_path, bumped_plate, given_clouds):
    """A process group of one process whose collectives raise while validation clouds are scored."""
    clouds = [bumped_plate(700, seed, height=0) for seed in range(2)]
    report = tmp_path / "report"

    def validate():
        config = GMANetConfig(points=300, centers=100, steps=2, pairs=1, experts=1)
        detector = GMANet(config)
        train = given_clouds(clouds, "train")
        detector.prepare(train)
        synthesis = SynthesisConfig(twins=2)
        data = CloudData(train, train, detector=detector, synthesis=synthesis, progress=False)
        epochs, settings = detector.epochs(len(train), synthesis), Several(workers=0, curve=-1)
        watch = NoCollectives()
        trainer = make_trainer(
            detector, settings, folder=tmp_path, logger=None, epochs=epochs, callbacks=[watch]
        )
        trainer.fit(detector, data)
        assert torch.distributed.is_initialized()
        assert "val/point_auroc" in trainer.callback_metrics
        assert watch.count > 0

    child = os.fork()
    if child == 0:
        try:
            validate()
            os._exit(0)
        except BaseException:
            report.write_text(traceback.format_exc())
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0, report.read_text()


class Several(TrainConfig):
    """One process that works as one of two."""

    @property
    def world(self):
        return 2


class NoCollectives(Callback):
    """Lets collectives of tensors raise during a validation, as NCCL's do on the CPU."""

    names = ("all_reduce", "all_gather", "all_gather_object", "gather", "reduce", "broadcast")

    def __init__(self):
        self.count, self.before = 0, {}

    def on_validation_batch_start(self, *_):
        if not self.before:
            self.before = {name: getattr(torch.distributed, name) for name in self.names}
            error = RuntimeError("No backend type associated with device type cpu")
            for name in self.names:
                setattr(torch.distributed, name, raising(error))

    def on_validation_end(self, *_):
        self.count += 1
        for name, function in self.before.items():
            setattr(torch.distributed, name, function)
        self.before = {}


def children(process):
    """Return the process ids of what a process started and lives."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
            if parent == str(process) and state != "Z":
                found.add(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_workers_end_with_a_fit_that_is_killed(tmp_path):
    workers = min(2, processes_at_most())
    words = [*TINY[1:], f"train.workers={workers}"]
    process = typed_in_a_process("fit", *words, "name=a", GMANET_RUNS=tmp_path)
    try:
        text = b""
        while b"fit: " not in text:
            text += process.stderr.read1(4096)
            assert process.poll() is None, text
        found = children(process.pid)
        assert len(found) >= workers
    finally:
        process.kill()
        process.communicate()
    until = time.monotonic() + 3
    while (living := {one for one in found if Path(f"/proc/{one}").exists()}) and (
        time.monotonic() < until
    ):
        time.sleep(0.1)
    assert not living


def test_jobs_and_workers_are_bounded_and_it_is_said(begin, tmp_path, monkeypatch, capsys):
    most = processes_at_most()
    assert benchmark._bounded(999) == most
    assert f"note: --jobs 999: {most} at a time" in capsys.readouterr().err
    assert benchmark._bounded(1) == 1
    assert capsys.readouterr().err == ""
    attempt = begin("fit", tmp_path / "out")
    monkeypatch.setattr(cores, "available_memory", lambda: 10)  # one worker is quick
    attempt.words = [*attempt.words, "train.workers=999"]
    attempt.succeeds()
    assert "note: train.workers=999: 1 are started" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_no_folder_of_temporary_files(name, begin, tmp_path, monkeypatch):
    attempt = begin(name, tmp_path / "out")

    def nowhere():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "_get_default_tempdir", nowhere)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    attempt.succeeds()

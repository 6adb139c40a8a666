"""Faults of the machine: one sentence, nothing half-written, and the same command right after."""

from __future__ import annotations

import errno
import multiprocessing
import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data

from gmanet.cloud import Cloud
from gmanet.errors import InputError, command
from gmanet.evaluation.predictions import Prediction, file_stem
from gmanet.fit import main as fit
from gmanet.formats import write_cloud
from gmanet.metrics.pooled import PooledAUROC
from gmanet.predict import main as predict
from gmanet.runs.folder import Run
from gmanet.runtime import atomic, cores, orphans
from gmanet.runtime import rank as launcher
from gmanet.runtime.atomic import replacing
from gmanet.runtime.cache import cached
from gmanet.runtime.piped_loader import PipedLoader
from gmanet.training.callbacks import AnomalyMetrics, ProgressBar
from gmanet.training.checkpoints import WholeCheckpoints, usable
from gmanet.training.config import TrainConfig
from gmanet.view.sheet import Panel, save_row

COMMANDS = (
    *("fit", "predict", "evaluate", "benchmark", "prepare", "synthesize", "show", "sweep"),
    *("report", "statistics", "annotate", "efficiency"),
)
TINY = (
    *("data.profile=tiny", "detector=curvature", "train.workers=0", "train.pictures=0"),
    "wandb.mode=disabled",
)


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def drafts(folder):
    return [path for path in folder.rglob(".*") if path.name != ".lock"]


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("fault", "code", "sentence"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 141, ""),
        (OSError(errno.ENOSPC, "No space left on device", "a.npz"), 2, "a.npz: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "b"), 2, "b: Permission denied"),
        (OSError(errno.EROFS, "Read-only file system", "c"), 2, "c: Read-only file system"),
        (InputError("d: is none"), 2, "error: d: is none"),
    ],
)
def test_every_command_ends_in_one_sentence(name, fault, code, sentence, monkeypatch, capsys):
    module = import_module(f"gmanet.{name}")

    def fails():
        raise fault

    monkeypatch.setattr(module, "main", fails)
    with pytest.raises(SystemExit) as left:
        module.command(module.main)
    said = capsys.readouterr().err
    assert left.value.code == code
    assert said.count("\n") == (1 if sentence else 0)
    assert sentence in said


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        command(lambda: print(1 // 0))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_name_can_be_printed(encoding):
    code = (
        "import sys; from gmanet.errors import command; "
        "command(lambda: sys.stdout.write('\\u00b1 \\u96f6 \\udce9\\n'))"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"\\u96f6 \\udce9" in done.stdout


def test_a_closed_pipe_and_a_full_output_end_quietly():
    code = (
        "import sys; from gmanet.errors import command; command(lambda: sys.stdout.write('x' * 10))"
    )
    for target, wanted in (("/dev/full", 2), (None, 141)):
        reading, writing = os.pipe()
        os.close(reading)
        out = writing if target is None else os.open(target, os.O_WRONLY)
        done = subprocess.run([sys.executable, "-c", code], stdout=out, stderr=subprocess.PIPE)
        assert done.returncode == wanted
        assert b"Traceback" not in done.stderr
        assert b"Exception" not in done.stderr


def test_a_full_disk_during_a_fit(type_in, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "_flush", full)
        with pytest.raises(SystemExit) as left:
            type_in(fit, *TINY, "name=a")
    assert left.value.code == 2
    assert "No space left on device" in capsys.readouterr().err
    assert drafts(tmp_path) == []
    type_in(fit, *TINY, "name=a")
    assert Run(tmp_path / "runs/a").finished


@pytest.mark.parametrize(
    "failing",
    [pytest.param("checkpoint", marks=pytest.mark.slow), "detector", "prediction", "scores"],
)
def test_a_disk_that_fills_later_spoils_no_run(failing, type_in, tmp_path, monkeypatch, capsys):
    names = {"checkpoint": "last", "detector": "detector", "prediction": ".npz", "scores": "scores"}
    original = atomic._flush
    words = [*TINY, "name=b"]
    words[1] = "detector=gmanet"
    if failing == "checkpoint":
        words += ["detector.steps=2", "synthesis.twins=2", "train.checkpoint_every=1"]
        words += ["detector.points=512", "detector.centers=256", "detector.centers_per_pair=32"]
        words += ["detector.coarse_queries=256", "detector.fine_queries=128"]
    else:
        words[1] = "detector=curvature"

    def sometimes(path):
        (full if names[failing] in path.name else original)(path)

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "_flush", sometimes)
        with pytest.raises(SystemExit) as left:
            type_in(fit, *words)
    assert left.value.code == 2
    assert "No space left on device" in capsys.readouterr().err
    assert drafts(tmp_path) == []
    type_in(fit, *words)
    assert Run(tmp_path / "runs/b").finished


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path, capsys):
    last, writer = tmp_path / "last.ckpt", WholeCheckpoints()
    for step in (1, 2):
        writer.save_checkpoint({"state_dict": {"a": torch.ones(3)}, "global_step": step}, last)
    before = tmp_path / "previous.ckpt"
    assert torch.load(before, weights_only=True)["global_step"] == 1
    assert usable([last, before]) == last
    last.write_bytes(last.read_bytes()[:100])
    assert usable([last, before]) == before
    assert "last.ckpt: is damaged; previous.ckpt is tried" in capsys.readouterr().err
    before.write_bytes(b"")
    assert usable([last, before]) is None
    assert "begins anew" in capsys.readouterr().err


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    last, writer = tmp_path / "last.ckpt", WholeCheckpoints()
    whole = {"state_dict": {}, "global_step": 1}
    writer.save_checkpoint(whole, last)
    monkeypatch.setattr(atomic, "_flush", full)
    with pytest.raises(InputError, match="No space left"):
        writer.save_checkpoint({**whole, "global_step": 2}, last)
    assert torch.load(last, weights_only=True)["global_step"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_validation_gathers_nothing(monkeypatch):
    def no_backend(*_, **__):
        raise RuntimeError("No backend type associated with device type cpu")

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    for name in ("barrier", "all_gather", "get_world_size", "all_reduce"):
        monkeypatch.setattr(torch.distributed, name, no_backend)
    score, label = torch.tensor([0.1, 0.9]), torch.tensor([False, True])
    shared = PooledAUROC()
    shared.update(score, label)
    with pytest.raises(RuntimeError, match="No backend"):
        shared.compute()
    callback = AnomalyMetrics()
    for metric in callback.metrics.values():
        metric.update(score, label)
    assert callback._compute("val")["val/point_auroc"] == 1.0


@pytest.mark.parametrize("key", launcher.RANKS)
def test_an_inherited_rank_means_nothing_to_one_process(key, monkeypatch):
    monkeypatch.setenv(key, "3")
    launcher.settle(1)
    assert launcher.rank() == 0


@pytest.mark.parametrize(
    "started",
    [
        {"RANK": "0", "WORLD_SIZE": "2"},
        {"SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_NTASKS": "2"},
        {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_NTASKS": "4"},
        {"SLURM_PROCID": "1", "SLURM_NTASKS": "2"},
    ],
    ids=str,
)
def test_tasks_that_do_not_fit_the_run_are_refused(started, monkeypatch):
    for key, value in started.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(InputError, match="2 tasks were started"):
        launcher.settle(1)
    launcher.settle(2)


@pytest.mark.parametrize(
    "inherited",
    [
        {"SLURM_NTASKS": "2"},
        {"SLURM_NTASKS": "2", "SLURM_PROCID": "0"},  # a batch script
        {"SLURM_NTASKS": "2", "SLURM_STEP_ID": "0"},
        {"WORLD_SIZE": "2"},
    ],
    ids=str,
)
def test_what_no_launcher_started_is_one_process(inherited, monkeypatch):
    for key, value in inherited.items():
        monkeypatch.setenv(key, value)
    launcher.settle(1)
    assert launcher.rank() == 0
    assert not {"SLURM_NTASKS", "SLURM_PROCID", "WORLD_SIZE"} & set(os.environ)


@pytest.mark.parametrize(
    "inherited",
    [
        {"RANK": "1"},
        {"SLURM_PROCID": "3"},
        {"LOCAL_RANK": "2"},
        {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_PROCID": "0"},
        {
            **{"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_STEP_ID": "0"},
            **{"SLURM_JOB_ID": "7", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"},
        },
    ],
    ids=str,
)
def test_a_run_beside_inherited_ranks_is_whole(inherited, type_in, tmp_path, monkeypatch, capsys):
    for key, value in inherited.items():
        monkeypatch.setenv(key, value)
    type_in(fit, *TINY, "name=a")
    said = capsys.readouterr()
    assert "object AUROC" in said.out
    assert said.err.count("score: ") > 0
    run = Run(tmp_path / "runs/a")
    assert run.finished
    assert len(list(run.predictions.glob("*.npz"))) == 8


@pytest.mark.parametrize("first", [True, False])
def test_the_first_process_draws_the_bars(first, capsys):
    trainer = SimpleNamespace(
        is_global_zero=first, max_steps=4, global_step=0, num_predict_batches=[2]
    )
    bar = ProgressBar()
    bar.on_train_start(trainer, None)
    bar.on_train_batch_end(trainer, None, {"loss": 1.0})
    bar.on_train_end()
    bar.on_predict_start(trainer, None)
    bar.on_predict_batch_end()
    bar.on_predict_end()
    said = capsys.readouterr().err
    assert ("fit" in said, "score" in said) == (first, first)


@pytest.mark.parametrize("key", [*launcher.RANKS, "WORLD_SIZE"])
def test_a_rank_that_is_no_number(key, monkeypatch):
    monkeypatch.setenv(key, "first")
    with pytest.raises(InputError, match=f"{key} is 'first'"):
        launcher.settle(1)


def test_workers_are_bounded(monkeypatch):
    assert TrainConfig(workers=999).processes <= cores.available_cores()
    monkeypatch.setattr(cores, "available_memory", lambda: 10)
    assert TrainConfig(workers=999).processes == 1
    monkeypatch.setattr(multiprocessing, "Lock", full)
    assert TrainConfig(workers=999).processes == 0
    assert TrainConfig().processes == 0


def test_a_container_grants_fewer_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(cores, "GROUPS", tmp_path)
    alone = cores.available_cores()
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cores.available_cores() == alone
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert cores.available_cores() == 1


class Records(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return Data(pos=torch.full((1000, 3), float(index)), label=torch.ones(1000).bool())


def test_batches_need_no_shared_memory():
    """Within a worker, PyTorch Geometric's own collation would use it."""
    loader = PipedLoader(Records(), 2, collate_fn=Batch.from_data_list, num_workers=1)
    batches = list(loader)
    assert len(batches) == 2
    for index, batch in enumerate(batches):
        assert not batch.pos.is_shared()
        assert batch.pos[::1000, 0].tolist() == [2 * index, 2 * index + 1]
        assert batch.label.dtype == torch.bool
        assert batch.ptr.tolist() == [0, 1000, 2000]


def test_a_worker_ends_with_its_parent():
    code = (
        "import multiprocessing as m, os, time\n"
        "from gmanet.runtime.orphans import end_with\n"
        "def work(parent):\n"
        "    end_with(parent); time.sleep(60)\n"
        "child = m.get_context('fork').Process(target=work, args=(os.getpid(),))\n"
        "child.start(); print(child.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 20 * orphans.LOOK
    while time.monotonic() < until and _lives(child):
        time.sleep(0.1)
    assert not _lives(child)


def _lives(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return state.rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"PK\x03\x04odd", "strings"])
def test_a_damaged_result_is_made_again(damage, tmp_path, monkeypatch):
    monkeypatch.setenv("GMANET_CACHE", str(tmp_path))

    def get():
        return cached("kind", [np.arange(2)], length=2, make=lambda: np.array([1.0, 2.0]))

    get()
    (path,) = tmp_path.rglob("*.npy")
    if damage == "strings":
        np.save(path, np.array(["a", "b"]))
    else:
        path.write_bytes(damage)
    np.testing.assert_array_equal(get(), [1, 2])
    np.testing.assert_array_equal(np.load(path), [1, 2])


def test_a_cache_that_is_a_file_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GMANET_CACHE", str(tmp_path / "file"))
    made = cached("kind", [np.arange(2)], length=2, make=lambda: np.array([1.0, 2.0]))
    np.testing.assert_array_equal(made, [1, 2])


@pytest.mark.parametrize(
    "name", ["零件" * 60, "part$^_{x", "a\nb", "caf\udce9", "x" * 300, ".hidden", "a/b+c"]
)
def test_odd_names_come_back(name, tmp_path):
    path = Prediction(name=name, score=np.array([0.5, 1.0], dtype=np.float32)).save(tmp_path)
    assert len(os.fsencode(path.name)) < 240
    assert Prediction.load(path).name == name
    assert file_stem(name) != file_stem(f"{name}2")
    pos = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    save_row(tmp_path / "a.png", [[Panel(title=name, pos=pos)]])


def test_a_draft_of_a_long_name_fits(tmp_path):
    path = tmp_path / f"{'零' * 80}.npz"
    with replacing(path) as draft:
        draft.write_bytes(b"1")
    assert path.read_bytes() == b"1"


@pytest.mark.parametrize("accelerator", ["tpu", "xyz", "mps"])
def test_an_accelerator_that_is_not_there(accelerator, type_in, capsys):
    with pytest.raises(SystemExit) as left:
        type_in(fit, *TINY, "name=c", f"train.accelerator={accelerator}")
    assert left.value.code == 2
    assert f"train.accelerator={accelerator}" in capsys.readouterr().err


def test_a_folder_of_runs_that_is_a_file(type_in, tmp_path, capsys):
    (tmp_path / "runs").write_text("")
    with pytest.raises(SystemExit) as left:
        type_in(fit, *TINY, "name=d")
    assert left.value.code == 2
    assert capsys.readouterr().err.count("error:") == 1
    (tmp_path / "runs").unlink()
    type_in(fit, *TINY, "name=d")
    cloud = Cloud(np.random.default_rng(0).normal(size=(900, 3)).astype(np.float32))
    write_cloud(tmp_path / "part$1.ply", cloud)
    type_in(predict, tmp_path / "runs/d", tmp_path / "part$1.ply", "-o", tmp_path / "out")
    assert drafts(tmp_path / "out") == []

"""Table VI: what is measured, how the command goes on, and the table's form."""

import importlib
import resource
import sys
import time

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

import gmanet.efficiency as command
import gmanet.runs.efficiency as efficiency
from gmanet.detectors.base import Detector
from gmanet.detectors.config import CurvatureConfig, DetectorConfig
from gmanet.detectors.curvature import Curvature
from gmanet.detectors.gmanet.config import ContextBankConfig
from gmanet.detectors.gmanet.descriptor_bank import ContextBank
from gmanet.detectors.memory_bank import MemoryDetector
from gmanet.detectors.records import read
from gmanet.detectors.table import DEFAULT, DETECTORS
from gmanet.errors import InputError
from gmanet.evaluation.efficiency.measure import fit_briefly, measure
from gmanet.evaluation.efficiency.peak_memory import MIB, PeakMemory, peak_resident
from gmanet.evaluation.efficiency.profiler import PACKAGE, STAGES, StageClock
from gmanet.evaluation.efficiency.table import Measured, csv_rows, markdown_sections
from gmanet.geometry.fpfh import part_fpfh
from gmanet.geometry.neighbors import farthest_points, nearest
from gmanet.synthesis.config import SynthesisConfig
from gmanet.training.config import TrainConfig
from gmanet.training.datamodule import CloudData
from gmanet.training.trainer import make_trainer


class Greedy(Detector):
    """Takes a known amount of memory for a moment."""

    def __init__(self, mebibytes):
        super().__init__(DetectorConfig())
        self.mebibytes = mebibytes
        self.register_buffer("known", torch.zeros(1000))

    def reader(self):
        return lambda cloud: Data(num_nodes=len(cloud))

    def score_record(self, batch):
        taken = (
            torch.ones(max(1, self.mebibytes * MIB // 4))
            if batch.num_nodes > 2048
            else torch.ones(1)
        )
        return self.with_object(torch.full((batch.num_nodes,), float(taken[-1])))


@pytest.mark.parametrize("mebibytes", [0, 200])
def test_memory_taken_while_scoring_is_seen(bumped_plate, mebibytes):
    if not sys.platform.startswith("linux"):
        pytest.skip("elsewhere only the peak since the process began is known")
    found = measure(Greedy(mebibytes), [bumped_plate(3000)], whole=False)
    assert mebibytes - 5 < found["peak_mib"] < mebibytes + 30
    assert (found["parameters"], found["buffers"]) == (0, 1000)
    assert found["model_mib"] == pytest.approx(4000 / MIB)


def test_an_earlier_peak_does_not_count():
    np.ones(100 * MIB, dtype=np.uint8)
    with PeakMemory() as peak:
        pass
    assert peak.host < 20


def test_a_filled_bank_is_of_train_records(bumped_plate, given_clouds):
    clouds = [bumped_plate(1000, seed, height=0) for seed in range(4)]
    config = ContextBankConfig(points=600, centers=400, coarse_queries=200, share=0.5)
    train = given_clouds(clouds, "train")
    detector = fit_briefly(ContextBank(config), train, synthesis=SynthesisConfig(), seed=0)
    assert len(detector.banks["feature"].rows) == 4 * 400 // 2  # centers, not survey


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_the_peak_counts_children_in_the_unit_of_the_platform(monkeypatch, platform, unit):
    class Usage:
        def __init__(self, peak):
            self.ru_maxrss = peak

    peaks = {resource.RUSAGE_SELF: 5 * MIB // unit, resource.RUSAGE_CHILDREN: 7 * MIB // unit}
    monkeypatch.setattr(resource, "getrusage", lambda who: Usage(peaks[who]))
    monkeypatch.setattr(sys, "platform", platform)
    assert peak_resident() == 7


def test_every_part_of_a_stage_exists():
    own = [kind.stages for kind in DETECTORS.values()]
    assert any(own)
    for name in [*STAGES, *(name for stages in own for name in stages)]:
        module, _, function = name.rpartition(".")
        path = PACKAGE / name.replace(".", "/")
        if not (path.is_dir() or path.with_suffix(".py").is_file()):
            assert hasattr(importlib.import_module(f"gmanet.{module}"), function), name


def test_filled_banks_are_as_large_as_those_of_all_clouds(bumped_plate, given_clouds):
    clouds = [bumped_plate(1000, seed, height=0) for seed in range(5)]
    config = CurvatureConfig(centers=400, pool_size=1500, bank_size=10_000)
    detector = fit_briefly(
        Curvature(config), given_clouds(clouds, "train"), synthesis=SynthesisConfig(), seed=0
    )
    rows = detector.banks["feature"].rows
    assert rows.shape == (5 * 300, 3)  # 1500 // 5 of the 400 centers of each
    assert len(rows.unique(dim=0)) > 1400
    detector.config.bank_size = 700
    detector.enlarge(read(clouds[0], detector.reader()), 5)
    assert len(detector.banks["feature"].rows) == 700
    found = measure(detector, clouds[:2])
    assert len(found["seconds"]) == 2 and found["floor"] > 0
    assert {"subsampling", "neighbors", "descriptors", "model"} <= set(found["stages"])


MEMORIES = sorted(name for name, kind in DETECTORS.items() if issubclass(kind, MemoryDetector))


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"pool_size": 150},
        {"bank_size": 50},
        {"pool_size": 100, "bank_size": 70},
        {"bank_size": 10**6},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", MEMORIES)
def test_every_memory_is_measured_as_large_as_a_fit_leaves_it(
    name, limits, bumped_plate, given_clouds, tmp_path
):
    kind = DETECTORS[name]
    train = given_clouds([bumped_plate(700, seed, height=0) for seed in range(4)], "train")
    config = kind.Config(name=name, **BRIEF.get(name, {}) | limits)
    brief = fit_briefly(kind(config), train, synthesis=SynthesisConfig(twins=2), seed=0)
    whole = kind(config)
    whole.prepare(train)
    synthesis = SynthesisConfig(twins=2)
    data = CloudData(train, train, detector=whole, synthesis=synthesis, progress=False)
    epochs = whole.epochs(len(train), synthesis)
    make_trainer(whole, TrainConfig(workers=0), folder=tmp_path, logger=None, epochs=epochs).fit(
        whole, data
    )
    assert set(whole.banks) == set(brief.banks)
    for bank, fitted in whole.banks.items():
        assert brief.banks[bank].rows.shape == fitted.rows.shape, bank
        assert len(fitted.rows) > 0


BRIEF = {
    "gmanet": {"points": 512, "centers": 128, "steps": 1, "pairs": 1},
    "imrnet": {"points": 512, "centers": 32, "steps": 1, "width": 24, "depth": 3, "heads": 2},
    "m3dm": {"centers": 64, "width": 24, "pretraining": 1},
    "patchcore_pointmae": {"centers": 64, "width": 24, "pretraining": 1},
    "reg3dad": {"centers": 64, "width": 24, "pretraining": 1},
    "gmanet_paper": {"steps": 1, "width": 0.25},
    "r3dad": {"points": 128, "steps": 1, "copies": 2, "reconstruction": 128, "sampling": 2},
}
BRIEF |= {
    name: {"grid": 0.03, "steps": 1, "clouds": 1, "votes": 1, **settings}
    for name, settings in {
        "pointnet2_ssg": {"width": 0.05},
        "pointnet2_msg": {"width": 0.05},
        "spunet": {"stem": 4, "widths": [4, 4], "blocks": [1, 1]},
        "ptv1": {"widths": [4, 4], "blocks": [1, 1], "neighbors": [4, 4], "shared": 2},
        "pointnext": {"widths": [4, 4], "blocks": [1]},
        "pointvector": {"widths": [4, 4], "blocks": [1]},
        "octformer": {"widths": [4], "blocks": [1], "heads": [1], "stem": 1, "pyramid": 4},
        "oacnns": {"stem": 4, "widths": [4] * 4, "blocks": [1] * 4, "up": [4] * 4},
    }.items()
}


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_every_detector_is_measured_as_it_is_used(name, bumped_plate, given_clouds):
    kind = DETECTORS[name]
    config = kind.Config(name=name, **BRIEF.get(name, {}))
    height = 0.12 if kind.supervised else 0
    clouds = [bumped_plate(1000, seed, height) for seed in range(3)]
    fitted = fit_briefly(
        kind(config), given_clouds(clouds, "train"), synthesis=SynthesisConfig(twins=2), seed=0
    )
    again = kind(config)
    again.load_state_dict(fitted.state_dict())
    assert measure(again.eval(), clouds[:2], whole=False)["seconds"]


def test_stages_sum_to_the_time_and_outer_ones_win(bumped_plate):
    pos = bumped_plate(3000).pos
    start = time.perf_counter()
    with StageClock() as clock:
        farthest_points(pos, 500)
        nearest(pos, pos, count=8)
        time.sleep(0.05)
    whole = time.perf_counter() - start
    assert sum(clock.seconds.values()) == pytest.approx(whole, rel=0.2)
    assert clock.seconds["subsampling"] > 0 and clock.seconds["neighbors"] > 0
    assert 0.05 <= clock.seconds["other"] < whole
    with StageClock() as clock:
        part_fpfh(pos[:300])
    assert clock.seconds["descriptors"] > 0 and "neighbors" not in clock.seconds
    assert sys.getprofile() is None


def measured(method, points, seconds):
    first = {
        **{"seconds": seconds, "reader": seconds, "score": seconds, "peak_mib": 10.0},
        **{"cuda_mib": 0.0, "parameters": 7, "buffers": 8, "model_mib": 0.5, "threads": 1},
    }
    details = {
        "stages": {"other": 0.6, "model": 0.3, "subsampling": 0.1},
        "gflop": 1.5,
        "floor": 0.1,
    }
    return Measured(method=method, points=points, rounds=[first | details, first])


def test_tables_have_the_fastest_first_and_multiples_of_the_floor():
    rows = [measured("gmanet", 2000, [0.5, 0.4, 0.9]), measured("btf", 2000, [0.2] * 3)]
    text = markdown_sections([*rows, measured("btf", 9000, [1.0])])
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("## ")] == [
        "## 2000 points",
        "## 9000 points",
    ]
    table = [line for line in lines if line.startswith("| ")]
    assert [line.split("|")[1].strip() for line in table] == [
        "method",
        "btf",
        "gmanet",
        "method",
        "btf",
    ]
    assert table[2].startswith(
        "| gmanet | 0.500 | 5.0 | 2.00 | 0.500 | 0.500 | 10 | 0.5 | 7 | 1.5 | model 30%"
    )
    assert table[2].endswith("subsampling 10%, other 60% |")
    assert "| time/floor |" in text
    first, *rest = csv_rows(rows).splitlines()
    assert first.startswith("method,points,seconds,fastest,slowest,timings,fps")
    assert rest[0].startswith("gmanet,2000,0.5,0.4,0.9,6,2,")


def test_every_setting_and_detector_is_measured():
    named = efficiency.methods()
    assert named[0] == DEFAULT and len(set(named)) == len(named)
    assert {path.stem for path in (efficiency.CONF / "detector").glob("*.yaml")} <= set(named)
    made = {efficiency.compose([f"detector={name}"]).detector.name for name in named}
    assert made == set(DETECTORS)
    assert any(issubclass(kind, MemoryDetector) for kind in DETECTORS.values())


def run(monkeypatch, folder, *overrides):
    monkeypatch.setattr(sys, "argv", ["efficiency", *overrides, "-o", str(folder)])
    command.main()


def test_without_cuda_there_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"--device cuda: torch .* sees no CUDA device"):
        run(monkeypatch, tmp_path, "--device", "cuda")


def test_the_command_measures_goes_on_and_reports_failures(monkeypatch, tmp_path, capsys):
    computed = []

    def here(cell):
        """Do in this process what has one of its own."""
        computed.append((cell.method, cell.round))
        try:
            cell.compute()
        except InputError as error:
            return str(error)
        return ""

    monkeypatch.setenv("GMANET_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(efficiency.Cell, "run", here)
    record = efficiency.provenance() | {"commit": "c0ffee"}
    monkeypatch.setattr(efficiency, "provenance", lambda: record)
    overrides = ["detector=btf_raw", "detector=patchcore_fpfh", "data.category=washer"]
    sizes = ["--points", "1500", "--rounds", "2", "--clouds", "1"]
    run(monkeypatch, tmp_path, *overrides, "detector=missing", *sizes)
    turns = [(name, turn) for turn in (0, 1) for name in ("btf_raw", "patchcore_fpfh")]
    assert [one for one in computed if one[1] >= 0] == turns
    page = (tmp_path / "efficiency.md").read_text(encoding="utf-8")
    assert page in capsys.readouterr().out
    assert "medians of 2 rounds of 1 clouds" in page and "commit c0ffee" in page
    assert "| btf_raw | " in page and "- missing, 1500 points: detector=missing" in page
    assert len((tmp_path / "efficiency.csv").read_text(encoding="utf-8").splitlines()) == 3
    computed.clear()
    run(monkeypatch, tmp_path, *overrides, *sizes)
    assert computed == []
    with pytest.raises(InputError, match="no method could be measured"):
        run(monkeypatch, tmp_path, "detector=missing", *sizes)

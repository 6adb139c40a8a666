"""The door for Python: fit on arrays, score, save, load in another process, one sentence if not."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib import import_module

import numpy as np
import pytest
import torch

import gmanet
import gmanet.fit
from gmanet import __main__ as program
from gmanet import predict
from gmanet.config.compose import CONF
from gmanet.detectors.archive import write_archive
from gmanet.detectors.stored import load_detector
from gmanet.detectors.table import CONFIGS, DETECTORS
from gmanet.errors import InputError
from gmanet.fit import main
from gmanet.formats import write_cloud
from gmanet.runs.folder import Run

SCORE = """
import sys, numpy, gmanet
scores = gmanet.load(sys.argv[1]).score(numpy.load(sys.argv[2]))
numpy.savez(sys.argv[3], points=scores.points, object=scores.object)
print(*sorted({"wandb", "open3d", "sklearn"} & set(sys.modules)))
print(*(name for name in sys.modules if name.startswith("gmanet.")))
"""
SHORT = {
    **{"detector.steps": 2, "synthesis.twins": 2, "detector.points": 512, "detector.centers": 256},
    **{"detector.centers_per_pair": 32, "detector.coarse_queries": 256},
    "detector.fine_queries": 128,
}


@pytest.fixture(scope="module")
def plates(bumped_plate):
    return [bumped_plate(1500, seed, 0) for seed in range(4)]


@pytest.fixture(scope="module")
def bank(plates):
    return gmanet.fit(plates, detector="btf", progress=False)


def run_code(code, *words):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_the_function_and_the_command_share_a_name():
    assert gmanet.fit is import_module("gmanet.runs.from_python").fit
    assert main is sys.modules["gmanet.fit"].main
    assert run_code("from gmanet import fit; print(fit.__name__, fit.__module__)").split() == [
        "fit",
        "gmanet.runs.from_python",
    ]
    assert "True" in run_code("import gmanet; import gmanet.fit as f; print(f is gmanet.fit)")


def test_every_public_name_is_there_and_listed():
    for name in gmanet.__all__:
        assert getattr(gmanet, name) is not None
        assert name in dir(gmanet)
    with pytest.raises(AttributeError, match="no_such"):
        gmanet.no_such  # noqa: B018


@pytest.mark.parametrize("name", ["btf", "gmanet"])
def test_scores_are_the_same_to_the_bit_in_another_process(
    tmp_path, plates, bumped_plate, computed_anew, name
):
    overrides = SHORT if name == "gmanet" else {}
    arrays = [cloud.pos for cloud in plates]
    detector = gmanet.fit(arrays, detector=name, overrides=overrides, progress=False)
    assert not detector.training
    assert {cloud.fingerprint for cloud in plates} == detector.fitted_on
    probe = bumped_plate(1500, 9).pos
    scores = detector.score(probe)
    assert scores.points.shape == (1500,)
    detector.save(tmp_path / "part.gmanet")
    np.save(tmp_path / "probe.npy", probe)
    files = [tmp_path / file for file in ("part.gmanet", "probe.npy", "out.npz")]
    # Lightning, which every detector is built on, brings Matplotlib; PyG may bring pandas.
    foreign, ours = run_code(SCORE, *files).split("\n")[:2]
    assert foreign == ""
    assert not {name.split(".")[1] for name in ours.split()} & {
        *("training", "evaluation", "metrics", "view", "config", "runs")
    }
    found = np.load(tmp_path / "out.npz")
    assert np.array_equal(found["points"], scores.points)
    assert float(found["object"]) == scores.object
    assert gmanet.load(tmp_path / "part.gmanet").fitted_on == detector.fitted_on


def test_a_fit_leaves_no_file_no_filter_and_no_generator_changed(
    tmp_path, plates, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GMANET_RUNS", str(tmp_path / "runs"))
    state, filters = torch.get_rng_state(), list(warnings.filters)
    gmanet.fit(plates, detector="btf", progress=False)
    assert list(tmp_path.iterdir()) == []
    assert torch.equal(state, torch.get_rng_state())
    assert filters == list(warnings.filters)
    assert capsys.readouterr() == ("", "")


def test_it_does_what_the_command_does(tmp_path, type_in, plates):
    for cloud in plates:
        write_cloud(tmp_path / f"parts/good/{cloud.name}.ply", cloud)
    write_cloud(tmp_path / "parts/bump/0.ply", plates[0])
    words = [f"{key}={value}" for key, value in SHORT.items()]
    root = f"data.root={tmp_path / 'parts'}"
    type_in(main, "data=folder", root, "name=a", "wandb.mode=disabled", "train.pictures=0", *words)
    run = gmanet.load(Run(tmp_path / "runs/a").detector_file)
    detector = gmanet.fit(tmp_path / "parts", overrides=words, progress=False)
    state = run.state_dict()
    assert state.keys() == detector.state_dict().keys()
    for key, value in detector.state_dict().items():
        np.testing.assert_array_equal(state[key], value)  # NaN equals NaN
    assert run.fitted_on == detector.fitted_on


def test_a_folder_needs_no_test_scans(tmp_path, plates):
    for cloud in plates:
        write_cloud(tmp_path / f"good/{cloud.name}.ply", cloud)
    detector = gmanet.fit(str(tmp_path), detector="btf_raw", progress=False)
    assert len(detector.fitted_on) == 4


def test_predict_takes_a_file(tmp_path, type_in, bank, plates, capsys):
    bank.save(tmp_path / "plate.gmanet")
    write_cloud(tmp_path / "scan.ply", plates[0])
    type_in(predict.main, tmp_path / "plate.gmanet", tmp_path / "scan.ply")
    assert "object score" in capsys.readouterr().out
    found = np.load(tmp_path / "gmanet-scores/scan.scores.npz")
    assert np.array_equal(
        found["score"], bank.score(gmanet.read_cloud(str(tmp_path / "scan.ply"))).points
    )


def flipped(data):
    """Return bytes with one bit in the middle flipped."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "the end of the file is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "the end of the file is missing"),
        (lambda path: path.write_bytes(flipped(path.read_bytes())), "cannot be read"),
        (lambda path: path.write_text("a letter"), "cannot be read"),
        (lambda path: torch.save({"weights": 1}, path), "is no detector"),
    ],
)
def test_a_damaged_or_foreign_file_is_one_sentence(tmp_path, bank, change, sentence):
    path = tmp_path / "part.gmanet"
    bank.save(path)
    change(path)
    with pytest.raises(InputError, match=sentence):
        gmanet.load(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("detector", "no_such"),
        ("detector", ["btf"]),
        ("detector", "curvature"),
        ("config", {"no_such": 1}),
        ("config", 3),
        ("state", {}),
        ("state", 3),
        ("format", 99),
        ("train", 3),
    ],
)
def test_a_file_that_does_not_fit_is_one_sentence(tmp_path, bank, key, value):
    path = tmp_path / "part.gmanet"
    bank.save(path)
    write_archive(path, {**load_detector(path), key: value}, readme="")
    with pytest.raises(InputError, match="wanted"):
        gmanet.load(path)


def test_no_code_of_a_file_runs(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("code ran",)

    torch.save({"detector": Evil(), "config": {}, "state": {}}, tmp_path / "evil.gmanet")
    with pytest.raises(InputError, match="cannot be read"):
        gmanet.load(tmp_path / "evil.gmanet")


@pytest.mark.parametrize(
    ("good", "sentence"),
    [
        ([], "is empty"),
        (np.zeros((100, 3)), "one cloud"),
        (3, "wanted a list"),
        ([np.zeros((100, 2))], r"good_clouds\[0\]"),
        ("no/such/folder", "no such folder"),
    ],
)
def test_clouds_that_cannot_be_used_are_one_sentence(good, sentence):
    with pytest.raises(InputError, match=sentence):
        gmanet.fit(good, detector="btf")


def test_defective_clouds_and_wrong_words_are_refused(plates, bumped_plate):
    with pytest.raises(InputError, match="marked as defective"):
        gmanet.fit([*plates, bumped_plate(1500, 8)], detector="btf")
    with pytest.raises(InputError, match="did you mean 'btf'"):
        gmanet.fit(plates, detector="btff")
    with pytest.raises(InputError, match=r"no key 'detector\.stepz'"):
        gmanet.fit(plates, overrides={"detector.stepz": 1})
    with pytest.raises(InputError, match="wanted a mapping"):
        gmanet.fit(plates, overrides="detector.steps=1")


@pytest.mark.parametrize("name", ["btf", "gmanet", "patchcore"])
def test_one_cloud_fits_or_is_refused_in_a_sentence(plates, name):
    overrides = SHORT if name == "gmanet" else {}
    try:
        detector = gmanet.fit(plates[:1], detector=name, overrides=overrides, progress=False)
    except InputError as error:
        assert "wanted" in str(error)
    else:
        assert np.isfinite(detector.score(plates[1]).points).all()


HEAVY = {
    *("lightning", "matplotlib", "numba", "open3d", "scipy", "torch", "torch_geometric"),
    *("torchmetrics", "wandb"),
}
HELP = """
import contextlib, io, runpy, sys
sys.argv = ["gmanet", *sys.argv[1:]]
text = io.StringIO()
with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
    runpy.run_module("gmanet", run_name="__main__", alter_sys=True)
assert len(text.getvalue().splitlines()) > 5
print(*(name for name in sys.modules if "." not in name))
"""
COMPOSED = """
import sys
from gmanet.config.compose import compose
for name in sys.argv[1:]:
    compose([f"detector={name}"])
print(*(name for name in sys.modules if "." not in name))
"""


def test_the_package_and_the_list_of_commands_load_nothing_heavy():
    for code in ("import sys, gmanet; print(*sys.modules)", HELP):
        assert not {*HEAVY, "numpy", "omegaconf"} & set(run_code(code, "--help").split())


@pytest.mark.parametrize("name", ["fit", "predict", "evaluate", "benchmark", "sweep", "report"])
def test_help_is_printed_before_anything_heavy_is_loaded(name):
    assert not HEAVY & set(run_code(HELP, name, "--help").split())


def test_a_configuration_is_read_before_anything_heavy_is_loaded():
    names = {*DETECTORS, *(path.stem for path in (CONF / "detector").glob("*.yaml"))}
    assert not HEAVY & set(run_code(COMPOSED, *names).split())


@pytest.mark.parametrize("name", DETECTORS)
def test_the_settings_of_a_detector_are_those_of_its_class(name):
    assert DETECTORS[name].Config is CONFIGS[name]
    assert CONFIGS[name]().name == name


def test_the_program_knows_its_commands(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gmanet", "--version"])
    program.main()
    assert capsys.readouterr().out == f"gmanet {gmanet.__version__}\n"
    assert "btf" in DETECTORS

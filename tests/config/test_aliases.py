"""Earlier names of configuration keys are read wherever older versions left them."""

from __future__ import annotations

import pytest
import torch
import yaml

from gmanet.config.aliases import ALIASES, current
from gmanet.config.compose import compose
from gmanet.config.overrides import load
from gmanet.config.schema import resolved
from gmanet.detectors import stored
from gmanet.detectors.table import DETECTORS
from gmanet.errors import InputError
from gmanet.runs.experiment import read_experiment
from gmanet.runs.folder import Run

OWNERS = {"detector.samples_per_cloud": "patchcore", "detector.min_points": "btf"}
OWNERS |= {"detector.max_angle": "imrnet"}
OWNERS |= dict.fromkeys(["detector.pool_size", "detector.bank_size"], "curvature")


def owner(key):
    """Return a detector that has a key."""
    return OWNERS.get(key, "gmanet")


def values(config, key):
    return getattr(config.detector, key.partition(".")[2])


@pytest.mark.parametrize("old", ALIASES)
def test_an_earlier_key_is_read_from_the_command_line_and_from_files(old, tmp_path):
    new = ALIASES[old]
    detector, value = owner(new), 0.25 if new.endswith("share") else 77
    config = compose([f"detector={detector}", f"{old}={value}"])
    assert values(config, new) == value
    assert config == compose([f"detector={detector}", f"{new}={value}"])
    assert f"{old}=" not in config.name
    name = old.partition(".")[2]
    assert values(compose([f"detector={{name: {detector}, {name}: {value}}}"]), new) == value
    path = tmp_path / "detector/mine.yaml"
    path.parent.mkdir()
    path.write_text(f"detector: {{name: {detector}, {name}: {value}}}")
    assert values(compose(["detector=mine"], tmp_path), new) == value


@pytest.mark.parametrize("old", ALIASES)
def test_an_earlier_key_is_no_key_of_today(old):
    name = old.partition(".")[2]
    for detector in DETECTORS.values():
        assert not hasattr(detector.Config(), name)


def test_the_last_of_two_names_of_a_key_wins():
    for typed in (["survey=5", "coarse_queries=6"], ["coarse_queries=5", "survey=6"]):
        assert compose([f"detector.{text}" for text in typed]).detector.coarse_queries == 6


def test_a_reference_to_an_earlier_key_is_read():
    config = compose(["detector.centers=${detector.survey}", "detector.closer=${ detector.draw }"])
    assert (config.detector.centers, config.detector.fine_queries) == (2048, 128)


def test_a_mistake_in_an_earlier_key_names_the_key_of_today():
    with pytest.raises(InputError, match=r"detector\.coarse_queries is 'x', wanted a whole number"):
        compose(["detector.survey=x"])


def older(config):
    """Return a configuration as a version with the earlier keys wrote it."""
    names = {new: old.partition(".")[2] for old, new in ALIASES.items()}
    plain = resolved(config)
    plain["detector"] = {
        names.get(f"detector.{key}", key): value for key, value in plain["detector"].items()
    }
    assert current(plain) == resolved(config)
    return plain


@pytest.mark.parametrize("name", ["gmanet", "patchcore", "btf", "contexts"])
def test_a_run_of_an_older_version_opens_and_goes_on(name, tmp_path, monkeypatch):
    monkeypatch.setenv("GMANET_RUNS", str(tmp_path))
    typed = [f"detector={name}", "name=a"]
    run = Run.create(compose(typed), overrides=typed)
    record = load(run.config_file) | {"config": older(compose(typed))}
    run.config_file.write_text(yaml.safe_dump(record), encoding="utf-8")
    assert Run.open(run.folder).config == compose(typed)
    assert Run.create(compose(typed), overrides=typed).config == compose(typed)
    if name != "gmanet":
        return
    with pytest.raises(InputError, match=r"detector\.coarse_queries \(2048 there, 99 here\)"):
        Run.create(compose([*typed, "detector.survey=99"]), overrides=typed)


def test_a_detector_stored_by_an_older_version_loads(tmp_path):
    detector = DETECTORS["gmanet"](DETECTORS["gmanet"].Config(coarse_queries=99, experts=1))
    path = tmp_path / "old.gmanet"
    config = older(compose(["detector.coarse_queries=99", "detector.experts=1"]))["detector"]
    assert "survey" in config
    whole = {"format": 1, "gmanet": "0.1.0", "detector": "gmanet", "config": config}
    torch.save({**whole, "state": detector.state_dict()}, path)
    assert stored.load(path).config == detector.config


def test_an_experiment_of_an_older_version_is_read(tmp_path):
    text = """
    set: {SURVEY: 99}
    rows:
      a: [CLOSER=7]
      b: {MAPPING: [CLOSER=8], grid: {DRAW: [5]}}
    grid: {DRAW: [3, 4]}
    """
    names = {"SURVEY": "survey", "CLOSER": "closer", "DRAW": "draw"}
    texts = {"SURVEY": "coarse_queries", "CLOSER": "fine_queries", "DRAW": "centers_per_pair"}
    found = []
    for keys, mapping in ((names, "words"), (texts, "overrides")):
        content = text.replace("MAPPING", mapping)
        for mark, key in keys.items():
            content = content.replace(mark, f"detector.{key}")
        path = tmp_path / "old.yaml"
        path.write_text(content, encoding="utf-8")
        found.append([cell.overrides for cell in read_experiment(path, tmp_path).cells])
    assert found[0] == found[1]
    assert len(found[0]) == 3
    assert "detector.centers_per_pair=5" in found[0][2]

"""Composing a run: layers, names, round trips, and one clear sentence for every mistake."""

from __future__ import annotations

import json
import string
from dataclasses import fields

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from gmanet.config.compose import CONF, compose, describe
from gmanet.config.overrides import file_name, flatten, merged
from gmanet.config.schema import (
    SECTIONS,
    RunConfig,
    changes_results,
    from_resolved,
    resolved,
)
from gmanet.detectors.table import DETECTORS
from gmanet.errors import InputError


@pytest.fixture
def conf(tmp_path):
    """A folder of named files; write with ``conf("detector/x", text)``."""
    folder = tmp_path / "conf"
    folder.mkdir()

    def write(name, text):
        path = folder / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return folder

    return write


def test_nothing_said_is_the_defaults():
    config = compose([])
    assert config.name == "procedural/hexagonal_nut/gmanet/seed0"
    assert config == RunConfig()
    assert type(config.detector) is DETECTORS["gmanet"].Config
    assert type(config.synthesis.depth) is list
    assert type(config.synthesis.families) is dict


def test_without_a_conf_folder(tmp_path):
    assert compose(["data=iec3d", "seed=2"], tmp_path / "none").data.name == "iec3d"
    with pytest.raises(InputError, match=r"^train=gpu: unknown name; wanted train\.KEY=VALUE$"):
        compose(["train=gpu"], tmp_path / "none")


def test_later_layers_win(conf):
    conf("default", "seed: 1\nsynthesis: {twins: 5, most: 6}\ntrain: {workers: 0}\n")
    folder = conf("detector/few", "detector: {name: gmanet, steps: 7}\nsynthesis: {most: 4}\n")
    config = compose(["detector=few", "detector.pairs=2", "seed=3"], folder)
    assert (config.seed, config.train.workers) == (3, 0)
    assert (config.detector.steps, config.detector.pairs) == (7, 2)
    assert (config.synthesis.twins, config.synthesis.most) == (5, 4)


def test_a_named_section_starts_afresh(conf):
    folder = conf("default", "synthesis: {twins: 5, kind: paper}\n")
    assert compose([], folder).synthesis.twins == 5
    config = compose(["synthesis=noise"], folder)
    assert (config.synthesis.kind, config.synthesis.twins) == ("noise", 72)


def test_a_bare_name_beats_what_other_files_say_of_its_section(conf):
    conf("default", "synthesis: surface\n")
    folder = conf("detector/paper", "detector: {name: gmanet}\nsynthesis: {kind: paper}\n")
    assert compose([], folder).synthesis.kind == "surface"
    assert compose(["detector=paper"], folder).synthesis.kind == "paper"
    for overrides in (["detector=paper", "synthesis=noise"], ["synthesis=noise", "detector=paper"]):
        assert compose(overrides, folder).synthesis.kind == "noise"


def test_the_last_bare_name_leaves_no_trace_of_the_one_before():
    assert compose(["detector=gmanet_paper", "detector=gmanet"]) == compose(["detector=gmanet"])


OVERRIDES = [
    "seed=3",
    "data.category=washer",
    "detector=gmanet_paper",
    "detector.steps=7",
    "synthesis={twins: 3}",
    "synthesis.twins=9",
    "synthesis.families.bump=0.5",
    "train=gpu",
    "train.workers=0",
]


@settings(max_examples=15, deadline=None)
@given(st.permutations(OVERRIDES), st.integers(0, len(OVERRIDES)))
def test_the_order_of_overrides_does_not_matter(overrides, count):
    chosen = overrides[:count]
    assert compose(chosen) == compose(sorted(chosen))


def test_every_named_file_composes():
    files = [path for path in CONF.rglob("*.yaml") if path.parent != CONF]
    assert {"iec3d", "gmanet_paper", "gpu", "cpu", "ddp"} <= {path.stem for path in files}
    for path in files:
        assert path.parent.name in SECTIONS
        compose([f"{path.parent.name}={path.stem}"])


def test_every_row_of_the_tables_is_a_name():
    for section, (key, table) in SECTIONS.items():
        for name in table:
            assert getattr(getattr(compose([f"{section}={name}"]), section), key) == name


def test_the_data_root_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("IEC3D_ROOT", "/scans/iec3d")
    assert compose(["data=iec3d"]).data.root == "/scans/iec3d"
    assert compose(["data=iec3d", "data.root=there"]).data.root == "there"
    assert compose(["data.root=a=b"]).data.root == "a=b"


# ------------------------------------------------------------------ mistakes


MISTAKES = {
    "detector.step=7": "no key 'detector.step' (did you mean 'detector.steps'?); there are: detec",
    "detector.voxel=7": "no key 'detector.voxel'; there are: detector.name, ",
    "steps=7": "no key 'steps' (did you mean 'detector.steps'?)",
    "sede=1": "no key 'sede' (did you mean 'seed'?); there are: name, seed, data.…",
    "train.steps=7": "no key 'train.steps' (did you mean 'detector.steps'?)",
    "data..name=x": "no key 'data.'; there are: data.name",
    "detector.steps=many": "detector.steps=many: detector.steps is 'many', wanted a whole number",
    "seed=1.5": "seed is 1.5, wanted a whole number",
    "seed=true": "seed is True, wanted a whole number",
    "seed.x=1": "seed is {'x': 1}, wanted a whole number",
    "synthesis.depth=3": "synthesis.depth is 3, wanted a list of numbers such as [0.1, 0.2]",
    "synthesis.depth=[a,b]": "wanted a list of numbers such as [0.1, 0.2]",
    "synthesis.depth.x=3": "wanted a list of numbers such as [0.1, 0.2]",
    "synthesis.families.bump=x": "wanted dict[str, float]",
    "synthesis.families=[1]": "wanted dict[str, float]",
    "detector=gmanit": "unknown name (did you mean 'gmanet'?); there are: ",
    "detector=../default": "unknown name",
    "detector=": "unknown name",
    "detector.name=btff": "no detector 'btff' (did you mean 'btf'?); there are: ",
    "detector.name=[1]": "no detector '[1]'",
    "data=nowhere": "there are: cad, eyecandies, folder, iec3d",
    "train=gqu": "(did you mean 'gpu'?); there are: cpu, ddp, gpu",
    "wandb=off": "wanted wandb.KEY=VALUE",
    "seed": "the override 'seed' is not understood, wanted key=value",
    "--overwrit": "wanted key=value",
    "=3": "wanted key=value",
    "seed=1\n": "wanted key=value",
    "wandb.tags=[a": "is no YAML value",
    "seed=@a": "is no YAML value",
    "data.category=${a": "data.category is '${a', wanted text",
    "data.category=${nope}": "data.category cannot be resolved",
    "data.category=${data.category}": "data.category cannot be resolved",
    "data.root=${oc.env:NOT_THERE_AT_ALL}": "data.root cannot be resolved",
    "seed=-1": "seed=-1, wanted 0 or more",
    "synthesis.twins=0": "synthesis.twins=0, wanted at least 1",
    "name=../up": "wanted a relative path",
    "name=/abs": "wanted a relative path",
    "name=a//b": "wanted a relative path",
}


@pytest.mark.parametrize("override", MISTAKES)
def test_a_mistake_is_one_sentence(override):
    with pytest.raises(InputError) as caught:
        compose([override])
    message = str(caught.value)
    assert MISTAKES[override] in message
    assert "\n" not in message


BAD_FILES = {
    "seed: [1": "default.yaml: is no YAML mapping (line ",
    "- 1": "default.yaml: holds a list, wanted a YAML mapping",
    "seed: 1\nseed: 2": "default.yaml: is no YAML mapping (line 2: ",
    "seed: x": "default.yaml: seed is 'x', wanted a whole number",
    "sed: 1": "default.yaml: no key 'sed' (did you mean 'seed'?)",
    "data: {categori: x}": "default.yaml: no key 'data.categori' (did you mean 'data.category'?)",
    "data:": "data=None: unknown name",
    "detector: nope": "detector=nope: unknown name",
    "5": "default.yaml: is no YAML mapping",
    "overrides": "default.yaml: ",
}


@pytest.mark.parametrize("text", BAD_FILES)
def test_a_bad_file_is_one_sentence(conf, text):
    with pytest.raises(InputError) as caught:
        compose([], conf("default", text))
    assert BAD_FILES[text] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_named_file_must_hold_mappings(conf):
    folder = conf("detector/loop", "detector: loop\n")
    with pytest.raises(InputError, match=r"loop\.yaml: detector is 'loop', wanted a mapping"):
        compose(["detector=loop"], folder)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(string.printable, max_size=25),
            st.builds(
                "{}={}".format,
                st.sampled_from(["name", "seed", "data", "data.root", "synthesis", "wandb.tags"]),
                st.text("a1${}[]:,.#@'~- \n", max_size=9),
            ),
        ),
        max_size=3,
    )
)
@example(["data.root=${ \n["])
def test_any_overrides_compose_or_are_refused(overrides):
    try:
        config = compose(overrides)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(config, RunConfig)


# ------------------------------------------------------------------ names


NAMES = {
    "": "procedural/hexagonal_nut/gmanet/seed0",
    "data.category=washer seed=4": "procedural/washer/gmanet/seed4",
    "detector=gmanet_paper": "procedural/hexagonal_nut/gmanet_paper/seed0",
    "detector=gmanet data.name=folder": "folder/hexagonal_nut/gmanet/seed0",
    "synthesis.kind=noise": "procedural/hexagonal_nut/gmanet-synthesis.kind=noise/seed0",
    "synthesis=noise train=gpu train.workers=3 wandb.mode=disabled": (
        "procedural/hexagonal_nut/gmanet-synthesis=noise/seed0"
    ),
    "train.precision=bf16-mixed": (
        "procedural/hexagonal_nut/gmanet-train.precision=bf16-mixed/seed0"
    ),
    "train.precision=32-true": "procedural/hexagonal_nut/gmanet/seed0",
    "detector.steps=7 detector.pairs=2": (
        "procedural/hexagonal_nut/gmanet-detector.pairs=2-detector.steps=7/seed0"
    ),
    "name=mine/first detector.steps=7": "mine/first",
    "name=2024": "2024",
}


@pytest.mark.parametrize("overrides", NAMES)
def test_names(overrides):
    assert compose(overrides.split()).name == NAMES[overrides]


def test_precision_of_a_named_file_shows_in_the_name(conf):
    folder = conf("train/half", "train: {precision: bf16-mixed}\n")
    assert compose(["train=half"], folder).name.endswith("-train.precision=bf16-mixed/seed0")


def test_awkward_overrides_make_plain_and_different_names():
    lists = [f"synthesis.depth=[0.001, 0.0{digit}]" for digit in range(1, 10)]
    long = [f"data.root=/{'x' * 200}/{digit}" for digit in range(9)]
    names = {compose([override]).name for override in lists + long}
    assert len(names) == 18
    for name in names:
        assert len(name) < 140
        assert set(name) <= set(string.ascii_letters + string.digits + "/._=+-")


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=100), st.text(max_size=100))
def test_file_names_are_plain_stable_and_differ(one, other):
    name = file_name(one)
    assert 0 < len(name) <= 80
    assert set(name) <= set(string.ascii_letters + string.digits + "._=+-")
    assert name not in (".", "..")
    assert (name == file_name(other)) == (one == other)


@pytest.mark.parametrize("key", ["seed", "data.seed", "detector.steps", "train.precision"])
def test_keys_that_change_results(key):
    assert changes_results(key)
    assert not changes_results("train.devices")
    assert not changes_results("wandb.mode")
    assert not changes_results("name")


# ------------------------------------------------------------------ round trips


def number(low, high):
    return st.floats(low, high, allow_nan=False).map(lambda value: float(repr(value)))


def no_home(root):
    """Return whether a path is as it will be: one that begins with the home is made absolute."""
    return root.split("/")[0] != "~"


@settings(max_examples=25, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "seed": st.integers(0, 2**40),
            "data.category": st.text(string.ascii_letters + "_ 1é", min_size=1, max_size=9),
            "data.root": st.one_of(
                st.none(), st.text("ab/~: #1", min_size=1, max_size=9).filter(no_home)
            ),
            "synthesis.ratio": number(1e-9, 0.4),
            "synthesis.depth": st.tuples(number(1e-9, 0.1), number(0.2, 1)).map(list),
            "detector.sdo": st.booleans(),
            "wandb.tags": st.lists(st.sampled_from(["on", "1", "null", "a b", ""]), max_size=3),
        }
    )
)
def test_resolved_survives_yaml_and_json(values):
    config = RunConfig()
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        setattr(getattr(config, section) if section else config, name, value)
    plain = resolved(config)
    assert from_resolved(json.loads(json.dumps(plain))) == config
    text = OmegaConf.to_yaml(OmegaConf.create(plain))
    assert from_resolved(OmegaConf.to_container(OmegaConf.create(text))) == config


def test_from_resolved_says_where():
    plain = merged(resolved(RunConfig()), {"data": {"colour": 1}})
    with pytest.raises(InputError, match=r"^runs/a/run\.yaml: no key 'data\.colour'"):
        from_resolved(plain, "runs/a/run.yaml")
    with pytest.raises(InputError, match=r"^run\.yaml: data is 3, wanted a mapping"):
        from_resolved({"data": 3})


def test_help_names_every_key_with_value_and_meaning():
    lines = describe(compose(["detector.steps=7"])).splitlines()
    for key in flatten(dict.fromkeys(SECTIONS)):
        for item in fields(getattr(RunConfig(), key)):
            place = next(i for i, line in enumerate(lines) if f" {key}.{item.name} = " in line)
            assert len(lines[place + 1].strip()) > 3
    assert "  detector.steps = 7" in lines
    assert any(line.startswith("      Optimizer steps") for line in lines)


def test_a_folder_of_scans_is_its_own_category():
    config = compose(["data=folder", "data.root=scans"])
    assert config.data.category == ""
    assert config.name == "folder/gmanet-data.root=scans/seed0"


# --------------------------------------------------------------------- text

TEXTS = (
    "001",
    "1.10",
    "true",
    "no",
    "null",
    "2024_05_01",
    "12:30",
    "1e3",
    "scans #2",
    "a: b",
    "@a",
)


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_taken_as_it_was_typed(text):
    assert compose([f"data.category={text}"]).data.category == text
    assert compose([f"name={text}"]).name == text
    if text != "null":
        assert compose([f"data.root={text}"]).data.root == text


@pytest.mark.parametrize("text", ["001", "1.10", "true", "2024_05_01", "12:30", "1e3"])
def test_text_in_a_file_is_taken_as_it_was_written(conf, text):
    config = compose([], conf("default", f"data: {{root: {text}}}\nwandb: {{tags: [{text}, b]}}"))
    assert config.data.root == text
    assert config.wandb.tags == [text, "b"]


def test_text_within_a_typed_mapping_is_text():
    config = compose(["data={root: 001, seed: 007, category: 1.10}"])
    assert (config.data.root, config.data.category, config.data.seed) == ("001", "1.10", 7)


def test_lists_of_text_are_text_and_numbers_stay_numbers():
    assert compose(["wandb.tags=[001, no]"]).wandb.tags == ["001", "no"]
    assert compose(["detector.features=32"]).detector.features == 32
    features = compose(["detector=patchcore", "detector.features=[fpfh,raw]"]).detector.features
    assert features == ["fpfh", "raw"]


@pytest.mark.parametrize("typed", ["", "null"])
def test_a_text_that_may_be_missing_is(typed):
    assert compose([f"data.root={typed}"]).data.root is None


@pytest.mark.parametrize("typed", ["~", "~/scans"])
def test_the_home_in_a_path(monkeypatch, conf, typed):
    monkeypatch.setenv("HOME", "/some/where")
    wanted = typed.replace("~", "/some/where")
    assert compose([f"data.root={typed}"]).data.root == wanted
    assert compose([], conf("default", f"data: {{root: {typed}}}")).data.root == wanted
    weights = compose(["detector=m3dm", f"detector.weights={typed}"]).detector.weights
    assert weights == wanted


def test_the_mode_of_wandb_comes_from_the_environment_unless_it_is_said(monkeypatch, conf):
    for variable, mode in {"disabled": "disabled", "dryrun": "offline", "online": "online"}.items():
        monkeypatch.setenv("WANDB_MODE", variable)
        assert compose().wandb.mode == mode
    assert compose(["wandb.mode=disabled"]).wandb.mode == "disabled"
    assert compose([], conf("default", "wandb: {mode: disabled}")).wandb.mode == "disabled"
    monkeypatch.setenv("WANDB_MODE", "sometimes")
    with pytest.raises(InputError, match="WANDB_MODE is 'sometimes', wanted one of"):
        compose()

"""The keys of a run's configuration: their sections, types and defaults, and the name of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gmanet.config.aliases import current
from gmanet.config.overrides import file_name, flatten
from gmanet.datasets.catalog import DATASETS
from gmanet.datasets.config import DataConfig
from gmanet.detectors.config import DetectorConfig
from gmanet.detectors.table import CONFIGS, DEFAULT
from gmanet.errors import InputError, hint
from gmanet.synthesis.config import KINDS, SynthesisConfig
from gmanet.training.config import TrainConfig, WandbConfig
from gmanet.verdict.config import VerdictConfig

__all__ = [
    "SECTIONS",
    "RunConfig",
    "build",
    "changes_results",
    "from_resolved",
    "resolved",
    "text_keys",
    "title",
]

TEXTS = ("str", "str | None", "list[str]")
"""Types of text keys, whose values are not parsed."""

MEANINGS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "str | None": "text",
    "list[str]": "a list of texts such as [a, b]",
    "list[int]": "a list of whole numbers such as [1, 2]",
    "list[float]": "a list of numbers such as [0.1, 0.2]",
}
"""Type of a key -> its description in error messages."""

SECTIONS: dict[str, tuple[str, Iterable[str]]] = {
    "data": ("name", DATASETS),
    "synthesis": ("kind", KINDS),
    "detector": ("name", CONFIGS),
    "verdict": ("", ()),
    "train": ("", ()),
    "wandb": ("", ()),
}
"""Section -> the key that a bare name sets if there is no such file, and the known names."""


@dataclass(kw_only=True)
class RunConfig:
    """Configuration of a run.

    Args:
        name: Folder of the run; by default it is made of the overrides.
        seed: Seed of the run's generators; the data set has a seed of its own.
        data: Settings of the data set.
        synthesis: Settings of the twins.
        detector: Settings of the detector; ``detector.name`` decides which keys there are.
        verdict: Settings of the limit between good and defective.
        train: Settings of hardware and processes.
        wandb: Settings of W&B.
    """

    name: str = ""
    seed: int = 0
    data: DataConfig = field(default_factory=DataConfig)
    synthesis: SynthesisConfig = field(default_factory=SynthesisConfig)
    detector: DetectorConfig = field(default_factory=lambda: CONFIGS[DEFAULT]())
    verdict: VerdictConfig = field(default_factory=VerdictConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    wandb: WandbConfig = field(default_factory=WandbConfig)

    def __post_init__(self) -> None:
        self.name = self.name or title(self, {})
        if self.seed < 0:
            raise InputError(f"seed={self.seed}, wanted 0 or more")
        if {"", ".", ".."} & set(self.name.split("/")) or not self.name.isprintable():
            raise InputError(f"name={self.name!r}, wanted a relative path such as washer/seed0")


def text_keys() -> dict[str, str]:
    """Return full key -> ``str``, ``str | None`` or ``list[str]`` of all text keys.

    The names of sections are text keys, too: a bare name is text.  A key that is text for one
    detector and has another type for another detector is left out.
    """
    found = dict.fromkeys(["name", *(part for part, (key, _) in SECTIONS.items() if key)], "str")
    parts: list[tuple[str, type]] = [
        ("data", DataConfig),
        ("synthesis", SynthesisConfig),
        ("verdict", VerdictConfig),
        ("train", TrainConfig),
        ("wandb", WandbConfig),
        *(("detector", kind) for kind in CONFIGS.values()),
    ]
    types: dict[str, set[str]] = {}
    for section, kind in parts:
        for item in fields(kind):
            types.setdefault(f"{section}.{item.name}", set()).add(str(item.type))
    alike = {key: said.pop() for key, said in types.items() if len(said) == 1}
    return found | {key: said for key, said in alike.items() if said in TEXTS}


def changes_results(key: str) -> bool:
    """Return whether a full key may change the results of a run."""
    return key == "train.precision" or key.partition(".")[0] not in ("name", "train", "wandb")


def title(config: RunConfig, typed: Mapping[str, str]) -> str:
    """Return the default name of a run: data, category, detector, further overrides, seed.

    Args:
        config: Configuration of the run.
        typed: Full key -> text of each override; those that change no result are left out.
    """
    data, detector = (typed.get(part, getattr(config, part).name) for part in ("data", "detector"))
    shown = {"seed", "data.category", "train.precision"}
    shown |= {part if part in typed else f"{part}.name" for part in ("data", "detector")}
    said = [key for key in sorted(typed) if changes_results(key) and key not in shown]
    overrides = [f"{key}={typed[key]}" for key in said]
    if config.train.precision != TrainConfig().precision:
        overrides.append(f"train.precision={config.train.precision}")
    folders = (data, config.data.category, "-".join([detector, *overrides]))
    return "/".join([*map(file_name, filter(None, folders)), f"seed{config.seed}"])


def resolved(config: RunConfig) -> dict[str, Any]:
    """Return the configuration as plain mappings, lists, numbers, texts and None."""
    return asdict(config)


def from_resolved(values: Mapping[str, Any], source: str = "run.yaml") -> RunConfig:
    """Return the configuration from the mappings of :func:`resolved`.

    Args:
        values: Result of ``resolved``, also of an older version.
        source: Source of the values, with which errors begin.

    Raises:
        InputError: A key is unknown, or a value has another type.
    """
    values = current(values)
    return build(values, dict.fromkeys(flatten(values), source), source=source)


def build(
    run: Mapping[str, Any], origin: Mapping[str, str], *, source: str = "overrides"
) -> RunConfig:
    """Return a configuration from values, and defaults of all other keys.

    Args:
        run: Nested values; ``${section.key}`` stands for another value.
        origin: Full key -> source of its value, with which errors begin.
        source: Source of the values of all other keys.

    Raises:
        InputError: A key is unknown, or a value has another type or is not allowed.
    """

    def where(key: str) -> str:
        inner = (place for full, place in origin.items() if full.startswith(f"{key}."))
        return origin.get(key) or next(inner, source)

    defaults = RunConfig(detector=_detector(run, where))
    defaults.name = ""
    known = {item.name: str(item.type) for item in fields(defaults) if item.name not in SECTIONS}
    for section in SECTIONS:
        for item in fields(getattr(defaults, section)):
            known[f"{section}.{item.name}"] = str(item.type)
    config = OmegaConf.structured(defaults)
    for key, value in _values(run, where):
        if key not in known:
            raise InputError(_unknown(where(key), key, known=known))
        try:
            OmegaConf.update(config, key, value, merge=True)
        except (OmegaConfBaseException, TypeError, ValueError):
            raise InputError(
                f"{where(key)}: {key} is {value!r}, wanted {_meaning(known[key])}"
            ) from None
    try:
        result = OmegaConf.to_object(config)
    except OmegaConfBaseException as error:
        key = str(getattr(error, "full_key", None) or "a value")
        reason = str(error).partition("\n")[0]
        raise InputError(f"{where(key)}: {key} cannot be resolved ({reason})") from None
    assert isinstance(result, RunConfig)
    _refuse_other_task(result)
    return result


def _refuse_other_task(config: RunConfig) -> None:
    """Raise an InputError if the detector cannot learn from the clouds of the task."""
    if config.detector.supervised != config.data.supervised:
        kind = "labeled defective" if config.detector.supervised else "normal"
        wanted = "supervised" if config.detector.supervised else "unsupervised"
        raise InputError(
            f"detector={config.detector.name} learns from {kind} clouds, wanted data.task={wanted}"
        )


def _meaning(kind: str) -> str:
    """Return the description of a type in error messages."""
    return MEANINGS.get(kind, kind)


def _detector(run: Mapping[str, Any], where: Callable[[str], str]) -> DetectorConfig:
    """Return the default settings of the detector in ``run``."""
    section = run.get("detector")
    name = section.get("name", DEFAULT) if isinstance(section, Mapping) else DEFAULT
    if not isinstance(name, str) or name not in CONFIGS:
        place = where("detector.name")
        there = ", ".join(CONFIGS)
        raise InputError(
            f"{place}: no detector {name!r}{hint(str(name), CONFIGS)}; there are: {there}"
        )
    return CONFIGS[name](name=name)


def _values(run: Mapping[str, Any], where: Callable[[str], str]) -> Iterator[tuple[str, Any]]:
    """Yield each full key, of one or two parts, and its value."""
    for section, value in run.items():
        if section not in SECTIONS:
            yield section, value
        elif not isinstance(value, Mapping):
            raise InputError(f"{where(section)}: {section} is {value!r}, wanted a mapping of keys")
        else:
            yield from ((f"{section}.{key}", inner) for key, inner in value.items())


def _unknown(place: str, key: str, *, known: Iterable[str]) -> str:
    """Return the error message for an unknown key, with the most similar and all known keys."""
    section, dot, _ = key.partition(".")
    inside = [other for other in known if dot and other.startswith(f"{section}.")]
    there = inside or [
        *(other for other in known if "." not in other),
        *(f"{s}.…" for s in SECTIONS),
    ]
    return f"{place}: no key {key!r}{hint(key, known)}; there are: {', '.join(there)}"

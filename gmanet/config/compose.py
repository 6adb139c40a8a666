"""A run's configuration: dataclass defaults < ``conf/default.yaml`` < named files < overrides.

An override is ``section.key=value``.  A bare name for a section, ``detector=gmanet_paper``, is the
file ``conf/detector/gmanet_paper.yaml``, or else an entry of the section's table; it replaces the
whole section.  A named file may set keys of other sections, too.  The order of overrides does not
matter, except that the last of two with the same key wins.  A value of a text key is not parsed as
YAML, but ``${section.key}`` in it stands for another value.  Keys may have the names of older
versions (``gmanet.config.aliases``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from inspect import cleandoc
from pathlib import Path
from textwrap import fill
from typing import Any

from gmanet.config.aliases import current, current_override
from gmanet.config.overrides import flatten, load, merged, nested, parse
from gmanet.config.schema import (
    SECTIONS,
    RunConfig,
    build,
    text_keys,
    title,
)
from gmanet.errors import InputError, hint
from gmanet.training.config import usual_mode

__all__ = ["CONF", "compose", "describe"]


def _named_files() -> Path:
    """Return the folder of the named files: in an installed package, or next to its sources."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent
    in_checkout = not (package / "conf").is_dir() and (checkout / "pyproject.toml").is_file()
    return (checkout if in_checkout else package) / "conf"


CONF = _named_files()
"""Folder of the named files: in the package of a wheel, next to the package in a checkout."""


def compose(overrides: Sequence[str] = (), conf: Path = CONF) -> RunConfig:
    """Return the configuration of a run from the files of ``conf`` and the overrides.

    Args:
        overrides: Overrides as typed, ``key=value`` each.
        conf: Folder of ``default.yaml`` and of the named files; it may be missing.

    Raises:
        InputError: An override or a file cannot be used.
    """
    texts = {key: kind for key, kind in text_keys().items() if key not in SECTIONS}
    found = (parse(current_override(override), texts) for override in overrides)
    read = {key: (text, value) for key, text, value in found}
    typed = {key: text for key, (text, _) in sorted(read.items())}
    bare = {key: text for key, text in typed.items() if _is_name(key, read[key][1])}
    layers = list(_file_layers(conf, bare))
    for key, text in typed.items():
        if key not in bare:
            source = " ".join(f"{key}={text}".split())  # errors begin with it: one line
            layers.append((source, current(nested(key, read[key][1]))))
    run: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for source, layer in layers:
        run = merged(run, layer)
        origin |= dict.fromkeys(flatten(layer), source)
    if "wandb.mode" not in flatten(run) and (mode := os.environ.get("WANDB_MODE")):
        run = merged(run, nested("wandb.mode", usual_mode(mode)))
    config = build(run, origin)
    if "name" not in run:
        config.name = title(config, typed)
    return config


def describe(config: RunConfig | None = None) -> str:
    """Return every key with its value and meaning, as ``--help`` prints it.

    Args:
        config: Configuration whose values are shown; None for the defaults.
    """
    config = config or RunConfig()
    lines = [f"name = {config.name}", f"seed = {config.seed}"]
    for section, (_, table) in SECTIONS.items():
        lines += ["", f"{section}=NAME: {', '.join([*table, f'or conf/{section}/NAME.yaml'])}"]
        part = getattr(config, section)
        meanings = _meanings(type(part))
        for item in fields(part):
            lines.append(f"  {section}.{item.name} = {getattr(part, item.name)}")
            meaning = meanings.get(item.name, "")
            lines.append(fill(meaning, 96, initial_indent=" " * 6, subsequent_indent=" " * 6))
    return "\n".join(lines)


def _meanings(cls: type) -> dict[str, str]:
    """Return argument -> description, from the docstrings of a class and of its bases."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        block = cleandoc(base.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0]
        for name, text in re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", block, re.MULTILINE):
            found[name] = " ".join(text.split())
    return found


def _is_name(key: str, value: Any) -> bool:
    """Return whether the value of a key is a bare name for a section."""
    return key in SECTIONS and not isinstance(value, dict)


def _file_layers(conf: Path, bare: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield source and content of the files; later ones win, and None empties a section."""
    path = conf / "default.yaml"
    default = current(load(path, text_keys())) if path.is_file() else {}
    usual = {key: str(value) for key, value in default.items() if _is_name(key, value)}
    yield str(path), {key: value for key, value in default.items() if key not in usual}
    for names in ({key: usual[key] for key in usual if key not in bare}, bare):
        files = {section: _named(conf, section, name=name) for section, name in names.items()}
        for source, file in files.values():
            yield source, {key: value for key, value in file.items() if key not in files}
        for section, (source, file) in files.items():
            yield source, {section: None}
            yield source, {section: file.get(section, {})}


def _named(conf: Path, section: str, *, name: str) -> tuple[str, dict[str, Any]]:
    """Return source and content of a section that is given by a bare name."""
    path = conf / section / f"{name}.yaml"
    key, table = SECTIONS[section]
    row = {section: {key: name}} if name in table else {}
    if re.fullmatch(r"\w[\w.-]*", name) and path.is_file():
        file = merged(row, current(load(path, text_keys())))
        for other in SECTIONS:
            if not isinstance(file.get(other, {}), dict):
                raise InputError(f"{path}: {other} is {file[other]!r}, wanted a mapping of keys")
        return str(path), file
    if not row:
        known = sorted({*table, *(other.stem for other in path.parent.glob("*.yaml"))})
        there = f"there are: {', '.join(known)}" if known else f"wanted {section}.KEY=VALUE"
        raise InputError(f"{section}={name}: unknown name{hint(name, known)}; {there}")
    return f"{section}={name}", row

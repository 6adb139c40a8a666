"""Overrides and YAML files as nested mappings, before their keys and types are checked.

A full key joins the keys of nested mappings by dots: ``detector.voxel``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from gmanet.errors import InputError

__all__ = ["file_name", "flatten", "load", "merged", "nested", "parse", "written"]

ABSENT = ("", "null")
"""Texts that stand for no value of a key of type ``str | None``."""


def parse(override: str, texts: Mapping[str, str] | None = None) -> tuple[str, str, Any]:
    """Return the key of an override, the text after the ``=``, and the value of this text.

    Args:
        override: Override as typed, ``key=value``.
        texts: Full key -> ``str``, ``str | None`` or ``list[str]``; values of these keys are text,
            values of all other keys are parsed as YAML.

    Raises:
        InputError: There is no ``=``, the text is no YAML or no UTF-8, or it has a control
            character and is no path.
    """
    key, equals, text = override.partition("=")
    kind = (texts or {}).get(key, "")
    plain = key if kind.startswith("str") else override  # file names may have any character
    if not equals or not key or not plain.isprintable():
        raise InputError(f"the override {override!r} is not understood, wanted key=value")
    if kind.startswith("str"):
        _refuse_bytes(key, text)
        return key, text, None if kind != "str" and text in ABSENT else text
    try:
        if kind:
            return key, text, yaml.load(text, yaml.BaseLoader)
        value = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={text}"]))
        as_text = {key: yaml.load(text, yaml.BaseLoader)} if texts else {}
    except Exception as error:  # parsers of YAML and ${...} share no error class
        raise InputError(f"{override}: {text!r} is no YAML value ({_first_line(error)})") from None
    assert isinstance(value, dict)
    return key, text, _with_texts({key: value["value"]}, as_text, texts=texts or {})[key]


def _refuse_bytes(key: str, text: str) -> None:
    """Raise an InputError if a text has bytes that are no UTF-8, which YAML files need."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(
            f"{key}={text!r}: holds bytes that are no UTF-8, wanted another name, or a link to it "
            "that has one"
        ) from None


def load(path: Path, texts: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the mapping in a YAML file, with ``${...}`` unresolved.

    Args:
        path: The file.
        texts: Full key -> type, as for :func:`parse`: these values are the text in the file.

    Raises:
        InputError: The file cannot be read, or is no YAML mapping.
    """
    try:
        values = OmegaConf.to_container(OmegaConf.load(path))
        as_text = yaml.load(path.read_text("utf-8"), yaml.BaseLoader) if texts else {}
    except Exception as error:  # as above
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise InputError(f"{path}: is no YAML mapping ({line}{_first_line(error)})") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: holds a {type(values).__name__}, wanted a YAML mapping")
    return _with_texts(
        {str(key): value for key, value in values.items()}, as_text, texts=texts or {}
    )


def written(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file, with every key and single value as text.

    Raises:
        InputError: As for :func:`load`.
    """
    load(path)  # raises unless it is a mapping
    found: dict[str, Any] = yaml.load(path.read_text("utf-8"), yaml.BaseLoader) or {}
    return found


def _with_texts(
    values: Mapping[Any, Any], as_text: Any, *, texts: Mapping[str, str], prefix: str = ""
) -> dict[Any, Any]:
    """Return parsed values, with those of text keys replaced by their text.

    Args:
        values: Values as parsed by YAML.
        as_text: The same values, all as text.
        texts: Full key -> type.
        prefix: Full key of the mapping and a dot; empty for the whole.
    """
    result = dict(values)
    for key, value in values.items():
        text = as_text.get(key) if isinstance(as_text, Mapping) else None
        if isinstance(value, Mapping):
            result[key] = _with_texts(value, text, texts=texts, prefix=f"{prefix}{key}.")
        elif f"{prefix}{key}" in texts:
            result[key] = _as_written(value, text)
    return result


def _as_written(value: Any, text: Any) -> Any:
    """Return a value of a text key as text; ``~`` is text, other nulls are None."""
    if isinstance(value, list) and isinstance(text, list):
        return [_as_written(*pair) for pair in zip(value, text, strict=True)]
    absent = value is None and text != "~"
    return text if isinstance(text, str) and not absent else value


def nested(key: str, value: Any) -> dict[str, Any]:
    """Return the mapping that holds ``value`` at a full key."""
    head, dot, rest = key.partition(".")
    return {head: nested(rest, value) if dot else value}


def merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``lower`` updated by ``upper``: mappings are merged, other values replaced."""
    result = dict(lower)
    for key, value in upper.items():
        both = isinstance(result.get(key), Mapping) and isinstance(value, Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return full key -> value; a mapping without keys is a value."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        deeper = isinstance(value, Mapping) and value
        flat |= flatten(value, f"{prefix}{key}.") if deeper else {f"{prefix}{key}": value}
    return flat


def file_name(text: str, limit: int = 80) -> str:
    """Return a text as a file name; unsuitable or long texts are cut and get a hash."""
    clean = re.sub(r"[^A-Za-z0-9_.=+-]+", "-", text).strip("-.")
    if clean == text and 0 < len(text) <= limit:
        return text
    return f"{clean[: limit - 7].strip('-.')}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _first_line(error: Exception) -> str:
    """Return the first line of a parser's message."""
    lines = str(getattr(error, "problem", None) or error).splitlines()
    return lines[0] if lines else type(error).__name__

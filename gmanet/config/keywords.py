"""Settings of a command from overrides ``key=value``, without sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gmanet.config.overrides import parse
from gmanet.errors import InputError, hint

__all__ = ["read_overrides", "taken"]

WANTED = {bool: "true or false", int: "an integer", float: "a number", tuple: "three numbers"}


def read_overrides(overrides: Sequence[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of overrides, and the defaults of all other keys.

    Args:
        overrides: Overrides as typed.
        defaults: Known key -> default value, whose type is the type of the key.

    Raises:
        InputError: A key is unknown, or a value has another type than the default.
    """
    values = dict(defaults)
    texts = {key: "str" for key, value in defaults.items() if isinstance(value, str)}
    for key, text, value in (parse(override, texts) for override in overrides):
        if key not in defaults:
            known = list(defaults)
            raise InputError(
                f"{key}={text}: no key {key!r}{hint(key, known)}; there are: {', '.join(known)}"
            )
        kind = type(defaults[key])
        if not _fits(value, kind):
            raise InputError(f"{key}={text}: wanted {WANTED[kind]}")
        values[key] = tuple(map(float, value)) if kind is tuple else value
    return values


def _fits(value: Any, kind: type) -> bool:
    if kind is tuple:
        return isinstance(value, list) and len(value) == 3 and all(_fits(x, float) for x in value)
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, int | float if kind is float else kind)


def taken(values: Mapping[str, Any], default: Any) -> Any:
    """Return a dataclass of the type of ``default``, with its fields taken from ``values``."""
    return type(default)(**{name: values[name] for name in asdict(default)})

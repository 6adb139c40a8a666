"""Earlier names of configuration keys, which files and command lines of older versions hold.

What is read passes through the functions below; what is written has the keys of today.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gmanet.detectors import aliases as detectors

__all__ = ["ALIASES", "current", "current_key", "current_override", "current_text"]

ALIASES = {f"detector.{old}": f"detector.{new}" for old, new in detectors.ALIASES.items()}
"""Earlier full key -> the full key of today, in the same section."""

REFERENCE = re.compile(r"(?<=\$\{)\s*[\w.]+\s*(?=\})")
"""The full key within ``${section.key}``."""

OVERRIDE = re.compile(r"(?<![\w.])[\w.]+(?==)")
"""The full key of an override within a text."""


def current_key(key: str) -> str:
    """Return the name that a full key has today; unknown keys stay as they are."""
    return ALIASES.get(key, key)


def current(values: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """Return a nested configuration with the keys of today, also in references ``${section.key}``.

    Args:
        values: A configuration as a file, or a typed mapping, says it; of two names of one key the
            later counts.
        section: Full key of the mapping; empty for a whole configuration.
    """
    result: dict[str, Any] = {}
    for name, value in values.items():
        key = current_key(f"{section}.{name}" if section else str(name))
        inner = current(value, key) if isinstance(value, Mapping) else _referring(value)
        result[key.rpartition(".")[2] if section else name] = inner
    return result


def _referring(value: Any) -> Any:
    """Return a value whose references have the keys of today."""
    if isinstance(value, list):
        return [_referring(item) for item in value]
    if not isinstance(value, str):
        return value
    return REFERENCE.sub(lambda found: current_key(found[0].strip()), value)


def current_override(override: str) -> str:
    """Return an override ``key=value`` with the key of today."""
    key, equals, value = override.partition("=")
    return f"{current_key(key)}{equals}{value}"


def current_text(text: str) -> str:
    """Return a text, such as a row of stored results, whose overrides have the keys of today."""
    return OVERRIDE.sub(lambda found: current_key(found[0]), text)

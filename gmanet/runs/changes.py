"""Differences between the configuration and inventory stored with a run and the present ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gmanet.config.overrides import flatten
from gmanet.config.schema import changes_results
from gmanet.datasets.catalog import open_data
from gmanet.datasets.config import DataConfig
from gmanet.datasets.inventory import Entry, inventory
from gmanet.errors import InputError, note
from gmanet.runtime.atomic import replacing

__all__ = ["changed_keys", "changes", "present", "read_entries", "write_entries"]

NAMED = 3
"""Largest number of scans that the message names for each kind of change."""


def changed_keys(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the keys that differ and may change results, each with both values, as text.

    Args:
        before: Stored configuration of the run as nested mappings, with defaults for new keys.
        now: Present configuration.
    """
    old, new = flatten(before), flatten(now)
    return [
        f"{key} ({old.get(key)} there, {new.get(key)} here)"
        for key in sorted(old.keys() | new.keys())
        if changes_results(key) and (key in old, old.get(key)) != (key in new, new.get(key))
    ]


def present(config: DataConfig) -> dict[str, list[Entry]] | None:
    """Return the present inventory of a finished run's data, or None, with a note, on errors."""
    try:
        train, test = open_data(config, "train"), open_data(config, "test")
        return inventory(config, train, test=test)
    except InputError as error:
        note(f"the data of this finished run cannot be compared: {error}")
        return None


def write_entries(path: Path, data: Mapping[str, Sequence[Entry]]) -> None:
    """Write the inventory of each split as JSON, atomically."""
    plain = {split: [asdict(entry) for entry in entries] for split, entries in data.items()}
    with replacing(path) as draft:
        draft.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")


def read_entries(path: Path) -> dict[str, list[Entry]]:
    """Return what :func:`write_entries` wrote.

    Raises:
        InputError: The file cannot be read, or is no inventory.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return {split: [_entry(one) for one in entries] for split, entries in plain.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{path}: cannot be read ({type(error).__name__}), wanted the inventory of a run; "
            "--overwrite fits the run anew"
        ) from None


def _entry(plain: dict[str, Any]) -> Entry:
    return Entry(**{**plain, "notes": tuple(plain["notes"])})


def changes(before: Mapping[str, Sequence[Entry]], now: Mapping[str, Sequence[Entry]]) -> str:
    """Return the changes between two inventories as text, empty if there are none.

    Args:
        before: Split -> scans when the run began.
        now: Split -> present scans.
    """
    old, new = _by_name(before), _by_name(now)
    both = [key for key in new if key in old]
    found = {
        ("is new", "are new"): [key for key in new if key not in old],
        ("has other points", "have other points"): [
            key for key in both if new[key].fingerprint != old[key].fingerprint
        ],
        ("has other labels", "have other labels"): [
            key for key in both if new[key].truth != old[key].truth
        ],
        ("is gone", "are gone"): [key for key in old if key not in new],
    }
    parts = [_part(keys, one, many=many) for (one, many), keys in found.items() if keys]
    if parts:
        head, _, rest = parts[0].partition(" ")
        parts[0] = f"{head} {'scan' if head == '1' else 'scans'} {rest}"
    return ", ".join(parts)


def _by_name(data: Mapping[str, Sequence[Entry]]) -> dict[tuple[str, str], Entry]:
    """Return (split, name) -> scan."""
    return {(split, entry.name): entry for split in data for entry in data[split]}


def _part(keys: Sequence[tuple[str, str]], one: str, *, many: str) -> str:
    """Return the number of scans with one kind of change, and the names of the first, as text."""
    names = ", ".join(f"{split} {name}" for split, name in keys[:NAMED])
    more = ", …" if len(keys) > NAMED else ""
    return f"{len(keys)} {one if len(keys) == 1 else many} ({names}{more})"

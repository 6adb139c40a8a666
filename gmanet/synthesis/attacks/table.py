"""Perturbations of the paper's references [46]-[49] instead of SPCG (Table VII, w/o SPCG)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gmanet.runtime.lazy_table import LazyTable

if TYPE_CHECKING:
    from gmanet.synthesis.attacks.change import Attack

__all__ = ["ATTACKS"]

HERE = "gmanet.synthesis.attacks"

ATTACKS: Mapping[str, Attack] = LazyTable(
    {
        "gradient_shift": f"{HERE}.gradient_shift:gradient_shift",  # [46]
        "learned_shift": f"{HERE}.learned_shift:learned_shift",  # [47]
        "add_drop": f"{HERE}.add_drop:add_or_drop",  # [48]
        "gather_shift": f"{HERE}.gather_shift:gather_shift",  # [49]
    }
)
"""Kind of synthesis -> function that perturbs a patch."""

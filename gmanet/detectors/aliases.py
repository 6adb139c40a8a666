"""Earlier names of detectors' settings, as they stand in stored runs and experiments."""

from __future__ import annotations

__all__ = ["ALIASES"]

ALIASES = {
    "survey": "coarse_queries",
    "closer": "fine_queries",
    "draw": "centers_per_pair",
    "near": "border_share",
    "held": "pool_size",
    "bank": "bank_size",
    "picks": "samples_per_cloud",
    "least": "min_points",
    "turn": "max_angle",
}
"""Earlier name -> present name."""

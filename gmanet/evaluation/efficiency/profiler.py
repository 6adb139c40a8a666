"""A profiler that divides the time of reading and scoring among stages.

While a clock runs, the interpreter reports every call of a Python function; without a clock there
is no overhead.  The time of a function includes the functions that it calls: the neighbor search
within FPFH belongs to the descriptors.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import CodeType, FrameType, MappingProxyType, TracebackType
from typing import Any

import gmanet

__all__ = ["OTHER", "STAGES", "StageClock"]

STAGES = {
    "geometry.neighbors.farthest_points": "subsampling",
    "geometry.neighbors.nearest": "neighbors",
    "geometry.search.grid": "neighbors",
    "geometry.neighbors.inverse_distance": "interpolation",
    "geometry.spfh": "descriptors",
    "geometry.fpfh": "descriptors",
    "geometry.pca": "descriptors",
    "geometry.curvature": "descriptors",
    "registration": "registration",
    "networks": "model",
    "networks.pointnet2.hierarchy": "neighbors",
    "detectors.bank": "model",
    "geometry.neighbors.interpolate": "interpolation",
}
"""Module or function, named below ``gmanet``, -> stage; the longest matching name decides.

``model`` is the stage of networks and banks.  ``Detector.stages`` adds the modules of one method.
"""

OTHER = "other"

PACKAGE = Path(gmanet.__file__).parent


class StageClock:
    """Time of stages: ``with StageClock() as clock: ...``; ``clock.seconds`` is stage -> seconds.

    Args:
        stages: Further modules or functions -> stage (``Detector.stages``).
    """

    def __init__(self, stages: Mapping[str, str] = MappingProxyType({})) -> None:
        self.stages = STAGES | dict(stages)
        self.seconds: dict[str, float] = defaultdict(float)
        self._known: dict[CodeType, str] = {}
        self._stack: list[str] = []
        self._stage = OTHER

    def __enter__(self) -> StageClock:
        self._mark = time.perf_counter()
        sys.setprofile(self._watch)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        sys.setprofile(None)
        self._enter(OTHER)

    def _watch(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            self._stack.append(self._stage)
            if self._stage == OTHER:
                self._enter(self._of(frame.f_code))
        elif event == "return" and self._stack:
            self._enter(self._stack.pop())

    def _enter(self, stage: str) -> None:
        if stage != self._stage or stage == OTHER:
            now = time.perf_counter()
            self.seconds[self._stage] += now - self._mark
            self._mark, self._stage = now, stage

    def _of(self, code: CodeType) -> str:
        """Return the stage of a function."""
        if code not in self._known:
            name, path = "", Path(code.co_filename)
            if path.is_relative_to(PACKAGE):
                name = ".".join([*path.relative_to(PACKAGE).with_suffix("").parts, code.co_name])
            fits = [key for key in self.stages if f"{name}.".startswith(f"{key}.")]
            self._known[code] = self.stages[max(fits, key=len)] if fits else OTHER
        return self._known[code]

"""Settings of the verdict: the promised false-alarm rate."""

from __future__ import annotations

from dataclasses import dataclass

from gmanet.errors import InputError

__all__ = ["VerdictConfig"]


@dataclass(kw_only=True)
class VerdictConfig:
    """Settings of the limit between good and defective.

    Args:
        false_alarms: Promised false-alarm rate: the largest share of good parts that are called
            defective.  Few normal clouds cannot promise a small one (``verdict.calibration``).
        confidence: Confidence that the limit of a fit keeps this rate, where scores are normally
            distributed; with 0 limits keep it in the mean over fits (``verdict.calibration``).
        rescans: Number of rescans of each normal cloud (``synthesis.rescans``) whose scores give
            the limits of sparser and noisier scans, in turn, where the detector learned from
            rescans.
        missing: Whether surface that a scan lacks raises its score, for detectors that search it.
        ignore: Scan of a good part in which surface that does not count is labeled
            (``verdict.regions``); empty for none.
        strict: The same for surface that is watched more strictly.
    """

    false_alarms: float = 0.05
    confidence: float = 0.95
    rescans: int = 2
    missing: bool = True
    ignore: str = ""
    strict: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.false_alarms < 1:
            raise InputError(
                f"verdict.false_alarms={self.false_alarms}, wanted more than 0 and less than 1"
            )
        if not 0 <= self.confidence < 1:
            raise InputError(f"verdict.confidence={self.confidence}, wanted from 0 to less than 1")
        if self.rescans < 0:
            raise InputError(f"verdict.rescans={self.rescans}, wanted 0 or more")

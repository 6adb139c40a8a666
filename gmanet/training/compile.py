"""``torch.compile`` for a detector's networks."""

from __future__ import annotations

import os
import shutil

from torch import nn

from gmanet.errors import InputError

__all__ = ["compile_networks"]


def compile_networks(detector: nn.Module) -> None:
    """Have a detector's networks compiled on their first use; the names of weights remain.

    Raises:
        InputError: There is no C++ compiler.
    """
    compilers = [os.environ.get("CXX") or "g++", "clang++"]
    if not any(map(shutil.which, compilers)):
        raise InputError(
            f"train.compile=true: no C++ compiler found ({' or '.join(compilers)}), "
            "wanted one, or train.compile=false"
        )
    for network in detector.children():
        network.compile()

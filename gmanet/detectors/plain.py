"""What a process that only scores needs of Lightning's module and of PyG's record."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Data", "LightningModule"]


class LightningModule(nn.Module):
    """A module that knows where its tensors lie."""

    @property
    def device(self) -> torch.device:
        """Device of the first parameter or buffer."""
        tensors = chain(self.parameters(), self.buffers())
        return next((tensor.device for tensor in tensors), torch.device("cpu"))


class Data:
    """Named values of one cloud; it cannot be batched.

    Args:
        values: Name -> tensor, or any object.
    """

    def __init__(self, **values: Any) -> None:
        vars(self).update(values)

    def __getitem__(self, name: str) -> Any:
        return vars(self)[name]

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def __contains__(self, name: str) -> bool:
        return name in vars(self)

    def to(self, device: torch.device) -> Data:
        """Move all tensors to a device, and return the record itself."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        return self

r"""Denoising diffusion of point clouds, conditioned on a code of their shape (R3D-AD's networks).

The forward process turns a point :math:`x_0` into :math:`x_t = \sqrt{\bar\alpha_t}\, x_0 +
\sqrt{1 - \bar\alpha_t}\, \epsilon`.  In the reverse process a network over single points predicts
:math:`\epsilon`, given the step and a code of the whole cloud, and moves points from noise to the
surface.  Sources: Ho et al., NeurIPS 2020 (diffusion); Luo and Hu, CVPR 2021 (of points,
conditioned on a code); Song et al., ICLR 2021 (fewer steps: DDIM, Eq. 12).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["CloudEncoder", "ConcatSquash", "Denoiser", "Diffusion"]


class CloudEncoder(nn.Module):
    """PointNet: a network over single points, and the maximum of each channel.

    Args:
        widths: Numbers of channels of the layers over points.
        code: Number of channels of the code.
    """

    def __init__(self, widths: Sequence[int], code: int) -> None:
        super().__init__()
        sizes = pairwise([3, *widths])
        self.points = nn.ModuleList(nn.Linear(*size) for size in sizes)
        self.head = nn.Sequential(nn.Linear(widths[-1], code), nn.ReLU(), nn.Linear(code, code))

    def forward(self, points: Tensor) -> Tensor:
        """Return the codes ``(B, code)`` of clouds ``(B, K, 3)``."""
        for number, layer in enumerate(self.points):
            points = layer(points.relu() if number else points)
        return self.head(points.amax(dim=1))  # type: ignore[no-any-return]


class ConcatSquash(nn.Module):
    """A linear layer whose output is gated and shifted by a condition.

    Args:
        inputs: Number of input channels.
        outputs: Number of output channels.
        condition: Number of channels of the condition.
    """

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)
        self.gate = nn.Linear(condition, outputs)
        self.shift = nn.Linear(condition, outputs, bias=False)

    def forward(self, points: Tensor, condition: Tensor) -> Tensor:
        """Return features with shape ``(B, K, outputs)``.

        Args:
            points: Features of points, with shape ``(B, K, inputs)``.
            condition: Condition of each cloud, with shape ``(B, 1, condition)``.
        """
        shifted = self.shift(condition)
        return self.layer(points) * self.gate(condition).sigmoid() + shifted  # type: ignore[no-any-return]


class Denoiser(nn.Module):
    """A network that predicts the noise of a point from its position, the step and a code.

    Args:
        widths: Numbers of channels of the hidden layers.
        code: Number of channels of the code.
    """

    def __init__(self, widths: Sequence[int], code: int) -> None:
        super().__init__()
        sizes = pairwise([3, *widths, 3])
        self.layers = nn.ModuleList(ConcatSquash(*size, code + 3) for size in sizes)

    def forward(self, points: Tensor, beta: Tensor, code: Tensor) -> Tensor:
        """Return the noise, with shape ``(B, K, 3)``.

        Args:
            points: Noisy points, with shape ``(B, K, 3)``.
            beta: Variance that the step adds, scaled so that the largest is pi, ``(B,)``.
            code: Codes of the clouds, with shape ``(B, code)``.
        """
        time = torch.stack([beta, beta.sin(), beta.cos()], dim=1)
        condition = torch.cat([time, code], dim=1)[:, None]
        out = points
        for number, layer in enumerate(self.layers):
            out = layer(nn.functional.leaky_relu(out) if number else out, condition)
        return points + out


class Diffusion(nn.Module):
    """The forward process, the loss and the reverse process.

    Args:
        denoiser: Network that predicts the noise.
        steps: Number of steps of the forward process.
        first: Variance that the first step adds.
        last: Variance that the last step adds; it rises linearly in between.
    """

    angle: Tensor
    kept: Tensor

    def __init__(
        self,
        denoiser: nn.Module,
        steps: int = 200,
        *,
        first: float = 1e-4,
        last: float = 0.05,
    ) -> None:
        super().__init__()
        self.denoiser, self.steps = denoiser, steps
        beta = torch.linspace(first, last, steps, dtype=torch.float64)
        kept = torch.cat([torch.ones(1, dtype=torch.float64), (1 - beta).cumprod(0)])
        self.register_buffer("angle", (torch.pi * beta / last).float(), persistent=False)
        self.register_buffer("kept", kept.float(), persistent=False)

    def noised(self, points: Tensor, step: Tensor, *, noise: Tensor) -> Tensor:
        r"""Return :math:`x_t` of clouds :math:`x_0`, with shape ``(B, K, 3)``.

        Args:
            points: The clouds, with shape ``(B, K, 3)``.
            step: Steps from 0 (the clouds unchanged) to ``steps``, with shape ``(B,)``.
            noise: Standard normal noise, with shape ``(B, K, 3)``.
        """
        kept = self.kept[step][:, None, None]
        return kept.sqrt() * points + (1 - kept).sqrt() * noise

    def loss(self, twin: Tensor, normal: Tensor, *, code: Tensor, step: Tensor) -> Tensor:
        r"""Return the mean square error of the denoiser's prediction, a scalar.

        The target is the noise whose removal turns the noisy twin into the *normal* cloud: the sum
        of :math:`\epsilon` and the relative displacement
        :math:`\sqrt{\bar\alpha_t / (1 - \bar\alpha_t)}\, (x' - x)` of twin and normal cloud.

        Args:
            twin: Clouds with a defect, with shape ``(B, K, 3)``.
            normal: The same points without the defect, with shape ``(B, K, 3)``.
            code: Codes of the twins, with shape ``(B, code)``.
            step: Steps from 1 to ``steps``, with shape ``(B,)``.
        """
        noise = torch.randn_like(twin)
        kept = self.kept[step][:, None, None]
        target = noise + (kept / (1 - kept)).sqrt() * (twin - normal)
        predicted = self.denoiser(self.noised(twin, step, noise=noise), self.angle[step - 1], code)
        loss: Tensor = (predicted - target).square().mean()
        return loss

    @torch.no_grad()
    def sample(
        self, code: Tensor, count: int, *, steps: int, eta: float, generator: torch.Generator
    ) -> Tensor:
        """Return reconstructions, with shape ``(B, count, 3)``.

        Args:
            code: Codes, with shape ``(B, code)``.
            count: Number of points in a reconstruction.
            steps: Number of denoising steps, evenly spaced over the steps of the forward process.
            eta: Share of fresh noise: 1 is DDPM; 0 is DDIM, where only the initial noise is random.
            generator: Random generator on the CPU; all clouds get the same noise.
        """

        def draw() -> Tensor:
            return torch.randn(1, count, 3, generator=generator).to(code)

        times = torch.linspace(self.steps, 0, steps + 1).round().long().tolist()
        points = draw().expand(len(code), -1, -1)
        for now, after in pairwise(times):
            kept, then = self.kept[now], self.kept[after]
            noise = self.denoiser(points, self.angle[now - 1].expand(len(code)), code)
            start = (points - (1 - kept).sqrt() * noise) / kept.sqrt()
            fresh = eta * ((1 - then) / (1 - kept) * (1 - kept / then)).sqrt()
            points = then.sqrt() * start + (1 - then - fresh**2).clamp(min=0).sqrt() * noise
            if eta > 0 and after > 0:
                points = points + fresh * draw()
        return points

r"""Masked reconstruction: self-supervised pre-training of an encoder on normal clouds.

As in Point-MAE [Pang et al., ECCV 2022], most patches of a part are masked.  The encoder reads the
visible patches; a shallow decoder reads the encoder's tokens and, for each masked patch, a learned
token with the embedded center, and predicts the points of the masked patches.  The loss is the
Chamfer distance

.. math:: \frac{1}{|P|} \sum_{p \in P} \min_{q \in Q} \|p - q\|^2
          + \frac{1}{|Q|} \sum_{q \in Q} \min_{p \in P} \|p - q\|^2,

in units of the mean square of the patches' coordinates.  Parts are rotated at random, so that
features do not depend on a usual pose.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from gmanet.networks.pointmae.encoder import Block, PointEncoder, place_embedding

__all__ = ["MASK", "Decoder", "chamfer", "pretrain"]

MASK = 0.6
"""Share of the patches that are masked."""

TARGET = 32
"""Number of points of a masked patch in the decoder's target and in its prediction."""

READ = 64
"""Largest number of points of a patch that a step reads, drawn anew in each step."""


def chamfer(one: Tensor, other: Tensor) -> Tensor:
    """Return the mean Chamfer distance of patches, a scalar.

    Args:
        one: Points of ``P`` patches, with shape ``(P, K, 3)``.
        other: Points of the same patches, with shape ``(P, L, 3)``.
    """
    square = (one[:, :, None] - other[:, None]).square().sum(dim=3)
    return square.amin(dim=2).mean() + square.amin(dim=1).mean()


class Decoder(nn.Module):
    """A transformer that predicts the points of masked patches from tokens of visible ones.

    Args:
        width: Number of channels of a token.
        depth: Number of transformer blocks.
        heads: Number of attention heads.
    """

    def __init__(self, width: int, depth: int, *, heads: int) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.place = place_embedding(width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 3 * TARGET)

    def forward(self, seen: Tensor, centers: Tensor) -> Tensor:
        """Return the predicted points of the masked patches, with shape ``(B, H, TARGET, 3)``.

        Args:
            seen: Tokens of the visible patches, with shape ``(B, V, width)``.
            centers: Centers of visible, then of masked patches, with shape ``(B, V + H, 3)``.
        """
        clouds, visible, _ = seen.shape
        hidden = centers.shape[1] - visible
        tokens = torch.cat([seen, self.mask_token.expand(clouds, hidden, -1)], dim=1)
        place = self.place(centers)
        for block in self.blocks:
            tokens = block(tokens + place)
        predicted = self.head(self.norm(tokens[:, visible:]))
        return predicted.view(clouds, hidden, TARGET, 3)  # type: ignore[no-any-return]


def pretrain(
    encoder: PointEncoder,
    clouds: Sequence[tuple[Tensor, Tensor]],
    *,
    steps: int,
    rng: np.random.Generator,
    batch: int = 2,
    learning_rate: float = 1e-3,
) -> list[float]:
    """Train an encoder in place and return the loss of every step.

    Args:
        encoder: The encoder, on any device; it is in eval mode and without gradients afterwards.
        clouds: Patches relative to their centers ``(M, K, 3)``, and centers ``(M, 3)``, of each
            cloud, with at least two patches.
        steps: Number of optimizer steps.
        rng: Random generator of the decoder's initial weights, the clouds, rotations and masks.
        batch: Number of clouds in one step.
        learning_rate: Peak learning rate of the one-cycle schedule.
    """
    device = encoder.norm.weight.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        decoder = Decoder(encoder.width, max(1, encoder.depth // 3), heads=encoder.heads).to(device)
    size = torch.cat([patches.flatten() for patches, _ in clouds]).square().mean().sqrt() + 1e-12
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, max(1, steps))
    encoder.train()
    losses = []
    with torch.enable_grad():
        for _ in range(steps):
            patches, centers = _draw(clouds, batch, rng=rng)
            loss = _loss(
                encoder,
                decoder,
                patches=patches.to(device),
                centers=centers.to(device),
                size=size.item(),
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(parameters, 10.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    encoder.requires_grad_(False).eval()
    return losses


def _draw(
    clouds: Sequence[tuple[Tensor, Tensor]], batch: int, *, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return rotated patches ``(B, M, K, 3)`` and centers ``(B, M, 3)`` in random order."""
    count = min(len(centers) for _, centers in clouds)
    patches, centers = [], []
    for index in rng.integers(len(clouds), size=batch):
        order = torch.from_numpy(rng.permutation(len(clouds[index][1]))[:count])
        matrix = torch.from_numpy(Rotation.random(random_state=rng).as_matrix().astype(np.float32))
        points = rng.permutation(clouds[index][0].shape[1])[:READ]
        patches.append(clouds[index][0][order][:, torch.from_numpy(points)] @ matrix)
        centers.append(clouds[index][1][order] @ matrix)
    return torch.stack(patches), torch.stack(centers)


def _loss(
    encoder: PointEncoder, decoder: Decoder, *, patches: Tensor, centers: Tensor, size: float
) -> Tensor:
    """Return the loss with the last patches, a share of ``MASK``, masked."""
    clouds, count = centers.shape[:2]
    visible = min(count - 1, max(1, round((1 - MASK) * count)))
    tokens = encoder.embed(patches[:, :visible].flatten(0, 1)).view(clouds, visible, -1)
    seen = encoder.layers(tokens, centers[:, :visible])[-1]
    target = patches[:, visible:, :TARGET].flatten(0, 1) / size
    return chamfer(decoder(seen, centers).flatten(0, 1), target)

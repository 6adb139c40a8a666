r"""The encoder of Point-MAE [Pang et al., ECCV 2022] and that of Point-BERT [Yu et al., CVPR 2022].

A patch is the nearest points of a center, relative to the center.  A mini-PointNet turns it into a
token: convolutions to 128 and 256 channels, concatenation of their maximum over the patch and the
channels of each point, a convolution to 512 channels, and a second maximum.  The embedded center is
added before every transformer block.  The feature of a center concatenates the normalized tokens
after a third, two thirds and all of the blocks (4, 8 and 12 of 12), as in M3DM [Wang et al.,
CVPR 2023].

Point-BERT also has a class token, and patch tokens of 256 channels that are projected to the width
of the blocks.  Encoders of other than the official sizes keep the proportions.  Attention never
stores an ``(M, M)`` matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from gmanet.errors import InputError

__all__ = ["LAYERS", "PointEncoder"]

LAYERS = 3
"""Number of blocks whose tokens are concatenated to a feature."""

BLOCK = 64
"""Number of patches that are embedded at once, so that they fit the processor's cache."""


class PatchEmbedding(nn.Module):
    """A mini-PointNet with the module names of the official files.

    Args:
        unit: Number of channels of the first layer, 128 officially; further layers have multiples.
        channels: Number of channels of a token.
    """

    def __init__(self, unit: int, channels: int) -> None:
        super().__init__()
        self.first_conv = nn.Sequential(
            nn.Linear(3, unit), nn.BatchNorm1d(unit), nn.ReLU(), nn.Linear(unit, 2 * unit)
        )
        self.whole = nn.Linear(2 * unit, 4 * unit, bias=False)
        self.second_conv = nn.Sequential(
            nn.Linear(2 * unit, 4 * unit),
            nn.BatchNorm1d(4 * unit),
            nn.ReLU(),
            nn.Linear(4 * unit, channels),
        )

    def forward(self, patches: Tensor) -> Tensor:
        """Return the tokens ``(P, C)`` of patches ``(P, K, 3)``."""
        shape = (*patches.shape[:2], -1)
        own = self.first_conv(patches.flatten(0, 1)).view(shape)
        # The official layer reads maximum and channels concatenated; the sum of two products is
        # equal, and multiplies the maximum once per patch.
        both = self.second_conv[0](own) + self.whole(own.amax(dim=1))[:, None]
        return self.second_conv[1:](both.flatten(0, 1)).view(shape).amax(dim=1)  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Multi-head self-attention whose memory grows linearly with the number of tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return attended tokens, with the shape ``(B, M, C)`` of ``tokens``."""
        clouds, count, width = tokens.shape
        parts = self.qkv(tokens).view(clouds, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(query, key, value)
        return self.proj(mixed.transpose(1, 2).reshape(tokens.shape))  # type: ignore[no-any-return]


class Perceptron(nn.Module):
    """Two linear layers with four times the channels between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens with the shape of ``tokens``."""
        return self.fc2(nn.functional.gelu(self.fc1(tokens)))  # type: ignore[no-any-return]


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width), Perceptron(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens with the shape ``(B, M, C)`` of ``tokens``."""
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))  # type: ignore[no-any-return]


def place_embedding(width: int) -> nn.Sequential:
    """Return a network from coordinates of centers to the channels of a token."""
    return nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, width))


class PointEncoder(nn.Module):
    """A transformer over patches, from patches and their centers to features of the centers.

    The official networks have width 384, depth 12 and 6 heads.  The defaults are small enough for
    one CPU core.

    Args:
        kind: ``pointmae`` or ``pointbert``.
        width: Number of channels of a token, a multiple of 3 and of ``heads``.
        depth: Number of transformer blocks, at least 3.
        heads: Number of attention heads.

    Raises:
        InputError: A size is not possible.
    """

    def __init__(
        self, kind: str = "pointmae", width: int = 96, *, depth: int = 4, heads: int = 3
    ) -> None:
        super().__init__()
        if width < 3 or heads < 1 or width % 3 or width % heads or depth < LAYERS:
            raise InputError(
                f"encoder of width={width}, heads={heads}, depth={depth}, wanted a width that 3 "
                f"and heads divide and a depth of at least {LAYERS}"
            )
        self.kind, self.width, self.depth, self.heads = kind, width, depth, heads
        bert = kind == "pointbert"
        self.encoder = PatchEmbedding(width // 3, width // 3 * 2 if bert else width)
        self.reduce_dim = nn.Linear(width // 3 * 2, width) if bert else None
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, width)) if bert else None
        self.cls_pos = nn.Parameter(0.02 * torch.randn(1, 1, width)) if bert else None
        self.pos_embed = place_embedding(width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def embed(self, patches: Tensor) -> Tensor:
        """Return the tokens ``(P, width)`` of patches ``(P, K, 3)``."""
        tokens: Tensor = self.encoder(patches)
        return tokens if self.reduce_dim is None else self.reduce_dim(tokens)

    def layers(self, tokens: Tensor, centers: Tensor) -> list[Tensor]:
        """Return the normalized tokens after a third, two thirds and all of the blocks.

        Args:
            tokens: Tokens of the patches, with shape ``(B, M, width)``.
            centers: Centers of the patches, in units of the object's radius, ``(B, M, 3)``.

        Returns:
            Three tensors with shape ``(B, M, width)``.
        """
        place = self.pos_embed(centers)
        first = 0
        if self.cls_token is not None and self.cls_pos is not None:
            first, clouds = 1, len(tokens)
            tokens = torch.cat([self.cls_token.expand(clouds, -1, -1), tokens], dim=1)
            place = torch.cat([self.cls_pos.expand(clouds, -1, -1), place], dim=1)
        read = [round(self.depth * part / LAYERS) for part in range(1, LAYERS + 1)]
        found = []
        for number, block in enumerate(self.blocks, start=1):
            tokens = block(tokens + place)
            if number in read:
                found.append(self.norm(tokens)[:, first:])
        return found

    def forward(self, points: Tensor, groups: Tensor, chosen: Tensor) -> Tensor:
        """Return the features of all centers of one cloud, with shape ``(M, 3 * width)``.

        Args:
            points: The cloud about the origin, in units of its radius, with shape ``(N, 3)``.
            groups: Indices of the nearest points of each center, with shape ``(M, K)``.
            chosen: Indices of the centers among the points, with shape ``(M,)``.
        """
        centers = points[chosen]
        tokens = []
        for start in range(0, len(groups), BLOCK):
            rows = slice(start, start + BLOCK)
            tokens.append(self.embed(points[groups[rows]] - centers[rows, None]))
        found = self.layers(torch.cat(tokens)[None], centers[None])
        return torch.cat(found, dim=2)[0]

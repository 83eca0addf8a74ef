"""DADU's dual attention block (sections 4.1 to 4.3): what of an encoder's map passes a skip, by channel, then by place.

    section, equation, algorithm, figure     here
    4.1, eq. 1-2, algorithm 1, fig. 2        DualAttention
    4.2, eq. 3-6, algorithm 2, fig. 3        ChannelAttention
    4.3, eq. 7-10, algorithm 3, fig. 4       SpatialAttention

The equations are the default. What algorithms 1, 2 and 3 and the "dilated convolutions" of section 4.3 have otherwise are
`Products`, `ChannelWeights` and `SpatialKernel`. The rest is in `dadu.py`, with the citation, and in docs/papers/dadu.md.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ChannelWeights = Literal["vectors", "numbers", "none"]
SpatialKernel = Literal["7x7", "7x7_dilated", "none"]
Products = Literal["equations", "algorithm_1"]


class ChannelAttention(nn.Module):
    """Equations 3 to 6: M^Ch [B, C, 1, 1] of an encoder's and a decoder's map."""

    weights: nn.Parameter | None  # [C, C] or [C]; None: algorithm 2 leaves each channel's merged number as it is

    def __init__(self, channels: int, weights: ChannelWeights) -> None:
        super().__init__()
        if weights == "none":
            self.weights = None
        else:
            shape = (channels, channels) if weights == "vectors" else (channels,)  # column c of the matrix is w_c
            self.weights = nn.Parameter(torch.zeros(shape))  # at first all channels count alike; unstated; ours

    def forward(self, encoder: Tensor, decoder: Tensor) -> Tensor:
        m_encoder = encoder.mean((2, 3)) + encoder.amax((2, 3))  # eq. 3, [B, C]
        m_decoder = decoder.mean((2, 3)) + decoder.amax((2, 3))  # eq. 4, [B, C]
        merged = m_encoder + m_decoder  # eq. 5, [B, C]
        return torch.sigmoid(self.weighted(merged))[:, :, None, None]  # eq. 6

    def weighted(self, merged: Tensor) -> Tensor:
        """Eq. 6 before its sigmoid, [B, C] -> [B, C]."""
        if self.weights is None:
            return merged
        return F.linear(merged, self.weights) if self.weights.dim() == 2 else self.weights * merged


class SpatialAttention(nn.Module):
    """Equations 7 to 10: M^Sp [B, 1, H, W] of an encoder's and a decoder's map."""

    def __init__(self, channels: int, kernel: SpatialKernel) -> None:
        super().__init__()
        self.one = nn.ModuleList(nn.Conv2d(channels, 1, 1) for _ in range(2))  # encoder, decoder
        dilation = 2 if kernel == "7x7_dilated" else 1
        self.seven = nn.ModuleList(
            nn.Identity() if kernel == "none" else nn.Conv2d(3, 1, 7, padding=3 * dilation, dilation=dilation)
            for _ in range(2)
        )

    def forward(self, encoder: Tensor, decoder: Tensor) -> Tensor:
        merged = [
            seven(torch.cat([maps.mean(1, keepdim=True), one(maps), maps.amax(1, keepdim=True)], 1))  # eq. 7, 8
            for maps, one, seven in zip((encoder, decoder), self.one, self.seven, strict=True)
        ]  # [B, 1, H, W] each; [B, 3, H, W] without the 7x7
        return torch.sigmoid((merged[0] + merged[1]).sum(1, keepdim=True))  # eq. 9, 10


class DualAttention(nn.Module):
    """DAB, figure 2: what of the encoder's map passes, [B, C, H, W] twice -> F^out [B, C, H, W]."""

    def __init__(self, channels: int, weights: ChannelWeights, kernel: SpatialKernel, products: Products) -> None:
        super().__init__()
        self.channel = ChannelAttention(channels, weights)
        self.spatial = SpatialAttention(channels, kernel)
        self.around = torch.sigmoid if products == "algorithm_1" else nn.Identity()

    def forward(self, encoder: Tensor, decoder: Tensor) -> Tensor:
        m_channel = self.channel(encoder, decoder)
        encoder, decoder = self.around(m_channel * encoder), self.around(m_channel * decoder)  # eq. 1, F^Ch
        return self.around(self.spatial(encoder, decoder) * encoder)  # eq. 2

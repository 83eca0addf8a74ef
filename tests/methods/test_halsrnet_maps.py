"""HALSR-Net's attention maps and poolings against plain restatements, loop-written from section 3.2."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shortaxis.methods.halsrnet import (
    Attended,
    AttentionGate,
    HalsrConfig,
    HybridAttentionPooling,
    Reconstruction,
    SpatialPyramid,
)

Array = NDArray[np.float64]


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def relu(x: float) -> float:
    return max(x, 0.0)


def parts_of(layer: nn.Module) -> tuple[Array, Array]:
    """Weight [out, in] or [out, in, row, col] and bias [out] of a layer; weights of a 1x1 convolution as a matrix."""
    assert isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None
    weight = layer.weight.detach().double().numpy()
    return weight.reshape(weight.shape[:2]) if weight.shape[2:] == (1, 1) else weight, layer.bias.detach().numpy()


def dense(layer: nn.Module, vector: Array, after: Callable[[float], float] = float) -> Array:
    """A dense layer, or a 1x1 convolution at one pixel, term by term."""
    weight, bias = parts_of(layer)
    sums = [bias[out] + sum(weight[out, c] * vector[c] for c in range(len(vector))) for out in range(len(bias))]
    return np.array([after(value) for value in sums])


def random_maps(*shape: int) -> tuple[Tensor, Array]:
    maps = torch.randn(1, *shape, generator=torch.Generator().manual_seed(1))
    return maps, maps[0].double().numpy()


def close(found: Tensor, expected: Array) -> None:
    np.testing.assert_allclose(found.detach().numpy()[0], expected, atol=2e-5)


def test_the_gate_is_equations_2_to_5_at_every_pixel() -> None:
    gate = AttentionGate(high=3, low=4, inner=2)
    (high, f_h), (low, f_l) = random_maps(3, 2, 3), random_maps(4, 2, 3)
    expected = np.zeros((4 + 2, 2, 3))
    for row, col in np.ndindex(2, 3):
        big_h, big_l = dense(gate.high, f_h[:, row, col]), dense(gate.low, f_l[:, row, col])  # eq. 2, 3
        added = np.array([relu(value) for value in big_h + big_l])
        weight = dense(gate.weight, added, sigmoid)[0]  # eq. 4
        expected[:, row, col] = [*(weight * f_l[:, row, col]), *big_h]  # eq. 5
    close(gate(high, low, torch.Size((2, 3))), expected)


def by_channel_and_by_place(block: Attended, maps: Array, parallel: bool = False) -> Array:
    """CBAM: one bottleneck for mean and maximum of each channel, added; then a 7x7 over the mean and maximum of them.

    In parallel the 7x7 sees the channels as they came.
    """
    channels, rows, cols = maps.shape

    def bottleneck(vector: Array) -> Array:
        return dense(block.channel[2], dense(block.channel[0], vector, relu))

    means = np.array([maps[c].mean() for c in range(channels)])
    greatest = np.array([maps[c].max() for c in range(channels)])
    weights = bottleneck(means) + bottleneck(greatest)
    weighed = np.stack([maps[c] * sigmoid(weights[c]) for c in range(channels)])
    source = maps if parallel else weighed
    seen = np.stack([source.mean(0), source.max(0)])
    kernel, bias = parts_of(block.spatial)
    result = np.zeros_like(weighed)
    for row, col in np.ndindex(rows, cols):
        total = bias[0]
        for which, down, across in np.ndindex(2, 7, 7):
            r, c = row + down - 3, col + across - 3
            if 0 <= r < rows and 0 <= c < cols:
                total += kernel[0, which, down, across] * seen[which, r, c]
        result[:, row, col] = weighed[:, row, col] * sigmoid(total)
    return result


def test_attention_weighs_by_channel_and_then_by_place() -> None:
    block = Attended(6, 2, "channel_first")
    maps, array = random_maps(6, 4, 5)
    close(block(maps), by_channel_and_by_place(block, array))


def test_in_parallel_both_attentions_read_the_same_map() -> None:
    block = Attended(6, 2, "parallel")
    maps, array = random_maps(6, 4, 5)
    close(block(maps), by_channel_and_by_place(block, array, parallel=True))


def test_a_spatial_pyramid_is_means_over_regions_through_a_1x1_and_relu() -> None:
    pyramid = SpatialPyramid(3, 2, (1, 2, 4))
    maps, array = random_maps(3, 4, 4)
    found = pyramid(maps)
    whole = dense(pyramid.levels[0][1], array.mean((1, 2)), relu)  # pyright: ignore[reportIndexIssue]
    np.testing.assert_allclose(found[0, :2].detach().numpy(), np.tile(whole[:, None, None], (1, 4, 4)), atol=2e-5)
    for row, col in np.ndindex(4, 4):  # 4 regions a side of 4 pixels: each pixel by itself
        pixel = dense(pyramid.levels[2][1], array[:, row, col], relu)  # pyright: ignore[reportIndexIssue]
        np.testing.assert_allclose(found[0, 4:, row, col].detach().numpy(), pixel, atol=2e-5)
    corner = dense(pyramid.levels[1][1], array[:, :2, :2].mean((1, 2)), relu)  # pyright: ignore[reportIndexIssue]
    np.testing.assert_allclose(found[0, 2:4, 0, 0].detach().numpy(), corner, atol=2e-5)  # beyond no region's middle


def test_the_two_pyramids_stand_side_by_side_each_behind_its_own_attention() -> None:
    module = HybridAttentionPooling(3, HalsrConfig(pooling_width=4, hapm_width=5, channel_ratio=2)).eval()
    maps, _ = random_maps(3, 6, 6)
    fed: list[Tensor] = []
    module.fuse.register_forward_pre_hook(lambda _module, inputs: fed.append(inputs[0]))
    module(maps)
    atrous, pyramid = module.atrous[0](maps), module.pyramid[0](maps)
    one, two = module.atrous[1], module.pyramid[1]
    assert isinstance(one, Attended) and isinstance(two, Attended) and one is not two
    expected = [
        by_channel_and_by_place(block, part[0].detach().double().numpy())
        for block, part in ((one, atrous), (two, pyramid))
    ]
    close(fed[0], np.concatenate(expected))


def test_the_latent_map_is_attended_squeezed_excited_and_scaled() -> None:
    module = Reconstruction(latent=6, ratio=2, n_classes=3, outputs=4)
    latent, array = random_maps(6, 2, 3)
    attended = np.zeros_like(array)
    for row, col in np.ndindex(2, 3):
        attended[:, row, col] = array[:, row, col] * dense(module.attention, array[:, row, col], sigmoid)[0]
    squeezed = np.array([attended[c].mean() for c in range(6)])
    excited = dense(module.excite[2], dense(module.excite[0], squeezed, relu), sigmoid)
    expected = np.zeros((3, 2, 3))
    for row, col in np.ndindex(2, 3):
        logits = dense(module.classes, attended[:, row, col] * excited)
        powers = [math.exp(value) for value in logits]
        expected[:, row, col] = [power / sum(powers) for power in powers]
    close(module.class_map(latent, torch.Size((2, 3))), expected)  # at its own size the upsampling changes nothing

"""A single small volume is convolved in halves, and nobody can tell but by the clock."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from shortaxis.core.compute import Compute
from shortaxis.core.lone_volume import ENOUGH_FOR_TORCH, conv3d_in_halves


def drawn(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float32) - 0.5


@pytest.mark.parametrize("rows", [3, 4, 9, 16])
@pytest.mark.parametrize(
    ("kernel", "padding"), [((3, 3, 3), 1), ((1, 3, 3), (0, 1, 1)), ((3, 1, 3), (1, 0, 1)), (3, 0)]
)
def test_it_gives_what_torch_gives(rows: int, kernel: int | tuple[int, ...], padding: int | tuple[int, ...]) -> None:
    kernel = (kernel,) * 3 if isinstance(kernel, int) else kernel
    volume, weight, bias = drawn(1, 4, 5, rows, 8), drawn(6, 4, *kernel), drawn(6)
    expected = torch.conv3d(volume, weight, bias, padding=padding)
    assert torch.allclose(conv3d_in_halves(volume, weight, bias, padding=padding), expected, atol=1e-6)


def test_gradients_of_volume_weight_and_bias_are_torchs() -> None:
    volume, weight, bias = (drawn(1, 3, 4, 7, 6), drawn(5, 3, 3, 3, 3), drawn(5))
    leaves = [tensor.requires_grad_() for tensor in (volume, weight, bias)]
    found = torch.autograd.grad(conv3d_in_halves(volume, weight, bias, padding=1).square().sum(), leaves)
    expected = torch.autograd.grad(torch.conv3d(volume, weight, bias, padding=1).square().sum(), leaves)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "kernel", "settings"),
    [
        ((2, 4, 5, 8, 8), 3, {"padding": 1}),
        ((1, 4, 5, 8, 8), 3, {"padding": 1, "stride": 2}),
        ((1, 4, 5, 8, 8), 3, {"padding": 2, "dilation": 2}),
        ((1, 4, 5, 8, 8), 3, {"padding": "same"}),
        ((1, 4, 5, 8, 8), 1, {}),
        ((4, 5, 8, 8), 3, {"padding": 1}),
    ],
    ids=["a batch", "strided", "dilated", "padding by name", "1x1x1", "no batch axis"],
)
def test_what_is_no_slow_case_goes_to_torch_as_it_is(shape: tuple[int, ...], kernel: int, settings: dict) -> None:
    volume, weight = drawn(*shape), drawn(6, 4, kernel, kernel, kernel)
    assert torch.equal(conv3d_in_halves(volume, weight, **settings), torch.conv3d(volume, weight, **settings))


def batches_convolved(compute: Compute, volume: Tensor) -> list[int]:
    """The batch size of every convolution that reaches the processor, under a compute's context."""
    net = nn.Conv3d(volume.shape[1], 2, 3, padding=1)
    with compute.autocast(), torch.autograd.profiler.profile(record_shapes=True) as profile:
        net(volume)
    events = [] if profile is None else profile.function_events or []
    return [event.input_shapes[0][0] for event in events if event.name == "aten::conv3d"]


def test_a_network_in_float32_on_a_processor_meets_a_batch_of_two() -> None:
    assert batches_convolved(Compute("cpu", bfloat16=False), drawn(1, 4, 5, 8, 8)) == [2]


def test_a_volume_large_enough_for_torchs_fast_way_stays_whole() -> None:
    rows = ENOUGH_FOR_TORCH // 40 + 1
    assert batches_convolved(Compute("cpu", bfloat16=False), drawn(1, 8, 5, rows, 3)) == [1]

"""3D convolutions of a single small volume, made fast on processors.

In float32 torch (2.13, `ConvParams::use_mkldnn` in aten/src/ATen/native/Convolution.cpp) hands a convolution to its fast
library only where the batch has several members, or where batch x channel x slice x row exceeds 20,480. One short-axis
stack at a time has less: it then takes torch's own way, up to three times slower (`benchmarks/lone_volume.py`). Cut in two
halves along the rows, with the rows they share, it is a batch of two: the same sums, the fast library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

ENOUGH_FOR_TORCH = 20_480


class LoneVolumesInHalves(TorchFunctionMode):
    """While it is entered, every `conv3d` of a single small volume is computed in two halves."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        return (conv3d_in_halves if func is torch.conv3d else func)(*args, **(kwargs or {}))


def conv3d_in_halves(
    volume: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: int | str | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> Tensor:
    """What `torch.conv3d` gives, to float rounding: of a lone small volume in halves, of all else by torch itself."""
    if isinstance(padding, str) or not _slow(volume, weight, stride, dilation, groups):
        return torch.conv3d(volume, weight, bias, stride, padding, dilation, groups)
    slices, rows, cols = _three(padding)
    padded = F.pad(volume, (0, 0, rows, rows))
    shared = weight.shape[3] - 1  # rows that a row of the answer reads beside its own
    answered = padded.shape[3] - shared
    half = (answered + 1) // 2
    both = torch.cat([padded[:, :, :, : half + shared], padded[:, :, :, answered - half :]])
    upper, lower = torch.conv3d(both, weight, bias, 1, (slices, 0, cols)).split(1)
    return torch.cat([upper, lower[:, :, :, 2 * half - answered :]], 3)


def _slow(
    volume: Tensor,
    weight: Tensor,
    stride: int | tuple[int, ...],
    dilation: int | tuple[int, ...],
    groups: int,
) -> bool:
    lone = volume.dim() == 5 and volume.shape[0] == 1 and volume.shape[:4].numel() <= ENOUGH_FOR_TORCH
    plain = groups == 1 and {*_three(stride), *_three(dilation)} == {1}
    wide = tuple(weight.shape[2:]) != (1, 1, 1)  # a 1x1x1 is a matrix product either way
    return lone and plain and wide and volume.device.type == "cpu" and volume.dtype == torch.float32


def _three(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value,) * 3 if isinstance(value, int) else tuple(value)

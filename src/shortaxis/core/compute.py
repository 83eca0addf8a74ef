"""Which device computes, and in which precision: chosen by what the machine has, or as asked."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shortaxis.core.errors import DeviceMissing

if TYPE_CHECKING:
    from torch import Tensor, nn

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Compute:
    """A device and whether networks run in bfloat16 on it."""

    device: str
    bfloat16: bool

    @property
    def has_own_memory(self) -> bool:
        """Whether the device computes in memory of its own; Apple's GPUs (`mps`) share the computer's."""
        return self.device.startswith("cuda")

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which a network's forward pass runs."""
        import torch

        if self.bfloat16:
            return torch.autocast(self.device.split(":")[0], torch.bfloat16)
        if self.device == "cpu":
            from shortaxis.core.lone_volume import LoneVolumesInHalves

            return LoneVolumesInHalves()
        return nullcontext()

    def place(self, net: nn.Module) -> nn.Module:
        """The network on the device, 2D ones with channels last: faster on every machine measured."""
        import torch

        net = net.to(self.device)
        flat = all(parameter.dim() != 5 for parameter in net.parameters())
        return net.to(memory_format=torch.channels_last) if flat else net  # type: ignore[call-overload]

    def image(self, tensor: Tensor) -> Tensor:
        """An input batch in the memory order `place` chose."""
        import torch

        return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


def choose_compute(device: str = "auto", precision: Precision = "auto") -> Compute:
    """The device asked for (`auto`: a GPU if there is one) and the precision that pays on it.

    On a CPU bfloat16 pays only with units for it. In training it was measured 2.6 times faster than float32 with matrix
    units, 1.1 to 1.8 times with vector units (AVX-512 BF16), and three to four times slower without either.

    Raises:
        DeviceMissing: a device was named that this machine or this torch does not have.
    """
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", device, re.ASCII):
        raise DeviceMissing("auto, cpu, cuda, cuda:N or mps", repr(device), "choose one of these")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise DeviceMissing(
            "a CUDA GPU that torch can see", "none", "use --device cpu, or install a CUDA build of torch"
        )
    if device.startswith("cuda:") and int(device[5:]) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise DeviceMissing(f"cuda:0 to cuda:{count - 1}", repr(device), "choose a GPU that torch can see")
    if precision != "auto":
        return Compute(device, precision == "bfloat16")
    if device == "cpu":
        return Compute(device, torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
    return Compute(device, device.startswith("cuda") and torch.cuda.is_bf16_supported())

"""The plain U-Net is the published one where it says so."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from shortaxis.core.errors import UnknownName
from shortaxis.core.labels import ACDC, LEFT_VENTRICLE
from shortaxis.methods import method_named, method_names
from shortaxis.methods.baselines.unet import METHOD, PAPER, TUNED, UNet, stages


def test_the_papers_network_has_its_layers() -> None:
    """Ronneberger's 23 convolutions: 18 of 3x3, 4 up-convolutions, 1 of 1x1; 31.0 million parameters."""
    net = UNet(1, 2, PAPER.segment.widths)
    kernels = [module.kernel_size for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert kernels.count((3, 3)) == 18 and kernels.count((1, 1)) == 1
    assert sum(isinstance(module, nn.ConvTranspose2d) for module in net.modules()) == 4
    convolutions = sum(
        parameter.numel()
        for module in net.modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
        for parameter in module.parameters()
    )
    norms = sum(p.numel() for m in net.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters())
    # by hand, without biases of the 3x3 convolutions: 9 * sum(in * out) + up-convolutions + head
    ups = [(1024, 512), (512, 256), (256, 128), (128, 64)]
    downs = [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    by_hand = sum(9 * (a * b + b * b) for a, b in downs) + sum(4 * a * b + b + 9 * (a * b + b * b) for a, b in ups)
    assert convolutions == by_hand + 64 * 2 + 2
    assert convolutions + norms == pytest.approx(31.0e6, rel=0.01)


@pytest.mark.parametrize("widths", [(2, 4), (2, 4, 8), (2, 3, 5, 7, 11)])
def test_logits_have_the_images_rows_and_columns(widths: tuple[int, ...]) -> None:
    side = 2 ** (len(widths) - 1)
    assert UNet(3, 4, widths)(torch.zeros(2, 3, 3 * side, 5 * side)).shape == (2, 4, 3 * side, 5 * side)


def test_every_layer_has_its_part_in_the_answer() -> None:
    net = UNet(1, 2, (2, 4, 8))
    net(torch.randn(2, 1, 8, 8)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_the_recipes_build_their_stages_in_order() -> None:
    assert [stage.name for stage in stages(PAPER)] == ["segment"]
    assert [stage.name for stage in stages(TUNED)] == ["locate", "segment"]
    assert stages(TUNED)[1].fit is TUNED.segment_fit


@pytest.mark.parametrize("scheme", [ACDC, LEFT_VENTRICLE])
def test_as_many_classes_as_structures_and_background(scheme) -> None:
    net = stages(TUNED)[-1].build(scheme)
    assert isinstance(net, UNet) and net.head.out_channels == len(scheme.structures) + 1
    assert next(iter(net.parameters())).shape[1] == 3  # the slice and its neighbours


def test_methods_are_found_by_name_or_refused_with_the_known_ones() -> None:
    assert method_named("unet") is METHOD and "unet" in method_names()
    for name in method_names():
        method = method_named(name)
        assert method.name == name and set(method.recipes) >= {"paper", "tuned"}
    with pytest.raises(UnknownName, match="unet"):
        method_named("u-net")

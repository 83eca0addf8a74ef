"""Networks trained on single blocks predict as they were trained: each image is normalised by itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from shortaxis.methods import method_named
from shortaxis.methods.instance_norm import with_normalisation


def small_net() -> nn.Sequential:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Conv3d(2, 3, 1), nn.BatchNorm3d(3))
    return nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.BatchNorm3d(2), nn.ReLU(), inner)


def test_a_volume_unlike_all_that_were_seen_is_predicted_as_it_was_trained_on() -> None:
    net, unlike = with_normalisation(small_net(), "instance"), 100 * torch.rand(1, 1, 4, 6, 6)
    for _ in range(5):
        net(torch.rand(1, 1, 4, 6, 6))
    assert torch.equal(net.train()(unlike), net.eval()(unlike))


def test_batch_normalisation_predicts_such_a_volume_by_the_others_statistics() -> None:
    net, unlike = with_normalisation(small_net(), "batch"), 100 * torch.rand(1, 1, 4, 6, 6)
    for _ in range(5):
        net(torch.rand(1, 1, 4, 6, 6))
    assert not torch.allclose(net.eval()(unlike), net.train()(unlike), atol=1.0)


def test_scale_and_shift_keep_their_names_and_running_statistics_go() -> None:
    before, after = small_net().state_dict(), with_normalisation(small_net(), "instance").state_dict()
    assert set(before) - set(after) == {
        f"{layer}.{name}" for layer in ("1", "3.1") for name in ("running_mean", "running_var", "num_batches_tracked")
    }
    assert set(after) <= set(before)


@pytest.mark.parametrize("name", ["attention-mnet", "uncertainty-unet", "unet-3d", "deepmedic"])
def test_tuned_3d_methods_normalise_by_image_and_published_ones_over_the_batch(name: str) -> None:
    method = method_named(name)
    for recipe, by_batch in (("tuned", False), ("paper", True)):
        with torch.device("meta"):
            net = method.stages(method.recipes[recipe])[-1].build(method.default_scheme)
        assert any(isinstance(layer, nn.BatchNorm3d) for layer in net.modules()) is by_batch

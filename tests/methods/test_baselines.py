"""The baselines are the networks they say, as large as the papers that compare them state."""

from __future__ import annotations

import importlib
import math
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from shortaxis.core.errors import BadConfiguration, PackageMissing
from shortaxis.core.labels import ACDC
from shortaxis.core.method import RecipeName
from shortaxis.core.recipe import Recipe
from shortaxis.methods import method_named
from shortaxis.methods.baselines import (
    attention_unet,
    basic_unet,
    deepmedic,
    fcn_3d,
    nnunet_plan,
    non_local_unet,
    resunet,
    resunet_plus_plus,
    segnet,
    u_segnet,
    unet,
    unet_3d,
    unet_plus_plus,
)
from shortaxis.methods.baselines.network import Network, Preset, supervised_loss
from shortaxis.methods.baselines.plain_segmenter import PlainStage
from shortaxis.prepare.box_window import BoxWindowConfig

PAGE = Path(__file__).parents[2] / "docs" / "papers" / "baselines.md"
NETWORKS = {
    "unet": Network(unet.UNet, unet.MATCHED),
    "attention-unet": attention_unet.NETWORK,
    "basic-unet": basic_unet.NETWORK,
    "unet-plus-plus": unet_plus_plus.NETWORK,
    "resunet": resunet.NETWORK,
    "nnunet-plan-2d": nnunet_plan.NETWORK_2D,
    "nnunet-plan-3d": nnunet_plan.NETWORK_3D,
    "unet-3d": unet_3d.NETWORK,
    "segnet": segnet.NETWORK,
    "u-segnet": u_segnet.NETWORK,
    "resunet-plus-plus": resunet_plus_plus.NETWORK,
    "non-local-unet": non_local_unet.NETWORK,
    "fcn-3d": fcn_3d.NETWORK,
    "deepmedic": deepmedic.NETWORK,
}
OF_MONAI = {"attention-unet", "basic-unet", "unet-plus-plus", "resunet", "nnunet-plan-2d", "nnunet-plan-3d", "unet-3d"}
CLASSES: dict[Preset, int] = {"published": 4, "halsr_table_9": 3, "mnet_table_1": 2}
STATED_MILLIONS = {  # HALSR-Net, table 9; 3D Attention M-net, table I
    ("unet", "halsr_table_9"): 8.8,
    ("basic-unet", "halsr_table_9"): 8.8,
    ("unet-plus-plus", "halsr_table_9"): 9.8,
    ("attention-unet", "halsr_table_9"): 11.3,
    ("non-local-unet", "halsr_table_9"): 12.2,
    ("resunet-plus-plus", "halsr_table_9"): 9.4,
    ("unet", "mnet_table_1"): 24.902996,
    ("basic-unet", "mnet_table_1"): 24.902996,
    ("unet-3d", "mnet_table_1"): 24.502812,
    ("deepmedic", "mnet_table_1"): 24.505161,
    ("fcn-3d", "mnet_table_1"): 24.128560,
}


def needs(name: str) -> None:
    if name in OF_MONAI:
        pytest.importorskip("monai")


def parameters(name: str, preset: Preset) -> int:
    with torch.device("meta"):  # shapes alone
        net = NETWORKS[name].built(1, CLASSES[preset], preset)
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(("name", "preset"), STATED_MILLIONS, ids=lambda part: part)
def test_a_matched_network_is_as_large_as_the_paper_states(name: str, preset: Preset) -> None:
    needs(name)
    assert parameters(name, preset) == pytest.approx(1e6 * STATED_MILLIONS[name, preset], rel=0.01)


def test_every_named_width_but_the_published_ones_has_a_stated_count() -> None:
    named = {(name, preset) for name, network in NETWORKS.items() for preset in network.widths}
    assert {pair for pair in named if pair[1] != "published"} == set(STATED_MILLIONS)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_states_the_parameters_there_are(name: str) -> None:
    needs(name)
    row = re.search(rf"^\| `{name}` \|(( [\d.]* \|){{3}})$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert row is not None
    for preset, cell in zip(CLASSES, row[1].split("|"), strict=False):
        known = preset in NETWORKS[name].widths
        assert cell.strip() == (f"{parameters(name, preset) / 1e6:.2f}" if known else "")


@pytest.mark.parametrize(
    ("name", "millions"),
    [("unet-plus-plus", 9.04), ("resunet-plus-plus", 4.06), ("segnet", 29.46), ("deepmedic", 0.66)],
)
def test_published_widths_give_the_size_known_of_the_network(name: str, millions: float) -> None:
    needs(name)
    assert parameters(name, "published") == pytest.approx(1e6 * millions, rel=0.02)


def test_segnets_convolutions_are_vgg16s_and_their_mirror() -> None:
    with torch.device("meta"):
        net = segnet.NETWORK.built(3, 4, "published")
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == 13 + 13 + 1  # the last one is ours to the classes, where the mirror has the image
    vgg = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    assert [module.out_channels for module in convolutions[:13]] == vgg


def test_u_segnet_sees_the_first_levels_map_where_segnet_sees_only_its_maxima() -> None:
    torch.manual_seed(0)
    for kind, heard in ((segnet.SegNet, False), (u_segnet.USegNet, True)):
        net = kind(1, 2, (4, 6)).eval()
        image = torch.rand(1, 1, 16, 16)
        maps = net.down[0](image).detach().requires_grad_()
        net.down[0] = nn.Identity()
        net(maps).square().sum().backward()
        pooled = torch.nn.functional.max_pool2d(maps, 2, return_indices=True)[1]
        assert maps.grad is not None
        loser = torch.ones_like(maps).flatten(2).scatter(2, pooled.flatten(2), 0).bool().view_as(maps)
        assert bool(maps.grad[loser].any()) is heard


def test_tran_has_fifteen_convolutions_and_scores_of_three_levels() -> None:
    with torch.device("meta"):
        net = fcn_3d.FCN3D(1, 2, (64, 128, 256, 512))
    kernels = [module.kernel_size for module in net.modules() if isinstance(module, nn.Conv3d)]
    assert kernels.count((3, 3, 3)) == 15 and kernels.count((1, 1, 1)) == 3


def test_deepmedics_second_path_sees_three_times_as_far() -> None:
    """Two 3x3x3 layers see 5 voxels; at a third of the resolution 15, and the rise adds a neighbour."""
    net = deepmedic.DeepMedic(1, 2, (2, 2, 4)).eval()
    reach = {}
    for name in ("fine", "coarse"):
        image = torch.rand(1, 1, 45, 3, 3, requires_grad=True)
        with torch.no_grad():
            for parameter in getattr(net, "coarse" if name == "fine" else "fine").parameters():
                parameter.zero_()
            for parameter in getattr(net, name).parameters():
                nn.init.uniform_(parameter, 0.1, 1.0)
        net(image)[0, :, 22, 1, 1].sum().backward()
        assert image.grad is not None
        reach[name] = int(image.grad.abs().sum((0, 1, 3, 4)).ne(0).sum())
    assert reach["fine"] == 5
    assert 15 <= reach["coarse"] <= 21


def test_deepmedics_second_path_takes_the_mean_of_one_or_two_slices_where_there_are_no_three() -> None:
    net, seen = deepmedic.DeepMedic(1, 2, (2, 4)).eval(), list[float]()
    net.coarse.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].item()))
    two = torch.arange(18.0).view(1, 1, 2, 3, 3)
    for image in (two[:, :, :1], two):
        assert net(image).shape == (1, 2, *image.shape[2:])
    assert seen == [4.0, 8.5]  # of 0 ... 8 and of 0 ... 17


@pytest.mark.parametrize("which", ["paper", "tuned"])
def test_a_3d_unet_recipe_with_fewer_than_sixteen_slices_is_refused_by_the_settings_name(which: RecipeName) -> None:
    recipe = method_named("unet-3d").recipes[which]
    with pytest.raises(BadConfiguration) as refused:
        recipe.overlaid({"segment": {"window": {"depth": 15}}})
    assert refused.value.expected.startswith("segment.window.depth: 16 or more")
    assert refused.value.found == "15"
    changed = recipe.overlaid({"segment": {"window": {"depth": 16}}})
    assert changed.segment.window.depth == 16  # type: ignore[attr-defined]


def test_global_aggregation_is_attention_over_all_places() -> None:
    torch.manual_seed(0)
    block = non_local_unet.Aggregation(3, 4, nn.Conv2d(3, 4, 1)).eval()
    maps = torch.randn(2, 3, 5, 6)
    activated = block.normalise(maps)
    q, k, v = (part(activated).flatten(2) for part in (block.query, block.key, block.value))  # [B, C, places]
    weights = torch.softmax(torch.einsum("bcq,bck->bqk", q, k) / 4**0.5, -1)
    expected = block.out(torch.einsum("bqk,bck->bcq", weights, v).unflatten(2, (5, 6)))
    torch.testing.assert_close(block(maps), expected)


# --- slow restatements, in double precision: one image [channel, row, col], one value at a time -----------------------
def array_of(held: torch.Tensor | None) -> NDArray[np.float64]:
    assert held is not None
    return held.detach().numpy().astype(np.float64)


def randomise(module: nn.Module) -> None:
    """Put a module into evaluation with random weights, its batch normalisation's statistics and shifts among them."""
    module.eval()
    for held in (*module.parameters(), *module.buffers()):
        if held.is_floating_point():
            nn.init.uniform_(held, 0.3, 1.5) if held.dim() == 1 else nn.init.normal_(held, std=0.7)


def slow_activated(maps: NDArray[np.float64], norm: nn.Module, most: float = math.inf) -> NDArray[np.float64]:
    """Batch normalisation by the running statistics, then ReLU, cut off at `most`."""
    assert isinstance(norm, nn.BatchNorm2d)
    mean, variance, weight, bias = map(array_of, (norm.running_mean, norm.running_var, norm.weight, norm.bias))
    result = np.zeros_like(maps)
    for c, row, col in np.ndindex(*maps.shape):
        value = (maps[c, row, col] - mean[c]) / math.sqrt(variance[c] + norm.eps) * weight[c] + bias[c]
        result[c, row, col] = min(max(value, 0.0), most)
    return result


def slow_convolution(maps: NDArray[np.float64], layer: nn.Module) -> NDArray[np.float64]:
    """A convolution that keeps rows and columns: zeros lie around the map."""
    assert isinstance(layer, nn.Conv2d)
    weight, bias = array_of(layer.weight), array_of(layer.bias)
    _, rows, cols = maps.shape
    result = np.zeros((len(bias), rows, cols))
    for c, row, col in np.ndindex(*result.shape):
        result[c, row, col] = bias[c]
        for before, i, j in np.ndindex(*weight.shape[1:]):
            y, x = row + i - weight.shape[2] // 2, col + j - weight.shape[3] // 2
            if 0 <= y < rows and 0 <= x < cols:
                result[c, row, col] += weight[c, before, i, j] * maps[before, y, x]
    return result


def slow_before_convolution(maps: NDArray[np.float64], layers: nn.Module) -> NDArray[np.float64]:
    """Batch normalisation, ReLU, convolution."""
    assert isinstance(layers, nn.Sequential)
    return slow_convolution(slow_activated(maps, layers[0]), layers[-1])


def slow_attention(
    block: resunet_plus_plus.Attention, skip: NDArray[np.float64], below: NDArray[np.float64]
) -> NDArray[np.float64]:
    """ResUNet++'s attention unit: the encoder's map is halved by maxima, added to the decoder's, and weighs it."""
    of_skip, of_below = slow_before_convolution(skip, block.of_skip[0]), slow_before_convolution(below, block.of_below)
    heard = np.zeros_like(below)
    for c, row, col in np.ndindex(*below.shape):
        square = [of_skip[c, 2 * row + i, 2 * col + j] for i in (0, 1) for j in (0, 1)]
        heard[c, row, col] = max(square) + of_below[c, row, col]
    return below * slow_before_convolution(heard, block.merge)


def slow_excite(block: resunet_plus_plus.Excite, maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squeeze and excitation: means of the channels, an eighth as many numbers, a weight for every channel."""
    narrow, wide = (array_of(layer.weight) for layer in block.weigh if isinstance(layer, nn.Linear))
    channels = len(maps)
    assert len(narrow) == channels // 8
    means = [sum(maps[c].ravel()) / maps[c].size for c in range(channels)]
    inner = [max(0.0, sum(narrow[h, c] * means[c] for c in range(channels))) for h in range(len(narrow))]
    weights = [1 / (1 + math.exp(-sum(wide[c, h] * inner[h] for h in range(len(inner))))) for c in range(channels)]
    return np.stack([weights[c] * maps[c] for c in range(channels)])


def slow_aggregation(block: non_local_unet.Aggregation, maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equations 1 to 4 of the Non-local U-Net: softmax(Q K^T / sqrt(C)) V, place by place; the queries as they come."""
    activated = slow_activated(maps, block.normalise[0], most=6.0)
    query = array_of(block.query(torch.from_numpy(activated).float()[None]))[0]
    key, value = slow_convolution(activated, block.key), slow_convolution(activated, block.value)
    channels, sources = len(query), list(np.ndindex(*maps.shape[1:]))
    mixed = np.zeros_like(query)
    for row, col in np.ndindex(*query.shape[1:]):
        likeness = [
            math.exp(sum(query[c, row, col] * key[c, y, x] for c in range(channels)) / math.sqrt(channels))
            for y, x in sources
        ]
        for c in range(channels):
            for share, (y, x) in zip(likeness, sources, strict=True):
                mixed[c, row, col] += share / sum(likeness) * value[c, y, x]
    return slow_convolution(mixed, block.out)


def test_resunet_plus_plus_attention_is_what_loops_give() -> None:
    block = resunet_plus_plus.Attention(3, 2)
    randomise(block)
    skip, below = torch.randn(2, 3, 4, 6), torch.randn(2, 2, 2, 3)
    expected = [slow_attention(block, array_of(a), array_of(b)) for a, b in zip(skip, below, strict=True)]
    np.testing.assert_allclose(array_of(block(skip, below)), expected, rtol=1e-4, atol=1e-5)


def test_resunet_plus_plus_excitation_is_what_loops_give() -> None:
    block = resunet_plus_plus.Excite(16)
    randomise(block)
    maps = torch.randn(2, 16, 3, 4)
    expected = [slow_excite(block, array_of(image)) for image in maps]
    np.testing.assert_allclose(array_of(block(maps)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("doubled", [False, True], ids=["bottom", "rise"])
def test_the_non_local_unets_aggregation_is_what_loops_give(doubled: bool) -> None:
    query = nn.ConvTranspose2d(3, 4, 3, 2, 1, 1) if doubled else nn.Conv2d(3, 4, 1)
    block = non_local_unet.Aggregation(3, 4, query)
    randomise(block)
    maps = 4 * torch.randn(2, 3, 3, 4)  # large enough that some are cut off at 6
    assert (block.normalise(maps) == 6).any()
    answer = array_of(block(maps))
    assert answer.shape == ((2, 4, 6, 8) if doubled else (2, 4, 3, 4))
    expected = [slow_aggregation(block, array_of(image)) for image in maps]
    np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("unet-plus-plus", "unet")])
def test_every_layer_has_its_part_in_the_answer(name: str) -> None:
    needs(name)
    three_d = name in ("unet-3d", "fcn-3d", "deepmedic", "nnunet-plan-3d")
    widths = (2, 2, 3, 3, 4) if NETWORKS[name].levels == 5 else (3, 4, 5, 6)
    net = NETWORKS[name].built(1, 2, widths).train()
    outputs = net(torch.randn(2, 1, *((16,) if three_d else ()), 32, 32))
    total = supervised_loss(outputs, lambda logits: (logits.square().mean(), {})).total
    total.backward()
    assert [key for key, value in net.named_parameters() if value.grad is None] == []


def test_nnunets_network_is_supervised_at_all_levels_but_the_two_lowest_and_holds_no_weight_twice() -> None:
    pytest.importorskip("monai")
    net = nnunet_plan.NETWORK_2D.built(1, 2, (2, 2, 2, 2, 2)).train()
    outputs = net(torch.randn(2, 1, 32, 32))
    assert [tuple(output.shape) for output in outputs] == [(2, 2, 32, 32)] * 3
    assert isinstance(net.eval()(torch.randn(1, 1, 32, 32)), torch.Tensor)
    pointers = [value.data_ptr() for value in net.state_dict().values()]
    assert len(pointers) == len(set(pointers))


def test_the_2d_plan_halves_while_eight_pixels_remain() -> None:
    size, halvings = 256, 0
    while size >= 8:
        size, halvings = size // 2, halvings + 1
    assert halvings == nnunet_plan.HALVINGS_2D
    assert len(nnunet_plan.NETWORK_2D.widths["published"]) == halvings + 1


def test_several_outputs_weigh_a_half_of_the_finer_one() -> None:
    outputs = [torch.tensor(value) for value in (7.0, 14.0, 28.0)]
    loss = supervised_loss(outputs, lambda output: (output, {"itself": output}))
    assert loss.total.item() == pytest.approx((4 * 7 + 2 * 14 + 28) / 7)
    assert loss.terms["itself"].item() == 7


def test_a_preset_or_a_number_of_levels_a_network_does_not_have_is_refused() -> None:
    with pytest.raises(BadConfiguration, match="published"):
        segnet.NETWORK.built(1, 4, "mnet_table_1")
    with pytest.raises(BadConfiguration, match="5 widths"):
        unet_plus_plus.NETWORK.built(1, 4, (2, 4, 8))
    with pytest.raises(BadConfiguration, match="3 to 7"):
        nnunet_plan.NETWORK_2D.built(1, 4, (2, 4))


def test_without_monai_the_refusal_names_the_extra_and_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "monai", None)
    monkeypatch.setattr("shortaxis.methods.baselines.monai_networks.find_spec", lambda name: None)
    with pytest.raises(PackageMissing, match=r"baselines(.|\n)*pip install 'shortaxis\[baselines\]'"):
        resunet.NETWORK.built(1, 4, (2, 4))


def test_no_baselines_file_imports_monai_before_it_builds() -> None:
    if "monai" in sys.modules or find_spec("monai") is None:
        source = "".join(path.read_text("utf-8") for path in Path(unet.__file__).parent.glob("*.py"))
        assert re.findall(r"^(?:import|from) monai", source, re.MULTILINE) == []
        return
    for name in OF_MONAI:
        method_named(name)
    assert "monai" not in sys.modules


STARRED = {"attention-unet", "u-segnet", "resunet-plus-plus"}


@pytest.mark.parametrize(
    "name", ["attention-unet", "basic-unet", "u-segnet", "resunet-plus-plus", "segnet", "non-local-unet", "resunet"]
)
def test_the_paper_recipe_has_a_roi_stage_where_the_paper_has_a_star_and_it_can_be_left_out(name: str) -> None:
    method = method_named(name)
    paper = method.recipes["paper"]
    names = [stage.name for stage in method.stages(paper)]
    assert names == (["locate", "segment"] if name in STARRED else ["segment"])
    without = method.stages(paper.overlaid({"locate": "none"}))
    assert [stage.name for stage in without] == ["segment"]
    segmenter = without[-1]
    assert isinstance(segmenter, PlainStage) and isinstance(segmenter.config.window, BoxWindowConfig)
    assert segmenter.config.window.of == "slice"


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "unet"])
@pytest.mark.parametrize("which", ["paper", "tuned"])
def test_a_recipe_survives_its_model_file_and_takes_a_named_width(name: str, which: str) -> None:
    method = method_named(name)
    recipe: Recipe = method.recipes[which]  # type: ignore[index]
    again = type(recipe).model_validate_json(recipe.model_dump_json())
    assert again == recipe
    changed = recipe.overlaid({"segment": {"widths": "published"}})
    assert method.stages(changed)[-1].config.widths == "published"  # type: ignore[attr-defined]


def test_the_plain_unet_takes_the_named_widths_too() -> None:
    recipe = method_named("unet").recipes["paper"].overlaid({"segment": {"widths": "mnet_table_1"}})
    with torch.device("meta"):
        net = method_named("unet").stages(recipe)[-1].build(ACDC)
    assert net.head.in_channels == 57  # type: ignore[union-attr]


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"unet"}))
def test_tuned_networks_are_of_a_size_for_a_cpu(name: str) -> None:
    needs(name)
    method = method_named(name)
    with torch.device("meta"):
        net = method.stages(method.recipes["tuned"])[-1].build(ACDC)
    assert sum(parameter.numel() for parameter in net.parameters()) < 12e6


def test_every_file_of_a_baseline_has_its_network_in_the_table_and_so_its_row_on_the_page() -> None:
    files = Path(unet.__file__).parent.glob("*.py")
    methods = {path.stem.replace("_", "-") for path in files if "\nMETHOD = " in path.read_text("utf-8")}
    assert methods == set(NETWORKS)


def test_every_baseline_of_the_table_is_registered_under_its_files_name() -> None:
    for name in set(NETWORKS) - {"unet"}:
        module = importlib.import_module(f"shortaxis.methods.baselines.{name.replace('-', '_')}")
        assert module.METHOD is method_named(name)

"""The baselines are the networks they say, as large as the papers that compare them state."""

from __future__ import annotations

import importlib
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import nn

from shortaxis.core.errors import BadConfiguration, PackageMissing
from shortaxis.core.labels import ACDC
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


def test_global_aggregation_is_attention_over_all_places() -> None:
    torch.manual_seed(0)
    block = non_local_unet.Aggregation(3, 4, nn.Conv2d(3, 4, 1)).eval()
    maps = torch.randn(2, 3, 5, 6)
    activated = block.normalise(maps)
    q, k, v = (part(activated).flatten(2) for part in (block.query, block.key, block.value))  # [B, C, places]
    weights = torch.softmax(torch.einsum("bcq,bck->bqk", q, k) / 4**0.5, -1)
    expected = block.out(torch.einsum("bqk,bck->bcq", weights, v).unflatten(2, (5, 6)))
    torch.testing.assert_close(block(maps), expected)


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


def test_every_baseline_of_the_table_is_registered_under_its_files_name() -> None:
    for name in set(NETWORKS) - {"unet"}:
        module = importlib.import_module(f"shortaxis.methods.baselines.{name.replace('-', '_')}")
        assert module.METHOD is method_named(name)

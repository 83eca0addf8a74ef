"""A model is one file that cannot run code; what is not ours, or not whole, is refused by name."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file

from shortaxis.core.compute import Compute
from shortaxis.core.errors import BadConfiguration, BadWeights, MissingFile, UnknownName
from shortaxis.core.labels import ACDC, MNMS
from shortaxis.core.method import Method
from shortaxis.core.recipe import FitRecipe
from shortaxis.files.bundle import Bundle, load_bundle, save_bundle
from shortaxis.files.tensors import HEADER_LIMIT_BYTES
from shortaxis.jobs.models import ready_model
from shortaxis.methods import method_named
from shortaxis.methods.baselines.unet import PAPER, UNetConfig, UNetRecipe, stages
from shortaxis.prepare.heart_crop import HeartCropConfig

CPU = Compute("cpu", False)
RECIPE = UNetRecipe(
    locate=None,
    locate_fit=FitRecipe(steps=0, batch=1),
    segment=UNetConfig(widths=(2, 4), crop=HeartCropConfig(size_px=16)),
    segment_fit=FitRecipe(steps=1, batch=1),
)
CARD = {"trained_on": "nobody", "licence": "none", "training_cases": ["été", "case 2"]}


def bundle_of(members: int = 1, recipe: Mapping[str, Any] | None = None) -> Bundle:
    torch.manual_seed(3)
    held = [{"segment": stages(RECIPE)[0].build(ACDC).state_dict()} for _ in range(members)]
    return Bundle("unet", "tuned", recipe or json.loads(RECIPE.model_dump_json()), ACDC, held, CARD)


def manifest_of(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return json.loads(json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["shortaxis"])


def test_everything_comes_back_and_weights_to_half_precision(tmp_path: Path) -> None:
    given = bundle_of(members=2)
    sha256 = save_bundle(tmp_path / "model.safetensors", given)
    back = load_bundle(tmp_path / "model.safetensors")
    assert (back.method, back.recipe_name, back.recipe, back.card) == ("unet", "tuned", given.recipe, CARD)
    assert back.scheme.name == "acdc" and back.scheme.codes == ACDC.codes
    assert back.sha256 == sha256 == hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    assert len(back.members) == 2
    for one, other in zip(given.members, back.members, strict=True):
        for name, value in one["segment"].items():
            loaded = other["segment"][name]
            expected = value.half().float() if value.is_floating_point() else value
            assert torch.equal(loaded, expected) and loaded.dtype in (torch.float32, torch.int64)


def test_ten_members_stay_in_their_order(tmp_path: Path) -> None:
    members = [{"segment": {"weight": torch.tensor([float(number)])}} for number in range(11)]
    save_bundle(tmp_path / "m", replace(bundle_of(), members=members))
    assert [float(member["segment"]["weight"]) for member in load_bundle(tmp_path / "m").members] == list(range(11))


def test_numbers_beyond_half_precision_are_kept(tmp_path: Path) -> None:
    weights = {"norm.running_var": torch.tensor([1e6, 2.0]), "small": torch.tensor([3.0])}
    save_bundle(tmp_path / "m", replace(bundle_of(), members=[{"segment": weights}]))
    back = load_bundle(tmp_path / "m").members[0]["segment"]
    assert torch.equal(back["norm.running_var"], weights["norm.running_var"])


def test_the_same_bundle_is_the_same_file(tmp_path: Path) -> None:
    assert save_bundle(tmp_path / "a", bundle_of()) == save_bundle(tmp_path / "b", bundle_of())


def test_no_file_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"nowhere\.safetensors"):
        load_bundle(tmp_path / "nowhere.safetensors")


def refused(path: Path) -> BadWeights:
    with pytest.raises(BadWeights) as refusal:
        load_bundle(path)
    assert refusal.value.path == path
    return refusal.value


@pytest.mark.parametrize("data", [b"", b"1234567", b"\x80\x04pickle bytes that must never be loaded", bytes(40)])
def test_what_is_no_safetensors_file_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(data)
    refused(tmp_path / "m")


@pytest.mark.parametrize("claimed", [HEADER_LIMIT_BYTES + 1, 2**63, 10**6, 1])
def test_a_header_of_no_sane_size_is_refused_before_it_is_read(claimed: int, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(struct.pack("<Q", claimed) + b"{}" * 100)
    assert str(claimed) in refused(tmp_path / "m").found


def test_a_safetensors_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2)}, tmp_path / "plain")
    save_file({"weight": torch.ones(2)}, tmp_path / "tagged", {"format": "pt"})
    for name in ("plain", "tagged"):
        assert "manifest" in refused(tmp_path / name).expected


def test_a_header_nested_without_end_is_refused(tmp_path: Path) -> None:
    header = b"[" * 200_000
    (tmp_path / "m").write_bytes(struct.pack("<Q", len(header)) + header)
    refused(tmp_path / "m")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    save_bundle(tmp_path / "m", bundle_of())
    (tmp_path / "m").write_bytes((tmp_path / "m").read_bytes()[:-10])
    refused(tmp_path / "m")


def written(path: Path, manifest: object, tensors: dict[str, torch.Tensor] | None = None) -> Path:
    path.write_bytes(save(tensors or {"0/segment/w": torch.ones(1)}, {"shortaxis": json.dumps(manifest)}))
    return path


@pytest.mark.parametrize("missing", ["method", "recipe_name", "recipe", "scheme", "card"])
def test_a_manifest_with_a_part_missing_is_refused_by_that_part(missing: str, tmp_path: Path) -> None:
    save_bundle(tmp_path / "whole", bundle_of())
    manifest = manifest_of(tmp_path / "whole")
    del manifest[missing]
    assert missing in refused(written(tmp_path / "m", manifest)).found


@pytest.mark.parametrize(
    ("key", "value"), [("scheme", {"name": "x", "codes": {"1": "spleen"}}), ("scheme", 3), ("recipe", 7), ("card", 7)]
)
def test_a_manifest_of_another_kind_is_refused(key: str, value: object, tmp_path: Path) -> None:
    save_bundle(tmp_path / "whole", bundle_of())
    refused(written(tmp_path / "m", {**manifest_of(tmp_path / "whole"), key: value}))


@pytest.mark.parametrize("manifest", [[], 3, None, {"format": 99}])
def test_a_manifest_of_another_format_is_refused(manifest: object, tmp_path: Path) -> None:
    refused(written(tmp_path / "m", manifest))


@pytest.mark.parametrize("name", ["weight", "0/weight", "x/segment/weight"])
def test_weights_under_other_names_are_refused(name: str, tmp_path: Path) -> None:
    save_bundle(tmp_path / "whole", bundle_of())
    refused(written(tmp_path / "m", manifest_of(tmp_path / "whole"), {name: torch.ones(1)}))


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    save_bundle(tmp_path / "m", replace(bundle_of(), members=[]))
    refused(tmp_path / "m")


# --- made ready to run ------------------------------------------------------------------------------------------------
def test_a_model_made_ready_has_its_networks_in_eval_mode(tmp_path: Path) -> None:
    save_bundle(tmp_path / "m", bundle_of(members=3))
    model = ready_model(tmp_path / "m", CPU)
    assert [stage.name for stage in model.stages] == ["segment"] and len(model.nets["segment"]) == 3
    assert not any(net.training for net in model.nets["segment"])


@pytest.mark.parametrize("name", ["unet", "halsrnet"])
@pytest.mark.parametrize("which", ["paper", "tuned"])
def test_every_recipe_written_into_a_model_can_be_read_back(name: str, which: str, tmp_path: Path) -> None:
    """A recipe's parts may be of another kind in `tuned` than in `paper`; stages are built lazily, no weights needed."""
    method: Method = method_named(name)
    recipe = method.recipes[which]  # type: ignore[index]
    stored = json.loads(recipe.model_dump_json())
    empty = [{"nowhere": {"w": torch.ones(1)}}]
    save_bundle(tmp_path / "m", Bundle(name, which, stored, ACDC, empty, CARD))
    with pytest.raises(BadWeights, match="differing"):  # and not BadConfiguration
        ready_model(tmp_path / "m", CPU)


def test_missing_and_unknown_weights_are_refused_by_name(tmp_path: Path) -> None:
    given = bundle_of()
    weights = dict(given.members[0]["segment"])
    weights["stranger"] = weights.pop("head.bias")
    save_bundle(tmp_path / "m", replace(given, members=[{"segment": weights}]))
    with pytest.raises(BadWeights, match="differing: head.bias, stranger"):
        ready_model(tmp_path / "m", CPU)


def test_a_stage_without_weights_is_refused(tmp_path: Path) -> None:
    save_bundle(tmp_path / "m", replace(bundle_of(), members=[{"locate": bundle_of().members[0]["segment"]}]))
    with pytest.raises(BadWeights, match="segment"):
        ready_model(tmp_path / "m", CPU)


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    given = bundle_of()
    weights = {**given.members[0]["segment"], "head.bias": torch.zeros(7)}
    save_bundle(tmp_path / "m", replace(given, members=[{"segment": weights}], scheme=MNMS))
    with pytest.raises(BadWeights, match=r"head\.bias"):
        ready_model(tmp_path / "m", CPU)


def test_an_unknown_setting_is_refused_with_the_nearest_known(tmp_path: Path) -> None:
    recipe = json.loads(RECIPE.model_dump_json())
    recipe["segment"]["crop"]["pixel_mn"] = recipe["segment"]["crop"].pop("pixel_mm")
    save_bundle(tmp_path / "m", bundle_of(recipe=recipe))
    with pytest.raises(BadConfiguration, match="did you mean 'pixel_mm'") as refusal:
        ready_model(tmp_path / "m", CPU)
    assert refusal.value.found == "segment.crop.pixel_mn" and refusal.value.path == tmp_path / "m"


def test_an_unknown_method_is_refused(tmp_path: Path) -> None:
    save_bundle(tmp_path / "m", replace(bundle_of(), method="vnet"))
    with pytest.raises(UnknownName, match="vnet"):
        ready_model(tmp_path / "m", CPU)


def test_the_papers_recipe_is_the_first() -> None:
    assert next(iter(method_named("unet").recipes)) == "paper" and method_named("unet").recipes["paper"] is PAPER


def test_a_huge_file_of_somebody_else_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with path.open("r+b") as stream:
        stream.truncate(2**40)  # sparse: read whole, it would not fit in memory
    with pytest.raises(BadWeights, match="manifest"):
        load_bundle(path)

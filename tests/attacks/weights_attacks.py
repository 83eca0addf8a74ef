"""Bad model files and foreign weights. None of them may run anything; `test_payloads.py` watches for that."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from shortaxis.core.compute import Compute
from shortaxis.core.labels import ACDC, LEFT_VENTRICLE, LabelScheme
from shortaxis.core.recipe import FitRecipe
from shortaxis.files.bundle import Bundle, load_bundle, save_bundle
from shortaxis.files.foreign_weights import convert_weights
from shortaxis.files.tensors import HEADER_LIMIT_BYTES, load_tensors
from shortaxis.jobs.models import ready_model
from shortaxis.methods.baselines.unet import UNetConfig, UNetRecipe, stages
from shortaxis.prepare.heart_crop import HeartCropConfig
from tests.attacks.attack import Attack

Make = Callable[[Path], Path]
RECIPE = UNetRecipe(
    locate=None,
    locate_fit=FitRecipe(steps=0, batch=1),
    segment=UNetConfig(widths=(2, 4), crop=HeartCropConfig(size_px=16)),
    segment_fit=FitRecipe(steps=1, batch=1),
)


def as_segment_loads(path: Path) -> None:
    ready_model(path, Compute("cpu", False))


def as_convert_reads(path: Path) -> None:
    convert_weights(path, path.with_name("out.safetensors"), overwrite=False)


def sound(
    scheme: LabelScheme = ACDC, drawn_for: LabelScheme = ACDC, weights: Mapping[str, torch.Tensor] | None = None
) -> Bundle:
    torch.manual_seed(3)
    held = dict(stages(RECIPE)[0].build(drawn_for).state_dict()) | dict(weights or {})
    recipe = json.loads(RECIPE.model_dump_json())
    return Bundle("unet", "tuned", recipe, scheme, [{"segment": held}], {"trained_on": "nobody"})


def bundle(given: Bundle) -> Make:
    def make(folder: Path) -> Path:
        save_bundle(folder / "model.safetensors", given)
        return folder / "model.safetensors"

    return make


def changed(change: Callable[[bytes], bytes]) -> Make:
    """A sound model file whose bytes are then changed."""

    def make(folder: Path) -> Path:
        path = bundle(sound())(folder)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def header_of(content: bytes) -> dict[str, Any]:
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def manifest(change: Callable[[dict[str, Any]], object], sealed: bool = False) -> Make:
    """A model file whose manifest says something else; its old seal is left out unless `sealed`."""

    def rewrite(content: bytes) -> bytes:
        header, size = header_of(content), int.from_bytes(content[:8], "little")
        said = json.loads(header["__metadata__"]["shortaxis"])
        if not sealed:
            del said["sha256"]
        change(said)
        header["__metadata__"]["shortaxis"] = json.dumps(said)
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + content[8 + size :]

    return changed(rewrite)


def said(**parts: object) -> Make:
    return manifest(lambda held: held.update(parts))


def card(**entries: object) -> Make:
    return manifest(lambda held: held["card"].update(entries))


def scheme(codes: Mapping[str, str], unions: Mapping[str, list[str]] | None = None) -> Make:
    return said(scheme={"name": "acdc", "codes": codes, "unions": unions or {}})


def recipe(*keys: str, value: object) -> Make:
    """One setting of the stored recipe changed or added."""

    def change(held: dict[str, Any]) -> None:
        place = held["recipe"]
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return manifest(change)


def written(content: bytes) -> Make:
    def make(folder: Path) -> Path:
        folder.mkdir(parents=True)
        (folder / "model.pth").write_bytes(content)
        return folder / "model.pth"

    return make


def flip_last(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def header_claim(size: int, content: bytes = b"{}") -> bytes:
    return struct.pack("<Q", size) + content


class Calls:
    """A pickle that calls a function when it is loaded."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def pickled(content: object, zipped: bool) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


CALLING = {"weight": torch.ones(1), "more": Calls(exec, "raise SystemExit(99)")}
DIGEST = hashlib.sha256(b"another file").hexdigest()
MODELS: tuple[Attack, ...] = (
    Attack("no model file", lambda folder: folder / "none.safetensors", load_bundle, "SA-E001"),
    Attack("an empty model", written(b""), load_bundle, "SA-E062"),
    Attack("a model of text", written(b"these are no weights" * 9), load_bundle, "SA-E062", "header of at most"),
    Attack("a header over the cap", written(header_claim(HEADER_LIMIT_BYTES + 1, bytes(HEADER_LIMIT_BYTES + 99))),
           load_bundle, "SA-E062", "header of at most"),
    Attack("a header past the end", written(header_claim(9000)), load_bundle, "SA-E062"),
    Attack("a header nested without end", written(header_claim(99_999, b"[" * 99_999)), load_bundle, "SA-E062"),
    Attack("a header of digits", written(header_claim(9_999, b"1" * 9_999)), load_bundle, "SA-E062"),
    Attack("a pickle given as a model", written(pickle.dumps({"a": 1}) * 9), load_bundle, "SA-E062", "PyTorch"),
    Attack("somebody else's weights", written(save({"weight": torch.ones(3)})), load_bundle, "SA-E062", "manifest"),
    Attack("a model cut short", changed(lambda c: c[:-5]), load_bundle, "SA-E062"),
    Attack("a flipped bit in a weight", changed(flip_last), load_bundle, "SA-E062", "seal"),
    Attack("another seal", manifest(lambda held: held.update(sha256=DIGEST), sealed=True), load_bundle, "SA-E062", "seal"),
    Attack("a seal kept over another card", manifest(lambda held: held["card"].update(licence="mine"), sealed=True),
           load_bundle, "SA-E062", "seal"),
    Attack("a manifest of another version", said(format=99), load_bundle, "SA-E062", "format 99"),
    Attack("a manifest with a strange part", said(loader="os.system"), load_bundle, "SA-E062", "loader"),
    Attack("a method that is no name", said(method=["unet"]), load_bundle, "SA-E062", "method"),
    Attack("a scheme with a background structure", scheme({"0": "lv_cavity"}), load_bundle, "SA-E062", "codes"),
    Attack("a scheme past one byte", scheme({"300": "lv_cavity"}), load_bundle, "SA-E062", "codes"),
    Attack("a scheme of no anatomy", scheme({"1": "spleen"}), load_bundle, "SA-E062", "spleen"),
    Attack("a union of parts that are not there", scheme({"1": "lv_cavity"}, {"myocardium": ["infarct"]}),
           load_bundle, "SA-E062", "unions"),
    Attack("a card of another modality", card(modality="ct"), load_bundle, "SA-E062", "modality"),
    Attack("a card whose certainty is no share", card(low_heart_probability="high"), load_bundle, "SA-E062", "probability"),
    Attack("a card whose hashes are no list", card(training_cases_sha256=7), load_bundle, "SA-E062"),
    Attack("NaN weights", bundle(sound(weights={"head.bias": torch.full((4,), torch.nan)})), load_bundle, "SA-E062", "NaN"),
    Attack("weights with a key missing and one too many",
           lambda folder: bundle(_renamed("head.bias", "stranger"))(folder), as_segment_loads, "SA-E062",
           "head.bias, stranger"),
    Attack("weights of a label scheme with other structures", bundle(sound(LEFT_VENTRICLE, ACDC)),
           as_segment_loads, "SA-E062", "differing: head"),
    Attack("weights of another architecture", recipe("segment", "widths", value=[4, 8]), as_segment_loads, "SA-E062",
           "differing"),
    Attack("a method nobody knows", said(method="os.system"), as_segment_loads, "SA-E060"),
    Attack("a model's setting nobody knows", recipe("segment", "crop", "pixel_mn", value=1), as_segment_loads, "SA-E061",
           "did you mean 'pixel_mm'"),
    Attack("widths that build no network", recipe("segment", "widths", value=[-2, 4]), as_segment_loads, "SA-E062"),
    Attack("a model's widths beyond any memory", recipe("segment", "widths", value=[2**24, 2**24]), as_segment_loads,
           "SA-E062", "build"),
    Attack("a model's setting of another kind", recipe("segment", "crop", value="import os"), as_segment_loads, "SA-E061"),
)  # fmt: skip


def _renamed(old: str, new: str) -> Bundle:
    given = sound()
    held = dict(given.members[0]["segment"])
    held[new] = held.pop(old)
    return Bundle("unet", "tuned", given.recipe, given.scheme, [{"segment": held}], given.card)


FOREIGN: tuple[Attack, ...] = (
    Attack("a payload in a zipped pth", written(pickled(CALLING, True)), as_convert_reads, "SA-E062", "exec"),
    Attack("a payload in a plain pth", written(pickled(CALLING, False)), as_convert_reads, "SA-E062", "exec"),
    Attack("a payload in a bare pickle", written(pickle.dumps(CALLING["more"])), as_convert_reads, "SA-E062"),
    Attack("a pth of text", written(b"no weights" * 99), as_convert_reads, "SA-E062"),
    Attack("a pth cut short", written(pickled({"w": torch.ones(99)}, True)[:300]), as_convert_reads, "SA-E003|SA-E062"),
    Attack("a pth without tensors", written(pickled({"epoch": 3}, True)), as_convert_reads, "SA-E062", "without any"),
    Attack("encoder weights that are a pickle", written(pickled({"w": torch.ones(1)}, True)), load_tensors, "SA-E062",
           "convert-weights"),
    Attack("encoder weights with a header over the cap",
           written(header_claim(HEADER_LIMIT_BYTES + 1, bytes(HEADER_LIMIT_BYTES + 99))), load_tensors, "SA-E062"),
)  # fmt: skip
ATTACKS = MODELS + FOREIGN

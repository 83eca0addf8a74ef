"""Finding a trained model and making it ready: by a name that an installed package announces, or by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from shortaxis.core.compute import Compute
from shortaxis.core.errors import BadConfiguration, BadWeights, ModelMissing, UnknownName
from shortaxis.core.method import BeatRepair, Method, RecipeName, Repair, Sampler, Stage
from shortaxis.files.bundle import Bundle, load_bundle
from shortaxis.jobs.announced import announced_files
from shortaxis.methods import method_named, method_names

DEFAULT_MODEL = "acdc"
HOW_TO_GET = "install the weights distribution (`pip install ./weights` in the source tree), or give --model FILE"


@dataclass(frozen=True)
class ModelInfo:
    """One line of `shortaxis models`."""

    name: str
    method: str
    trained_on: str
    licence: str
    path: Path
    experimental: str = ""  # why it is, by its card


@dataclass(frozen=True, eq=False)
class Model:
    """A model ready to run: its bundle, its method, its stages and their networks by stage name."""

    bundle: Bundle
    method: Method
    stages: tuple[Stage, ...]
    nets: Mapping[str, Sequence[nn.Module]]

    @property
    def repair(self) -> Repair:
        """The post-processing of one frame, of the recipe it was trained by."""
        return self.method.repairs[self._recipe_name]

    @property
    def beat_repair(self) -> BeatRepair | None:
        """That over all frames, where its recipe has any."""
        return self.method.beat_repairs.get(self._recipe_name)

    @property
    def _recipe_name(self) -> RecipeName:
        return "tuned" if self.bundle.recipe_name == "tuned" else "paper"


def installed_models() -> list[ModelInfo]:
    """The models that installed packages announce."""
    return sorted((_info(name, path) for name, path in announced_files()), key=lambda info: info.name)


def _info(name: str, path: Path) -> ModelInfo:
    bundle = load_bundle(path)
    trained_on, licence, experimental = (
        str(bundle.card.get(key, "")) for key in ("trained_on", "licence", "experimental")
    )
    return ModelInfo(name, bundle.method, trained_on, licence, path, experimental)


def locate_model(name: str | None, method: str | None) -> Path:
    """The model file for `--model` and `--method`; the default model where neither is given.

    Raises:
        ModelMissing: no such model is installed and no such file exists.
        UnknownName: there is no such method.
    """
    if name is not None and Path(name).is_file():
        return Path(name)
    if method is not None and method not in method_names():
        method_named(method)  # refuses it with the names there are
    by_name = name or (DEFAULT_MODEL if method is None else None)
    for _, path in announced_files(by_name):
        if by_name or load_bundle(path).method == method:
            return path
    sought = (
        f"model {name!r}" if name else f"a model of method {method!r}" if method else f"the {DEFAULT_MODEL!r} model"
    )
    installed = ", ".join(f"{info.name!r} of method {info.method!r}" for info in installed_models())
    if installed:
        raise ModelMissing(sought, f"installed: {installed}", "choose one of these, train one, or give --model FILE")
    raise ModelMissing(sought, "neither an installed model nor a file of that name", HOW_TO_GET)


def ready_model(path: Path, compute: Compute) -> Model:
    """Load a model file and put its networks on the device, in eval mode.

    Raises:
        BadWeights: the weights do not fit the networks that the recipe builds; differing keys are listed.
        UnknownName: the method it was made by is not installed; BadConfiguration: its recipe has unknown settings.
    """
    return ready_bundle(load_bundle(path), compute, path)


def ready_bundle(bundle: Bundle, compute: Compute, path: Path) -> Model:
    """A bundle that is read already, or was just trained, made ready as `ready_model` does; `path` is for refusals."""
    try:
        method = method_named(bundle.method)
    except UnknownName as stranger:
        way_out = "use a version of shortaxis that has the method, or install the package it comes from"
        raise UnknownName(stranger.expected, stranger.found, way_out, path) from stranger
    own = [recipe for name, recipe in method.recipes.items() if name == bundle.recipe_name]
    recipe = [*own, *method.recipes.values()][0].overlaid(bundle.recipe, path)  # a recipe's parts may differ in kind
    stages = method.stages(recipe)
    nets = {
        stage.name: [_net(stage, bundle, member.get(stage.name), compute, path) for member in bundle.members]
        for stage in stages
    }
    return Model(bundle, method, stages, nets)


def sampling_model(model: Model, samples: int) -> Model:
    """The model whose last stage predicts by that many Monte-Carlo samples.

    Raises:
        BadConfiguration: the stage cannot sample, or fewer than two samples, which have no spread.
    """
    *locators, last = model.stages
    if not isinstance(last, Sampler):
        raise BadConfiguration(
            "a model whose method predicts by Monte-Carlo samples", f"{model.method.name}, which does not",
            "leave out --mc-samples, or choose a model of another --method",
        )  # fmt: skip
    if samples < 2:
        raise BadConfiguration("at least 2 Monte-Carlo samples", str(samples), "raise --mc-samples, or leave it out")
    return replace(model, stages=(*locators, last.sampling(samples)))


def _net(stage: Stage, bundle: Bundle, weights: Mapping[str, object] | None, compute: Compute, path: Path) -> nn.Module:
    try:
        net = stage.build(bundle.scheme)
    except (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError) as problem:
        found = (
            f"settings that build none ({type(problem).__name__})"  # widths below 1, or beyond this machine's memory
        )
        raise BadWeights(
            f"a recipe that builds stage {stage.name!r}", found, "fetch the model again", path
        ) from problem
    expected = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in (weights or {}).items()}  # type: ignore[attr-defined]
    differing = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    if differing:
        listed = ", ".join(differing[:5]) + (f" and {len(differing) - 5} more" if len(differing) > 5 else "")
        raise BadWeights(
            f"the weights of stage {stage.name!r} of {bundle.method}", f"differing: {listed}",
            "use the version of shortaxis that trained it, or train it again", path,
        )  # fmt: skip
    net.load_state_dict(dict(weights or {}))
    return compute.place(net).eval()

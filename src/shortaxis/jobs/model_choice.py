"""Which model segments a case: the one that was named, or of a method's several the one made for the case's modality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shortaxis.core.compute import Compute
from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import Structure
from shortaxis.core.modality import with_modality
from shortaxis.core.study import Study
from shortaxis.files.bundle import Bundle, load_bundle
from shortaxis.jobs.announced import announced_files
from shortaxis.jobs.models import Model, locate_model, ready_model, sampling_model


@dataclass(frozen=True, eq=False)
class NamedModel:
    """A ready model and the name that outputs call it by."""

    name: str
    model: Model


@dataclass(frozen=True, eq=False)
class ModelChoice:
    """The models that may be used, by the modality they were trained on."""

    by_modality: Mapping[str, NamedModel]

    def of(self, study: Study) -> NamedModel:
        """The model for a study: the only one there is, or that of the study's modality.

        Raises WrongKindOfScan where there are several and a study of one frame does not say what it is.
        """
        if len(self.by_modality) == 1:
            return next(iter(self.by_modality.values()))
        stated = with_modality(study, frozenset(self.by_modality))
        return self.by_modality[str(stated.facts.modality)]

    @property
    def sha256(self) -> str:
        """The hash of the model's file; of several the hashes in a fixed order."""
        return "+".join(sorted(held.model.bundle.sha256 for held in self.by_modality.values()))


def choose_models(name: str | None, method: str | None, compute: Compute, mc_samples: int | None = None) -> ModelChoice:
    """The models that `--model` or `--method` stands for, ready to run; the default model where neither is given.

    Args:
        name: an installed model's name or a model file.
        method: every modality's installed model of this method.
        compute: where they run.
        mc_samples: predict by that many Monte-Carlo samples.

    Raises:
        ModelMissing, BadWeights, UnknownName, BadConfiguration: as `locate_model`, `ready_model` and `sampling_model`.
    """
    paths = _installed_of(method) if method is not None and name is None else {}
    if len(paths) < 2:
        path = locate_model(name, method)
        paths = {path.stem: path}
    chosen = {}
    for path in paths.values():
        model = ready_model(path, compute)
        if method not in (None, model.method.name):
            found = f"--model {name}, which is of {model.method.name!r}"
            raise BadConfiguration(f"a model of --method {method!r}", found, "leave --model or --method out")
        model = model if mc_samples is None else sampling_model(model, mc_samples)
        chosen[modality_of(model.bundle)] = NamedModel(path.stem, model)
    return ModelChoice(chosen)


def modality_of(bundle: Bundle) -> str:
    """What a model was trained on; where its card does not say, its structures do: only late enhancement shows scar."""
    return bundle.card.get("modality") or ("lge" if bundle.scheme.has(Structure.INFARCT) else "cine")


def _installed_of(method: str) -> dict[str, Path]:
    """The first installed model of a method for each modality."""
    found: dict[str, Path] = {}
    for _, path in announced_files():
        bundle = load_bundle(path)
        if bundle.method == method:
            found.setdefault(modality_of(bundle), path)
    return found

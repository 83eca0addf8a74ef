"""The contract between methods and engines: `train` and `predict` know a Stage and a Method, never a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from shortaxis.core.found import Doubt, Found, Inferred, Piece
from shortaxis.core.labels import LabelScheme
from shortaxis.core.recipe import FitRecipe, Recipe
from shortaxis.core.sample import Batch, Sample
from shortaxis.core.study import Note, Species, Study

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

RecipeName = Literal["paper", "tuned"]


@dataclass(frozen=True, eq=False)
class Loss:
    """A step's loss: the scalar to minimise and its parts for the record.

    `watched` names the term whose validation mean the plateau schedule, early stopping and the choice of the best
    weights follow, where a paper follows another than the whole loss.
    """

    total: Tensor
    terms: Mapping[str, Tensor] = field(default_factory=dict)
    watched: str = "loss"


class Stage(Protocol):
    """One network of a method with everything around it that is the method's own.

    A locator is an ordinary first stage: its `Found` holds boxes, and the next stage gets it as `upstream`.
    """

    @property
    def name(self) -> str:  # properties, so that a frozen dataclass is a Stage
        """What the stage's weights are filed under."""
        ...

    @property
    def fit(self) -> FitRecipe:
        """How it is trained."""
        ...

    def build(self, scheme: LabelScheme) -> nn.Module:
        """The untrained network for the structures of `scheme`. Never downloads."""
        ...

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        """Samples of those frames, ready for the network, in the order of `frames`; lazily, so memory stays bounded."""
        ...

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        """What training starts from: labelled samples with room around them; deterministic, so they can be cached.

        `upstream` is None, or out-of-fold boxes: never a locator that has seen this patient's fold.
        """
        ...

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        """A random variation of an example at the network's size; with `rng` None the plain one, for validation."""
        ...

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        """The step's loss. The stage owns its step: several Monte-Carlo passes and deep supervision happen here."""
        ...

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        """Probabilities or corners for a batch; `net` is in eval mode and gradients are off."""
        ...

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        """The pieces of those frames put back on the study's grid. Samples have place and points; images are let go."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """What a stage offers beside `Stage` if it can predict by Monte-Carlo samples, as `segment --mc-samples` asks."""

    def sampling(self, samples: int) -> Stage:
        """The same stage, whose `infer` draws that many samples and gives their mean, variance and classes."""
        ...


@runtime_checkable
class TakesEncoder(Protocol):
    """What a stage offers beside `Stage` if its encoder can start from other weights, as `train --encoder-weights` asks."""

    def load_encoder(self, net: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        """Put `tensors` into the encoder of the untrained `net`; what is of no encoder is passed over.

        Raises BadWeights listing the keys that are missing, unknown or of another shape.
        """
        ...


@dataclass(frozen=True)
class Accepts:
    """What a method is made for; anything else is refused by name, never segmented in silence."""

    modalities: frozenset[str] = frozenset({"cine"})
    species: frozenset[str] = frozenset({"human"})


Repair = Callable[["NDArray[np.uint8]", LabelScheme], "NDArray[np.uint8]"]
"""Post-processing of one frame's labels [slice, row, col]; returns the same shape."""


class BeatRepair(Protocol):
    """Post-processing that needs the whole beat, after every frame's own. A cine's probabilities are too large to keep."""

    def doubts(
        self, frame: int, probs: NDArray[np.float32], likeliest: NDArray[np.uint8], scheme: LabelScheme
    ) -> Sequence[Doubt]:
        """What of one frame is to be kept until all frames are there.

        `probs` are [class, slice, row, col], `likeliest` [slice, row, col] the likeliest class as the scheme's number.
        """
        ...

    def settle(
        self, labels: NDArray[np.uint8], doubts: Sequence[Doubt], scheme: LabelScheme
    ) -> tuple[NDArray[np.uint8], tuple[Note, ...]]:
        """All frames' labels [frame, slice, row, col], mended, and what every output must say of it."""
        ...


@dataclass(frozen=True)
class Method:
    """A published method (or a baseline) as the engines see it.

    Attributes:
        name: as on the command line.
        title: one line for `shortaxis methods`.
        citation: where it was published.
        recipes: `paper` as published and `tuned` for the best masks in a sane budget.
        stages: from a recipe to its stages in order.
        repairs: post-processing of one frame by recipe: the paper's own (or none) and what the tuned one does.
        default_scheme: the structures it was published for.
        accepts: modalities and species it is made for.
        beat_repairs: post-processing over all frames by recipe, where there is any.
        tuned_for: what is laid over the `tuned` recipe for hearts of another species than man, whose pixels it has.
        dimensions: 2 where its segmenter sees slices (with or without neighbours as channels), 3 where it sees blocks.
    """

    name: str
    title: str
    citation: str
    recipes: Mapping[RecipeName, Recipe]
    stages: Callable[[Any], tuple[Stage, ...]]
    repairs: Mapping[RecipeName, Repair]
    default_scheme: LabelScheme
    accepts: Accepts = field(default_factory=Accepts)
    beat_repairs: Mapping[RecipeName, BeatRepair] = field(default_factory=dict)
    tuned_for: Mapping[Species, Mapping[str, Any]] = field(default_factory=dict)
    dimensions: Literal[2, 3] = 2

    def recipe_for(self, name: RecipeName, species: Species) -> Recipe:
        """A recipe for hearts of a species, before the user's own changes."""
        return self.recipes[name].overlaid(self.tuned_for.get(species, {}) if name == "tuned" else {})

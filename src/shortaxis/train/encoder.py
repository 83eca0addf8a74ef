"""A stage's start from an encoder that was trained elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Stage, TakesEncoder
from shortaxis.train.batches import step_seed


def starts_from_encoder(
    stages: Sequence[Stage],
    scheme: LabelScheme,
    tensors: Mapping[str, Tensor],
    initial: Mapping[str, Mapping[str, Tensor]] | None = None,
) -> dict[str, Mapping[str, Tensor]]:
    """Weights to start from by stage name: those of `initial`, else the random draw of `fit` with its encoder replaced.

    Raises:
        BadConfiguration: none of the stages takes an encoder, or `initial` has the weights of all that do.
        BadWeights: the encoder does not fit.
    """
    starts: dict[str, Mapping[str, Tensor]] = {}
    for stage in stages:
        if isinstance(stage, TakesEncoder):
            torch.manual_seed(step_seed(stage.fit.seed, -1, 0) % 2**31)  # as `fit` does: only the encoder differs
            net = stage.build(scheme)
            stage.load_encoder(net, tensors)
            starts[stage.name] = {name: value.detach() for name, value in net.state_dict().items()}
    if not starts:
        raise BadConfiguration(
            "a method with an encoder that can be given",
            f"none among the stages {', '.join(stage.name for stage in stages)}",
            "leave --encoder-weights out, or choose a method whose documentation names it",
        )
    if initial and starts.keys() <= initial.keys():
        found = f"both for {' and '.join(starts)}"
        raise BadConfiguration("whole weights (--init) or an encoder's", found, "leave --init or --encoder-weights out")
    return {**starts, **(initial or {})}

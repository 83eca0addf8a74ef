"""A plain safetensors file: tensors by name, without a manifest of ours (`convert-weights` makes such files)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shortaxis.core.errors import BadWeights, MissingFile

if TYPE_CHECKING:
    from torch import Tensor


def load_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file, floating point ones as float32.

    Raises:
        MissingFile: nothing at `path`.
        BadWeights: not a safetensors file, or a damaged one.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise MissingFile("a weights file (.safetensors)", "no file at that path", "check the path", path)
    try:
        tensors = load_file(path)
    except (SafetensorError, ValueError, KeyError) as problem:
        raise BadWeights(
            "a whole safetensors file", str(problem), "make it from a .pth file with `shortaxis convert-weights`", path
        ) from problem
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}

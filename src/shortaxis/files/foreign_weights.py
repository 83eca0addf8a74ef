"""Somebody else's PyTorch weights (.pth) -> plain safetensors, without running anything that the file holds.

A .pth file is a pickle, and a pickle can name any function to be called. torch's `weights_only` loader allows tensors
and containers alone; it runs in a child process, so that a mistake in it ends that process and not this one.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadWeights, MissingFile, UnknownFormat
from shortaxis.files.child import Limits, run_in_child
from shortaxis.files.replace import refuse_to_replace
from shortaxis.files.writer import write_bytes

WRAPPERS = ("state_dict", "model_state_dict", "model")  # what training scripts put around a network's weights
MAX_DEPTH = 8
LEAST_MEMORY_BYTES = 2**31
SECONDS = 600.0


def convert_weights(source: Path, target: Path, overwrite: bool) -> dict[str, tuple[int, ...]]:
    """Write the weights of the .pth file `source` to the safetensors file `target` under the .pth's own keys.

    A dictionary of weights is looked for at the top and under `state_dict`, `model_state_dict` or `model`; nested ones
    get their keys joined by dots. What is no tensor (epochs, settings) is left out. bfloat16 becomes float32, because
    numpy has no such numbers; every other type stays.

    Returns:
        Key -> shape, in the file's order.

    Raises:
        UnknownFormat: `target` does not end in .safetensors.
        OutputExists: `target` exists and `overwrite` is off.
        BadWeights: the file holds no tensors, or something that would run code when it is loaded.
        ShortaxisError: MissingFile; what `run_in_child` raises; WriteFailed.
    """
    if target.suffix != ".safetensors":
        way_out = "give --out a name such as vgg16.safetensors"
        raise UnknownFormat("an output named ....safetensors", target.name, way_out, target)
    refuse_to_replace(target.parent, [target.name], overwrite)
    if not source.is_file():
        raise MissingFile("a PyTorch weights file (.pth)", "no file at that path", "check the path", source)
    memory_bytes = LEAST_MEMORY_BYTES + 4 * source.stat().st_size  # the file, its tensors, and copies in order
    weights = run_in_child(decode_pth, source, Limits(memory_bytes, SECONDS), ("torch",))
    from safetensors.numpy import save

    arrays = {key: value for key, value in weights.items() if isinstance(value, np.ndarray)}
    write_bytes(target, save(arrays, metadata={"format": "pt"}))
    return {key: value.shape for key, value in arrays.items()}


def decode_pth(path: Path) -> dict[str, NDArray[np.generic]]:
    """A .pth file's tensors as arrays; runs in the child process. Raises BadWeights and whatever torch raises."""
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as problem:
        named = re.search(r"GLOBAL ([\w.]+)", str(problem))
        found = f"{named[1]}, which loading would call" if named else "something else, or a damaged pickle"
        way_out = "use a file that holds a state_dict and nothing else"
        raise BadWeights("tensors and plain containers alone", found, way_out) from problem
    arrays = {
        key: (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().contiguous().numpy()
        for key, tensor in _tensors(_unwrapped(content), "", 0)
    }
    if not arrays:
        raise BadWeights("a dictionary of tensors", f"a {type(content).__name__} without any", "choose another file")
    return arrays


def _unwrapped(content: Any) -> Any:
    """The weights inside what training scripts put around them."""
    for _ in range(MAX_DEPTH):
        inner = next((content[key] for key in WRAPPERS if isinstance(content, Mapping) and key in content), None)
        if not isinstance(inner, Mapping):
            return content
        content = inner
    return content


def _tensors(content: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(content, torch.Tensor) and name:
        yield name, content
    elif isinstance(content, Mapping) and depth < MAX_DEPTH:
        for key, part in content.items():
            yield from _tensors(part, f"{name}.{key}" if name else str(key), depth + 1)

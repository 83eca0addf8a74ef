"""A safetensors file, plain or with a manifest of ours in its header: read whole, its header checked before the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from shortaxis.core.errors import BadWeights, MissingFile, TooLarge, Unreadable

if TYPE_CHECKING:
    from torch import Tensor

HEADER_LIMIT_BYTES = 4 * 2**20  # a manifest with a card takes some tens of kilobytes
_WAY_OUT = "fetch or train the model again; foreign weights (.pth) go through `shortaxis convert-weights`"


def load_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a plain file (`convert-weights` makes such), floating point ones as float32.

    Raises what `read_safetensors` raises.
    """
    _, tensors = read_safetensors(path)
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}


def read_safetensors(
    path: Path, look: Callable[[bytes], object] = lambda header: None
) -> tuple[bytes, dict[str, Tensor]]:
    """A file's bytes and its tensors in their stored types.

    `look` is given the header's JSON before the rest is read, and may refuse it: another program's file may be huge.

    Raises:
        MissingFile: nothing at `path`.
        Unreadable: a file this user may not read.
        TooLarge: more than the memory.
        BadWeights: not a safetensors file, a damaged one, or a header over 4 MiB.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        if not path.is_file():
            raise MissingFile("a model file (.safetensors)", "no file at that path", "check the path", path)
        with path.open("rb") as stream:
            start = stream.read(8)
            size, file_bytes = int.from_bytes(start, "little"), path.stat().st_size
            if len(start) < 8 or not 2 <= size <= min(HEADER_LIMIT_BYTES, file_bytes - 8):
                is_pickled = start.startswith((b"PK", b"\x80"))  # a zip, as PyTorch writes one, or a bare pickle
                found = "a checkpoint of PyTorch (.pth)" if is_pickled else f"a header of {size} bytes"
                expected = f"a safetensors file, with a header of at most {HEADER_LIMIT_BYTES} bytes"
                raise BadWeights(expected, found, _WAY_OUT, path)
            header = stream.read(size)
            look(header)
            data = start + header + stream.read()
        return data, load(data)
    except OSError as problem:
        raise Unreadable("a file this user may read", str(problem.strerror), "check its permissions", path) from problem
    except MemoryError as problem:
        raise TooLarge("weights that fit in memory", "not enough", "close other programs", path) from problem
    except (SafetensorError, ValueError, KeyError) as problem:
        raise BadWeights("a whole safetensors file", str(problem), _WAY_OUT, path) from problem

"""What of a .mat file's content is numbers and text, under flat names. Runs in a child process; see `mat.read_mat`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import DamagedFile, TooLarge

MAX_DEPTH = 32
MAX_VALUES = 100_000
Values = dict[str, NDArray[np.generic] | str]


def decode_mat5(path: Path) -> Values:
    """A file of version 5 to 7. Raises DamagedFile, TooLarge and whatever scipy raises."""
    from scipy.io import loadmat

    values: Values = {}
    for name, value in loadmat(path, appendmat=False).items():
        if not name.startswith("__"):  # scipy's own entries about the file
            _flatten(name, value, values, 0)
    return values


def decode_hdf5(path: Path, budget_bytes: int) -> Values:
    """A file of version 7.3. Raises DamagedFile, TooLarge and whatever h5py raises."""
    h5py = _h5py()

    with h5py.File(path, "r") as file:
        return _Hdf5(file, budget_bytes).values_of()


def _flatten(name: str, value: Any, values: Values, depth: int) -> None:
    _check_nesting(depth, len(values))
    if not isinstance(value, np.ndarray) or "Matlab" in type(value).__name__:
        return  # sparse matrices, function handles, objects
    if value.dtype.names is not None:
        elements = value.ravel(order="F")
        for place, element in zip(_places(name, elements.size), elements, strict=True):
            for field in value.dtype.names:
                _flatten(f"{place}.{field}", element[field], values, depth + 1)
    elif value.dtype.kind == "O":
        for index, part in enumerate(value.ravel(order="F")):
            _flatten(f"{name}[{index}]", part, values, depth + 1)
    elif value.dtype.kind == "U":
        values[name] = "\n".join(str(row) for row in value.ravel())
    elif value.dtype.kind in "biufc":
        values[name] = value


def _places(name: str, n_elements: int) -> Iterator[str]:
    """A struct's name for each of its elements: without a number where there is only one."""
    return iter([name]) if n_elements == 1 else (f"{name}[{index}]" for index in range(n_elements))


def _check_nesting(depth: int, n_values: int) -> None:
    if depth > MAX_DEPTH:
        raise DamagedFile(f"at most {MAX_DEPTH} levels of nesting", "more", "save the variables one by one")
    if n_values > MAX_VALUES:
        raise TooLarge(f"at most {MAX_VALUES} values", "more", "save the variables that are needed")


class _Hdf5:
    """MATLAB's use of HDF5: structs are groups, cells and arrays of structs hold references into `#refs#`.

    Dimensions are stored in the opposite order and are put back. Links to other files are not followed.
    """

    def __init__(self, file: Any, budget_bytes: int) -> None:
        self.file = file
        self.budget_bytes = budget_bytes
        self.values: Values = {}

    def values_of(self) -> Values:
        for name in self.file:
            if not name.startswith("#"):
                self.add(name, self.linked(self.file, name), 0)
        return self.values

    def linked(self, group: Any, name: str) -> Any:
        h5py = _h5py()

        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise DamagedFile("a .mat file that MATLAB wrote", f"a link named {name!r}", "save the file anew")
        return group[name]

    def add(self, name: str, item: Any, depth: int) -> None:
        h5py = _h5py()

        _check_nesting(depth, len(self.values))
        if isinstance(item, h5py.Dataset):
            self.add_dataset(name, item, depth)
            return
        fields = {field: self.linked(item, field) for field in item}
        many = {key: part for key, part in fields.items() if _holds_references(part) and not _class_of(part)}
        for field, part in fields.items():
            if field in many:
                for place, target in zip(_places(name, part.size), self.targets(part), strict=True):
                    self.add(f"{place}.{field}", target, depth + 1)
            else:
                self.add(f"{name}.{field}", part, depth + 1)

    def add_dataset(self, name: str, item: Any, depth: int) -> None:
        if item.external is not None or item.is_virtual:
            raise DamagedFile("a .mat file that holds its data", f"{name} in another file", "save the file anew")
        if "MATLAB_sparse" in item.attrs or _class_of(item) in ("function_handle", "opaque"):
            return
        if item.attrs.get("MATLAB_empty"):
            self.add_empty(name, item)
            return
        self.budget_bytes -= item.nbytes  # as the header claims, before anything is read
        if self.budget_bytes < 0:
            raise TooLarge("content within the budget", f"{name} of {item.nbytes} bytes", "raise the budget")
        if _holds_references(item):
            for index, target in enumerate(self.targets(item)):
                self.add(f"{name}[{index}]", target, depth + 1)
            return
        array = item[()].T
        if _class_of(item) == "char":
            rows = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
            self.values[name] = "\n".join(row.astype("<u2").tobytes().decode("utf-16-le", "replace") for row in rows)
        elif array.dtype.names == ("real", "imag"):
            self.values[name] = array["real"] + 1j * array["imag"]
        elif array.dtype.kind in "biufc":
            self.values[name] = array.astype(bool) if _class_of(item) == "logical" else array

    def add_empty(self, name: str, item: Any) -> None:
        """A variable without elements: what is stored are its dimensions."""
        if _class_of(item) == "char":
            self.values[name] = ""
        elif _class_of(item) not in ("cell", "struct"):
            shape = tuple(int(length) for length in item[()].ravel()[:MAX_DEPTH])
            if 0 in shape:
                self.values[name] = np.zeros(shape)

    def targets(self, item: Any) -> Iterator[Any]:
        for reference in item[()].T.ravel(order="F"):
            if reference:
                yield self.file[reference]
            else:
                raise DamagedFile("references that lead somewhere", "one that does not", "save the file anew")


def _h5py() -> Any:
    """The module, which is an extra: a type checker may not have it."""
    return import_module("h5py")


def _holds_references(item: Any) -> bool:
    h5py = _h5py()

    return isinstance(item, h5py.Dataset) and h5py.check_ref_dtype(item.dtype) is h5py.Reference


def _class_of(item: Any) -> str:
    stated = item.attrs.get("MATLAB_class", b"")
    return stated.decode("ascii", "replace") if isinstance(stated, bytes) else str(stated)

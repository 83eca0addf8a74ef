"""What hypothesis draws from: voxels, affines, grids, masks, names, tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from shortaxis.core.study import Grid
from shortaxis.files.nifti_header import VOXEL_TYPES

DTYPES = tuple(np.dtype(name) for name in VOXEL_TYPES.values())
SHAPES = hnp.array_shapes(min_dims=4, max_dims=4, min_side=1, max_side=5)
SPACINGS_MM = st.floats(0.2, 20.0)
NAMES = st.text(max_size=30)
IDENTIFIERS = st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=24, unique=True)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcäß _", max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@st.composite
def voxels(draw: st.DrawFn, dtypes: tuple[np.dtype, ...] = DTYPES) -> NDArray[Any]:
    """[frame, slice, row, col] of finite numbers of any type that NIfTI stores."""
    dtype = draw(st.sampled_from(dtypes))
    whole = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    return draw(hnp.arrays(dtype, draw(SHAPES), elements=hnp.from_dtype(dtype, **whole)))


@st.composite
def rotations(draw: st.DrawFn) -> NDArray[np.float64]:
    """3x3, any turn, mirrored or not."""
    a, b, c = (draw(st.floats(-np.pi, np.pi)) for _ in range(3))
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_x @ about_y @ about_z @ np.diag([1, 1, draw(st.sampled_from([1.0, -1.0]))])


@st.composite
def grids(draw: st.DrawFn, shape: tuple[int, int, int] = (3, 4, 5)) -> Grid:
    """A grid anywhere in the patient."""
    slice_mm, row_mm, col_mm = (draw(SPACINGS_MM) for _ in range(3))
    affine = np.eye(4)
    affine[:3, :3] = draw(rotations()) * (col_mm, row_mm, slice_mm)
    affine[:3, 3] = [draw(st.floats(-300, 300)) for _ in range(3)]
    return Grid(shape, affine, (slice_mm, row_mm, col_mm))


@st.composite
def mask_pairs(draw: st.DrawFn) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two masks [slice, row, col] of one shape, empty ones among them."""
    shape = draw(hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=7))
    density = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])), draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.random(shape) < density[0], rng.random(shape) < density[1]

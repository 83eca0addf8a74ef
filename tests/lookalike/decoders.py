"""Decoders that do to their process what a damaged file may do to one."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import UnknownFormat


def several_kinds(path: Path, factor: int) -> dict[str, NDArray[np.generic] | str]:
    sys.stdout.write("what a decoder says does not spoil its answer")
    return {
        "name": path.name,
        "swapped": np.array([[1, 2, 3], [4, 5, 6]], ">i4").T * factor,
        "truth": np.array(True),
        "empty": np.zeros((0, 3), np.float32),
        "wave": np.array([1 + 2j]),
    }


def aborts(path: Path) -> dict[str, str]:
    os.abort()


def reads_nowhere(path: Path) -> dict[str, str]:
    ctypes.string_at(0)
    return {}


def leaves(path: Path) -> dict[str, str]:
    os._exit(0)


def sleeps(path: Path) -> dict[str, str]:
    time.sleep(60)
    return {}


def swells(path: Path) -> dict[str, NDArray[np.uint8]]:
    return {"large": np.ones(2**30, np.uint8)}


def raises(path: Path) -> dict[str, str]:
    raise ValueError("an odd \x1b[31m value\nand a second line")


def refuses(path: Path) -> dict[str, str]:
    raise UnknownFormat("this", "that", "do so")


def gives_objects(path: Path) -> dict[str, NDArray[np.object_]]:
    return {"object": np.array([{}], object)}


def crashes_on_the_sixth(path: Path, places: list[tuple[str, int | None]]) -> dict[str, NDArray[np.generic] | str]:
    """As the codec's child does, but the file IM00005 of series 0011 ends the process."""
    from shortaxis.read.dicom.codec import decode_places

    if any(name.endswith("0011/IM00005") for name, _ in places):
        os.abort()
    return decode_places(path, places)


def codec_swells(path: Path, places: list[tuple[str, int | None]]) -> dict[str, NDArray[np.generic] | str]:
    return {"0": np.ones(2**33, np.uint8)}


def codec_sleeps(path: Path, places: list[tuple[str, int | None]]) -> dict[str, NDArray[np.generic] | str]:
    time.sleep(60)
    return {}

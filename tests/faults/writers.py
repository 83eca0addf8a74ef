"""Every function that puts a file in place, with contents long enough to be cut at fifty pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from shortaxis.core.labels import ACDC
from shortaxis.core.study import Grid
from shortaxis.files.bundle import Bundle, save_bundle
from shortaxis.files.line_file import LineFile
from shortaxis.files.replace import replace_file, whole_folder
from shortaxis.files.writer import write_bytes, write_csv, write_image, write_json, write_labels, write_text
from tests.lookalike.nifti_files import AFFINE

LONG = 220_000  # bytes, at least: 53 pages
_GRID = Grid((2, 240, 240), AFFINE, (8, 1.5, 1.5))


@dataclass(frozen=True)
class Writer:
    """A function of the package that writes.

    Attributes:
        name: the function's, as `module.function` below `shortaxis`.
        write: writes generation 0, 1, ... of its file or files into a folder.
    """

    name: str
    write: Callable[[Path, int], None]

    def begin(self, folder: Path) -> Callable[[], None]:
        """Write what is there earlier, and return the next write."""
        self.write(folder, 0)
        return lambda: self.write(folder, 1)


def _noise(generation: int) -> np.ndarray:
    return np.random.default_rng(generation).integers(0, 255, (2, 2, 240, 240)).astype(np.uint8)


def _text(generation: int) -> str:
    return f"generation {generation}, as long as it takes; " * (LONG // 34)


def _folder(folder: Path, generation: int) -> None:
    with whole_folder(folder / "case") as part:
        write_bytes(part / "mask.bin", _noise(generation).tobytes())
        write_text(part / "inner" / "page.html", _text(generation))
        write_json(part / "manifest.json", {"generation": generation})


def _lines(folder: Path, generation: int) -> None:
    growing = LineFile(folder / "record.jsonl", [{"earlier": 1}])
    try:
        if generation:
            growing.add({"line": _text(generation)})
    finally:
        growing.close()


def _bundle(folder: Path, generation: int) -> None:
    import torch

    member = {"segment": {"weight": torch.rand(LONG // 2, generator=torch.Generator().manual_seed(generation))}}
    save_bundle(folder / "model.safetensors", Bundle("unet", "tuned", {}, ACDC, [member], {"trained_on": "nobody"}))


def _state(folder: Path, generation: int) -> None:
    import torch

    from shortaxis.train.state import State, save_state

    for step in (1, 2) if generation == 0 else (3,):  # both generations are there before anything goes wrong
        save_state(folder, State(step, net={"weight": torch.full((LONG // 4,), float(step))}), {"stage": "segment"})


def _record(folder: Path, generation: int) -> None:
    from shortaxis.train.record import Record

    if generation == 0:  # the last line is of a step that is taken again, so it goes
        lines = '{"step": 1, "loss": 0.5}\n' * (LONG // 24) + '{"step": 2, "loss": 0.4}\n'
        write_text(folder / "record.jsonl", lines)
    else:
        Record(folder / "record.jsonl", 1, 0, active=True).close()


def _weights(folder: Path, generation: int) -> None:
    from shortaxis.files.foreign_weights import convert_weights

    source = folder / "source.pth"
    if not source.exists():
        source.write_bytes(b"stands for a file of PyTorch's")
    arrays = {"weight": _noise(generation).astype(np.float32)[0]}
    with mock.patch("shortaxis.files.foreign_weights.run_in_child", return_value=arrays):
        convert_weights(source, folder / "weights.safetensors", overwrite=True)


def _table(generation: int) -> list[dict[str, object]]:
    return [{"case": f"p{number}", "ef_percent": number + generation / 3} for number in range(LONG // 12)]


WRITERS = (
    Writer("files.replace.replace_file", lambda folder, n: replace_file(folder / "a.bin", _noise(n).tobytes())),
    Writer("files.replace.whole_folder", _folder),
    Writer("files.line_file.LineFile", _lines),
    Writer("files.writer.write_bytes", lambda folder, n: write_bytes(folder / "a.png", _noise(n).tobytes())),
    Writer("files.writer.write_text", lambda folder, n: write_text(folder / "new" / "a.html", _text(n))),
    Writer("files.writer.write_json", lambda folder, n: write_json(folder / "a.json", {"text": _text(n)})),
    Writer("files.writer.write_csv", lambda folder, n: write_csv(folder / "a.csv", _table(n))),
    Writer("files.writer.write_labels", lambda folder, n: write_labels(folder / "a.nii", _noise(n), _GRID, True)),
    Writer("files.writer.write_image", lambda folder, n: write_image(folder / "a.nii.gz", _noise(n), _GRID, True)),
    Writer("files.bundle.save_bundle", _bundle),
    Writer("files.foreign_weights.convert_weights", _weights),
    Writer("train.state.save_state", _state),
    Writer("train.record.Record", _record),
)

"""The three tasks that are killed: training a method, keeping trained stages for a comparison, and segmenting a cohort."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from shortaxis.core.compute import Compute
from shortaxis.core.labels import ACDC
from shortaxis.experiments.compare.contender import contender, train_contender, write_model
from shortaxis.experiments.compare.pieces import Bench
from shortaxis.experiments.compare.plan import Budget, Entry
from shortaxis.files.bundle import load_bundle
from shortaxis.files.tensors import load_tensors
from shortaxis.jobs.segment_cohort import SegmentOptions, segment_cohort
from shortaxis.jobs.train_method import TrainOptions, train_method
from shortaxis.jobs.training_cases import training_cases
from shortaxis.train.folds import split_by_patient
from shortaxis.train.record import read_record
from shortaxis.train.state import CURRENT, PREVIOUS, read_state

SAVE_EVERY = 2
CPU = Compute("cpu", False)
SMALL = {
    "locate": {"input_size": 32, "widths": (4, 4, 8, 8), "dense_width": 8},
    "locate_fit": {"steps": 7, "batch": 4, "validate_every": 3},
    "segment": {"widths": (4, 8), "crop": {"size_px": 32, "pixel_mm": 4.0, "room_px": 4}},
    "segment_fit": {"steps": 9, "batch": 5, "validate_every": 4, "warmup_steps": 1},
}


@dataclass(frozen=True)
class Training:
    """Both stages of the plain U-Net on one fold, by two threads that prepare batches."""

    data: Path
    name: str = "training"

    def run(self, folder: Path) -> None:
        options = TrainOptions(
            fold=0, folds=2, recipe="tuned", changes=SMALL, resume=True, device="cpu", precision="float32", workers=2,
            save_every=SAVE_EVERY,
        )  # fmt: skip
        train_method("unet", self.data, "acdc", folder, options)

    def check(self, folder: Path) -> None:
        for stage in ("locate", "segment"):
            check_states(folder / "fold-0" / stage, SAVE_EVERY)
        check_files(folder)

    def result(self, folder: Path) -> dict[str, str]:
        fold = folder / "fold-0"
        kept = {name: sha256((fold / name).read_bytes()) for name in ("model.safetensors", "fold.json")}
        return kept | {f"{stage} record": record_hash(fold / stage) for stage in ("locate", "segment")}


@dataclass(frozen=True)
class Keeping:
    """Trained stages that a comparison keeps and shares: two entries with one locator, weights at three steps each."""

    data: Path
    name: str = "keeping"

    def run(self, folder: Path) -> None:
        cases = training_cases(self.data, "acdc", ACDC)
        bench = Bench(folder, cases, ACDC, CPU)
        fold = split_by_patient([case.patient for case in cases], {}, 2, seed=0)[0]
        for label, width in (("one", 4), ("two", 6)):
            changes = {**SMALL, "segment": {**SMALL["segment"], "widths": (width, 8)}}
            who = contender(Entry(label, "unet", "tuned", changes), Budget(6, 5), cases[0].read(), bench)
            pieces = train_contender(who, 0, fold, bench, 3)
            assert pieces is not None
            write_model(folder / f"{label}.safetensors", who, pieces, fold, bench)

    def check(self, folder: Path) -> None:
        for stage in (folder / "stages").glob("*"):
            check_states(stage, 100)
        check_files(folder)

    def result(self, folder: Path) -> dict[str, str]:
        kept = {path: path.read_bytes() for path in (*folder.glob("*.safetensors"), *folder.glob("stages/*/weights-*"))}
        for path in folder.glob("stages/*/done.json"):
            done = json.loads(path.read_text("utf-8"))
            del done["memory"]  # measured, and so another in every run
            kept[path] = json.dumps(done, sort_keys=True).encode()
        return {str(path.relative_to(folder)): sha256(content) for path, content in kept.items()}


@dataclass(frozen=True)
class Predicting:
    """`segment` over a small cohort, pages and tables included."""

    data: Path
    model: Path
    name: str = "predicting"

    def run(self, folder: Path) -> None:
        options = SegmentOptions(model=str(self.model), device="cpu", precision="float32")
        found = segment_cohort([self.data], folder, options)
        assert not found.failed, found.failed

    def check(self, folder: Path) -> None:
        for case in folder.glob("[!.]*/"):
            manifest = json.loads((case / "manifest.json").read_text("utf-8"))
            for name, expected in manifest["outputs"].items():
                assert sha256((case / name).read_bytes()) == expected, f"{case.name}/{name}"
        check_files(folder)

    def result(self, folder: Path) -> dict[str, str]:
        files = [path for path in folder.rglob("*") if path.is_file() and not hidden(path, folder)]
        return {str(path.relative_to(folder)): sha256(path.read_bytes()) for path in files}


def check_states(stage: Path, save_every: int) -> None:
    """One generation at least is whole where there is any, and no more than a save interval was lost."""
    generations = [stage / name for name in (CURRENT, PREVIOUS) if (stage / name).is_file()]
    steps = [read_state(path)[0]["step"] for path in generations]  # of a killed process both must be whole
    assert steps == sorted(steps, reverse=True), f"{stage.name}: {steps}"
    taken = max((line["step"] for line in read_record(stage / "record.jsonl")), default=0)
    assert taken - max(steps, default=0) <= save_every, f"{stage.name}: step {taken} was taken, {steps} are saved"


def check_files(folder: Path) -> None:
    """What stands under its own name can be read: JSON, weights, models; half of anything bears a name with a dot."""
    for path in folder.rglob("*"):
        if not path.is_file() or hidden(path, folder):
            continue
        if path.suffix == ".json":
            json.loads(path.read_text("utf-8"))
        elif path.name.startswith("weights-"):
            load_tensors(path)
        elif path.suffix == ".safetensors" and not path.name.startswith("state"):
            load_bundle(path)


def hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def record_hash(stage: Path) -> str:
    """Of every line but its time."""
    lines = [{key: value for key, value in line.items() if key != "seconds"} for line in
             read_record(stage / "record.jsonl")]  # fmt: skip
    return sha256(json.dumps(lines).encode())


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

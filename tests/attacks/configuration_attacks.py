"""Bad configurations: names nobody knows, values of another kind, code in text, files that end a parser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from shortaxis.cli.options import settings_of
from shortaxis.core.recipe import read_toml
from shortaxis.experiments.compare.folds import read_split
from shortaxis.experiments.compare.plan import read_plan_file
from shortaxis.methods import method_named
from shortaxis.read.nnunet import nnunet_scheme
from tests.attacks.attack import Attack

Make = Callable[[Path], Path]


def toml(text: str | bytes, name: str = "mine.toml") -> Make:
    def make(folder: Path) -> Path:
        folder.mkdir(parents=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return folder / name

    return make


def as_train_reads(path: Path) -> None:
    """As `train unet --config` does."""
    method_named("unet").recipes["tuned"].overlaid(read_toml(path), path)


def as_set_reads(path: Path) -> None:
    """Each line of a file as one `--set`."""
    method_named("unet").recipes["tuned"].overlaid(settings_of(path.read_text("utf-8").splitlines()), path)


def as_compare_reads(path: Path) -> None:
    read_plan_file(path, "tuned")


def as_compare_splits(path: Path) -> None:
    read_split(str(path))


def as_nnunet_reads(path: Path) -> None:
    nnunet_scheme(path.parent)


def split(*folds: tuple[list[str], list[str]]) -> Make:
    told = {"folds": [{"train": train, "validation": held_out} for train, held_out in folds]}
    return toml(json.dumps(told), "split.json")


CODE = "__import__('os').system('touch canary')"
DEEP = "[" * 50_000
UNKNOWN: tuple[Attack, ...] = (
    Attack("an unknown key at the top", toml("segmnt = 3"), as_train_reads, "SA-E061", "'segment'"),
    Attack("an unknown table", toml("[optimiser]\nname = 'adam'"), as_train_reads, "SA-E061", "optimiser"),
    Attack("an unknown key one level down", toml("[segment_fit]\nlearning_rat = 1e-3"), as_train_reads, "SA-E061",
           "segment_fit.learning_rat.*'learning_rate'"),
    Attack("an unknown key two levels down", toml("[segment.crop]\nroom = 3"), as_train_reads, "SA-E061",
           "segment.crop.room.*'room_px'"),
    Attack("an unknown key of a comparison", toml("stps = 3"), as_compare_reads, "SA-E061", "'steps'"),
    Attack("an unknown key of an entry", toml("[[entry]]\nmetod = 'unet'"), as_compare_reads, "SA-E061",
           "metod.*'method'"),
    Attack("an unknown key given with --set", toml("segment.widts=[4,8]"), as_set_reads, "SA-E061", "'widths'"),
)  # fmt: skip
KINDS: tuple[Attack, ...] = (
    Attack("text for a number", toml("[segment_fit]\nsteps = 'many'"), as_train_reads, "SA-E061", "segment_fit.steps"),
    Attack("a number in quotes", toml("[segment_fit]\nsteps = '300'"), as_train_reads, "SA-E061", "segment_fit.steps"),
    Attack(
        "true for a number", toml("[segment_fit]\nlearning_rate = true"), as_train_reads, "SA-E061", "learning_rate"
    ),
    Attack(
        "a fraction for a count", toml("[segment_fit]\nbatch = 2.5"), as_train_reads, "SA-E061", "segment_fit.batch"
    ),
    Attack("NaN for a rate", toml("[segment_fit]\nlearning_rate = nan"), as_train_reads, "SA-E061", "learning_rate"),
    Attack("infinity for a rate", toml("[segment_fit]\nlearning_rate = inf"), as_train_reads, "SA-E061"),
    Attack("a batch of nothing", toml("[segment_fit]\nbatch = 0"), as_train_reads, "SA-E061", "batch"),
    Attack("fewer than no steps", toml("[segment_fit]\nsteps = -1"), as_train_reads, "SA-E061", "steps"),
    Attack("a number for a table", toml("segment = 3"), as_train_reads, "SA-E061", "segment"),
    Attack("a table for a number", toml("[segment_fit.steps]\na = 1"), as_train_reads, "SA-E061", "segment_fit.steps"),
    Attack("a list for a table", toml("segment_fit = [1, 2]"), as_train_reads, "SA-E061"),
    Attack("a list of another length", toml("[segment_fit]\nbetas = [0.9]"), as_train_reads, "SA-E061", "betas"),
    Attack("a date", toml("[segment_fit]\nsteps = 2020-01-01"), as_train_reads, "SA-E061"),
    Attack("an entry that is no table", toml("entry = 7"), as_compare_reads, "SA-E061"),
    Attack("models that are numbers", toml("[[entry]]\nmodel = 3"), as_compare_reads, "SA-E061", "model"),
)
CODES: tuple[Attack, ...] = (
    Attack("code for a choice", toml(f'[segment_fit]\noptimiser = "{CODE}"'), as_train_reads, "SA-E061", "optimiser"),
    Attack("code for a number in a configuration", toml(f'[segment_fit]\nsteps = "{CODE}"'), as_train_reads, "SA-E061"),
    Attack("code for a key", toml(f'"{CODE}" = 1'), as_train_reads, "SA-E061"),
    Attack("an import path for a choice", toml('[segment_fit]\nschedule = "os.system"'), as_train_reads, "SA-E061"),
    Attack("a class to be built", toml('[segment]\n_target_ = "os.system"'), as_train_reads, "SA-E061", "_target_"),
    Attack("a tag of another format", toml("!!python/object/apply:os.system ['true']"), as_train_reads, "SA-E061"),
    Attack("code given with --set", toml(f"segment_fit.steps={CODE}"), as_set_reads, "SA-E061"),
)
PARSERS: tuple[Attack, ...] = (
    Attack("no configuration", lambda folder: folder / "none.toml", as_train_reads, "SA-E001"),
    Attack("no TOML", toml("[segment"), as_train_reads, "SA-E061", "valid TOML"),
    Attack("TOML that is no UTF-8", toml(b"\xff\xfe\x00"), as_train_reads, "SA-E061"),
    Attack("TOML that says a thing twice", toml("segment = 1\nsegment = 2"), as_train_reads, "SA-E061"),
    Attack("TOML nested without end", toml(f"a = {DEEP}"), as_train_reads, "SA-E061"),
    Attack("a number of ten thousand digits", toml(f"a = {'1' * 10_000}"), as_train_reads, "SA-E061"),
    Attack("TOML of two megabytes", toml("# " + "x" * 2**21), as_train_reads, "SA-E004"),
    Attack("nesting without end given with --set", toml(f"segment_fit.steps={DEEP}"), as_set_reads, "SA-E061"),
    Attack("a split nested without end", toml(DEEP, "split.json"), as_compare_splits, "SA-E061"),
    Attack("a split of another kind", toml('{"folds": 3}', "split.json"), as_compare_splits, "SA-E061"),
    Attack("a split that is a pickle", toml(b"\x80\x04\x95", "split.json"), as_compare_splits, "SA-E061"),
    Attack("a patient on both sides", split((["a", "b"], ["b"]), (["b"], ["a"])), as_compare_splits, "SA-E064", "b"),
    Attack("a patient held out twice", split((["a"], ["b"]), (["a"], ["b"])), as_compare_splits, "SA-E064", "b"),
    Attack("a dataset.json nested without end", toml(DEEP, "dataset.json"), as_nnunet_reads, "SA-E061"),
    Attack("a dataset.json without labels", toml("{}", "dataset.json"), as_nnunet_reads, "SA-E061"),
)
ATTACKS = UNKNOWN + KINDS + CODES + PARSERS

"""Whole command lines on a disk that is full or refuses: one refusal, nothing half, nothing that was there is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shortaxis.cli.exit_codes import Exit
from tests.cli.commands import command_names
from tests.faults import tally
from tests.faults.commands import COMMANDS, Command, done, make_inputs, run, whole
from tests.faults.disk import PAGE, Files, files_below, full_tmpfs, read_only, size_limit
from tests.survival.tasks import check_files

A_FEW, MANY = 2, 8
LONG = ("compare", "convert-weights")  # half a minute each
# Commands that write nothing, and those whose writing is another command's in a longer run.
OTHERS = {"check", "methods", "models", "demo", "split-effect", "nnunet"}
QUICK = [command for command in COMMANDS if command.name not in LONG]
ALWAYS_ANEW = ("index.html", "recipe.json", "cases.json", "data.json", "folds.json")  # or `tables/`, `figures/`


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


@pytest.fixture(scope="module")
def clean(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Files, Files]]:
    """By command: what lay in its folder before and after a run that nothing stopped; made when first asked for."""

    class Runs(dict[str, tuple[Files, Files]]):
        def __missing__(self, name: str) -> tuple[Files, Files]:
            command = next(one for one in COMMANDS if one.name == name)
            self[name] = whole(command, inputs, tmp_path_factory.mktemp(name))
            return self[name]

    return Runs()


def begin(command: Command, clean: tuple[Files, Files], out: Path) -> Files:
    """The folder as it is before the run that will fail."""
    earlier, after = clean
    if command.before is None:
        earlier = {name: b"earlier: " + name.encode() for name in after}
    shutil.rmtree(out, ignore_errors=True)
    for name, content in earlier.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(content)
    out.mkdir(exist_ok=True)
    return earlier


def refused(command: Command, inputs: Path, out: Path) -> None:
    """The line ends with the status of what could not be written and says so once, or once for each case."""
    status, said = run(command.line(inputs, out))
    assert status == Exit.NOT_WRITTEN or (status == Exit.SOME_FAILED and command.of_cases), said
    assert "Traceback" not in said and "SA-E999" not in said, said
    assert {word for word in said.split() if word.startswith("SA-E")} == {"SA-E006"}, said
    assert said.count("SA-E006") == 1 or command.of_cases, said
    assert "way out:" in said and ".part" not in said, "it names what the user knows"


def judge(command: Command, clean: tuple[Files, Files], earlier: Files, out: Path) -> None:
    """Every file is the earlier one or the new one, none is half, none a stranger."""
    found, (_, after) = files_below(out), clean
    assert not [name for name in found if any(part.startswith(".") for part in Path(name).parts)]
    if command.repeats:
        assert set(earlier) <= set(found) <= {*earlier, *after}
        old_or_new = [name for name in found if not (command.of_cases and "/" not in name)]
        assert all(found[name] in (earlier.get(name), after.get(name)) for name in old_or_new)
    else:
        check_files(out)
        lasting = [name for name in earlier if Path(name).name not in ALWAYS_ANEW and "fold-0" in name]
        lasting += [name for name in earlier if name.startswith("stages/")]
        assert lasting and all(found[name] == earlier[name] for name in lasting)
    for folder in out.glob("*/") if command.of_cases else ():
        names = [name for name in found if name.startswith(f"{folder.name}/")]
        assert all(found[name] == earlier.get(name) for name in names) or all(
            found[name] == after.get(name) for name in names
        ), f"{folder.name} is of two runs"


def cuts_of(command: Command, clean: tuple[Files, Files], n_cuts: int) -> list[int]:
    """Limits on a file's length, each of which some new file of the run exceeds."""
    earlier, after = clean
    new = {len(content) for name, content in after.items() if content != earlier.get(name) and len(content) > 1}
    sizes = sorted(new)
    return [sizes[number * (len(sizes) - 1) // (n_cuts - 1)] - 1 for number in range(n_cuts)]


def limited(command: Command, inputs: Path, clean: tuple[Files, Files], out: Path, n_cuts: int) -> None:
    for n_bytes in cuts_of(command, clean, n_cuts):
        earlier = begin(command, clean, out)
        with size_limit(out, n_bytes):
            refused(command, inputs, out)
        judge(command, clean, earlier, out)
        tally.count("cuts (whole commands)", command.name, "RLIMIT_FSIZE")
    finishes(command, inputs, clean, out)


def finishes(command: Command, inputs: Path, clean: tuple[Files, Files], out: Path) -> None:
    """With room again the same line comes to the end, and to the same."""
    done(command.line(inputs, out))
    found, (_, after) = files_below(out), clean
    assert set(found) == set(after)
    same = after if command.repeats else [name for name in after if name.endswith(("model.safetensors", "fold.json"))]
    assert same and all(found[name] == after[name] for name in same)


def pages(files: Files) -> int:
    return sum(-(-len(content) // PAGE) for content in files.values())


def named(command: Command) -> str:
    return command.name


def test_every_command_that_writes_is_here() -> None:
    assert {command.name for command in COMMANDS} | OTHERS == set(command_names())


@pytest.mark.parametrize("command", QUICK, ids=named)
def test_a_limit_on_files_ends_the_command_with_one_refusal_and_it_goes_on_when_there_is_room(
    command: Command, inputs: Path, clean: dict[str, tuple[Files, Files]], tmp_path: Path
) -> None:
    limited(command, inputs, clean[command.name], tmp_path / "out", A_FEW)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=named)
def test_it_does_so_at_many_limits(
    command: Command, inputs: Path, clean: dict[str, tuple[Files, Files]], tmp_path: Path
) -> None:
    limited(command, inputs, clean[command.name], tmp_path / "out", MANY)


def filled(command: Command, inputs: Path, clean: tuple[Files, Files], place: Path, n_cuts: int) -> None:
    out = place / "out"
    earlier, after = clean
    before = pages(earlier) if command.before is not None else len(after)  # these come free as they are replaced
    last = pages(after) - before - 1
    for number in range(n_cuts):
        earlier = begin(command, clean, out)
        with full_tmpfs(out, number * max(last, 0) // (n_cuts - 1) * PAGE):
            refused(command, inputs, out)
        judge(command, clean, earlier, out)
        tally.count("cuts (whole commands)", command.name, "full-tmpfs")
    finishes(command, inputs, clean, out)


@pytest.mark.parametrize("command", QUICK, ids=named)
def test_a_full_disk_ends_the_command_with_one_refusal(
    command: Command, inputs: Path, clean: dict[str, tuple[Files, Files]], tmpfs: Path
) -> None:
    filled(command, inputs, clean[command.name], tmpfs, A_FEW)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=named)
def test_a_disk_that_fills_up_anywhere_does_so_too(
    command: Command, inputs: Path, clean: dict[str, tuple[Files, Files]], tmpfs: Path
) -> None:
    filled(command, inputs, clean[command.name], tmpfs, MANY)


@contextmanager
def below_a_file(out: Path) -> Iterator[None]:
    """A place that nobody may make a folder in, root neither: its parent is a file."""
    out.parent.write_bytes(b"a file of somebody else")
    yield
    assert out.parent.read_bytes() == b"a file of somebody else"


@pytest.mark.parametrize("command", QUICK, ids=named)
def test_a_folder_that_cannot_be_made_is_refused(command: Command, inputs: Path, tmp_path: Path) -> None:
    with below_a_file(tmp_path / "file" / "out"):
        refused(command, inputs, tmp_path / "file" / "out")
    tally.count("refusals (whole commands)", command.name, "below a file")


@pytest.mark.parametrize("command", QUICK, ids=named)
def test_a_read_only_disk_is_refused_and_what_lies_there_is_untouched(
    command: Command, inputs: Path, clean: dict[str, tuple[Files, Files]], tmpfs: Path
) -> None:
    earlier = begin(command, clean[command.name], tmpfs / "out")
    with read_only(tmpfs / "out"):
        refused(command, inputs, tmpfs / "out")
    assert files_below(tmpfs / "out") == earlier
    tally.count("refusals (whole commands)", command.name, "read-only-mount")

"""Nothing is written past the one writer, and every function that writes is known to the tests of a failing disk."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import shortaxis
from tests.faults.writers import WRITERS

SRC = Path(shortaxis.__file__).parent

# Calls that create or change a file, by the last part of the name they are called under.
NAMES = frozenset((
    "savefig", "save_file", "to_csv", "to_excel", "to_filename", "tofile", "savetxt", "savez", "savez_compressed",
    "imwrite", "imsave", "mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryFile", "TemporaryDirectory",
    "SpooledTemporaryFile", "copyfile", "copy2", "copytree", "copyfileobj", "renames", "symlink_to", "hardlink_to",
    "truncate", "ftruncate", "FileHandler", "fdopen", "make_archive", "dcmwrite", "save_as", "FileIO", "serialize_file",
    "open_memmap", "to_json", "to_pickle", "mkfifo",
))  # fmt: skip
METHODS = frozenset(("write_text", "write_bytes", "touch", "rename"))  # of a path; functions of ours may be called so
OF_MODULES = {
    "save": ("np", "numpy", "nib", "nibabel", "torch"),
    "dump": ("json", "pickle", "marshal"),
    "link": ("os",),
    "symlink": ("os",),
    "move": ("shutil",),
    "copy": ("shutil",),
    "memmap": ("np", "numpy"),
}
OPENERS = ("open", "File", "ZipFile", "GzipFile", "BZ2File", "LZMAFile", "TarFile")
MODES = frozenset("wax+")

# Where such a call stands all the same, and why.
EXCEPTIONS = {
    "cli/main.py": "/dev/null, in place of a standard output that is full",
    "files/replace.py": "the one writer",
    "files/line_file.py": "growing files; their beginning goes through the one writer",
    "files/child.py": "the child's answer: an unnamed temporary file, of numbers and text",
    "files/child_side.py": "/dev/null, and the answer's handle",
    "experiments/compare/cost.py": "the kernel's mark of a process' highest memory, in /proc, not on a disk",
    "experiments/compare/score.py": "numpy writes into memory; the bytes go through the one writer",
    "train/state.py": "a damaged state is moved aside, under a name that says so",
    "experiments/show/figures.py": "matplotlib writes into memory; the bytes go through the one writer",
}


def called(node: ast.Call) -> str:
    """The last part of what a call names: `write_text` of `path.write_text(...)`."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def opens_for_writing(node: ast.Call) -> bool:
    """Whether an `open` of any kind has a mode or flags that write."""
    given = [*node.args, *(word.value for word in node.keywords if word.arg in ("mode", "flags"))]
    texts = [mode.value for mode in given if isinstance(mode, ast.Constant) and isinstance(mode.value, str)]
    flags = [ast.unparse(mode) for mode in given if not isinstance(mode, ast.Constant)]
    return any(len(text) < 5 and MODES & set(text) for text in texts) or any(
        "O_" in flag and "O_RDONLY" not in flag for flag in flags
    )


def writes(node: ast.Call) -> bool:
    """Whether a call can create or change a file; `x.replace(y)` is a path's, a text's has two arguments."""
    name, is_method = called(node), isinstance(node.func, ast.Attribute)
    owner = ast.unparse(node.func).split(".")[0]
    return (
        name in NAMES
        or (name in METHODS and is_method)
        or (name in OF_MODULES and owner in OF_MODULES[name])
        or (name in OPENERS and opens_for_writing(node))
        or (name == "replace" and is_method and len(node.args) == 1 and not node.keywords)
    )


def bypasses(source: str) -> list[str]:
    """The calls of a file that write, as they stand."""
    return [
        f"line {node.lineno}: {ast.unparse(node)[:80]}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and writes(node)
    ]


def test_a_bypass_would_be_seen() -> None:
    for line in (
        "path.write_text('x')", "path.write_bytes(b'x')", "open(path, 'w')", "path.open('ab')", "path.open(mode='r+b')",
        "io.open(path, 'x')", "os.open(path, os.O_WRONLY | os.O_CREAT)", "figure.savefig(path)", "np.save(path, a)",
        "numpy.savez(path, a)", "torch.save(net, path)", "table.to_csv(path)", "shutil.copyfile(a, b)", "os.rename(a, b)",
        "path.replace(other)", "zipfile.ZipFile(path, 'w')", "gzip.open(path, 'wb')", "json.dump(x, file)",
        "nib.save(image, path)", "tempfile.NamedTemporaryFile()", "save_file(tensors, path)", "h5py.File(path, 'w')",
        "logging.FileHandler(path)", "cv2.imwrite(path, image)", "dataset.save_as(path)", "path.touch()",
    ):  # fmt: skip
        assert bypasses(line), line
    for line in (
        "path.open('rb')", "open(path)", "text.replace('a', 'b')", "replace(study, name='x')", "write_bytes(path, data)",
        "write_text(path, text)", "zipfile.ZipFile(path)", "save(tensors)", "json.dumps(x)", "image.save(buffer, 'PNG')",
        "os.open(path, os.O_RDONLY)", "gzip.open(path)", "source.open()",
    ):  # fmt: skip
        assert not bypasses(line), line


def test_every_output_goes_through_the_one_writer() -> None:
    found = {path.relative_to(SRC).as_posix(): bypasses(path.read_text("utf-8")) for path in sorted(SRC.rglob("*.py"))}
    assert {name: calls for name, calls in found.items() if calls and name not in EXCEPTIONS} == {}
    assert [name for name in EXCEPTIONS if not found.get(name)] == [], "an exception that is no longer needed goes"


def public_callers_of(names: set[str], folders: tuple[str, ...]) -> Iterator[str]:
    """Public functions and classes of some folders that call one of `names` themselves or through a private one."""
    for path in sorted(SRC.rglob("*.py")):
        place = path.relative_to(SRC).with_suffix("").as_posix().replace("/", ".")
        if place.split(".")[0] not in folders:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        own = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        calls = {name: {called(n) for n in ast.walk(node) if isinstance(n, ast.Call)} for name, node in own.items()}
        reaching = {name for name, made in calls.items() if made & names}
        while more := {name for name, made in calls.items() if made & reaching & set(own)} - reaching:
            reaching |= more
        yield from (f"{place}.{name}" for name in sorted(reaching) if not name.startswith("_"))


def test_every_function_that_puts_a_file_in_place_stands_in_the_table_of_the_failing_disk() -> None:
    """Whoever adds a writer to `files/` or `train/` must add it to `tests/faults/writers.py`, or this fails."""
    primitive = {"_write_to_disk", "replace_file", "FileIO", "write_bytes", "write_text", "LineFile", "rename"}
    found = set(public_callers_of(primitive, ("files", "train", "read", "report", "predict", "prepare", "core")))
    assert found == {writer.name for writer in WRITERS}

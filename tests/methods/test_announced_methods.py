"""Methods that other packages announce: one that is broken is refused by its name, and costs no other its place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from shortaxis.core.errors import BadConfiguration, UnknownName
from shortaxis.methods import method_named, method_names
from shortaxis.pipeline import list_methods

# each module announces what it calls METHOD under the name of the module
MODULES = {
    "sound": "from dataclasses import replace\nfrom shortaxis.methods.dadu import METHOD as dadu\n"
    "METHOD = replace(dadu, name='sound', title='as good as ours')\n",
    "number": "METHOD = 3\n",
    "misnamed": "from shortaxis.methods.dadu import METHOD\n",  # which calls itself dadu
    "nameless": "",
    "needy": "import no_such_package_of_anyone\n",
    "raising": "raise RuntimeError('not on a Tuesday')\n",
    "unreadable": "METHOD = = 3\n",
}
BROKEN = {
    "gone": r"ModuleNotFoundError[\s\S]*gone:METHOD",
    "number": r"no Method but a thing of type 'int'[\s\S]*number:METHOD",
    "misnamed": "calls itself 'dadu'",
    "nameless": "has no attribute 'METHOD'",
    "needy": "no_such_package_of_anyone",
    "raising": "not on a Tuesday",
    "unreadable": "SyntaxError",
}
Announce = Callable[[Mapping[str, str]], None]


@pytest.fixture
def announce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Announce]:
    """Entry points by name, as a package installed beside shortaxis has them, with every one of `MODULES` to point at."""
    info = tmp_path / "strangers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1.0\n", "utf-8")
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source, "utf-8")

    def install(points: Mapping[str, str]) -> None:
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[shortaxis.methods]\n{lines}", "utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))

    yield install
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(("name", "said"), BROKEN.items(), ids=list(BROKEN))
def test_a_broken_package_is_refused_by_its_own_name_with_what_is_wrong(
    announce: Announce, name: str, said: str
) -> None:
    announce({name: f"{name}:METHOD"})
    with pytest.raises(BadConfiguration, match=said) as refused:
        method_named(name)
    assert repr(name) in refused.value.expected and f"{name}:METHOD" in refused.value.way_out


def test_broken_packages_keep_no_other_method_from_being_listed_or_used(announce: Announce) -> None:
    ours = method_names()
    announce({name: f"{name}:METHOD" for name in (*BROKEN, "sound")})
    assert method_names() == [*ours, "sound"]
    assert [method.name for method in list_methods()] == [*ours, "sound"]
    assert method_named("sound").title == "as good as ours" and method_named("unet").name == "unet"


def test_a_name_that_nobody_announces_is_told_the_names_that_can_be_used(announce: Announce) -> None:
    announce({"sound": "sound:METHOD", "number": "number:METHOD"})
    with pytest.raises(UnknownName) as refused:
        method_named("sund")
    assert refused.value.expected.endswith(", sound")


def test_a_stranger_takes_none_of_our_names(announce: Announce) -> None:
    announce({"unet": "number:METHOD"})
    assert method_names().count("unet") == 1 and method_named("unet").name == "unet"


def test_our_methods_are_named_without_importing_any() -> None:
    code = (
        "import sys; from shortaxis.methods import method_names; assert 'unet' in method_names(); "
        "assert not [name for name in sys.modules if name.startswith('shortaxis.methods.') or name == 'torch']"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).stderr == b""

"""A file or a folder takes another's place whole, keeps the earlier one where asked, and gives it back where it cannot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shortaxis.core.errors import DamagedFile, OutputExists, WriteFailed
from shortaxis.files.replace import refuse_to_replace, remove_leftovers, replace_file, whole_folder
from tests.faults.disk import files_below


def refuse(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_what_verify_sees_is_the_finished_file_under_its_own_ending(tmp_path: Path) -> None:
    seen: list[tuple[str, bytes]] = []
    replace_file(tmp_path / "mask.nii.gz", b"new", lambda path: seen.append((path.name[-12:], path.read_bytes())))
    assert seen == [("-mask.nii.gz", b"new")] and files_below(tmp_path) == {"mask.nii.gz": b"new"}


@pytest.mark.parametrize("problem", [OSError("other voxels"), DamagedFile("voxels", "none", "nothing")])
def test_what_verify_refuses_is_not_put_in_place(problem: Exception, tmp_path: Path) -> None:
    def verify(path: Path) -> None:
        raise problem

    (tmp_path / "a").write_bytes(b"earlier")
    with pytest.raises(WriteFailed) as caught:
        replace_file(tmp_path / "a", b"new", verify)
    assert caught.value.path == tmp_path / "a"
    assert files_below(tmp_path) == {"a": b"earlier"}


@pytest.mark.parametrize("links", ["hard links", "none"])
def test_the_earlier_file_is_kept_under_the_name_asked_for(
    links: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if links == "none":
        monkeypatch.setattr(os, "link", refuse)
    path, previous = tmp_path / "state", tmp_path / "state.previous"
    replace_file(path, b"1", keep=previous)
    assert files_below(tmp_path) == {"state": b"1"}
    for generation in (b"2", b"3"):
        before = path.read_bytes()
        replace_file(path, generation, keep=previous)
        assert files_below(tmp_path) == {"state": generation, "state.previous": before}


def test_a_file_stands_at_its_name_at_every_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"1")
    really, there = Path.replace, []

    def watched(self: Path, target: Path) -> Path:
        there.append(path.exists())
        return really(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    replace_file(path, b"2", keep=tmp_path / "previous")
    assert there == [True, True]


def test_what_a_kill_left_between_keeping_and_renaming_is_no_hindrance(tmp_path: Path) -> None:
    """The file then has both names, and a second link to it cannot take the place of the first."""
    path, previous = tmp_path / "state", tmp_path / "state.previous"
    path.write_bytes(b"1")
    os.link(path, previous)
    replace_file(path, b"2", keep=previous)
    assert files_below(tmp_path) == {"state": b"2", "state.previous": b"1"}


def test_a_folder_and_a_pipe_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(WriteFailed, match="no plain file"):
            replace_file(tmp_path / name, b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe"]


def test_a_rename_is_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both the file and the folder that names it are forced to disk, the folder after the rename."""
    synced: list[tuple[str, int]] = []
    really = os.fsync

    def fsync(handle: int) -> None:
        at = Path(f"/proc/self/fd/{handle}").readlink()
        synced.append((at.name[-3:], os.fstat(handle).st_size if at.is_file() else 0))
        really(handle)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc")
    monkeypatch.setattr(os, "fsync", fsync)
    (tmp_path / "out").mkdir()
    replace_file(tmp_path / "out" / "txt", b"new")
    with whole_folder(tmp_path / "out" / "case"):
        pass
    assert synced == [("txt", 3), ("out", 0), ("out", 0)]  # with all its bytes in it


def test_no_handle_is_left_open(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc")
    replace_file(tmp_path / "a", b"1")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        replace_file(tmp_path / "a", b"2")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_only_what_a_killed_process_left_for_this_file_is_removed(tmp_path: Path) -> None:
    kept = ("state", "other", ".0123abcd-other", ".0123abc-state", ".0123abcde-state", ".0123abcd-state.txt", ".state")
    for name in (*kept, ".0123abcd-state", ".ffffffff-state"):
        (tmp_path / name).write_bytes(b"x")
    remove_leftovers(tmp_path / "state")
    assert set(files_below(tmp_path)) == set(kept)


def test_what_is_removed_is_what_a_killed_write_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ("n" * 60)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(WriteFailed):
            replace_file(path, b"half")
    assert len(files_below(tmp_path)) == 1
    remove_leftovers(path)
    assert files_below(tmp_path) == {}


def fill(folder: Path) -> None:
    with whole_folder(folder) as part:
        assert part.is_dir() and not list(part.iterdir())
        (part / "mask").write_bytes(b"new")


def test_a_folder_appears_whole_with_its_parents_and_takes_an_earlier_ones_place(tmp_path: Path) -> None:
    fill(tmp_path / "out" / "case")
    assert files_below(tmp_path) == {"out/case/mask": b"new"}
    (tmp_path / "out/case/of-the-last-run").write_bytes(b"earlier")
    fill(tmp_path / "out" / "case")
    assert files_below(tmp_path) == {"out/case/mask": b"new"}


@pytest.mark.parametrize(
    "problem", [OSError(28, "No space left on device"), OSError("words of its own"), ValueError("a fault of ours")]
)
def test_a_folder_that_is_not_finished_vanishes_and_the_earlier_one_stays(problem: Exception, tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case/mask").write_bytes(b"earlier")
    expected = WriteFailed if isinstance(problem, OSError) else ValueError
    with pytest.raises(expected) as caught, whole_folder(tmp_path / "case") as part:
        (part / "mask").write_bytes(b"half")
        raise problem
    assert files_below(tmp_path) == {"case/mask": b"earlier"}
    if isinstance(caught.value, WriteFailed):
        assert caught.value.path == tmp_path / "case"
        assert caught.value.found in ("No space left on device", "words of its own")


def test_a_folder_that_cannot_take_its_place_gives_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case/mask").write_bytes(b"earlier")
    really = Path.rename

    def rename(self: Path, target: Path) -> Path:
        return refuse() or self if self.suffix == ".part" else really(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(WriteFailed, match="No space left"):
        fill(tmp_path / "case")
    assert files_below(tmp_path) == {"case/mask": b"earlier"}
    with pytest.raises(WriteFailed):
        fill(tmp_path / "new")  # nothing to give back
    assert files_below(tmp_path) == {"case/mask": b"earlier"}


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (("case", ".case.part"), "case"),  # killed while it wrote
        ((".case.old", ".case.part"), ".case.old"),  # killed between the two renames
        (("case", ".case.old"), "case"),  # killed before it removed the earlier one
        ((".case.old",), ".case.old"),
    ],
)
def test_after_a_kill_the_whole_folder_is_found_again_and_the_half_is_not(
    left: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    for name in left:
        (tmp_path / name).mkdir()
        (tmp_path / name / "mask").write_bytes(name.encode())
    with pytest.raises(ValueError, match="stop"), whole_folder(tmp_path / "case") as part:
        assert not list(part.iterdir())
        assert (tmp_path / "case/mask").read_bytes() == expected.encode()
        raise ValueError("stop")
    assert files_below(tmp_path) == {"case/mask": expected.encode()}
    (tmp_path / ".case.old").mkdir()
    (tmp_path / ".case.old/mask").write_bytes(b"older")
    fill(tmp_path / "case")
    assert files_below(tmp_path) == {"case/mask": b"new"}


def test_earlier_outputs_are_refused_by_name_and_replaced_where_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "b.csv").symlink_to(tmp_path / "nowhere")  # a broken link would be replaced too
    with pytest.raises(OutputExists, match="b.csv") as caught:
        refuse_to_replace(tmp_path, ["a.csv", "b.csv"], overwrite=False)
    assert "--overwrite" in caught.value.way_out and caught.value.path == tmp_path
    refuse_to_replace(tmp_path, ["a.csv"], overwrite=False)
    refuse_to_replace(tmp_path, ["a.csv", "b.csv"], overwrite=True)


@pytest.mark.parametrize("act", [replace_file, lambda path, _: fill(path)], ids=["file", "folder"])
def test_below_a_file_nothing_can_be_written(act: Callable[[Path, bytes], None], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"earlier")
    with pytest.raises(WriteFailed, match="Not a directory|File exists"):
        act(tmp_path / "file" / "a", b"new")
    assert files_below(tmp_path) == {"file": b"earlier"}


def test_a_refusal_from_within_a_folder_names_the_file_where_it_would_have_stood(tmp_path: Path) -> None:
    with pytest.raises(WriteFailed) as caught, whole_folder(tmp_path / "case") as part:
        raise WriteFailed("room", "none", "make some", part / "a" / "mask.nii")
    assert caught.value.path == tmp_path / "case" / "a" / "mask.nii" and caught.value.found == "none"
    with pytest.raises(WriteFailed) as caught, whole_folder(tmp_path / "case"):
        raise WriteFailed("room", "none", "make some", tmp_path / "elsewhere")
    assert caught.value.path == tmp_path / "elsewhere"

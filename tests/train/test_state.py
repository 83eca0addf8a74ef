"""A run's state on disk: whole or the one before, and never another run's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from shortaxis.core.errors import CannotResume, DamagedFile
from shortaxis.train.state import (
    CURRENT,
    PREVIOUS,
    State,
    load_state,
    optimiser_tensors,
    restore_optimiser,
    save_state,
)

RUN = {"stage": "segment", "train": ("p1", "p2"), "settings": {"fit": {"steps": 3}}}


def state_at(step: int) -> State:
    return State(
        step,
        net={"a/b.weight": torch.full((2, 3), float(step)), "norm.num_batches_tracked": torch.tensor(step)},
        optimiser={"0.step": torch.tensor(float(step)), "0.exp_avg": torch.ones(2, 3)},
        average={"a/b.weight": torch.zeros(2, 3)},
        best={"a/b.weight": torch.ones(2, 3)},
        validation_losses=[0.1 + 0.2, 1e-17],
        best_loss=1e-17,
    )


def test_what_is_saved_is_what_comes_back(tmp_path: Path) -> None:
    save_state(tmp_path / "new" / "folder", state_at(5), RUN)
    back = load_state(tmp_path / "new" / "folder", RUN)
    assert back is not None and back.step == 5
    assert back.validation_losses == [0.1 + 0.2, 1e-17] and back.best_loss == 1e-17
    for group in ("net", "optimiser", "average", "best"):
        stored, given = getattr(back, group), getattr(state_at(5), group)
        assert set(stored) == set(given)
        assert all(torch.equal(stored[name], given[name]) and stored[name].dtype == given[name].dtype for name in given)


def test_an_empty_or_missing_folder_holds_no_state(tmp_path: Path) -> None:
    assert load_state(tmp_path, RUN) is None
    assert load_state(tmp_path / "nowhere", RUN) is None


def test_two_generations_are_kept_and_the_newer_is_read(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save_state(tmp_path, state_at(step), RUN)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([CURRENT, PREVIOUS])
    newest = load_state(tmp_path, RUN)
    assert newest is not None and newest.step == 3


@pytest.mark.parametrize("kept", [0, 4, 60, -1])
def test_a_truncated_newest_file_gives_way_to_the_one_before(tmp_path: Path, kept: int) -> None:
    for step in (1, 2):
        save_state(tmp_path, state_at(step), RUN)
    whole = (tmp_path / CURRENT).read_bytes()
    (tmp_path / CURRENT).write_bytes(whole[:kept])
    back = load_state(tmp_path, RUN)
    assert back is not None and back.step == 1


def test_a_kill_between_the_two_renames_loses_one_generation_only(tmp_path: Path) -> None:
    for step in (1, 2):
        save_state(tmp_path, state_at(step), RUN)
    (tmp_path / CURRENT).replace(tmp_path / PREVIOUS)  # the second rename never came
    back = load_state(tmp_path, RUN)
    assert back is not None and back.step == 2


def test_a_half_written_new_file_is_never_looked_at(tmp_path: Path) -> None:
    save_state(tmp_path, state_at(1), RUN)
    left = tmp_path / f".0123abcd-{CURRENT}"  # what a killed process leaves
    left.write_bytes(b"half")
    back = load_state(tmp_path, RUN)
    assert back is not None and back.step == 1
    save_state(tmp_path, state_at(2), RUN)
    assert not left.exists()


def test_states_of_which_none_is_whole_are_refused_and_not_begun_anew_in_silence(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2)}, tmp_path / CURRENT)  # a stranger of that name is no state
    with pytest.raises(DamagedFile, match="begin anew"):
        load_state(tmp_path, RUN)
    (tmp_path / PREVIOUS).write_bytes(b"")
    with pytest.raises(DamagedFile):
        load_state(tmp_path, RUN)


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9, 0.999])
def test_a_flipped_bit_anywhere_gives_way_to_the_one_before(at: float, tmp_path: Path) -> None:
    for step in (1, 2):
        save_state(tmp_path, state_at(step), RUN)
    whole = bytearray((tmp_path / CURRENT).read_bytes())
    whole[int(at * len(whole))] ^= 1
    (tmp_path / CURRENT).write_bytes(whole)
    back = load_state(tmp_path, RUN)
    assert back is not None and back.step == 1


def test_a_damaged_state_never_pushes_out_the_whole_one(tmp_path: Path) -> None:
    for step in (1, 2):
        save_state(tmp_path, state_at(step), RUN)
    (tmp_path / CURRENT).write_bytes(b"")
    load_state(tmp_path, RUN)
    save_state(tmp_path, state_at(3), RUN)
    (tmp_path / CURRENT).write_bytes(b"")  # damaged again, before anything else was saved
    back = load_state(tmp_path, RUN)
    assert back is not None and back.step == 1


def test_a_state_without_its_hash_is_not_whole(tmp_path: Path) -> None:
    facts = {"step": 4, "validation_losses": [], "best_loss": None, "identity": {"a": 1}}
    save_file({"net/w": torch.ones(2)}, tmp_path / CURRENT, {"shortaxis_state": json.dumps(facts)})
    with pytest.raises(DamagedFile):  # a spoilt header may have lost the very line that holds it
        load_state(tmp_path, {"a": 1})


@pytest.mark.parametrize(
    ("key", "value"), [("train", ["p1"]), ("settings", {"fit": {"steps": 4}}), ("stage", "locate"), ("extra", 1)]
)
def test_another_run_is_refused_by_what_differs(tmp_path: Path, key: str, value: object) -> None:
    save_state(tmp_path, state_at(1), RUN)
    with pytest.raises(CannotResume, match="steps" if key == "settings" else key):
        load_state(tmp_path, {**RUN, key: value})


def test_another_recipe_is_refused_by_its_settings_with_both_values(tmp_path: Path) -> None:
    save_state(tmp_path, state_at(1), {**RUN, "network": "a" * 64})
    other = {**RUN, "network": "b" * 64, "settings": {"fit": {"steps": 4000}}}
    with pytest.raises(CannotResume) as caught:
        load_state(tmp_path, other)
    assert caught.value.found == "segment: fit.steps 4000 (was 3), other network"


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
def test_an_optimiser_goes_on_where_it_was(kind: type[torch.optim.Optimizer], tmp_path: Path) -> None:
    def steps(parameter: torch.Tensor, optimiser: torch.optim.Optimizer, count: int) -> None:
        for _ in range(count):
            optimiser.zero_grad()
            (parameter**2 + parameter).sum().backward()
            optimiser.step()

    options = {"momentum": 0.9} if kind is torch.optim.SGD else {}
    one = torch.linspace(-1, 1, 7).requires_grad_()
    steps(one, first := kind([one], lr=0.1, **options), 3)  # type: ignore[call-arg]
    other = one.detach().clone().requires_grad_()
    second = kind([other], lr=0.1, **options)  # type: ignore[call-arg]
    restore_optimiser(second, {name: value.clone() for name, value in optimiser_tensors(first).items()})
    steps(one, first, 3)
    steps(other, second, 3)
    assert torch.equal(one, other)

"""Names of any letters become safe ones, all different; splits of any patients share none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortaxis.core.errors import LeakingSplit
from shortaxis.experiments.compare.folds import as_json, read_split
from shortaxis.files.names import MAX_LENGTH, slug, unique
from shortaxis.train.folds import Fold, refuse_leaks, split_by_patient
from tests.properties.strategies import IDENTIFIERS, NAMES

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
GROUPS = st.sampled_from(["NOR", "DCM", "HCM", None])


@given(NAMES)
def test_a_slug_is_a_safe_name_on_every_system_and_its_own_slug(name):
    safe = slug(name)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", safe) and len(safe) <= MAX_LENGTH + len("case-")
    assert ".." not in safe and not safe.endswith((".", "-")) and not RESERVED.match(safe)
    assert slug(safe) == safe


@given(st.text(st.sampled_from("/\\.~: \0\n"), max_size=20), NAMES)
def test_no_name_leads_out_of_its_folder(prefix, name):
    folder = Path("/out")
    assert (folder / slug(prefix + name)).parent == folder


@given(st.lists(st.sampled_from(["a", "A", "a-2", "b", "a-2-2", "B"]), max_size=12))
def test_names_made_unique_differ_in_more_than_case_and_the_first_of_each_is_kept(names):
    made = unique(names)
    assert len({name.lower() for name in made}) == len(names) == len(made)
    assert all(new.startswith(old) for old, new in zip(names, made, strict=True))
    assert not names or made[0] == names[0]


@given(IDENTIFIERS, st.integers(2, 5), st.integers(0, 1000), st.data())
def test_every_patient_is_held_out_once_and_never_trained_on_in_that_fold(patients, count, seed, data):
    count = min(count, len(patients))
    groups = {name: data.draw(GROUPS) for name in patients}
    folds = split_by_patient(patients, groups, count, seed)
    assert sorted(name for fold in folds for name in fold.validation) == sorted(patients)
    for fold in folds:
        assert refuse_leaks(fold) is fold and sorted((*fold.train, *fold.validation)) == sorted(patients)
    sizes = [len(fold.validation) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for group in set(groups.values()):
        held = [sum(groups[name] == group for name in fold.validation) for fold in folds]
        assert max(held) - min(held) <= 1


@given(IDENTIFIERS, st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_split_does_not_depend_on_the_order_of_the_folders(patients, seed, rng):
    shuffled = list(patients)
    rng.shuffle(shuffled)
    assert split_by_patient(patients, {}, 2, seed) == split_by_patient(shuffled, {}, 2, seed)


@given(IDENTIFIERS, st.data())
def test_a_patient_named_twice_or_on_both_sides_is_a_leak(patients, data):
    shared = data.draw(st.sampled_from(patients))
    with pytest.raises(LeakingSplit):
        split_by_patient([*patients, shared], {}, 2, seed=0)
    others = tuple(sorted(set(patients) - {shared}))
    with pytest.raises(LeakingSplit):
        refuse_leaks(Fold(others + (shared,), (shared,)))


@given(IDENTIFIERS, st.integers(0, 100))
def test_a_split_that_was_written_is_read_back_as_it_was(tmp_path_factory, patients, seed):
    folds = split_by_patient(patients, {}, 2, seed)
    path = tmp_path_factory.getbasetemp() / "split.json"
    path.write_text(json.dumps(as_json(folds)), "utf-8")
    assert read_split(str(path)) == folds

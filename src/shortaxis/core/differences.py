"""What differs between what a run began with and what it is asked to go on with, for a refusal's one line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

NAMED = 5  # differences spelled out; the others are counted
LONGEST_VALUE = 60  # letters; a hash or a list of patients is only named


def differences(stored: Any, wanted: Any, inside: str = "") -> str:
    """What differs by its dotted key, as `fit.steps 4000 (was 300), other train`; a few, then a count.

    Both are mappings of what JSON has; of anything else only `another` is said. A value that is long, or that one side
    lacks, is not shown: `other train`. Empty where nothing differs.

    Args:
        stored: what the run began with.
        wanted: what is asked for now.
        inside: a key of both whose entries are told by their own keys alone.
    """
    told = list(_differing(json.loads(json.dumps(stored)), json.loads(json.dumps(wanted)), ()))
    named = [(".".join(place[1:] if len(place) > 1 and place[0] == inside else place), rest) for place, rest in told]
    lines = [f"{key} {rest}" if rest else f"other {key}" if key else "another" for key, rest in named[:NAMED]]
    return ", ".join(lines) + (f" and {len(told) - NAMED} more" if len(told) > NAMED else "")


def _differing(stored: Any, wanted: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The place of every difference, and both values; no values where they are not to be shown."""
    if stored == wanted:
        return
    if isinstance(stored, Mapping) and isinstance(wanted, Mapping):
        for key in dict.fromkeys((*wanted, *stored)):
            if key in stored and key in wanted:
                yield from _differing(stored[key], wanted[key], (*place, key))
            else:
                yield (*place, key), ""
        return
    now, before = _shown(wanted), _shown(stored)
    short = bool(place) and max(len(now), len(before)) <= LONGEST_VALUE
    yield place, f"{now} (was {before})" if short else ""


def _shown(value: Any) -> str:
    """A value as a configuration writes it, text without quotes."""
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value, ensure_ascii=False)

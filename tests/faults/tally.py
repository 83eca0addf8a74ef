"""How much was tried: counted as it is tried, printed at the end of the run for `docs/reliability.md`."""

from __future__ import annotations

from collections import Counter

TRIED: Counter[tuple[str, str, str]] = Counter()  # (kind, what, fault) -> how often


def count(kind: str, what: str, fault: str) -> None:
    """Note one trial that went as it must."""
    TRIED[kind, what, fault] += 1


def lines() -> list[str]:
    """One line per kind of trial."""
    said = []
    for kind in dict.fromkeys(kind for kind, _, _ in TRIED):
        own = {key: n for key, n in TRIED.items() if key[0] == kind}
        whats, faults = {key[1] for key in own}, {key[2] for key in own}
        named = f" ({', '.join(sorted(faults))})" if len(faults) < 10 else ""
        said.append(f"{kind}: {len(whats)} x {len(faults)}{named}, {sum(own.values())} in all")
    return said

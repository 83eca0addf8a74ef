"""Memory that runs out on any device, told by name instead of by a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shortaxis.core.errors import MemoryExhausted

# How torch's allocators, cuBLAS and OpenCV say it where they raise nothing of their own.
_SAID = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED", "Insufficient memory")


@contextmanager
def memory_named(refusal: Callable[[str], MemoryExhausted]) -> Iterator[None]:
    """Raise what `refusal` makes of the allocator's own words where memory runs out in the block.

    It is asked only then: what was being done, on which cases, and the way out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as problem:  # torch.OutOfMemoryError is a RuntimeError
        if not is_exhaustion(problem):
            raise
        first = str(problem).partition("\n")[0][:200] or type(problem).__name__
        raise refusal(first) from problem


def is_exhaustion(problem: Exception) -> bool:
    """Whether an exception says that a device's memory ran out."""
    said = isinstance(problem, RuntimeError) and any(words in str(problem) for words in _SAID)
    return said or isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError"

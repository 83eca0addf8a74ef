"""Ways to spoil a file's bytes. Each takes bytes and a random generator and returns other bytes, never the same ones twice
for another state of the generator; nothing here knows a format."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from random import Random

Mutator = Callable[[bytes, Random], bytes]
HEAD_BYTES = 600  # where most formats keep what they claim
BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)
WHOLE = (0, 1, -1, 2, 3, 7, 127, 128, 255, 256, 348, 540, 32767, -32768, 65535, 2**24, 2**31 - 1, -(2**31), 2**32 - 1)
REAL = (0.0, -0.0, 1.0, -1.0, 1e-30, 1e30, 3.4e38, float("inf"), float("-inf"), float("nan"), 0.5, 1e-3, 348.5)
WORDS = (
    *("0", "-1", "1e400", "-1e308", "NaN", "Infinity", "1e-320", "9" * 40, "0x10", "1_000", "1.5.5", "", " ", "null"),
    *("true", "[]", "{}", '""', "none", "__class__", "../../x", "\0", "\ufeff", "\u202e", "é", "💔", "%s", "{0}"),
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_TOKEN = re.compile(rb"[A-Za-z_][A-Za-z_0-9]*")


def flip_bits(content: bytes, rng: Random) -> bytes:
    """One to eight bits turned round, anywhere."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def flip_head(content: bytes, rng: Random) -> bytes:
    """Bits of the first bytes turned round."""
    return flip_bits(content[:HEAD_BYTES], rng) + content[HEAD_BYTES:]


def set_bytes(content: bytes, rng: Random) -> bytes:
    """A few bytes set to values at the edge of their range."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        if changed:
            changed[_place(len(changed), rng)] = rng.choice(BYTES)
    return bytes(changed)


def set_number(content: bytes, rng: Random) -> bytes:
    """A number of two, four or eight bytes, of either order, set to one that programs trip over."""
    if rng.random() < 0.3:
        form, value = rng.choice("fd"), rng.choice(REAL)
        packed = struct.pack(rng.choice("<>") + form, value)
    else:
        size = rng.choice((2, 4, 4, 8))
        packed = (rng.choice(WHOLE) % 2 ** (8 * size)).to_bytes(size, rng.choice(("little", "big")))
    at = _place(len(content), rng) if content else 0
    at -= at % rng.choice((1, 2, 4))
    return content[:at] + packed + content[at + len(packed) :]


def cut(content: bytes, rng: Random) -> bytes:
    """The end missing: by a few bytes, or by any number."""
    return content[: -rng.randint(1, 16)] if rng.random() < 0.3 else content[: rng.randrange(len(content) + 1)]


def remove(content: bytes, rng: Random) -> bytes:
    """A piece missing in the middle."""
    at, size = _piece(content, rng)
    return content[:at] + content[at + size :]


def repeat(content: bytes, rng: Random) -> bytes:
    """A piece standing twice, or many times."""
    at, size = _piece(content, rng)
    return content[:at] + content[at : at + size] * rng.choice((2, 2, 3, 50)) + content[at + size :]


def insert(content: bytes, rng: Random) -> bytes:
    """Some random bytes in between or behind."""
    at = len(content) if rng.random() < 0.2 else _place(len(content), rng) if content else 0
    return content[:at] + rng.randbytes(rng.choice((1, 2, 7, 64, 1000))) + content[at:]


def blank(content: bytes, rng: Random) -> bytes:
    """A piece overwritten with zeros, ones or noise, as a bad sector is."""
    at, size = _piece(content, rng)
    filling = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
    return content[:at] + filling + content[at + size :]


def swap(content: bytes, rng: Random) -> bytes:
    """Two pieces in each other's place, as blocks written out of order are."""
    (at, size), (to, _) = _piece(content, rng), _piece(content, rng)
    size = min(size, abs(to - at), len(content) - max(at, to))
    low, high = sorted((at, to))
    return (
        content[:low] + content[high : high + size] + content[low + size : high]
        + content[low : low + size] + content[high + size :]
    )  # fmt: skip


def other_number(content: bytes, rng: Random) -> bytes:
    """A number in a text replaced by one that programs trip over."""
    return _replaced(content, rng, _NUMBER)


def other_word(content: bytes, rng: Random) -> bytes:
    """A name in a text replaced, or misspelt by one letter."""
    return _replaced(content, rng, _TOKEN)


def nest(content: bytes, rng: Random) -> bytes:
    """Brackets to exhaustion in some place of a text."""
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.choice((b"[", b"{", b'{"a":', b"[[", b'"')) * rng.choice((1, 3, 5000)) + content[at:]


def shuffle_lines(content: bytes, rng: Random) -> bytes:
    """A text's lines in another order, one of them missing or twice, ends of lines of another kind."""
    lines = content.splitlines()
    if rng.random() < 0.5:
        rng.shuffle(lines)
    if lines and rng.random() < 0.5:
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
    if lines and rng.random() < 0.5:
        lines.pop(rng.randrange(len(lines)))
    return rng.choice((b"\n", b"\r\n", b"\r", b"\0", b"")).join(lines)


BINARY: Sequence[Mutator] = (
    flip_bits, flip_bits, flip_head, set_bytes, set_number, set_number, cut, remove, repeat, insert, blank, swap,
)  # fmt: skip
TEXT: Sequence[Mutator] = (
    other_number, other_number, other_word, other_word, nest, shuffle_lines, flip_bits, cut, remove, repeat, insert,
)  # fmt: skip


def _place(size: int, rng: Random) -> int:
    """Half of all places lie in the head."""
    return rng.randrange(min(size, HEAD_BYTES)) if rng.random() < 0.5 else rng.randrange(size)


def _piece(content: bytes, rng: Random) -> tuple[int, int]:
    at = rng.randrange(len(content) + 1)
    return at, min(len(content) - at, rng.choice((1, 2, 4, 8, 16, 100, 512, 4096)))


def _replaced(content: bytes, rng: Random, pattern: re.Pattern[bytes]) -> bytes:
    found = list(pattern.finditer(content))
    if not found:
        return flip_bits(content, rng)
    match = rng.choice(found)
    word = rng.choice(WORDS).encode("utf-8")
    if rng.random() < 0.3:
        word = flip_bits(match[0], rng)
    return content[: match.start()] + word + content[match.end() :]

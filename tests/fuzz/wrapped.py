"""Mutants that keep their checksum: spoilt inside and wrapped again, so that what lies behind the checksum is reached."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Sequence
from random import Random
from typing import Any

from shortaxis.files.bundle_manifest import SEAL, seal_of
from tests.fuzz.mutate import WORDS, Mutator

_COMPRESSED = 15  # a .mat file's element of this type is a zlib stream


def inside_gzip(inner: Mutator) -> Mutator:
    """The content changed, compressed again with a fitting CRC."""
    return lambda content, rng: gzip.compress(inner(gzip.decompress(content), rng), 1, mtime=0)


def inside_mat(inner: Mutator) -> Mutator:
    """One compressed element of a .mat changed and compressed again; as `inner` says where none is compressed."""

    def mutate(content: bytes, rng: Random) -> bytes:
        order = ">" if content[126:128] == b"MI" else "<"
        places, at = [], 128
        while at + 8 <= len(content):
            kind, size = struct.unpack(order + "II", content[at : at + 8])
            if kind == _COMPRESSED:
                places.append((at, size))
            at += 8 + size
        if not places:
            return content[:128] + inner(content[128:], rng)
        at, size = rng.choice(places)
        try:
            plain = zlib.decompressobj().decompress(content[at + 8 : at + 8 + size])
        except zlib.error:  # one of scipy's files is damaged on purpose
            return content[:128] + inner(content[128:], rng)
        packed = zlib.compress(inner(plain, rng))
        return content[:at] + struct.pack(order + "II", _COMPRESSED, len(packed)) + packed + content[at + 8 + size :]

    return mutate


def header_text(inner: Mutator) -> Mutator:
    """A safetensors header changed as bytes, its length stated rightly."""

    def mutate(content: bytes, rng: Random) -> bytes:
        size = int.from_bytes(content[:8], "little")
        header = inner(content[8 : 8 + size], rng)
        return len(header).to_bytes(8, "little") + header + content[8 + size :]

    return mutate


def resealed_manifest(content: bytes, rng: Random) -> bytes:
    """One value or key anywhere in a bundle's manifest replaced, and the file sealed anew."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    manifest = json.loads(header["__metadata__"]["shortaxis"])
    _spoil(manifest, rng)
    for sealed in (False, True):
        if sealed:
            manifest[SEAL] = seal_of(content)
        header["__metadata__"]["shortaxis"] = json.dumps(manifest)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        content = len(text).to_bytes(8, "little") + text + content[8 + size :]
        size = len(text)
    return content


def resealed_weights(inner: Mutator) -> Mutator:
    """The weights of a bundle changed behind the header, and the file sealed anew."""

    def mutate(content: bytes, rng: Random) -> bytes:
        size = 8 + int.from_bytes(content[:8], "little")
        return resealed_manifest(content[:size] + inner(content[size:], rng), rng)

    return mutate


def _spoil(held: Any, rng: Random) -> None:
    places = [(holder, key) for holder, key in _places(held) if key != SEAL]
    holder, key = rng.choice(places)
    action = rng.choice(("value", "value", "remove", "rename"))
    if action == "value" or isinstance(holder, list):
        holder[key] = rng.choice((*WORDS, None, True, 0, -1, 2**70, 1e308, 0.5, [], {}, [[1]], {"a": 1}))
    elif action == "remove":
        del holder[key]
    else:
        holder[str(rng.choice(WORDS))] = holder.pop(key)


def _places(held: Any) -> list[tuple[Any, Any]]:
    keys: Sequence[Any] = list(held) if isinstance(held, dict) else range(len(held)) if isinstance(held, list) else ()
    return [place for key in keys for place in ((held, key), *_places(held[key]))]

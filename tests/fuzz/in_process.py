"""The child process's work done here: thousands of mutants a minute instead of one interpreter each.

What the child side would write is read back by the parent's own reader. Whoever uses this must run in a process that may
die: a decoder that crashes takes it along.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from shortaxis.files import child, foreign_weights, mat
from shortaxis.files.child import DEFAULT_LIMITS, Decoder, Limits, Value, read_answer
from shortaxis.files.child_side import answer_with
from shortaxis.read.dicom import codec as dicom_codec


def decode_here(tell: Callable[[str], None]) -> None:
    """From here on `run_in_child` starts no child in this process; `tell` hears `child` before and `back` after one."""

    def run(
        decoder: Decoder, path: Path, limits: Limits = DEFAULT_LIMITS, preload: Sequence[str] = (), **arguments: object
    ) -> dict[str, Value]:
        del preload
        with tempfile.TemporaryFile() as answer:
            tell("child")
            answer_with(answer, decoder, path.absolute(), arguments)
            tell("back")
            answer.seek(0)
            return read_answer(answer, 0, limits, path)

    for user in (child, mat, dicom_codec, foreign_weights):
        user.run_in_child = run  # pyright: ignore[reportPrivateImportUsage]

"""What the program's exit status means."""

from __future__ import annotations

from enum import IntEnum

from shortaxis.core.errors import InternalFault, ShortaxisError, UnknownName


class Exit(IntEnum):
    """The exit status of every command; `docs/reference/exit-codes.md` is made from this table."""

    DONE = 0
    SOME_FAILED = 1
    USAGE = 2
    INPUT_REFUSED = 3
    NOT_WRITTEN = 4
    CONFIGURATION = 5
    INTERNAL = 70
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """The status in one sentence."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.DONE: "Everything asked for was done.",
    Exit.SOME_FAILED: "Some cases failed and are named in the summary; the others were done.",
    Exit.USAGE: "The command was not understood: an unknown option, name or value. Nothing was done.",
    Exit.INPUT_REFUSED: "An input was refused, and nothing else was left to do.",
    Exit.NOT_WRITTEN: "An output could not be written, or exists already and --overwrite was not given.",
    Exit.CONFIGURATION: "A configuration, a model, a split or a device was not usable.",
    Exit.INTERNAL: "An error inside the program (SA-E090, SA-E999); please report it.",
    Exit.INTERRUPTED: "Stopped by Ctrl-C or, in training, SIGTERM; what is finished is kept, and `train --resume` goes on.",
}


def exit_for(refusal: ShortaxisError) -> Exit:
    """The status a refusal ends the program with, by the block its code is in."""
    number = int(refusal.code.removeprefix("SA-E"))
    if isinstance(refusal, UnknownName):
        return Exit.USAGE
    if isinstance(refusal, InternalFault):
        return Exit.INTERNAL
    if number in (6, 7):
        return Exit.NOT_WRITTEN
    return Exit.INPUT_REFUSED if number < 60 else Exit.CONFIGURATION

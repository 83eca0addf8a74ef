"""`python -m shortaxis`: the command line where the program is not on the PATH, and under torchrun."""

from __future__ import annotations

from shortaxis.cli.main import run

if __name__ == "__main__":
    run()

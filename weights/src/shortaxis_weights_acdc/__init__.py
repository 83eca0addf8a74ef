"""Weights of networks trained on ACDC, under CC BY-NC-SA 4.0; `shortaxis` finds them by the entry point `acdc`."""

from __future__ import annotations

from pathlib import Path

__version__ = "0.1.0"


def path() -> Path:
    """The file of weights, `acdc.safetensors`; its card, `card.json`, lies beside it.

    Nothing is opened or checked here: whoever loads the file does both.
    """
    return Path(__file__).with_name("acdc.safetensors")

"""Weights of networks trained on ACDC and EMIDEC, under CC BY-NC-SA 4.0; `shortaxis` finds each by its entry point.

Each function gives the file of a model, `NAME.safetensors`; its card lies beside it as `NAME.json`. Nothing is opened or
checked here: whoever loads the file does both.
"""

from __future__ import annotations

from pathlib import Path

__version__ = "0.2.0"

_FOLDER = Path(__file__).parent


def acdc() -> Path:
    """U-Net behind a regressed ROI: the default of `segment`."""
    return _FOLDER / "acdc.safetensors"


def attention_mnet() -> Path:
    """3D Attention M-net, with the multi-class head, behind a regressed ROI."""
    return _FOLDER / "attention-mnet.safetensors"


def dadu() -> Path:
    """DADU behind a regressed ROI."""
    return _FOLDER / "dadu.safetensors"


def foanet() -> Path:
    """FOANet behind its own localising network."""
    return _FOLDER / "foanet.safetensors"


def halsrnet() -> Path:
    """HALSR-Net behind its regressed ROI."""
    return _FOLDER / "halsrnet.safetensors"


def uncertainty_unet_cine() -> Path:
    """The 3D U-Net with its uncertainty in the loss, for cines."""
    return _FOLDER / "uncertainty-unet-cine.safetensors"


def uncertainty_unet_lge() -> Path:
    """The same network for late enhancement, trained on EMIDEC's pictures; experimental."""
    return _FOLDER / "uncertainty-unet-lge.safetensors"

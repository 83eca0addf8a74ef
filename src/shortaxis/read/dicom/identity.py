"""Tags of a patient's identity, for those who asked for them by name: `--keep-identity`."""

from __future__ import annotations

import warnings

from shortaxis.files.identity import kept_in_force
from shortaxis.read.dicom.files import Source
from shortaxis.read.dicom.frames import parse_errors, raise_damaged

LONGEST = 200  # letters of a value; the standard's names and texts of these tags are shorter


def identity_of(source: Source) -> dict[str, str]:
    """The values of the tags asked for, by keyword, on one line each; a tag that is absent or empty is left out.

    Raises DamagedFile.
    """
    tags = kept_in_force().tags
    if not tags:
        return {}
    import pydicom
    from pydicom.config import disable_value_validation

    with source.open() as stream, disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(stream, stop_before_pixels=True, force=True, specific_tags=list(tags))
            texts = {tag: str(dataset.get(tag) or "") for tag in tags}
        except parse_errors() as problem:
            raise_damaged(source, problem)
    shown = {tag: "".join(letter if letter.isprintable() else " " for letter in text) for tag, text in texts.items()}
    return {tag: text.strip()[:LONGEST] for tag, text in shown.items() if text.strip()}

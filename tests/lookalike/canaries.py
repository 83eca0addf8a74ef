"""Identity planted wherever a file can hold some: every DICOM text, date, UID and private tag, every NIfTI text field.

Each canary is of its own, so that what leaks says where it came from. None is a person's.
"""

from __future__ import annotations

import gzip
import itertools
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from nibabel.nifti1 import header_dtype
from pydicom import DataElement, Dataset, dcmread
from pydicom._dicom_dict import DicomDictionary
from pydicom.config import disable_value_validation
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

MARK = "Qzkj"  # how every canary of letters begins
TEXTS = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
PRIVATE_GROUP = 0x0029

# What the reader goes by: to change these is to make another scan, not to plant a name in this one.
STRUCTURAL = frozenset(
    ("ImageType", "Modality", "SOPClassUID", "SpecificCharacterSet", "PhotometricInterpretation", "FrameType",
     "ComplexImageComponent", "PatientSex", "AcquisitionTime", "AcquisitionDateTime", "FrameAcquisitionDateTime")
)  # fmt: skip


@dataclass
class Canaries:
    """What was planted: the canary, and where."""

    planted: dict[str, str] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def text(self, place: str, longest: int = 16) -> str:
        """A word of its own, at most `longest` long."""
        word = f"{MARK}{next(self._numbers):05d}"[:longest]
        self.planted.setdefault(word, place)
        return word

    def date(self, place: str) -> str:
        """A day of its own, long before any scanner."""
        number = next(self._numbers)
        day = f"{1800 + number // 336 % 80}{number // 28 % 12 + 1:02d}{number % 28 + 1:02d}"
        self.planted[day] = place
        return day

    def time(self, place: str) -> str:
        """A time of day of its own, told by its fraction."""
        number = next(self._numbers)
        self.planted[f"112233.77{number:04d}"] = place
        return f"112233.77{number:04d}"

    def uid(self, place: str) -> str:
        """A UID of its own."""
        uid = f"1.2.826.0.1.3680043.9.77.{10_000 + next(self._numbers)}.4711"
        self.planted[uid] = place
        return uid

    def age(self, place: str) -> str:
        """An age nobody reaches; it is one for all."""
        self.planted["971Y"] = place
        return "971Y"

    def of_vr(self, vr: str, place: str) -> str | bytes | None:
        """A canary that a value of this VR can hold; None for numbers."""
        made = {"DA": self.date, "TM": self.time, "UI": self.uid, "AS": self.age}
        if vr in TEXTS:
            return self.text(place)
        if vr in made:
            return made[vr](place)
        if vr == "DT":
            return self.date(place) + "112233"
        return self.text(place).encode().ljust(16) if vr in ("OB", "OW", "UN") else None

    def found_in(self, content: bytes) -> dict[str, str]:
        """The canaries that stand in some bytes: as they are, letters in UTF-16 too, days also as people write them."""
        words = [match.decode() for match in re.findall(rb"(?i:Qzkj)\d{5}", content.replace(b"\0", b""))]
        words += [match.decode() for match in re.findall(rb"1\.2\.826\.0\.1\.3680043\.9\.77\.\d{5}\.4711", content)]
        words += [match.decode() for match in re.findall(rb"112233\.77\d{4}|(?<![\w+/])971Y(?![\w+/])", content)]
        days = re.findall(rb"(?<![0-9a-fA-F.])(18[0-7]\d)([-/.]?)(\d\d)\2(\d\d)(?:112233)?(?![0-9a-fA-F])", content)
        words += [(year + month + day).decode() for year, _, month, day in days]
        turned = re.findall(rb"(?<!\d)(\d\d)[-/.](\d\d)[-/.](18[0-7]\d)(?!\d)", content)
        words += [(year + two + one).decode() for one, two, year in turned]
        words += [(year + one + two).decode() for one, two, year in turned]
        return {word: self.planted.get(word, "?") for word in words if word in self.planted or word.startswith(MARK)}


def plant_dicom(folder: Path, canaries: Canaries) -> None:
    """Canaries in every file below `folder`: all known tags of a text, a date or a UID, nested and private ones, all VRs.

    UIDs of study, series and frame of reference stay consistent; what the reader goes by stays as it is.
    """
    shared: dict[str, str] = {}
    with disable_value_validation():  # a CS in small letters is a canary all the same
        standard = _values(canaries)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with disable_value_validation():
            dataset = dcmread(path)
            was = {name: str(dataset.get(name)) for name in ("StudyInstanceUID", "SeriesInstanceUID")}
            for element in standard:
                if element.keyword not in STRUCTURAL:
                    dataset[element.tag] = element
            for name, old in was.items():
                setattr(dataset, name, shared.setdefault(old, canaries.uid(name)))
            dataset.SeriesDescription = f"cine_sax {standard[0].value}"
            dataset.SOPInstanceUID = canaries.uid("SOPInstanceUID")
            _plant_private(dataset, canaries)
            dataset.file_meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
            dataset.file_meta.ImplementationVersionName = canaries.text("ImplementationVersionName")
            dataset.file_meta.SourceApplicationEntityTitle = canaries.text("SourceApplicationEntityTitle")
            dataset.preamble = canaries.text("preamble").encode().ljust(128, b"\0")
            dataset.save_as(path)


def _values(canaries: Canaries) -> list[DataElement]:
    """One element per tag of the dictionary that can hold a canary, and the same once more inside sequences."""
    made = []
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if tag >> 16 in (0x0000, 0x0002, 0x0004, 0x0028, 0x7FE0, 0x5200, 0xFFFE) or not keyword:
            continue
        value = canaries.of_vr(vr, keyword)
        if value is not None and vr not in ("OB", "OW", "UN"):
            made.append(DataElement(tag, vr, value))
    for name in ("RequestAttributesSequence", "OtherPatientIDsSequence", "ReferencedStudySequence"):
        item = Dataset()
        item.PatientName, item.PatientID = canaries.text(f"{name}.PatientName"), canaries.text(f"{name}.PatientID")
        item.ReferencedSOPInstanceUID = canaries.uid(f"{name}.ReferencedSOPInstanceUID")
        item.StudyDate = canaries.date(f"{name}.StudyDate")
        sequence = Dataset()
        setattr(sequence, name, Items([item]))
        made.append(sequence[name])
    return made


def _plant_private(dataset: Dataset, canaries: Canaries) -> None:
    block = dataset.private_block(PRIVATE_GROUP, canaries.text("private creator"), create=True)
    for offset, vr in enumerate((*TEXTS, "DA", "TM", "DT", "UI", "AS", "OB", "OW", "UN"), 1):
        value = canaries.of_vr(vr, f"private {vr}")
        block.add_new(offset, vr, value)


def plant_nifti(path: Path, canaries: Canaries) -> Path:
    """Canaries in every text field of a NIfTI-1 file, in unused numbers, in extensions and in the gzip header."""
    plain = bytearray(gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes())
    header = np.frombuffer(plain, header_dtype, count=1)
    offset = int(header["vox_offset"][0])
    for name, longest in (("descrip", 79), ("aux_file", 23), ("intent_name", 15), ("db_name", 17), ("data_type", 9)):
        header[name][0] = canaries.text(f"{path.name} {name}", min(9, longest)).encode()
    for name in ("intent_p1", "intent_p2", "intent_p3", "cal_max", "toffset", "slice_duration"):
        header[name][0] = float(canaries.date(f"{path.name} {name}"))
    header["glmax"][0] = int(canaries.date(f"{path.name} glmax"))
    unused = slice(int(header["dim"][0][0]) + 1, 8)
    header["pixdim"][0][unused] = float(canaries.date(f"{path.name} unused pixdim"))
    extensions = b"".join(
        _extension(code, canaries.text(f"{path.name} extension {code}")) for code in (2, 4, 6, 18, 44)
    )
    header["vox_offset"][0] = offset + len(extensions)
    whole = bytes(plain[:348]) + b"\1\0\0\0" + extensions + bytes(plain[offset:])
    if path.name.endswith(".gz"):
        name, comment = canaries.text(f"{path.name} gzip name"), canaries.text(f"{path.name} gzip comment")
        body = gzip.compress(whole, mtime=0)
        flags = bytes([body[3] | 0x08 | 0x10])
        whole = body[:3] + flags + body[4:10] + name.encode() + b"\0" + comment.encode() + b"\0" + body[10:]
    path.write_bytes(whole)
    return path


def _extension(code: int, text: str) -> bytes:
    return struct.pack("<ii", 32, code) + text.encode().ljust(24, b"\0")


def numbers_of(canaries: Canaries) -> list[float]:
    """The planted days as the single-precision numbers that NIfTI fields hold."""
    return [float(np.float32(day)) for day in canaries.planted if len(day) == 8 and day.isdecimal()]

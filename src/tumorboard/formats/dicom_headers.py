"""Headers of DICOM images as a stack needs them: place, size, rescale, and where the pixels are."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tumorboard.errors import InputError
from tumorboard.formats.dicom_files import DicomFile
from tumorboard.formats.dicom_slices import Slice, StoredPixels
from tumorboard.formats.messages import shown

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

#: Text, one value or several: they describe a series, or choose one of several volumes.
_TEXT = {
    "ImageType": 0x00080008, "SOPClassUID": 0x00080016, "SOPInstanceUID": 0x00080018,
    "AcquisitionTime": 0x00080032, "ContentTime": 0x00080033, "Modality": 0x00080060,
    "Manufacturer": 0x00080070, "SeriesDescription": 0x0008103E,
    "ManufacturerModelName": 0x00081090, "PatientID": 0x00100020, "SliceThickness": 0x00180050,
    "KVP": 0x00180060, "EchoTime": 0x00180081, "EchoNumbers": 0x00180086,
    "MagneticFieldStrength": 0x00180087, "ProtocolName": 0x00181030, "TriggerTime": 0x00181060,
    "GantryDetectorTilt": 0x00181120, "ConvolutionKernel": 0x00181210,
    "PatientPosition": 0x00185100, "SeriesInstanceUID": 0x0020000E, "SeriesNumber": 0x00200011,
    "AcquisitionNumber": 0x00200012, "FrameOfReferenceUID": 0x00200052,
    "TemporalPositionIdentifier": 0x00200100, "ImagesInAcquisition": 0x00201002,
    "PhotometricInterpretation": 0x00280004, "BurnedInAnnotation": 0x00280301,
    "Units": 0x00541001, "FrameReferenceTime": 0x00541300,
}  # fmt: skip
#: Decimal strings.
_DECIMAL = {
    "ImagerPixelSpacing": 0x00181164, "ImagePositionPatient": 0x00200032,
    "ImageOrientationPatient": 0x00200037, "NumberOfFrames": 0x00280008,
    "PixelSpacing": 0x00280030, "RescaleIntercept": 0x00281052, "RescaleSlope": 0x00281053,
}  # fmt: skip
#: 16-bit integers.
_INTEGER = {
    "SamplesPerPixel": 0x00280002, "Rows": 0x00280010, "Columns": 0x00280011,
    "BitsAllocated": 0x00280100, "BitsStored": 0x00280101, "HighBit": 0x00280102,
    "PixelRepresentation": 0x00280103, "PixelPaddingValue": 0x00280120,
    "PixelPaddingRangeLimit": 0x00280121, "NumberOfSlices": 0x00540081,
}  # fmt: skip
_B_VALUE = 0x00189087  # a binary double
_CHARACTER_SET = 0x00080005
_ALL = [*_TEXT.values(), *_DECIMAL.values(), *_INTEGER.values(), _B_VALUE]
_DEFLATED = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_IMPLICIT, _EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"

#: Objects that carry pixels or none and are no part of a volume of intensities.
_NO_VOLUME = {
    "1.2.840.10008.1.3.10": "DICOMDIR, the index of a disc",
    "1.2.840.10008.5.1.4.1.1.66.4": "DICOM segmentation (SEG)",
    "1.2.840.10008.5.1.4.1.1.481.2": "radiotherapy dose (RTDOSE)",
    "1.2.840.10008.5.1.4.1.1.77.1.6": "microscopy slide",
}
#: Storage classes that only one modality may write (PS3.6 table A-1).
_MODALITY_OF_CLASS = {
    "1.2.840.10008.5.1.4.1.1.2": "CT", "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR", "1.2.840.10008.5.1.4.1.1.4.1": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PT", "1.2.840.10008.5.1.4.1.1.130": "PT",
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """What a file is: an image, or why it is none."""

    image: Slice | None
    reason: str = ""
    #: Whether positions stand in the groups of each frame (enhanced multi-frame objects).
    is_multi_frame: bool = False


def read_header(file: DicomFile, *, segmentation: bool = False) -> Header:
    """Read what a stack needs to know of one file; its pixels are not read.

    Args:
        file: To be read.
        segmentation: Whether an object that is no part of a volume, such as a SEG, is read as well.

    Raises:
        InputError: A damaged header, naming the file and the tag.
    """
    from pydicom import dcmread

    with file.open() as stream:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # remarks on values that are judged below
                dataset = dcmread(stream, stop_before_pixels=True, force=True, specific_tags=_ALL)
        except OSError:
            raise
        except Exception as error:  # pydicom raises many kinds of error on damaged headers
            line = (str(error).splitlines() or [type(error).__name__])[0][:160]
            raise InputError(
                f"{file}: damaged DICOM header ({line}). Export the file again."
            ) from error
        values = _Values(file, dataset)
        end = stream.tell()
        reason = "" if segmentation else _why_no_image(values, dataset)
        where = None if reason else _pixel_element(file, stream, values)
        if where is None and not reason:
            _refuse_cut(values, end)
    if where is None:
        return Header(None, reason or f"{_class_name(values)} without PixelData")
    return _image(values, *where)


def sop_class_of(path: Path) -> str:
    """UID of the kind of object that a DICOM file holds; "" where it does not say."""
    from pydicom import dcmread

    dataset = dcmread(path, stop_before_pixels=True, force=True, specific_tags=["SOPClassUID"])
    return str(dataset.get("SOPClassUID", ""))


class _Values:
    """Values of a header from their raw bytes, which is several times faster than converting."""

    def __init__(self, file: DicomFile, dataset: FileDataset) -> None:
        self.file, self.dataset = file, dataset
        self.notes: list[str] = []
        syntax = dataset.file_meta.get("TransferSyntaxUID")
        if syntax is None:
            implicit = dataset.original_encoding[0]
            syntax = _EXPLICIT if implicit is False else _IMPLICIT
            self.notes.append("no preamble or file meta group")
        self.syntax = str(syntax)
        self.order = ">" if self.syntax == _BIG_ENDIAN else "<"

    def raw(self, tag: int) -> bytes:
        from pydicom.tag import BaseTag

        value = getattr(self.dataset.get_item(BaseTag(tag)), "value", None)
        return value if isinstance(value, bytes) else b""

    def text(self, name: str) -> str:
        raw = self.raw(_TEXT[name]).rstrip(b" \0")
        if raw.isascii():
            return raw.decode("ascii")
        return self._encoded(name, raw)

    def _encoded(self, name: str, raw: bytes) -> str:
        from pydicom.charset import convert_encodings, decode_bytes

        sets = self.dataset.get("SpecificCharacterSet", "ISO_IR 6")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return decode_bytes(raw, convert_encodings(sets), set())
        except (LookupError, UnicodeError, Warning):
            # One character for each byte: nothing of an identifier is lost or made equal.
            self.notes.append(f"{name} is not in the character set {shown(str(sets))}")
            return raw.decode("latin-1")

    def decimals(self, name: str, n: int) -> tuple[float, ...] | None:
        raw = self.raw(_DECIMAL[name]).strip(b" \0")
        if not raw:
            return None
        try:
            found = tuple(float(part) for part in raw.split(b"\\"))
        except ValueError:
            found = ()
        if len(found) != n:
            text = shown(raw.decode("latin-1"))
            raise InputError(
                f"{self.file}: {name} is {text}; expected {n} numbers. Export the file again."
            )
        return found

    def integer(self, name: str, *, signed: bool = False) -> int | None:
        raw = self.raw(_INTEGER[name])
        if len(raw) < 2:
            return None
        (found,) = struct.unpack(self.order + ("h" if signed else "H"), raw[:2])
        return int(found)

    def all_text(self) -> dict[str, str]:
        tags = {name: self.text(name) for name in _TEXT}
        raw = self.raw(_B_VALUE)
        b_value = struct.unpack(self.order + "d", raw)[0] if len(raw) == 8 else None
        tags["DiffusionBValue"] = "" if b_value is None else f"{b_value:g}"
        n_slices = self.integer("NumberOfSlices")
        tags["NumberOfSlices"] = "" if n_slices is None else str(n_slices)
        return tags


def _why_no_image(values: _Values, dataset: FileDataset) -> str:
    media = str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
    return _NO_VOLUME.get(values.text("SOPClassUID") or media, "")


def _class_name(values: _Values) -> str:
    from pydicom.uid import UID

    name = UID(values.text("SOPClassUID")).name
    return f"{values.text('Modality') or 'DICOM'} object ({name or 'of no class'})"


def _pixel_element(file: DicomFile, stream: BinaryIO, values: _Values) -> tuple[int, int] | None:
    """Offset and length of the pixels; None for a file without."""
    if values.syntax == _DEFLATED:  # the header was inflated from a stream of its own
        return (-1, 0) if values.integer("Rows") else None
    start = stream.tell()
    head = stream.read(12)
    if len(head) < 8 or struct.unpack(values.order + "HH", head[:4]) != (0x7FE0, 0x0010):
        return None
    if values.dataset.original_encoding[0]:
        return start + 8, struct.unpack(values.order + "I", head[4:8])[0]
    return start + 12, struct.unpack(values.order + "I", head[8:12])[0]


def _refuse_cut(values: _Values, end: int) -> None:
    """Refuse an image that was cut off before its pixels; a whole header without them is none.

    Elements are written in the order of their tags, those of the pixels last.
    """
    from pydicom.dataelem import RawDataElement

    size = values.file.n_bytes
    found = [values.dataset.get_item(tag) for tag in values.dataset.keys()]  # noqa: SIM118
    last = max(found, key=lambda e: e.tag, default=None)
    is_short = isinstance(last, RawDataElement) and len(last.value or b"") < last.length
    is_cut = end != size or is_short or values.integer("PixelRepresentation") is None
    if is_cut and values.text("SOPClassUID") in _MODALITY_OF_CLASS:
        raise InputError(
            f"{values.file}: cut off in its header, after {size:,} bytes. Copy or export the file "
            "again."
        )


def _image(values: _Values, offset: int, length: int) -> Header:
    file = values.file
    tags = values.all_text()
    pixels = _stored(values, tags, offset, length)
    expected = _MODALITY_OF_CLASS.get(tags["SOPClassUID"])
    if expected and tags["Modality"] != expected:
        raise InputError(
            f"{file}: Modality is {shown(tags['Modality'])} but the file is stored as {expected} "
            "(SOPClassUID). One of them is wrong; mend the header before its values are used."
        )
    frames = pixels.n_frames
    slope = values.decimals("RescaleSlope", 1)
    intercept = values.decimals("RescaleIntercept", 1)
    image = Slice(
        file,
        0,
        pixels,
        values.decimals("ImagePositionPatient", 3),
        values.decimals("ImageOrientationPatient", 6),
        values.decimals("PixelSpacing", 2),
        slope[0] if slope else None,
        intercept[0] if intercept else None,
        tags,
        tuple(values.notes),
        bool(values.raw(_DECIMAL["ImagerPixelSpacing"])),
    )
    return Header(image, is_multi_frame=frames > 1 or image.position is None)


def _stored(values: _Values, tags: Mapping[str, str], offset: int, length: int) -> StoredPixels:
    found = {name: values.integer(name) for name in _INTEGER}
    needed = ("Rows", "Columns", "BitsAllocated", "BitsStored")
    missing = [name for name in needed if not found[name]]
    if missing:
        raise InputError(f"{values.file}: no {', '.join(missing)}. Export the file again.")
    frames = values.decimals("NumberOfFrames", 1)
    bits = found["BitsStored"] or 0
    return StoredPixels(
        found["Rows"] or 0,
        found["Columns"] or 0,
        found["BitsAllocated"] or 0,
        bits,
        bits - 1 if found["HighBit"] is None else found["HighBit"],
        bool(found["PixelRepresentation"]),
        tags["PhotometricInterpretation"],
        found["SamplesPerPixel"] or 1,
        int(frames[0]) if frames else 1,
        values.syntax,
        offset,
        length,
        _padding(values, signed=bool(found["PixelRepresentation"])),
    )


def _padding(values: _Values, *, signed: bool) -> tuple[int, int] | None:
    """PixelPaddingValue to PixelPaddingRangeLimit (PS3.3 C.7.5.1.1.2), signed as the pixels are."""
    value = values.integer("PixelPaddingValue", signed=signed)
    if value is None:
        return None
    limit = values.integer("PixelPaddingRangeLimit", signed=signed)
    limit = value if limit is None else limit
    return min(value, limit), max(value, limit)

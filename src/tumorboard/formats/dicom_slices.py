"""One slice of a stack as its header describes it: place, size, rescale, where its pixels are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tumorboard.formats.dicom_files import DicomFile

_ENCAPSULATED = 0xFFFFFFFF


@dataclass(frozen=True)
class StoredPixels:
    """How the pixels of a file are written (PS3.3 C.7.6.3).

    Args:
        offset: Of the first byte of native pixels, -1 where only pydicom can find them.
        length: As the element says; 0xFFFFFFFF for encapsulated (compressed) pixels.
        padding: Lowest and highest stored value that means "nothing was recorded"; None for none.
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str
    samples: int
    n_frames: int
    syntax: str
    offset: int
    length: int
    padding: tuple[int, int] | None

    @property
    def is_native(self) -> bool:
        """True where the pixels lie in the file as plain numbers."""
        return self.length != _ENCAPSULATED and self.offset >= 0

    @property
    def frame_bytes(self) -> int:
        """Bytes of one native frame."""
        return self.rows * self.columns * self.samples * self.bits_allocated // 8


@dataclass(frozen=True)
class Slice:
    """One image of a stack: a file of one frame, or one frame of a file.

    Args:
        frame: Number of the frame, from 0.
        position: ImagePositionPatient, mm, LPS; None where the file gives none.
        orientation: ImageOrientationPatient: direction of a row, then of a column.
        spacing_mm: PixelSpacing: between rows, then between columns.
        slope: RescaleSlope; None where absent.
        tags: Text of the header by keyword, "" where absent.
        notes: What was unusual about the file.
    """

    file: DicomFile
    frame: int
    pixels: StoredPixels
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing_mm: tuple[float, ...] | None
    slope: float | None
    intercept: float | None
    tags: Mapping[str, str]
    notes: tuple[str, ...] = ()
    has_imager_spacing: bool = False

    @property
    def label(self) -> str:
        """File name, and the number of the frame from 1 where there are several."""
        frames = self.pixels.n_frames
        return self.file.name if frames == 1 else f"{self.file.name} frame {self.frame + 1}"

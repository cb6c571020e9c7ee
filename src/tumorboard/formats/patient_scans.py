"""Folders of one patient as TCIA exports them: which series is the CT, where the tumour is.

`<patient>/<study>/<series>/*.dcm`, or `<patient>*.zip`. A series is a folder whose files lie
directly in it; its first file says what it is.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.aim_xml import AimMarkup, read_aim
from tumorboard.formats.dicom_image import looks_like_dicom
from tumorboard.formats.file_patterns import natural_key
from tumorboard.formats.messages import counted
from tumorboard.formats.segmentation_center import read_segmented_tumour
from tumorboard.records import FileRecord, Floats, Rejection

_NONE = "none"
_TAGS = (
    "Modality", "ImageType", "SeriesInstanceUID", "SOPInstanceUID", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing",
)  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One folder of DICOM files.

    Args:
        folder: The folder.
        files: Its files in natural order.
        modality: As its first file says.
        uid: Series instance UID of that file.
        is_localizer: Whether it is a scout view, which is no volume.
    """

    folder: Path
    files: tuple[Path, ...]
    modality: str
    uid: str
    is_localizer: bool


@dataclass
class Scans:
    """What was found for each patient, in their order.

    Args:
        ct_series: Folder or ZIP of the CT, relative to the images; None without one.
        segmentation: DICOM segmentation, relative to the images.
        center_mm: Middle of the tumour in mm in DICOM's axes (left, posterior, superior), from the
            segmentation or else the annotation.
        records: Segmentations and annotations that were read.
        rejections: Those that could not be.
        notes: How the CT was chosen.
    """

    ct_series: list[str | None] = field(default_factory=list[str | None])
    segmentation: list[str | None] = field(default_factory=list[str | None])
    center_mm: list[tuple[float, float, float] | None] = field(
        default_factory=list[tuple[float, float, float] | None]
    )
    records: list[FileRecord] = field(default_factory=list[FileRecord])
    rejections: list[Rejection] = field(default_factory=list[Rejection])
    notes: list[str] = field(default_factory=list[str])


def find_scans(images: Path, patient_ids: Sequence[str], *, annotations: Path | None) -> Scans:
    """CT series, segmentation and tumour centre of every patient.

    The CT is the series that the segmentation or the annotation refers to; else the CT with most
    files that is no localiser. A segmentation or annotation that cannot be read is rejected, and
    the patient keeps the rest.

    Args:
        images: Folder with one folder or ZIP per patient.
        patient_ids: Who is looked for.
        annotations: Folder of AIM files `<patient>.xml`; None is without.

    Raises:
        InputError: No such folder.
    """
    for folder in (images, *([annotations] if annotations else [])):
        if not folder.is_dir():
            raise InputError(
                f"{folder}: no such folder. Name it in [cohort], relative to the data folder."
            )
    entries = sorted(images.iterdir(), key=lambda path: natural_key(path.name))
    scans = Scans()
    ways: Counter[str] = Counter()
    for patient in patient_ids:
        own = next((e for e in entries if e.is_dir() and e.name == patient), None)
        series = _series(own) if own else []
        marked = _Marked(patient, scans)
        marked.read_segmentation(series, images)
        archives = [e for e in entries if e.suffix.lower() == ".zip" and _is_of(e.stem, patient)]
        marked.read_annotation(annotations, series, archives)
        path, way = _choose(series, archives, marked)
        ways[way] += 1
        scans.ct_series.append(path.relative_to(images).as_posix() if path else None)
        scans.segmentation.append(marked.segmentation)
        scans.center_mm.append(marked.center_mm)
    n_found = len(patient_ids) - ways.pop(_NONE, 0)
    how = f" ({', '.join(f'{way}: {n}' for way, n in ways.items())})" if n_found else ""
    scans.notes.append(f"CT of {counted(n_found, 'patient')} in {images.name}{how}")
    return scans


def _choose(
    series: Sequence[Series], archives: Sequence[Path], marked: _Marked
) -> tuple[Path | None, str]:
    """Folder or ZIP of a patient's CT, and how it was chosen."""
    ct = [s for s in series if s.modality == "CT" and not s.is_localizer]
    named = [s for s in ct if s.uid in marked.series_uids]
    if chosen := max(named or ct, key=lambda s: len(s.files), default=None):
        most = "the only series" if len(ct) == 1 else "most files of several series"
        return chosen.folder, "named by a segmentation or annotation" if named else most
    if len(archives) > 1:
        marked.reject(archives[0], f"several ZIPs of one patient, such as {archives[1].name}")
        return None, _NONE
    return (archives[0], "ZIP") if archives else (None, _NONE)


class _Marked:
    """Segmentation and annotation of one patient."""

    def __init__(self, patient: str, scans: Scans) -> None:
        self.patient = patient
        self.scans = scans
        self.series_uids: set[str] = set()
        self.segmentation: str | None = None
        self.center_mm: tuple[float, float, float] | None = None

    def read_segmentation(self, series: Sequence[Series], images: Path) -> None:
        for one in (s for s in series if s.modality == "SEG"):
            for path in one.files:
                try:
                    tumour = read_segmented_tumour(path)
                except InputError as error:
                    self.reject(path, str(error))
                    continue
                self.series_uids.add(tumour.series_uid)
                if self.segmentation is None:
                    self.segmentation = path.relative_to(images).as_posix()
                    self.center_mm = tumour.center_mm
                self._used(path, "segmentation")

    def read_annotation(
        self, annotations: Path | None, series: Sequence[Series], archives: Sequence[Path]
    ) -> None:
        path = annotations / f"{self.patient}.xml" if annotations else None
        if path is None or not path.is_file():
            return
        try:
            aim = read_aim(path)
            self.series_uids.update(aim.series_uids)
            if self.center_mm is None and aim.markups:
                points = [_in_patient(markup, series, archives, path) for markup in aim.markups]
                x, y, z = (float(v) for v in np.mean(points, axis=0))
                self.center_mm = (x, y, z)
        except InputError as error:
            self.reject(path, str(error))
            return
        self._used(path, "annotation")

    def _used(self, path: Path, what: str) -> None:
        self.scans.records.append(FileRecord(path, "used", what, patient_id=self.patient))

    def reject(self, path: Path, reason: str) -> None:
        """Note a file that could not be used."""
        self.scans.rejections.append(Rejection(self.patient, path, reason))
        self.scans.records.append(FileRecord(path, "rejected", reason, patient_id=self.patient))


def center_cell(center_mm: tuple[float, float, float] | None) -> str | None:
    """A tumour centre as a cell: x, y and z in mm with a space between."""
    return None if center_mm is None else " ".join(f"{v:.3f}" for v in center_mm)


def _is_of(stem: str, patient: str) -> bool:
    return stem == patient or (stem.startswith(patient) and not stem[len(patient)].isalnum())


def _series(folder: Path) -> list[Series]:
    found: list[Series] = []
    holders = sorted({p.parent for p in folder.rglob("*") if p.is_file()})
    for own in holders:
        files = tuple(
            sorted(
                (p for p in own.iterdir() if p.is_file() and not p.name.startswith(".")),
                key=lambda p: natural_key(p.name),
            )
        )
        header = next((h for path in files[:3] if (h := _header(path)) is not None), None)
        if header is not None:
            image_type = header.get("ImageType") or []
            found.append(
                Series(
                    own, files, str(header.get("Modality", "")),
                    str(header.get("SeriesInstanceUID", "")), "LOCALIZER" in image_type,
                )
            )  # fmt: skip
    return found


def _header(path: Path) -> Any:
    """The few tags that are needed here; None for a file that is no DICOM."""
    with path.open("rb") as handle:
        return _header_of(handle)


def _header_of(handle: IO[bytes]) -> Any:
    import pydicom

    if not looks_like_dicom(handle.read(132)):
        return None
    handle.seek(0)
    try:
        return pydicom.dcmread(
            handle, stop_before_pixels=True, specific_tags=list(_TAGS), force=True
        )
    except Exception:  # pydicom raises many kinds of error; whoever reads the series says which
        return None


def _slices(series: Sequence[Series], archives: Sequence[Path]) -> Iterator[tuple[Any, Path]]:
    """Header and file of every slice of a CT, those in ZIPs after those in folders."""
    for one in (s for s in series if s.modality == "CT"):
        yield from ((_header(file), file) for file in one.files)
    for archive in archives:
        try:
            with ZipFile(archive) as opened:
                for name in opened.namelist():
                    header = _header_of(BytesIO(opened.read(name)))
                    if header is not None and header.get("Modality") == "CT":
                        yield header, archive
        except (BadZipFile, OSError, EOFError, RuntimeError, zlib.error):
            continue  # cut off, or with a password: whoever reads the volume says so


def _in_patient(
    markup: AimMarkup, series: Sequence[Series], archives: Sequence[Path], path: Path
) -> Floats:
    """Centre of a shape in mm in DICOM's axes."""
    center = markup.center
    if len(center) == 3:
        return center
    for header, file in _slices(series, archives):
        if header is not None and header.get("SOPInstanceUID") == markup.image_uid:
            return _of_pixel(center, header, file)
    raise InputError(
        f"{path.name}: was drawn on the image {markup.image_uid or '(not named)'}, which none of "
        "the patient's CT series holds. Add the series, or leave the file out."
    )


def _of_pixel(center: Floats, header: Any, path: Path) -> Floats:
    try:
        position = np.asarray([float(v) for v in header.ImagePositionPatient])
        cosines = np.asarray([float(v) for v in header.ImageOrientationPatient])
        down, right = (float(v) for v in header.PixelSpacing)
    except (AttributeError, TypeError, ValueError):
        raise InputError(
            f"{path.name}: the image has no position, orientation or spacing."
        ) from None
    # (0, 0) is the outer corner of the first pixel, whose middle is the image's position
    column, row = center - 0.5
    return np.asarray(position + cosines[:3] * right * column + cosines[3:] * down * row)

"""Which images of a folder make one volume: patients, series, localisers, sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from tumorboard.errors import InputError, nearest
from tumorboard.formats.dicom_geometry import orientation_text
from tumorboard.formats.dicom_slices import Slice
from tumorboard.formats.messages import counted, listed, shown

#: What a user may choose by.
CHOICES = (
    "SeriesInstanceUID", "SeriesDescription", "SeriesNumber", "AcquisitionNumber", "ImageType",
    "ConvolutionKernel", "ProtocolName", "TemporalPositionIdentifier", "TriggerTime",
    "FrameReferenceTime", "AcquisitionTime", "ContentTime", "EchoNumbers", "EchoTime",
    "DiffusionBValue", "StackID", "PatientID",
)  # fmt: skip
#: Cosines of two slices of one orientation: 0.25 mm over a field of 250 mm.
_SAME_DIRECTION = 1e-3
#: A localiser that does not say so has at most this many images.
_LOCALISER_IMAGES = 3


@dataclass
class Sorting:
    """What became of files that are no part of the volume, gathered on the way."""

    ignored: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])
    notes: list[str] = field(default_factory=list[str])

    def ignore(self, slices: Sequence[Slice], reason: str) -> None:
        """Each file once, whatever number of its frames is left out."""
        entries = [image.file.ignored(reason) for image in slices]
        self.ignored += [entry for entry in dict.fromkeys(entries) if entry not in self.ignored]


def series_name(where: Path, image: Slice) -> str:
    """Folder, series UID and description for messages."""
    description = image.tags["SeriesDescription"]
    text = f" ({description})" if description else ""
    return f"{where}: series {image.tags['SeriesInstanceUID'] or 'without UID'}{text}"


def check_one_patient(slices: Sequence[Slice], where: Path) -> None:
    """Refuse files of several patients in one place.

    Raises:
        InputError: More than one PatientID, naming each.
    """
    patients = Counter(image.tags["PatientID"] for image in slices)
    if len(patients) > 1:
        found = [f"{patient!r} ({counted(n, 'image')})" for patient, n in patients.items()]
        raise InputError(
            f"{where}: images of {len(patients)} patients: PatientID {listed(found)}. Expected one "
            "patient; sort the files by patient."
        )


def chosen(
    slices: Sequence[Slice], choose: Mapping[str, str], where: Path, sorting: Sorting
) -> list[Slice]:
    """Slices whose header has the values that the user chose; `*` stands for any text.

    Raises:
        InputError: An attribute that nothing can be chosen by, or a value that no image has.
    """
    kept = list(slices)
    for name, value in choose.items():
        if name not in CHOICES:
            raise InputError(f"{where}: cannot choose by {name!r}. {nearest(name, CHOICES)}")
        found = Counter(image.tags.get(name, "") for image in kept)
        left = [image for image in kept if _matches(image.tags.get(name, ""), value)]
        if not left:
            there = [f"{shown(text)} ({counted(n, 'image')})" for text, n in found.items()]
            raise InputError(f"{where}: no image has {name} {value!r}. Found: {listed(there)}.")
        ids = {id(image) for image in left}
        sorting.ignore([s for s in kept if id(s) not in ids], f"not chosen ({name} {value!r})")
        kept = left
    return kept


def _matches(text: str, pattern: str) -> bool:
    return text == pattern or fnmatchcase(text, pattern)


def one_series(slices: Sequence[Slice], where: Path, sorting: Sorting) -> list[Slice]:
    """The slices of the only series that can be a volume.

    Raises:
        InputError: None, with the reason for each series; or several, with their sizes.
    """
    series: dict[str, list[Slice]] = {}
    for image in slices:
        series.setdefault(image.tags["SeriesInstanceUID"], []).append(image)
    reasons = {uid: _no_volume(images) for uid, images in series.items()}
    candidates = [uid for uid, reason in reasons.items() if not reason]
    if len(candidates) > 1:
        found = [_described(series[uid]) for uid in candidates]
        raise InputError(
            f"{where}: {len(candidates)} series that could be the volume: {listed(found)}. Choose "
            f'one, such as choose = {{SeriesInstanceUID = "{candidates[0]}"}}, or by '
            "SeriesDescription."
        )
    if not candidates:
        raise InputError(
            [f"{series_name(where, series[uid][0])}: {reasons[uid]}." for uid in series]
            or f"{where}: no DICOM image."
        )
    for uid in series:
        if uid != candidates[0]:
            sorting.ignore(series[uid], f"series {uid}: {reasons[uid]}")
    return series[candidates[0]]


def _described(images: Sequence[Slice]) -> str:
    tags = images[0].tags
    return (
        f"{tags['SeriesInstanceUID'] or 'without UID'} ({counted(len(images), 'slice')}, "
        f"{tags['Modality']}, SeriesDescription {shown(tags['SeriesDescription'])})"
    )


def _no_volume(images: Sequence[Slice]) -> str:
    """Why a series cannot be a volume at all; "" where it might."""
    n = images[0].pixels.n_frames
    placed = [image for image in images if image.position and image.orientation]
    if not placed:
        cine = f"a time dimension of n = {n} frames (a cine), " if n > 1 else ""
        return (
            f"{counted(len(images), 'image')}, {cine}without ImagePositionPatient and "
            "ImageOrientationPatient, as of a screenshot or a projection; expected slices with "
            "their positions"
        )
    if all(_is_localiser(image) for image in placed):
        return f"{counted(len(placed), 'image')} of a localiser"
    if len(placed) == 1:
        return "1 slice; a volume needs at least 2"
    return ""


def _is_localiser(image: Slice) -> bool:
    return "LOCALIZER" in image.tags["ImageType"].upper()


def placed_slices(slices: Sequence[Slice], name: str, sorting: Sorting) -> list[Slice]:
    """Slices of one orientation, size and pixel spacing, without localisers and report pages.

    Raises:
        InputError: Slices without position, or of several orientations, sizes or pixel spacings.
    """
    scouts = [image for image in slices if _is_localiser(image)]
    if len(scouts) < len(slices):
        sorting.ignore(scouts, "localiser (ImageType)")
        slices = [image for image in slices if not _is_localiser(image)]
    slices = _with_position(slices, name, sorting)
    main = _main_orientation(slices, name, sorting)
    _check_same(
        main, name, "sizes", lambda s: f"{s.pixels.rows} x {s.pixels.columns} (rows x columns)"
    )
    for image in main:
        if image.spacing_mm is None or min(image.spacing_mm) <= 0:
            only = ", only ImagerPixelSpacing, which is measured at the detector" * (
                image.has_imager_spacing
            )
            raise InputError(
                f"{name}: {image.label} has no PixelSpacing{only}. Its size in mm is unknown; "
                "export the series again."
            )
    _check_same(
        main,
        name,
        "pixel spacings",
        lambda s: " x ".join(f"{v:.4g}" for v in s.spacing_mm or ()) + " mm",
    )
    return main


def _with_position(slices: Sequence[Slice], name: str, sorting: Sorting) -> list[Slice]:
    without = [image for image in slices if not (image.position and image.orientation)]
    pages = [s for s in without if ".5.1.4.1.1.7" in s.tags["SOPClassUID"]]
    sorting.ignore(pages, "secondary capture without a position (a screenshot or a dose page)")
    lost = [s for s in without if ".5.1.4.1.1.7" not in s.tags["SOPClassUID"]]
    if lost:
        raise InputError(
            f"{name}: {len(lost)} of {counted(len(slices), 'slice')} without ImagePositionPatient "
            f"or ImageOrientationPatient: {listed([s.label for s in lost])}. Export them again."
        )
    return [image for image in slices if image.position and image.orientation]


def _main_orientation(slices: Sequence[Slice], name: str, sorting: Sorting) -> list[Slice]:
    clusters: list[list[Slice]] = []
    for image in slices:
        for cluster in clusters:
            pairs = zip(cluster[0].orientation or (), image.orientation or (), strict=True)
            if max(abs(a - b) for a, b in pairs) <= _SAME_DIRECTION:
                cluster.append(image)
                break
        else:
            clusters.append([image])
    clusters.sort(key=len, reverse=True)
    main, others = clusters[0], clusters[1:]
    few = all(len(other) <= _LOCALISER_IMAGES < len(main) for other in others)
    if not few:
        found = [f"{counted(len(c), 'slice')} along {orientation_text(c[0])}" for c in clusters]
        raise InputError(
            f"{name}: {len(clusters)} orientations: {listed(found)}. Expected parallel slices; "
            "choose one part by AcquisitionNumber or ImageType, or export it alone."
        )
    for other in others:
        sorting.ignore(
            other,
            f"localiser: orientation {orientation_text(other[0])} unlike the "
            f"{len(main)} slices of the volume",
        )
    return main


def _check_same(slices: Sequence[Slice], name: str, what: str, key: Callable[[Slice], str]) -> None:
    found = Counter(key(image) for image in slices)
    if len(found) > 1:
        kinds = [f"{counted(n, 'slice')} of {text}" for text, n in found.most_common()]
        raise InputError(
            f"{name}: {len(found)} {what}: {listed(kinds)}. Expected one; export the series that "
            "is meant alone."
        )

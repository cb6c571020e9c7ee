"""Enhanced multi-frame CT, MR and PET: one slice for each frame, from its functional groups."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tumorboard.errors import InputError
from tumorboard.formats.dicom_slices import Slice

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: Attributes of a frame that tell volumes in one file apart: keyword, sequence, its attribute.
_FRAME_TAGS = (
    ("TemporalPositionIdentifier", "FrameContentSequence", "TemporalPositionIndex"),
    ("StackID", "FrameContentSequence", "StackID"),
    ("AcquisitionNumber", "FrameContentSequence", "FrameAcquisitionNumber"),
    ("AcquisitionTime", "FrameContentSequence", "FrameAcquisitionDateTime"),
    ("EchoTime", "MREchoSequence", "EffectiveEchoTime"),
    ("DiffusionBValue", "MRDiffusionSequence", "DiffusionBValue"),
    ("TriggerTime", "CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    ("ConvolutionKernel", "CTReconstructionSequence", "ConvolutionKernel"),
    ("ImageType", "CTImageFrameTypeSequence", "FrameType"),
    ("ImageType", "MRImageFrameTypeSequence", "FrameType"),
    ("ImageType", "PETFrameTypeSequence", "FrameType"),
)


def frames_of(image: Slice) -> list[Slice]:
    """The frames of a file, each where its own group or the shared one puts it (PS3.3 C.7.6.16).

    A file without functional groups gives its frames without positions.

    Raises:
        InputError: Fewer groups than frames.
    """
    from pydicom import dcmread

    with image.file.open() as stream:
        dataset = dcmread(stream, stop_before_pixels=True, force=True)
    n = image.pixels.n_frames
    groups = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
    if not groups:
        return [image] if n == 1 else [replace(image, frame=k) for k in range(n)]
    if len(groups) != n:
        raise InputError(
            f"{image.file}: {n} frames but {len(groups)} groups of their attributes "
            "(PerFrameFunctionalGroupsSequence). Export the file again."
        )
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or ())
    rest = shared[0] if shared else None
    return [_frame(image, k, group, rest) for k, group in enumerate(groups)]


def _frame(image: Slice, number: int, group: Dataset, shared: Dataset | None) -> Slice:
    def value(sequence: str, name: str) -> Any:
        for part in (group, shared):
            items = part.get(sequence) if part is not None else None
            if items and items[0].get(name) is not None:
                return items[0].get(name)
        return None

    def numbers(sequence: str, name: str) -> tuple[float, ...] | None:
        found = value(sequence, name)
        return None if found is None else tuple(float(v) for v in found)

    tags = dict(image.tags)
    for keyword, sequence, name in _FRAME_TAGS:
        found = value(sequence, name)
        if found is not None:
            many = not isinstance(found, str) and hasattr(found, "__iter__")
            tags[keyword] = "\\".join(map(str, found)) if many else str(found)
    slope = value("PixelValueTransformationSequence", "RescaleSlope")
    intercept = value("PixelValueTransformationSequence", "RescaleIntercept")
    return replace(
        image,
        frame=number,
        position=numbers("PlanePositionSequence", "ImagePositionPatient"),
        orientation=numbers("PlaneOrientationSequence", "ImageOrientationPatient"),
        spacing_mm=numbers("PixelMeasuresSequence", "PixelSpacing"),
        slope=image.slope if slope is None else float(slope),
        intercept=image.intercept if intercept is None else float(intercept),
        tags=tags,
    )

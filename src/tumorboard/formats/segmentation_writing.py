"""Write predicted masks as a DICOM segmentation (SEG) of the series that they were found in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tumorboard
from tumorboard.cache import write_atomic
from tumorboard.errors import InputError
from tumorboard.formats.source_series import RESEARCH_ONLY, source_slices
from tumorboard.records import Bools, Floats

#: Category and type of what is segmented, SNOMED CT: (code, meaning).
_LESION = ("49755003", "Morphologically Abnormal Structure")
_ORGAN = ("123037004", "Anatomical Structure")
#: Words of a label's name -> its category and code (CID 7159 and CID 7166 among others).
_CODES: Mapping[str, tuple[tuple[str, str], tuple[str, str]]] = {
    **dict.fromkeys(
        ("tumour", "tumor", "neoplasm", "cancer", "whole", "gtv", "core", "enhancing"),
        (_LESION, ("108369006", "Neoplasm")),
    ),
    **dict.fromkeys(("lesion", "plaque"), (_LESION, ("52988006", "Lesion"))),
    **dict.fromkeys(("nodule",), (_LESION, ("27925004", "Nodule"))),
    **dict.fromkeys(("mass",), (_LESION, ("4147007", "Mass"))),
    **dict.fromkeys(("oedema", "edema"), (_LESION, ("79654002", "Edema"))),
    **dict.fromkeys(("necrosis", "necrotic"), (_LESION, ("6574001", "Necrosis"))),
    "heart": (_ORGAN, ("80891009", "Heart")),
    "aorta": (_ORGAN, ("15825003", "Aorta")),
    **dict.fromkeys(("oesophagus", "esophagus"), (_ORGAN, ("32849002", "Esophagus"))),
    "cord": (_ORGAN, ("2748008", "Spinal cord")),
    "brain": (_ORGAN, ("12738006", "Brain")),
    "lung": (_ORGAN, ("39607008", "Lung")),
    "liver": (_ORGAN, ("10200004", "Liver")),
    "kidney": (_ORGAN, ("64033007", "Kidney")),
    "prostate": (_ORGAN, ("41216001", "Prostate")),
    "breast": (_ORGAN, ("76752008", "Breast")),
}
#: What nothing above names.
_OTHER = (("85756007", "Tissue"), ("85756007", "Tissue"))


def code_of(label: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Category and type of a label by the words of its name; tissue where none is known."""
    words = label.lower().replace("-", "_").replace(" ", "_").split("_")
    return next((_CODES[word] for word in words if word in _CODES), _OTHER)


def write_predicted_segmentation(
    path: Path, files: Sequence[Path], masks: Mapping[str, Bools], affine: Floats
) -> None:
    """Write a binary SEG with one segment per label; labels without a voxel have none.

    Args:
        path: File to write.
        files: Of the DICOM series.
        masks: Label -> (X, Y, Z), axes in RAS+ order.
        affine: (4, 4) voxel -> mm, RAS+.

    Raises:
        InputError: Not one classic series, or not that of the masks; or every mask is empty.

    Source:
        DICOM PS3.3 A.51 (segmentation), written by highdicom (Bridge et al., J Digit Imaging 2022;
        35: 1719).
    """
    import highdicom as hd

    there = {label: mask for label, mask in masks.items() if mask.any()}
    if not there:
        raise InputError(f"{path}: nothing was segmented; a DICOM segmentation cannot be empty.")
    shape = next(iter(there.values())).shape
    slices = source_slices(files, shape, affine)
    pixels = np.stack(
        [[each.plane(mask) for each in slices] for mask in there.values()], axis=-1
    ).astype(np.uint8)
    series = str(slices[0].dataset.SeriesInstanceUID)
    described = [
        _described(number, label, series) for number, label in enumerate(there, start=1)
    ]  # fmt: skip
    content = pixels.tobytes().hex()
    written = hd.seg.Segmentation(
        source_images=[each.dataset for each in slices],
        pixel_array=pixels,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        series_instance_uid=unique(series, "segmentation series"),
        series_number=900,
        sop_instance_uid=unique(series, "segmentation", content),
        instance_number=1,
        manufacturer="tumorboard",
        manufacturer_model_name="tumorboard",
        software_versions=tumorboard.__version__,
        device_serial_number="0",
        content_label="TUMORBOARD",
        content_description=RESEARCH_ONLY,
        series_description=f"tumorboard: {RESEARCH_ONLY.lower()}"[:64],
        omit_empty_frames=True,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, lambda part: written.save_as(part))


def _described(number: int, label: str, series: str) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    category, kind = code_of(label)
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label[:64],
        segmented_property_category=hd.sr.CodedConcept(category[0], "SCT", category[1]),
        segmented_property_type=hd.sr.CodedConcept(kind[0], "SCT", kind[1]),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="tumorboard",
            version=tumorboard.__version__,
            family=codes.DCM.ArtificialIntelligence,
        ),
        tracking_id=f"{label} of {series[-12:]}"[:64],
        tracking_uid=hd.UID(unique(series, "tracking", label)),
    )


def unique(*parts: str) -> Any:
    """A unique identifier that the same parts give again."""
    from pydicom.uid import generate_uid

    return generate_uid(entropy_srcs=["tumorboard", tumorboard.__version__, *parts])

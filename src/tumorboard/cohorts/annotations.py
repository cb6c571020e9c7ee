"""Annotated images of any program: dots, boxes and outlines with a class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from tumorboard.cohorts import Source
from tumorboard.formats.annotated_cohort import ImageTable, read_annotated_cohort
from tumorboard.formats.annotation_pairing import AnnotationRules
from tumorboard.formats.annotations import Coordinates
from tumorboard.records import Cohort


class Annotations(Source):
    """Images with dots, boxes or outlines: plain JSON, GeoJSON, ASAP and ImageScope XML, CSV.

    One row per annotation, with `image`, `class`, `x_px`, `y_px` (centre of the dot or of the
    bounding box) and `width_px`, `height_px`. Which format a file has, its content says. An image
    and its annotation file have the same name; a CSV may name its images in a column `image`.

    What does not fit: a damaged annotation file, one without its image and an annotation outside of
    its image are rejected and listed, the patient keeps the rest; an image without an annotation
    file is noted; an unknown class, two annotation files for one image, two images of one name and
    coordinates that could be pixels or shares are errors that name the file.

    Args:
        images: Pattern of the images below the data folder.
        annotations: Pattern of the annotation files.
        patient: Regular expression with one group, which the whole name of an image without its
            ending must match, or {column} of `table`. As it is, every image is a patient.
        classes: Known classes, another one is an error; empty takes what the files hold.
        coordinates: "fraction" (0..1 of width and height), "pixels", or "auto": decided per file.
        outside: "reject" leaves annotations outside of their image out and lists them; "error"
            stops.
        table: Table with one row per image (column `image`) or patient, whose columns are joined;
            "none" is without.
        patient_id: Column of `table` with the patient.
        missing: Codes of `table` that mean not known.
    """

    row_id: ClassVar[str] = "annotation_id"
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "task": {"target": "class", "unit": "annotation"}
    }

    def __init__(
        self,
        *,
        images: str = "images/*",
        annotations: str = "annotations/*",
        patient: str = "(.+)",
        classes: tuple[str, ...] = (),
        coordinates: Coordinates = "auto",
        outside: Literal["reject", "error"] = "reject",
        table: str = "none",
        patient_id: str = "patient_id",
        missing: tuple[str, ...] = ("",),
    ) -> None:
        self.rules = AnnotationRules(images, annotations, classes, coordinates, outside)
        self.patient = patient
        self.table_name = table
        self.patient_id = patient_id
        self.missing = missing

    def read(self, root: Path, *, name: str, files: Mapping[str, str]) -> Cohort:
        """Read every annotation file and check it against its image; see `Source.read`."""
        joined = ImageTable.read(
            root, name=self.table_name, missing=self.missing, patient_id=self.patient_id
        )
        return read_annotated_cohort(
            root, self.rules, name=name, files=files, patient=self.patient, joined=joined
        )

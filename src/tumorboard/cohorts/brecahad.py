"""BreCaHAD: H&E images of breast cancer with a class for every nucleus and tubule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from tumorboard.cohorts import Source
from tumorboard.formats.annotated_cohort import ImageTable, read_annotated_cohort
from tumorboard.formats.annotation_pairing import AnnotationRules
from tumorboard.records import Cohort

#: Classes of the data set's own files.
CLASSES = ("mitosis", "non_mitosis", "apoptosis", "tumor", "non_tumor", "lumen", "non_lumen")


class BreCaHAD(Source):
    """BreCaHAD in its original folders: images/*.tif (PNG, JPEG) and groundTruth/*.json.

    One row per annotated nucleus or tubule: `image`, `class`, `x_px`, `y_px`. The patient is the
    case: 10 of Case_10-03. Files that do not fit are treated as by the source `annotations`.

    Args:
        images: Pattern of the images below the data folder.
        annotations: Pattern of the annotation files.
        patient: Regular expression with one group, the case, for names of images.
        classes: Known classes; another one is an error.
        outside: "reject" leaves dots outside of their image out and lists them; "error" stops.
        table: Table with one row per image (column `image`) or patient, whose columns are joined;
            "none" is without.
        patient_id: Column of `table` with the patient.
        missing: Codes of `table` that mean not known.

    Source:
        Aksac et al. 2019, BreCaHAD: a dataset for breast cancer histopathological annotation and
        diagnosis, BMC Research Notes 12:82.
    """

    row_id: ClassVar[str] = "annotation_id"
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "task": {"target": "class", "unit": "annotation"}
    }

    def __init__(
        self,
        *,
        images: str = "images/*",
        annotations: str = "groundTruth/*",
        patient: str = "Case_([0-9]+)-[0-9]+",
        classes: tuple[str, ...] = CLASSES,
        outside: Literal["reject", "error"] = "reject",
        table: str = "none",
        patient_id: str = "patient_id",
        missing: tuple[str, ...] = ("",),
    ) -> None:
        # the files hold shares of width and height: nothing is left to detect
        self.rules = AnnotationRules(images, annotations, classes, "fraction", outside)
        self.patient = patient
        self.table_name = table
        self.patient_id = patient_id
        self.missing = missing

    def read(self, root: Path, *, name: str, files: Mapping[str, str]) -> Cohort:
        """Read every groundTruth file and check it against its image; see `Source.read`."""
        joined = ImageTable.read(
            root, name=self.table_name, missing=self.missing, patient_id=self.patient_id
        )
        return read_annotated_cohort(
            root, self.rules, name=name, files=files, patient=self.patient, joined=joined
        )

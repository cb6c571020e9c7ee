"""Write the files of a simulated radiogenomic cohort: record, visits, RNA, volumes and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tumorboard.formats.csv_writing import write_csv
from tumorboard.formats.dicom_writing import Acquisition, write_ct_series, write_segmentation
from tumorboard.formats.nifti_writing import write_nifti
from tumorboard.transforms import radiogenomic_patients as people
from tumorboard.transforms import simulated_lung_cancer as cancer
from tumorboard.transforms.chest_drawing import Chest, Nodule, Scanner, draw_chest
from tumorboard.transforms.simulated_expression import ExpressionModel, rows_of
from tumorboard.transforms.untrained_features import N_FEATURES, untrained_features

#: Protocols of the two institutions, and of the one outside: another maker, a sharp kernel, less
#: dose, larger voxels within thinner slices, and a calibration that is off.
SCANNERS: Mapping[str, tuple[Scanner, ...]] = {
    "A": (
        Scanner("SIEMENS", "Sensation 64", "B45f", 120, 20.0, 1.2, 1.6),
        Scanner("SIEMENS", "Sensation 64", "B30f", 120, 13.0, 1.7, 2.4),
    ),
    "B": (
        Scanner(
            "GE MEDICAL SYSTEMS", "LightSpeed VCT", "STANDARD", 120, 16.0, 1.5, 2.0, padding=-2000
        ),
    ),
    "C": (
        Scanner(
            "TOSHIBA", "Aquilion", "FC51", 135, 34.0, 0.8, 1.1,
            offset_hu=12.0, zoom=1.06, slice_zoom=0.95,
        ),
    ),
}  # fmt: skip
#: Position of each institution's RNA laboratory.
LABORATORY: Mapping[str, float] = {"A": -0.5, "B": 0.5, "C": 2.0}
HEADER = (
    "patient_id", "institution", "age", "sex", "smoking", "histology", "ecog", "haemoglobin",
    "ldh", "t_stage", "n_stage", "m_stage", "stage", "survival_days", "event",
    "tumour_center_mm", "tumour_diameter_mm", "ct", "ct_nifti", "tumour_mask",
)  # fmt: skip


@dataclass(frozen=True)
class CohortFiles:
    """What is written of each patient.

    Args:
        size: Voxels per axis.
        ct: CT as DICOM series, as NIfTI, or both.
        masks: Masks as NIfTI or as DICOM segmentations.
        seed: Seed of everything that is random.
        expression: Where transcriptomes come from.
        is_external: Whether these are the patients of the institution outside.
        fmcib_features: Whether a table of 4,096 features of each CT is written.
    """

    size: tuple[int, int, int]
    ct: Literal["dicom", "nifti", "both"]
    masks: Literal["nifti", "dicom"]
    seed: int
    expression: ExpressionModel
    is_external: bool
    fmcib_features: bool = False

    def write(self, out: Path, patients: people.Patients, ids: Sequence[str]) -> None:
        """Write everything but studies and truth into a folder that exists."""
        rows: list[list[str]] = []
        features: list[list[str]] = []
        for i, patient_id in enumerate(ids):
            chest = self.chest(patients, i) if patients.has_ct[i] else None
            volume = [""] * 5 if chest is None else self._write_volume(out, patients, i, ids, chest)
            own = [patient_id, self.institution(patients, i), *_record_cells(patients, i)]
            rows.append([*own, *volume])
            if self.fmcib_features and chest is not None:
                found = untrained_features(chest.hu, chest.affine, chest.center_mm)
                features.append([patient_id, *(f"{value:.5g}" for value in found.tolist())])
        write_csv(out / "patients.csv", HEADER, rows)
        if self.fmcib_features:
            names = (f"pred_{k}" for k in range(N_FEATURES))
            write_csv(out / "fmcib_features.csv", ("patient_id", *names), features)
        self._write_rna(out, patients, ids)
        _write_visits(out, patients, ids)

    def institution(self, patients: people.Patients, i: int) -> str:
        """Letter of a patient's institution."""
        return "C" if self.is_external else "AB"[int(patients.institution[i])]

    def scanner(self, patients: people.Patients, i: int) -> Scanner:
        """Protocol of a patient's CT."""
        protocols = SCANNERS[self.institution(patients, i)]
        return protocols[int(patients.protocol[i] * len(protocols))]

    def chest(self, patients: people.Patients, i: int) -> Chest:
        """Volume of one patient, whether or not it is written."""
        nodule = Nodule(
            diameter_mm=float(patients.diameter_mm[i]),
            roughness=float(patients.roughness[i]),
            glass=float(patients.signal("glass")[i]),
        )
        rng = np.random.default_rng([self.seed, i, int(self.is_external), 1])
        return draw_chest(nodule, size=self.size, scanner=self.scanner(patients, i), rng=rng)

    def _write_volume(
        self, out: Path, patients: people.Patients, i: int, ids: Sequence[str], chest: Chest
    ) -> list[str]:
        """Cells that tell where the tumour is, how large, and what the files are called."""
        patient_id = ids[i]
        series, nifti = out / "ct" / patient_id, f"{patient_id}.nii.gz"
        if self.ct != "nifti":
            about = self._acquisition(patients, i, patient_id)
            write_ct_series(series, chest.hu, chest.affine, about=about, outside=chest.outside)
        if self.ct != "dicom":
            folder = "ct" if self.ct == "nifti" else "nifti"
            write_nifti(out / folder / nifti, chest.hu, chest.affine)
        if self.masks == "dicom":
            mask = f"{patient_id}.dcm"
            write_segmentation(out / "masks" / mask, series, chest.tumour)
        else:
            mask = nifti
            write_nifti(out / "masks" / mask, chest.tumour.astype(np.uint8), chest.affine)
        return [
            " ".join(f"{v:.3f}" for v in chest.center_mm),
            f"{patients.diameter_mm[i]:.1f}",
            nifti if self.ct == "nifti" else patient_id,
            nifti if self.ct != "dicom" else "",
            mask,
        ]

    def _acquisition(self, patients: people.Patients, i: int, patient_id: str) -> Acquisition:
        scanner = self.scanner(patients, i)
        return Acquisition(
            patient_id=patient_id,
            sex="M" if patients.is_male[i] else "F",
            age_years=_age(patients, i),
            maker=scanner.maker,
            model=scanner.model,
            kernel=scanner.kernel,
            kvp=scanner.kvp,
            institution=f"Institution {self.institution(patients, i)}",
            padding=scanner.padding,
            head_first=self.is_external,
        )

    def _write_rna(self, out: Path, patients: people.Patients, ids: Sequence[str]) -> None:
        signals = self.expression.signals(
            patients.programmes, patients.is_squamous.astype(np.float64)
        )
        rows = np.flatnonzero(patients.has_rna).tolist()
        tpm = np.empty((len(rows), len(self.expression.genes)))
        for k, i in enumerate(rows):
            tpm[k] = self.expression.draw(
                signals[i],
                institution=LABORATORY[self.institution(patients, i)],
                rng=np.random.default_rng([self.seed, i, int(self.is_external), 2]),
            )
        table = rows_of(self.expression.genes, tpm)
        write_csv(out / "rna.csv", ("gene_symbol", *(ids[i] for i in rows)), table)


def _record_cells(patients: people.Patients, i: int) -> list[str]:
    """Cells from age to event, in the order of `HEADER`."""
    stage = int(patients.stage[i])
    record, empty = patients.record[i], patients.is_missing[i]
    names = list(cancer.RECORD_LOADINGS)
    shown = {
        "age": str(_age(patients, i)),
        "haemoglobin": f"{13.4 + 1.4 * record[names.index('haemoglobin')]:.2f}",
        "ldh": f"{people.ldh_of(record[names.index('ldh')]):.1f}",
        "ecog": str(int(cancer.ecog_of(record[names.index("ecog")]))),
    }
    shown = {name: "" if empty[names.index(name)] else cell for name, cell in shown.items()}
    return [
        shown["age"],
        "male" if patients.is_male[i] else "female",
        patients.smoking[i],
        "squamous" if patients.is_squamous[i] else "adenocarcinoma",
        shown["ecog"],
        shown["haemoglobin"],
        shown["ldh"],
        *cancer.tnm_of(stage, float(patients.diameter_mm[i]), float(patients.tnm[i])),
        cancer.STAGES[stage],
        f"{patients.days[i]:.0f}",
        str(int(patients.event[i])),
    ]


def _age(patients: people.Patients, i: int) -> int:
    return int(np.clip(np.rint(67 + 9 * patients.record[i, 0]), 25, 95))


def _write_visits(out: Path, patients: people.Patients, ids: Sequence[str]) -> None:
    diameter, ldh = people.visit_values(patients)
    rows = [
        [patient_id, f"{patients.visits[i, j]:.0f}", f"{diameter[i, j]:.2f}", f"{ldh[i, j]:.1f}"]
        for i, patient_id in enumerate(ids)
        for j in range(people.MOST_VISITS)
        if not np.isnan(patients.visits[i, j])
    ]
    write_csv(out / "visits.csv", ("patient_id", "days", "tumour_diameter_mm", "ldh"), rows)

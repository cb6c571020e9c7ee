"""Brain MRI with a tumour, often beside a lesion of the same look, and notes that tell them apart.

Four sequences per examination are drawn from one head of ellipsoids, folds and ventricles; see
`transforms/brain_drawing.py`. A decoy is drawn from the distribution of the tumours and a fair coin
says which of the two is the tumour, so that images cannot tell; the note can.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tumorboard.cache import write_text
from tumorboard.errors import StudyError
from tumorboard.formats.csv_writing import write_csv
from tumorboard.formats.nifti_writing import write_nifti
from tumorboard.simulators import Simulator
from tumorboard.transforms import brain_patients as people
from tumorboard.transforms import brain_tables as tables_of
from tumorboard.transforms.brain_drawing import (
    EXTENT_MM,
    SEQUENCES,
    Head,
    draw_acquisition,
    draw_head,
    whole,
)
from tumorboard.transforms.brain_lesions import HETEROGENEITY, Heterogeneity
from tumorboard.transforms.brain_notes import (
    TELLING,
    Sentence,
    Subject,
    course_sentence,
    text_of,
    write_note,
)
from tumorboard.transforms.brain_structures import head_structures
from tumorboard.transforms.brain_studies import STUDY
from tumorboard.transforms.mask_diameter import longest_diameter_mm

_LABELS = {
    "whole": {"tumour": "1"},
    "regions": {"whole": "[1, 2, 3]", "core": "[1, 3]", "enhancing": "3"},
}
_README = """\
# A simulated cohort with brain tumours

Nobody here is of flesh and blood. `tumorboard simulate brain_mri` wrote this folder.

| file | is |
|---|---|
| patients.csv | one row per examination: patient, record, and `case`, the name of its files |
| mri/ | T1, T1 after contrast (t1c), T2 and FLAIR, as NIfTI on one grid |
| masks/ | the tumour alone: 1, or 1 core, 2 oedema, 3 enhancing (BraTS from 2023 on; 4 before) |
| notes/ | what the referring clinician wrote |
| structures/ | ventricles, falx, motor strip and what is not cerebrum, where they were asked for |
| visits.csv | date, volume and longest axial diameter as in `follow`, reported outcome |
| study.toml | a study that runs as it is |
| truth.json, truth_*, truth/ | what everything was drawn from: no input of a model |

World coordinates are RAS+: the patient's left is x < 0. Decoys are in truth/decoys.
"""


class BrainMri(Simulator):
    """Brain MRI (T1, T1c, T2, FLAIR) with tumours, decoys that only the note tells, and visits.

    Args:
        size: Voxels per axis; the head stays the same (192 x 216 x 168 mm), so fewer voxels are
            larger ones.
        decoys: Share of patients with a second lesion of the same look elsewhere that is no tumour.
        heterogeneity: Kinds of tumour that are drawn from, with equal chance: homogeneous, rim,
            necrosis, multifocal.
        border_mm: Least and largest width over which a lesion fades into the brain, in mm.
        contrast: Of lesions relative to how they look in life; less is harder to see.
        noise: Standard deviation of the noise relative to fluid on T2.
        labels: Masks of the `whole` tumour (1), or of its `regions` as BraTS numbers them from 2023
            on: 1 necrotic or not enhancing core, 2 oedema, 3 enhancing tumour.
        silent_notes: Share of notes that say nothing of place.
        told_decoys: Share of the others that say what the decoy is, where there is one.
        visits: Examinations of each patient, eight weeks apart; the tumour shrinks, is stable or
            grows at a known rate, and what else there is stays as it is.
        consistent_reports: Share of visits whose note reports an outcome that goes with the change
            of volume.
        structures: Write masks of ventricles, falx, motor strip and all that is not cerebrum too.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int, int] = (64, 72, 56),
        decoys: float = 0.6,
        heterogeneity: tuple[Heterogeneity, ...] = HETEROGENEITY,
        border_mm: tuple[float, float] = (2.0, 10.0),
        contrast: float = 1.0,
        noise: float = 0.02,
        labels: Literal["whole", "regions"] = "whole",
        silent_notes: float = 0.15,
        told_decoys: float = 0.7,
        visits: int = 1,
        consistent_reports: float = 0.8,
        structures: bool = False,
    ) -> None:
        self.size = (size[0], size[1], size[2])
        self.decoys, self.heterogeneity, self.border_mm = decoys, heterogeneity, border_mm
        self.contrast, self.noise = contrast, noise
        self.labels: Literal["whole", "regions"] = labels
        self.silent_notes, self.told_decoys = silent_notes, told_decoys
        self.visits, self.consistent_reports = visits, consistent_reports
        self.structures = structures
        self._check()
        self.drawn_with = people.Settings(
            decoys, heterogeneity, (border_mm[0], border_mm[1]), silent_notes, told_decoys, visits,
            consistent_reports,
        )  # fmt: skip

    def _check(self) -> None:
        shares = ("decoys", "silent_notes", "told_decoys", "consistent_reports")
        rules = (
            ("size", min(self.size) >= 24, "[24, 24, 24] or more"),
            ("heterogeneity", len(self.heterogeneity) > 0, "one kind or more"),
            ("border_mm", 0 <= self.border_mm[0] <= self.border_mm[1] <= 20,
             "two widths from 0 to 20, the smaller first"),
            ("contrast", 0 < self.contrast <= 1, "above 0, at most 1"),
            ("noise", 0 <= self.noise <= 0.5, "0 to 0.5"),
            ("visits", 1 <= self.visits <= 12, "1 to 12"),
            *((name, 0 <= getattr(self, name) <= 1, "0 to 1") for name in shares),
        )  # fmt: skip
        faults = [
            f"brain_mri.{key}: found {json.dumps(getattr(self, key))}, expected {expected}."
            for key, is_fine, expected in rules
            if not is_fine
        ]
        if faults:
            raise StudyError(faults)

    def settings(self) -> Mapping[str, object]:
        """Every setting with its value."""
        return {name: getattr(self, name) for name in inspect.signature(BrainMri).parameters}

    def draw(self, number: int, *, seed: int) -> people.Patient:
        """Patient `number` without the images."""
        return people.draw_patient(number, self.drawn_with, seed=seed)

    def examination(self, patient: people.Patient, number: int, visit: int, *, seed: int) -> Head:
        """The images of one visit: the same head in another pose."""
        rng = people.generator(seed, number, people.EXAMINATION, visit)
        return draw_head(
            patient.anatomy, patient.at_visit(visit), size=self.size,
            acquisition=draw_acquisition(rng), noise=self.noise, contrast=self.contrast, rng=rng,
        )  # fmt: skip

    def write(self, out: Path, *, n_patients: int, seed: int) -> None:
        """Write a cohort; see `Simulator.write`. One examination is held in memory at a time."""
        tables: dict[str, list[list[object]]] = {
            "patients": [],
            "visits": [],
            "truth": [],
            "of": [],
        }
        notes: dict[str, list[dict[str, str]]] = {}
        for number in range(n_patients):
            patient, patient_id = self.draw(number, seed=seed), f"P{number + 1:04d}"
            cases = [
                self._write_case(out, patient, number, visit, seed=seed)
                for visit in range(self.visits)
            ]
            for visit, case in enumerate(cases):
                tables["patients"].append(
                    [patient_id, case.name, visit + 1, *tables_of.record_cells(patient, visit)]
                )
                notes[case.name] = [asdict(sentence) for sentence in case.sentences]
            tables["truth"].append([patient_id, *tables_of.truth_cells(patient, cases[0])])
            tables["visits"] += tables_of.visit_rows(patient, patient_id, cases)
            tables["of"] += tables_of.response_rows(patient, patient_id, cases)
        write_csv(out / "patients.csv", tables_of.HEADER, tables["patients"])
        write_csv(out / "visits.csv", tables_of.VISITS, tables["visits"])
        write_csv(out / "truth_patients.csv", tables_of.TRUTH, tables["truth"])
        write_csv(out / "truth_visits.csv", tables_of.TRUTH_VISITS, tables["of"])
        write_text(out / "truth_notes.json", json.dumps(notes, indent=1) + "\n")
        truth = self._truth(tables["truth"], n_patients, seed)
        write_text(out / "truth.json", json.dumps(truth, indent=2) + "\n")
        write_text(out / "README.md", _README)
        write_text(out / "study.toml", self._study(seed))

    def _write_case(
        self, out: Path, patient: people.Patient, number: int, visit: int, *, seed: int
    ) -> tables_of.Case:
        head = self.examination(patient, number, visit, seed=seed)
        name = f"P{number + 1:04d}" + (f"_v{visit + 1}" if self.visits > 1 else "")
        for sequence in SEQUENCES:
            path = out / "mri" / name / f"{name}_{sequence}.nii.gz"
            write_nifti(path, head.volumes[sequence], head.affine)
        tumour = head.labels[patient.tumour]
        mask = tumour if self.labels == "regions" else whole(tumour).astype(np.uint8)
        write_nifti(out / "masks" / f"{name}.nii.gz", mask, head.affine)
        decoy = head.labels[1 - patient.tumour] if patient.decoy else np.zeros_like(tumour)
        if patient.decoy:
            write_nifti(out / "truth" / "decoys" / f"{name}.nii.gz", decoy, head.affine)
        if self.structures:
            self._write_structures(out / "structures" / name, patient, number, visit, head, seed)
        diameter = longest_diameter_mm(whole(tumour), head.affine)
        sentences = self._note(patient, number, visit, diameter, seed=seed)
        write_text(out / "notes" / f"{name}.txt", text_of(sentences) + "\n")
        voxel_ml = float(np.prod(np.diag(head.affine)[:3])) / 1000
        tumour_ml, decoy_ml = (float(whole(m).sum()) * voxel_ml for m in (tumour, decoy))
        middles = tables_of.middle_cell(tumour, head), tables_of.middle_cell(decoy, head)
        return tables_of.Case(name, tumour_ml, decoy_ml, diameter, middles, sentences)

    def _write_structures(
        self, folder: Path, patient: people.Patient, number: int, visit: int, head: Head, seed: int
    ) -> None:
        pose = draw_acquisition(people.generator(seed, number, people.EXAMINATION, visit))
        tumour = whole(head.labels[patient.tumour])
        found = head_structures(
            patient.anatomy, pose, shape=tumour.shape, affine=head.affine, tumour=tumour
        )
        for name, mask in found.items():
            write_nifti(folder / f"{name}.nii.gz", mask.astype(np.uint8), head.affine)

    def _note(
        self, patient: people.Patient, number: int, visit: int, diameter_mm: float, *, seed: int
    ) -> tuple[Sentence, ...]:
        rng = people.generator(seed, number, people.NOTE, visit)
        subject = Subject(
            age_years=patient.age_years, is_male=patient.is_male,
            tumour=patient.places[patient.tumour], decoy=patient.decoy, decoy_is=patient.decoy_is,
            treatment=patient.treatment, diameter_mm=diameter_mm,
            is_silent=patient.is_silent, tells_decoy=patient.tells_decoy,
        )  # fmt: skip
        sentences = write_note(subject, rng)
        if visit == 0:
            return sentences
        return (course_sentence(people.reported(patient, visit), rng), *sentences)

    def _study(self, seed: int) -> str:
        spacing = [round(e / n, 4) for e, n in zip(EXTENT_MM, self.size, strict=True)]
        names = ", ".join(f"{name} = {k}" for name, k in _LABELS[self.labels].items())
        return STUDY.format(
            seed=seed, labels=f"{{{names}}}", spacing=spacing, size=list(self.size),
            patch=[*self.size[:2], 1],
        )  # fmt: skip

    def _truth(
        self, rows: Sequence[Sequence[object]], n_patients: int, seed: int
    ) -> dict[str, Any]:
        table = [dict(zip(tables_of.TRUTH, row, strict=True)) for row in rows]
        one = np.asarray([float(str(row["dice_of_one_lesion"])) for row in table])
        both = np.asarray([float(str(row["dice_of_both_lesions"])) for row in table])
        is_silent = np.asarray([row["note_is_silent"] == "1" for row in table])
        images = np.maximum(one, both)
        noted = np.where(is_silent, images, 1.0)
        return {
            "simulator": "brain_mri",
            "seed": seed,
            "n_patients": n_patients,
            "settings": self.settings(),
            "labels": _LABELS[self.labels],
            "n_with_decoy": int(sum(row["decoy_lobe"] != "" for row in table)),
            "n_silent_notes": int(is_silent.sum()),
            "sentences_that_tell": list(TELLING),
            "rates_per_30_days": {name: mean for name, (mean, _) in people.RATES.items()},
            "expected_dice_of_perfect_contours": {
                "images_one_lesion": float(one.mean()),
                "images_both_lesions": float(both.mean()),
                "images_best": float(images.mean()),
                "images_and_notes": float(noted.mean()),
                "margin_of_notes": float((noted - images).mean()),
            },
            "best_auroc": {},
        }

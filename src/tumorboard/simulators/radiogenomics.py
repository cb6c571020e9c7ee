"""Chest CT, RNA and record of lung cancers whose stage and survival follow a known model.

Seven independent signals drive everything. CT shows size and ground glass without error and hypoxia
with noise (as roughness and necrosis); the genes of three pathways show hypoxia, proliferation and
T-cell exhaustion with noise; the record shows frailty; earlier visits show growth. See
`transforms/simulated_lung_cancer.py` for how stage and survival follow from them.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tumorboard.cache import write_text
from tumorboard.errors import StudyError
from tumorboard.formats.csv_writing import write_csv
from tumorboard.simulators import Bound, Simulator, best_auroc
from tumorboard.transforms import radiogenomic_patients as people
from tumorboard.transforms import simulated_lung_cancer as cancer
from tumorboard.transforms.radiogenomic_files import CohortFiles
from tumorboard.transforms.radiogenomic_studies import STAGE_STUDY, SURVIVAL_STUDY
from tumorboard.transforms.simulated_expression import (
    PROGRAMMES,
    ExpressionModel,
    gene_sets_text,
)

#: Sets of modalities whose best reachable performance is stated.
SUBSETS = (
    ("ct",), ("rna",), ("record",), ("ct", "rna"), ("ct", "record"), ("rna", "record"),
    ("ct", "rna", "record"), ("true_signals",),
)  # fmt: skip
_WITH_VISITS = (*SUBSETS[:-1], ("visits",), ("ct", "rna", "record", "visits"), SUBSETS[-1])
_N_MONTE_CARLO, _BATCHES = 6_000, 20
_TRUTH = (
    *(f"{name}_signal" for name in cancer.SIGNALS), "roughness_shown",
    *(f"{name.lower()}_shown" for name in people.FOLLOWS),
    *(f"p_stage_{stage}" for stage in cancer.STAGES), "log_hazard",
)  # fmt: skip
_README = """\
# A simulated radiogenomic cohort

Nobody here is of flesh and blood. `tumorboard simulate radiogenomics` wrote this folder.

| file | is |
|---|---|
| patients.csv | one row per patient: record, T, N, M, stage, survival, and the names of the files |
| ct/, nifti/ | chest CT as one DICOM series per patient, or as NIfTI |
| masks/ | the nodule, on the grid of its CT |
| rna.csv | TPM, genes x patients; gene_sets.gmt names the pathways |
| fmcib_features.csv | where asked for: 4,096 features of each CT, from random filters |
| visits.csv | diameter and LDH at visits before the CT (days are negative) |
| external/ | the same of another institution with another scanner |
| study.toml, study_survival.toml | studies that run as they are |
| truth.json, truth_patients.csv | what everything was drawn from: no input of a model |

`tumour_center_mm` is in RAS+ (x to the right, y anterior, z superior). T, N and M spell the stage.
"""


class Radiogenomics(Simulator):
    """CT, RNA and record of lung cancers whose stage, survival and visible pathways are known.

    Args:
        size: Voxels per axis of a CT; the chest stays the same, so fewer voxels are larger ones.
        ct: CT as DICOM series, as NIfTI, or both.
        masks: Masks of the nodule as NIfTI or as DICOM segmentations.
        genes: Rows of the RNA table.
        image_hypoxia: Correlation of what the nodule shows (roughness, necrosis) with hypoxia.
        rna_noise: Standard deviation of the noise between a signal and what its pathway shows.
        censored: Share of patients whose death is not seen.
        missing_ct: Share of patients without CT.
        missing_rna: Share of patients without RNA.
        missing_values: Share of empty cells among age, haemoglobin, LDH and ECOG.
        external_share: Patients of the other institution, per patient; 0 writes none.
        fmcib_features: Whether to write fmcib_features.csv, a table as the FMCIB package writes it
            (pred_0 to pred_4095) whose numbers are responses of random filters to the 50 mm around
            the nodule: they have the form of FMCIB's features, and nothing was learned for them.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int, int] = (96, 96, 48),
        ct: Literal["dicom", "nifti", "both"] = "dicom",
        masks: Literal["nifti", "dicom"] = "nifti",
        genes: int = 2400,
        image_hypoxia: float = 0.7,
        rna_noise: float = 0.5,
        censored: float = 0.6,
        missing_ct: float = 0.0,
        missing_rna: float = 0.0,
        missing_values: float = 0.05,
        external_share: float = 0.67,
        fmcib_features: bool = False,
    ) -> None:
        self.size = (size[0], size[1], size[2])
        self.ct: Literal["dicom", "nifti", "both"] = ct
        self.masks: Literal["nifti", "dicom"] = masks
        self.genes, self.external_share = genes, external_share
        self.image_hypoxia, self.rna_noise, self.censored = image_hypoxia, rna_noise, censored
        self.missing_ct, self.missing_rna = missing_ct, missing_rna
        self.missing_values = missing_values
        self.fmcib_features = fmcib_features
        self._check()
        self.expression = ExpressionModel(genes, rna_noise)
        self.model = cancer.LungCancerModel(censored)
        self.drawn_with = people.Settings(
            image_hypoxia, censored, missing_ct, missing_rna, missing_values
        )

    def _check(self) -> None:
        rules = (
            ("size", min(self.size[:2]) >= 32 and self.size[2] >= 16, "[32, 32, 16] or more"),
            ("masks", self.masks == "nifti" or self.ct != "nifti",
             '"nifti" where there are no DICOM series'),
            ("genes", 250 <= self.genes <= 3500, "250 to 3500"),
            ("image_hypoxia", 0 <= self.image_hypoxia <= 1, "0 to 1"),
            ("rna_noise", 0 <= self.rna_noise <= 5, "0 to 5"),
            ("censored", 0.05 <= self.censored <= 0.95, "0.05 to 0.95"),
            ("missing_ct", 0 <= self.missing_ct <= 0.9, "0 to 0.9"),
            ("missing_rna", 0 <= self.missing_rna <= 0.9, "0 to 0.9"),
            ("missing_values", 0 <= self.missing_values <= 0.9, "0 to 0.9"),
            ("external_share", 0 <= self.external_share <= 5, "0 to 5"),
        )  # fmt: skip
        faults = [
            f"radiogenomics.{key}: found {json.dumps(getattr(self, key))}, expected {expected}."
            for key, is_fine, expected in rules
            if not is_fine
        ]
        if faults:
            raise StudyError(faults)

    def settings(self) -> Mapping[str, object]:
        """Every setting with its value."""
        return {name: getattr(self, name) for name in inspect.signature(Radiogenomics).parameters}

    def draw(self, *, n_patients: int, seed: int, is_external: bool = False) -> people.Patients:
        """Draw patients; those of the other institution have draws of their own."""
        group = int(is_external)
        rngs = [np.random.default_rng([seed, i, group, 0]) for i in range(n_patients)]
        normal = np.stack([rng.standard_normal(people.N_NORMAL) for rng in rngs])
        uniform = np.stack([rng.random(people.N_UNIFORM) for rng in rngs])
        return people.draw_patients(
            normal, uniform, settings=self.drawn_with, expression=self.expression
        )

    def known(self, patients: people.Patients, modalities: Sequence[str]) -> cancer.Beliefs:
        """What an ideal reader of these modalities knows of the signals."""
        return people.known_from(
            patients, modalities, settings=self.drawn_with, expression=self.expression
        )

    @cached_property
    def _population(self) -> people.Patients:
        rng = np.random.default_rng(0)
        return people.draw_patients(
            rng.standard_normal((_N_MONTE_CARLO, people.N_NORMAL)),
            rng.random((_N_MONTE_CARLO, people.N_UNIFORM)),
            settings=self.drawn_with,
            expression=self.expression,
        )

    def best_auroc(self) -> Mapping[str, Bound]:
        """Best reachable AUROC of the stages, each against the rest, on average over stages."""
        found: dict[str, Bound] = {}
        for subset in SUBSETS:
            p = self.model.stage_probability(self.known(self._population, subset))
            bounds = [best_auroc(p[:, k]) for k in range(len(cancer.STAGES))]
            error = float(np.mean([bound.monte_carlo_error for bound in bounds]))
            found["+".join(subset)] = Bound(float(np.mean([b.value for b in bounds])), error)
        return found

    def best_c_index(self) -> Mapping[str, Bound]:
        """Harrell's c-index of whoever ranks by the expected log hazard, under this censoring."""
        drawn = self._population
        found: dict[str, Bound] = {}
        for subset in _WITH_VISITS:
            score = self.model.expected_log_hazard(self.known(drawn, subset))
            parts = np.array_split(np.arange(_N_MONTE_CARLO), _BATCHES)
            values = [cancer.harrell_c(drawn.days[i], drawn.event[i], score[i]) for i in parts]
            error = float(np.std(values, ddof=1) / np.sqrt(_BATCHES))
            found["+".join(subset)] = Bound(float(np.mean(values)), error)
        return found

    def signature_r2(self) -> Mapping[str, float]:
        """Share of each pathway's score (mean log2 TPM of its genes) that CT can explain."""
        visible = {"HALLMARK_HYPOXIA": self.image_hypoxia**2}
        return {
            name: visible.get(name, 0.0) * self.expression.score_reliability(name)
            for name in PROGRAMMES
            if not name.endswith("_MARKERS")
        }

    def write(self, out: Path, *, n_patients: int, seed: int) -> None:
        """Write tables, volumes, studies and the truth; see the README that it writes."""
        n_external = math.ceil(n_patients * self.external_share - 1e-9)
        own = self._write_cohort(out, n_patients, seed, is_external=False)
        truth = self._truth(own, n_patients, n_external, seed)
        if n_external:
            (out / "external").mkdir()
            self._write_cohort(out / "external", n_external, seed, is_external=True)
        external = 'external = {other = "external/patients.csv"}\n' if n_external else ""
        for name, text in (("study", STAGE_STUDY), ("study_survival", SURVIVAL_STUDY)):
            write_text(out / f"{name}.toml", text.format(seed=seed, external=external))
        write_text(out / "gene_sets.gmt", gene_sets_text())
        write_text(out / "truth.json", json.dumps(truth, indent=2) + "\n")
        write_text(out / "README.md", _README)

    def _write_cohort(
        self, out: Path, n_patients: int, seed: int, *, is_external: bool
    ) -> people.Patients:
        patients = self.draw(n_patients=n_patients, seed=seed, is_external=is_external)
        prefix = "EX" if is_external else "RG"
        ids = [f"{prefix}-{i:04d}" for i in range(1, n_patients + 1)]
        files = CohortFiles(
            self.size, self.ct, self.masks, seed, self.expression, is_external, self.fmcib_features
        )
        files.write(out, patients, ids)
        best = self.known(patients, ("ct", "rna", "record"))
        numbers = np.column_stack(
            [
                patients.signals,
                patients.roughness,
                *(patients.programmes[name] for name in people.FOLLOWS),
                self.model.stage_probability(best),
                self.model.expected_log_hazard(best),
            ]
        )
        rows = [[i, *(f"{x:.6f}" for x in row)] for i, row in zip(ids, numbers, strict=True)]
        write_csv(out / "truth_patients.csv", ("patient_id", *_TRUTH), rows)
        return patients

    def _truth(
        self, own: people.Patients, n_patients: int, n_external: int, seed: int
    ) -> dict[str, Any]:
        counts = np.bincount(own.stage, minlength=len(cancer.STAGES)).tolist()
        return {
            "simulator": "radiogenomics",
            "seed": seed,
            "n_patients": n_patients,
            "n_external": n_external,
            "stages": dict(zip(cancer.STAGES, counts, strict=True)),
            "n_events": int(own.event.sum()),
            "settings": self.settings(),
            "stage_shares": dict(zip(cancer.STAGES, cancer.STAGE_SHARES, strict=True)),
            "stage_effects": cancer.STAGE_EFFECTS,
            "stage_cuts": self.model.cuts.tolist(),
            "log_hazard_effects": cancer.HAZARD_EFFECTS,
            "weibull": {"shape": cancer.SHAPE, "scale_days": self.model.scale_days},
            "pathway_follows": people.FOLLOWS,
            "pathways_without_effect": [n for n in PROGRAMMES if n not in people.FOLLOWS],
            "shown_by": {
                "ct": ["size", "glass", "hypoxia"],
                "rna": list(people.FOLLOWS.values()),
                "record": ["frailty"],
                "visits": ["growth", "size", "frailty"],
            },
            "record_loadings": cancer.RECORD_LOADINGS,
            "columns_without_information": ["sex", "smoking", "histology", "institution"],
            "columns_that_spell_the_stage": ["t_stage", "n_stage", "m_stage"],
            "best_auroc": {name: asdict(bound) for name, bound in self.best_auroc().items()},
            "best_c_index": {name: asdict(bound) for name, bound in self.best_c_index().items()},
            "best_signature_r2_from_ct": self.signature_r2(),
        }

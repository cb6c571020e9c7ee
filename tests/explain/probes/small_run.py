"""A run of the small study with four fitted arms, for what tries models on worse inputs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

import numpy as np
from small_study import make_cohort, make_prepared, make_split, make_study

from tumorboard.records import Cohort, Ints, Split
from tumorboard.study import Study
from tumorboard.training.batches import derive_seed
from tumorboard.training.fitted import FittedArm
from tumorboard.training.plan import fit_folder, run_plan
from tumorboard.training.prepare import Prepared
from tumorboard.training.progress import PlanProgress


@dataclass(frozen=True)
class SmallRun:
    """The run folder and what it was made from."""

    study: Study
    prepared: Prepared
    split: Split
    folder: Path

    @property
    def cohort(self) -> Cohort:
        return self.prepared.cohort

    @property
    def rows(self) -> Ints:
        """Test rows."""
        return self.split.rows(self.cohort, "test")

    @property
    def seeds(self) -> Ints:
        return np.asarray([derive_seed(1, p) for p in self.cohort.patient_id], dtype=np.int64)

    def fitted(self, arm: str) -> FittedArm:
        return _open(fit_folder(self.folder, arm, self.split))


@cache
def _open(folder: Path) -> FittedArm:
    return FittedArm.open(folder)


def make_run(folder: Path) -> SmallRun:
    """Fit every arm of the small study for two epochs."""
    study = make_study(
        folder,
        training={"epochs": 2, "modality_dropout": 0.2},
        evaluation={"probes": ["missing_modality", "noise"]},
    )
    cohort = make_cohort(folder)
    prepared, split = make_prepared(study, cohort, folder), make_split(cohort)
    with PlanProgress(len(study.arms), folder / "log.jsonl", say=lambda line: None) as progress:
        run_plan(study, prepared, [split], folder, progress)
    return SmallRun(study, prepared, split, folder)

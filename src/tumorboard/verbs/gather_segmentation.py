"""Evidence of a finished plan of segmentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tumorboard.evaluation.control_arms import controls_of
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.fold_models import fold_models_document
from tumorboard.evaluation.segmentation_evidence import segmentation_document
from tumorboard.evaluation.tuning import tuning_document
from tumorboard.study_keys import Tuning
from tumorboard.training.batches import derive_seed
from tumorboard.training.note_controls import uncontradicted
from tumorboard.training.other_cohorts import OtherCohort
from tumorboard.verbs.gather import cohorts_apart, one_thread, part_sizes, subgroup_columns
from tumorboard.verbs.gather_numbers import FinishedNumbers


def gather_segmentation(
    finished: FinishedNumbers, others: Sequence[OtherCohort], say: Callable[[str], None]
) -> None:
    """Write evidence/<topic>.json of every topic that a run of segmentation has."""
    say("measuring controls, difficulty, volumes and predicted Dice")
    study, table = finished.study, finished.table
    with one_thread():
        documents: dict[str, dict[str, Any]] = {
            "fold_models": fold_models_document(table, {}),
            "segmentation": segmentation_document(
                table, finished.metrics, primary=study.primary,
                rng=np.random.default_rng(derive_seed(study.seed, "segmentation")),
                fusions=fusion_words(study.as_tables()),
                columns=subgroup_columns(study, finished.prepared),
                sizes=part_sizes(finished.splits),
            ),
        }  # fmt: skip
        documents["segmentation"]["uncontradicted"] = _uncontradicted(finished)
        if others:
            documents["cohorts"] = cohorts_apart(study, finished.prepared, others)
        if isinstance(study.keys.tuning, Tuning):
            asked = study.keys.tuning.model_dump()
            documents["tuning"] = tuning_document(finished.run, asked, table)
    for topic, document in documents.items():
        write_evidence(finished.run, topic, document)


def _uncontradicted(finished: FinishedNumbers) -> dict[str, tuple[int, int]]:
    """Arm -> tested notes that could not be contradicted, and all; of arms that were asked."""
    prepared, asked = finished.prepared, controls_of(finished.table.arms)
    every = [split.rows(prepared.cohort, "test") for split in finished.splits]
    rows = np.unique(np.concatenate(every))
    return {
        arm: uncontradicted(
            {name: prepared.measured[name] for name in finished.study.arms[arm].modalities}, rows
        )
        for arm, controls in asked.items()
        if "contradicting" in controls
    }


def fusion_words(study: Mapping[str, Any]) -> dict[str, str]:
    """Arm -> how its modalities meet, in words; "" for one modality alone."""
    found: dict[str, str] = {}
    for arm, table in study.get("arms", {}).items():
        fusion = table.get("fusion", "none")
        name = fusion.get("name", "none") if isinstance(fusion, Mapping) else fusion
        found[arm] = "" if name == "none" else str(name).replace("_", " ")
    return found

"""Evidence of a finished plan of survival times or of other numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard import registry
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.fold_models import fold_models_document
from tumorboard.evaluation.number_degradation import number_degradation_document
from tumorboard.evaluation.number_subgroups import number_subgroups_document
from tumorboard.evaluation.number_subsets import number_subsets_document
from tumorboard.evaluation.outcome_probes import OutcomeProbes
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.regression import regression_document
from tumorboard.evaluation.sample_size import sample_size_of_numbers
from tumorboard.evaluation.survival_evidence import survival_document
from tumorboard.evaluation.tuning import tuning_document
from tumorboard.explain.asking import run_explainers
from tumorboard.records import Estimate, Split
from tumorboard.report.run_contents import read_json
from tumorboard.study import Study
from tumorboard.study_keys import Tuning
from tumorboard.training.batches import derive_seed
from tumorboard.training.device import choose_device
from tumorboard.training.other_cohorts import OtherCohort
from tumorboard.training.prepare import Prepared
from tumorboard.verbs.gather import (
    cohorts_apart,
    gene_enrichment,
    one_thread,
    subgroup_columns,
)
from tumorboard.verbs.number_probes import run_number_probes


@dataclass(frozen=True)
class FinishedNumbers:
    """A study of survival or regression whose fits are done, and what they said.

    Args:
        run: The run folder.
        study: The study.
        prepared: Its patients.
        splits: Its splits.
        table: Validation and test predictions of every fit.
        metrics: Arm -> metric -> estimate.
    """

    run: Path
    study: Study
    prepared: Prepared
    splits: Sequence[Split]
    table: OutcomeTable
    metrics: Mapping[str, Mapping[str, Estimate]]


def gather_numbers(
    finished: FinishedNumbers, others: Sequence[OtherCohort], say: Callable[[str], None]
) -> None:
    """Write evidence/<topic>.json of every topic that the run has."""
    device = choose_device(finished.study.keys.runtime.device)
    probes = run_number_probes(
        finished.study, finished.prepared, finished.splits, finished.run, device=device, say=say
    )
    run_explainers(
        finished.study, finished.prepared, finished.splits, finished.run, device=device, say=say
    )
    say("measuring calibration, curves and risk groups")
    with one_thread():
        documents = _documents(finished, probes, others)
    for topic, document in documents.items():
        write_evidence(finished.run, topic, document)


def _documents(
    finished: FinishedNumbers, probes: OutcomeProbes | None, others: Sequence[OtherCohort]
) -> dict[str, dict[str, Any]]:
    study, table = finished.study, finished.table
    keys = study.keys
    rng = np.random.default_rng(derive_seed(study.seed, keys.task.kind))
    documents: dict[str, dict[str, Any]] = {"fold_models": fold_models_document(table, {})}
    if keys.task.kind == "survival":
        documents["survival"] = survival_document(table, rng=rng)
    else:
        documents["regression"] = regression_document(table)
    table_one = read_json(finished.run / "table1.json", default={})
    documents["sample_size"] = sample_size_of_numbers(study.as_tables(), table_one, table)
    rng = np.random.default_rng(derive_seed(study.seed, "subsets"))
    documents["subsets"] = number_subsets_document(table, probes, rng=rng)
    if probes is not None:
        rng = np.random.default_rng(derive_seed(study.seed, "degradation"))
        named = keys.evaluation.probes
        units = {name: str(registry.load("explain.probes", name).unit) for name in named}
        documents["degradation"] = number_degradation_document(probes, rng=rng, units=units)
    if columns := subgroup_columns(study, finished.prepared):
        documents["subgroups"] = number_subgroups_document(
            table, columns, primary=study.primary,
            rng=np.random.default_rng(derive_seed(study.seed, "subgroups")),
        )  # fmt: skip
    rng = np.random.default_rng(derive_seed(study.seed, "enrichment"))
    enriched = gene_enrichment(study, finished.prepared, finished.run, rng=rng)
    if enriched is not None:
        documents["enrichment"] = enriched
    if others:
        documents["cohorts"] = cohorts_apart(study, finished.prepared, others)
    if isinstance(keys.tuning, Tuning):
        documents["tuning"] = tuning_document(finished.run, keys.tuning.model_dump(), table)
    return documents

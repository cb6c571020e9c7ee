"""Evidence of a finished plan: everything the report shows beyond the metrics of the arms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard import registry
from tumorboard.errors import StudyError, nearest
from tumorboard.evaluation.abstention import abstention_document
from tumorboard.evaluation.calibration import calibration_document
from tumorboard.evaluation.decisions import decisions_document
from tumorboard.evaluation.degradation import degradation_document
from tumorboard.evaluation.enrichment import enrichment_document
from tumorboard.evaluation.errors import errors_document
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.explanation_table import FOLDER as EXPLANATIONS
from tumorboard.evaluation.explanation_table import read_explanations
from tumorboard.evaluation.fold_models import fold_models_document
from tumorboard.evaluation.image_numbers import first_pictures, image_numbers
from tumorboard.evaluation.input_quality import quality_document
from tumorboard.evaluation.next_test import next_test_document
from tumorboard.evaluation.patient_columns import columns_by_patient, numbers_of
from tumorboard.evaluation.probe_table import ProbeTable
from tumorboard.evaluation.rare_class import rare_class_document
from tumorboard.evaluation.sample_size import sample_size_document
from tumorboard.evaluation.significance import significance_document
from tumorboard.evaluation.standardised_differences import cohort_differences
from tumorboard.evaluation.subgroups import subgroups_document
from tumorboard.evaluation.subsets import subsets_document
from tumorboard.evaluation.tables import PredictionTable, concatenate, read_predictions
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.evaluation.tuning import tuning_document
from tumorboard.evaluation.uncertainty import MemberPredictions, uncertainty_document
from tumorboard.explain.asking import run_explainers
from tumorboard.explain.probes import run_probes
from tumorboard.formats.gene_sets import read_gene_sets
from tumorboard.modalities import picture_modalities
from tumorboard.records import Estimate, Floats, Split
from tumorboard.report.contact_sheet import write_contact_sheets
from tumorboard.study import Study
from tumorboard.study_keys import Conformal, Evaluation, Tuning, outcome_columns
from tumorboard.training.batches import derive_seed
from tumorboard.training.device import choose_device
from tumorboard.training.other_cohorts import OtherCohort
from tumorboard.training.plan import MEMBERS, fit_folder
from tumorboard.training.prepare import Prepared
from tumorboard.verbs.inputs import predictor_columns

Say = Callable[[str], None]


@dataclass(frozen=True)
class Finished:
    """A study whose fits are done, and what they said.

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
    table: PredictionTable
    metrics: Mapping[str, Mapping[str, Estimate]]

    @property
    def keys(self) -> Evaluation:
        """The study's `[evaluation]`."""
        return self.study.keys.evaluation

    def rng(self, what: str) -> np.random.Generator:
        """Source of randomness of one topic."""
        return np.random.default_rng(derive_seed(self.study.seed, what))


def subgroup_columns(study: Study, prepared: Prepared) -> dict[str, dict[str, str]]:
    """Column of `[evaluation] subgroups` -> patient -> value.

    Raises:
        StudyError: No such column.
    """
    columns = prepared.cohort.columns
    wanted = study.keys.evaluation.subgroups
    absent = [name for name in wanted if name not in columns]
    if absent:
        raise StudyError(
            [
                f"evaluation.subgroups: no column {name!r} in the cohort table. "
                f"{nearest(name, list(columns))}"
                for name in absent
            ]
        )
    return columns_by_patient(columns, prepared.cohort.patient_id, wanted)


def gather_evidence(finished: Finished, others: Sequence[OtherCohort], say: Say) -> None:
    """Probe and explain the fold models, and write evidence/<topic>.json of every topic."""
    study, prepared, splits = finished.study, finished.prepared, finished.splits
    device = choose_device(study.keys.runtime.device)
    probes = run_probes(study, prepared, splits, finished.run, device=device, say=say)
    run_explainers(study, prepared, splits, finished.run, device=device, say=say)
    say("measuring calibration, decisions, subgroups and errors")
    with one_thread():
        documents = _documents(finished, probes, others)
        documents["enrichment"] = gene_enrichment(
            finished.study, finished.prepared, finished.run, rng=finished.rng("enrichment")
        )
    for topic, document in documents.items():
        if document is not None:
            write_evidence(finished.run, topic, document)


def gene_enrichment(
    study: Study, prepared: Prepared, run: Path, *, rng: np.random.Generator
) -> dict[str, Any] | None:
    """Gene sets among the genes that moved the answers; None without sets or attributions."""
    tables = study.modalities.values()
    paths = [str(t["gene_sets"]) for t in tables if t.get("gene_sets", "none") != "none"]
    found = read_explanations(run / EXPLANATIONS)
    if not paths or not found:
        return None
    path = prepared.cohort.root / paths[0]
    return enrichment_document(found, read_gene_sets(path), source=path.name, rng=rng)


def one_thread() -> AbstractContextManager[object]:
    """Matrix products on one core: ours are small, and threads that wait for each other cost more.

    Measured on 2 busy cores: decision curves of 2,000 patients took 16 s with two threads and 0.5 s
    with one (benchmarks/report_speed.py).
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="blas")


def _documents(
    finished: Finished, probes: ProbeTable | None, others: Sequence[OtherCohort]
) -> dict[str, dict[str, Any] | None]:
    """Topic -> its evidence; None where the run has none."""
    study = finished.study
    groups = subgroup_columns(study, finished.prepared)
    documents = {
        **_of_predictions(finished, groups),
        **_of_probes(finished, probes),
        "sample_size": _sample_size(finished),
    }
    if others:
        documents["cohorts"] = cohorts_apart(finished.study, finished.prepared, others)
    if isinstance(study.keys.tuning, Tuning):
        tuning = study.keys.tuning.model_dump()
        documents["tuning"] = tuning_document(finished.run, tuning, finished.table)
    if members := _members(finished):
        documents["uncertainty"] = {"arms": uncertainty_document(members)}
    return documents


def _of_predictions(
    finished: Finished, groups: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, Any] | None]:
    table, keys, study = finished.table, finished.keys, finished.study
    thresholds, _ = choose_thresholds(table, keys.threshold)
    conformal = keys.conformal if isinstance(keys.conformal, Conformal) else None
    return {
        "fold_models": fold_models_document(table, thresholds),
        "calibration": calibration_document(table, uncalibrated=_uncalibrated(finished)),
        "decisions": decisions_document(
            table, threshold=keys.threshold, thresholds=thresholds, primary=study.primary,
            n_bootstrap=keys.bootstrap, rng=finished.rng("decisions"),
            prevalences=keys.prevalences,
        ),
        "abstention": abstention_document(
            table, coverage=conformal.coverage if conformal else None,
            by=conformal.by if conformal else "all", refer_below=keys.refer_below,
            thresholds=thresholds, rng=finished.rng("abstention"), subgroups=groups,
        ),
        "tests": significance_document(
            table, study.primary, threshold=keys.threshold, n_bootstrap=keys.bootstrap,
            rng=finished.rng("comparison"), margin=keys.margin, sizes=part_sizes(finished.splits),
        ),
        "subgroups": subgroups_document(
            table, groups, primary=study.primary, threshold=keys.threshold
        ) if groups else None,
        "rare_class": rare_class_document(
            table, finished.metrics, reference=study.primary.reference,
            sizes=part_sizes(finished.splits), n_bootstrap=keys.bootstrap,
            rng=finished.rng("rare class"),
        ),
        "errors": _errors(finished),
    }  # fmt: skip


def part_sizes(splits: Sequence[Split]) -> dict[tuple[int, int], Counter[str]]:
    """(repeat, fold) -> part -> patients, for the corrected resampled t-test."""
    return {(split.repeat, split.fold): Counter(split.parts.values()) for split in splits}


def _uncalibrated(finished: Finished) -> PredictionTable | None:
    """Predictions before calibration, where the study calibrates."""
    if finished.keys.calibration == "none":
        return None
    table = finished.table
    return concatenate(
        [
            read_predictions(
                fit_folder(finished.run, arm, split) / "uncalibrated.csv",
                outcome=table.outcome_name,
                positive=table.classes[-1],
            )
            for arm in finished.study.arms
            for split in finished.splits
        ]
    )


def _of_probes(finished: Finished, probes: ProbeTable | None) -> dict[str, dict[str, Any] | None]:
    table, threshold = finished.table, finished.keys.threshold
    subsets = subsets_document(table, probes, threshold=threshold)
    if probes is None:
        return {"subsets": subsets}
    units = {name: registry.load("explain.probes", name).unit for name in finished.keys.probes}
    images = picture_modalities(finished.study.modalities)
    return {
        "subsets": subsets,
        "degradation": degradation_document(
            probes, table, threshold=threshold, primary=finished.study.primary, units=units
        ),
        "next_test": next_test_document(table, probes, threshold=threshold),
        "quality": quality_document(probes, table, images=images, threshold=threshold),
    }


def _errors(finished: Finished) -> dict[str, Any]:
    """Errors of the primary arm, what they share, and contact sheets of their images."""
    cohort, study = finished.prepared.cohort, finished.study
    numeric, categorical = predictor_columns(study)
    if study.keys.cohort.institution != "none":
        categorical.append(study.keys.cohort.institution)
    numbers = {
        name: found
        for name, values in columns_by_patient(cohort.columns, cohort.patient_id, numeric).items()
        if (found := numbers_of(values)) is not None
    }
    numbers |= image_numbers(finished.prepared.measured, cohort.patient_id)
    document = errors_document(
        finished.table, study.primary.arm, threshold=finished.keys.threshold,
        columns=columns_by_patient(cohort.columns, cohort.patient_id, categorical),
        numbers=numbers, rng=finished.rng("errors"),
    )  # fmt: skip
    images = picture_modalities(study.modalities)
    seen = [name for name in images if name in study.arms[study.primary.arm].modalities]
    if seen:
        document["sheets"] = write_contact_sheets(
            finished.run,
            document,
            first_pictures(cohort, seen[0], finished.prepared.measured[seen[0]]),
        )
    return document


def _sample_size(finished: Finished) -> dict[str, Any]:
    from tumorboard.report.run_contents import read_json

    table_one = read_json(finished.run / "table1.json", default={})
    return sample_size_document(
        finished.study.as_tables(), table_one, finished.table, finished.metrics
    )


def cohorts_apart(
    study: Study, prepared: Prepared, others: Sequence[OtherCohort]
) -> dict[str, Any]:
    """The study's patients beside those of every external cohort."""
    numeric, categorical = predictor_columns(study)
    everybody = prepared.cohort
    ids = everybody.patient_id
    inside = everybody.take([i for i, patient in enumerate(ids) if patient not in prepared.locked])
    target = outcome_columns(study.keys.task)
    cohorts = {study.name: inside, **{other.name: other.cohort for other in others}}
    return cohort_differences(
        {name: cohort.columns for name, cohort in cohorts.items()},
        numeric,
        [*categorical, *target] if study.keys.task.kind == "classification" else categorical,
        {name: cohort.patient_id for name, cohort in cohorts.items()},
        seed=derive_seed(study.seed, "cohorts"),
    )


def _members(finished: Finished) -> dict[str, list[MemberPredictions]]:
    """Arm -> what the networks (or dropout passes) of each of its fits said of the test units."""
    table = finished.table
    found: dict[str, list[MemberPredictions]] = {}
    for arm in finished.study.arms:
        for split in finished.splits:
            path = fit_folder(finished.run, arm, split) / MEMBERS
            if not path.is_file():
                continue
            said: Floats = np.load(path, allow_pickle=False)
            own = table.take(
                (table.arm == arm)
                & (table.repeat == split.repeat)
                & (table.fold == split.fold)
                & (table.part == "test")
            )
            found.setdefault(arm, []).append(
                MemberPredictions(split.repeat, split.fold, own.patient_id, own.outcome, said)
            )
    return found

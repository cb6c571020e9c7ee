"""From a study and its data folder to the rows of its cohort, before anything is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tumorboard import registry
from tumorboard.cohorts import Source
from tumorboard.cohorts.joining import join_records, pair_strangers
from tumorboard.modalities import Modality
from tumorboard.records import Cohort
from tumorboard.study import Study
from tumorboard.study_keys import outcome_columns
from tumorboard.study_parts import read_records
from tumorboard.training.batches import derive_seed
from tumorboard.training.file_root import file_root
from tumorboard.transforms.column_patterns import expand_table

#: Column of the patient's number in the table that `tumorboard table` writes.
PATIENT_ID = "patient_id"


def build_source(cohort: Mapping[str, Any], kind: str) -> Source:
    """The study's source with its resolved settings."""
    source = registry.load("cohorts", kind)
    return source(**registry.arguments(source, cohort))


def build_modality(settings: Mapping[str, Any]) -> Modality:
    """One modality from its resolved table in the study."""
    modality = registry.load("modalities", str(settings["kind"]))
    return modality(**registry.arguments(modality, settings))


def read_cohort(study: Study, root: Path) -> Cohort:
    """Every row of the study's source, with the columns of its records, before any selection.

    Args:
        study: The checked study.
        root: Folder that the study's file names start from.

    Raises:
        InputError: A table cannot be read without guessing.
        StudyError: Records of strangers that the study does not want paired at random.
    """
    source = build_source(study.source, study.keys.cohort.source)
    cohort = source.read(root, name=study.name, files=file_patterns(study))
    cohort = with_units(cohort, study.keys.task.unit)
    return with_records(study, cohort, root)


def with_records(study: Study, cohort: Cohort, root: Path) -> Cohort:
    """The cohort with the columns of `[cohort] records`; unchanged where the study names none."""
    records = study.keys.cohort.records
    if records == "none":
        return cohort
    kind, settings = read_records(records)
    others = build_source(settings, kind).read(root, name=f"{study.name} records", files={})
    if study.keys.evaluation.pairing == "simulated":
        return pair_strangers(cohort, others, seed=derive_seed(study.seed, "pairing"))
    return join_records(cohort, others)


def file_patterns(study: Study) -> dict[str, str]:
    """Modality -> pattern of its files, of those that read any."""
    modalities = {name: build_modality(table) for name, table in study.modalities.items()}
    return {name: m.pattern for name, m in modalities.items() if m.pattern != "none"}


def with_units(cohort: Cohort, unit: str) -> Cohort:
    """Name what one prediction is about: the patient, or the row as its source names it."""
    return replace(cohort, unit_id=cohort.patient_id) if unit == "patient" else cohort


def with_columns(study: Study, cohort: Cohort) -> Study:
    """The study with the columns that its patterns, such as `lab_*_mean`, stand for here.

    Raises:
        StudyError: A pattern that no column matches.
    """
    keys = study.keys
    never = [
        keys.cohort.patient_id, keys.cohort.institution, keys.cohort.index_date,
        *outcome_columns(keys.task),
    ]  # fmt: skip
    columns = list(cohort.columns)
    modalities = {
        name: expand_table(settings, columns, exclude=never, where=f"modalities.{name}")
        # columns of a table of its own, such as one of visits, are none of the cohort
        if "numeric" in settings and "table" not in settings
        else settings
        for name, settings in study.modalities.items()
    }
    return replace(study, modalities=modalities)


def read_other_table(
    study: Study,
    table: Path,
    roots: Sequence[Path],
    *,
    name: str,
    files: Mapping[str, str],
    settings: Mapping[str, Any] | None = None,
) -> Cohort:
    """Rows of another table than the study's own: new patients, or an external cohort.

    A study of hospital tables or annotations reads the analysis-ready table that
    `tumorboard table` writes of its source.

    Args:
        study: The study.
        table: The table.
        roots: Folders that file names may start from: the first that holds the files, else the
            last (see `file_root`).
        name: Name of the cohort in messages.
        files: Modality -> pattern of its files.
        settings: Settings of the study's source; its own where left out.

    Raises:
        InputError: The table cannot be read without guessing.
    """
    own: Mapping[str, Any] = study.source if settings is None else settings
    if study.keys.cohort.source != "folder":
        own = {"patient_id": PATIENT_ID, "missing": list(study.keys.cohort.missing)}
    source = build_source({**own, "table": str(table.absolute())}, "folder")
    root = file_root(
        roots, files, lambda: source.read(table.absolute().parent, name=name, files={})
    )
    cohort = replace(source.read(root, name=name, files=files), is_other=True)
    row_id = registry.load("cohorts", study.keys.cohort.source).row_id
    named = [cell for cell in cohort.columns.get(row_id, ()) if cell is not None]
    if len(set(named)) == cohort.n_rows:
        cohort = replace(cohort, unit_id=tuple(named))
    return with_units(cohort, study.keys.task.unit)

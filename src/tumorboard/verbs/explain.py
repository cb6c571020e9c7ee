"""`tumorboard explain`: a model folder and patients in, their explanations and pages out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tumorboard import registry
from tumorboard.errors import InputError
from tumorboard.evaluation.explanation_table import (
    FOLDER,
    Answer,
    Explanations,
    write_explanations,
)
from tumorboard.evaluation.pairing import pairing_label
from tumorboard.explain import Explainer, why_refused
from tumorboard.explain.asking import (
    MAX_BACKGROUND,
    MAX_ROWS,
    Subject,
    answer,
    calls,
    drawn,
    first_rows,
)
from tumorboard.formats.messages import counted
from tumorboard.prediction.model import Model, ReadPatients
from tumorboard.prediction.predictions import Predictions, write_predictions_csv
from tumorboard.records import Ints, Outcomes
from tumorboard.report.patient_page import Explained, write_patient_pages
from tumorboard.study_keys import Evaluation, outcome_columns
from tumorboard.training.batches import derive_seed
from tumorboard.training.fitted import FittedArm
from tumorboard.verbs.explained_units import PER_CLASS, explained_units

#: What shows one patient's columns, best first: the first that an arm does not refuse is asked.
BY_COLUMN = ("linear_shap", "tree_shap", "integrated_gradients", "kernel_shap")

#: What is asked of survival and of numbers, besides what the study asks.
OF_NUMBERS = ("permutation_importance", "gene_attribution")


@dataclass(frozen=True)
class ExplanationReport:
    """What an explanation run did.

    Args:
        folder: The folder that was written.
        explanations: What was found, as tables.
        lines: What the user should read, one line each.
        exit_code: 0, or 3 where some patients or files were rejected.
    """

    folder: Path
    explanations: Explanations
    lines: tuple[str, ...]
    exit_code: int


def explain(
    model: str | Path,
    *,
    cohort: str | Path,
    out: str | Path,
    data: str | Path | None = None,
    explainers: Sequence[str] = (),
    patients: Sequence[str] = (),
    log: Callable[[str], None] | None = None,
) -> ExplanationReport:
    """Explain a model's answers for the patients of a table: tables, pictures and a page for each.

    Models of survival and of numbers are explained over all patients, in tables alone.

    Args:
        model: Model folder.
        cohort: Table of patients.
        out: Folder to write; an earlier explanation there is replaced when the new one is complete.
        data: Folder that file names start from; the table's own, else `TUMORBOARD_DATA`.
        explainers: Questions to ask, by name; those of the study and one by column where left out.
        patients: Patients (or units) that get a page; all where left out, or some of every class
            where these are many (see `explained_units`).
        log: Told how far it is.

    Raises:
        InputError: The model or the table cannot be used, an explainer that was named does not
            apply, or a patient is not in the table; nothing is written.
    """
    say = log or (lambda line: None)
    folder, table = Path(out), Path(cohort)
    opened = Model.open(model)
    if opened.fitted.study.keys.task.kind == "segmentation":
        raise InputError(
            f"{model}: answers with masks, which are not explained. `tumorboard predict --maps` "
            "writes their probabilities and where they are uncertain."
        )
    _refuse_inputs(folder, Path(model), table)
    task, asked = opened.fitted.study.keys.task, _explainers(opened.fitted, explainers)
    read = opened.read(table, data=data)
    predictions = opened.predict_patients(read)
    units, some = _units(opened.fitted, predictions, patients, table)
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    say(f"explaining {counted(len(units) or len(predictions.unit_id), task.unit)}")
    found, remarks = _ask(opened, read, units, asked, temporary / FOLDER)
    write_explanations(temporary / FOLDER, found)
    write_predictions_csv(predictions, temporary / "predictions.csv", arm=opened.fitted.arm.name)
    if units:
        say("writing the pages")
        _write_pages(temporary, opened, read, predictions, units, found, (*some, *remarks))
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
    return _report(folder, found, predictions, len(units), some)


def _write_pages(
    folder: Path, opened: Model, read: ReadPatients, predictions: Predictions,
    units: tuple[str, ...], found: Explanations, remarks: tuple[str, ...],
) -> None:  # fmt: skip
    fitted = opened.fitted
    explained = Explained(
        name=fitted.study.name,
        arm=fitted.arm.name,
        modalities=fitted.arm.modalities,
        predictions=predictions,
        units=units,
        explanations=found,
        folder=folder / FOLDER,
        warnings=_warnings(fitted, read, units),
        remarks=remarks,
        pairing=pairing_label(fitted.study.as_tables()),
    )
    write_patient_pages(folder, explained)


def _explainers(fitted: FittedArm, names: Sequence[str]) -> dict[str, Explainer]:
    """Those that were named, or those of the study and the first by column that applies."""
    explainers: dict[str, Explainer] = {name: registry.load("explain", name)() for name in names}
    refused = {name: why_refused(name, e, fitted) for name, e in explainers.items()}
    faults = [f"--explainer {name}: {why}" for name, why in refused.items() if why]
    if faults:
        raise InputError("\n".join(faults))
    if explainers:
        return explainers
    known = registry.names("explain")
    chosen = [name for name in fitted.study.keys.evaluation.explain if name in known]
    explainers = {name: registry.load("explain", name)() for name in chosen}
    if not fitted.classes:
        if chosen == Evaluation().explain:  # of classes: refusing what nobody named tells nothing
            explainers = {n: e for n, e in explainers.items() if e.of_numbers}
        explainers |= {n: registry.load("explain", n)() for n in OF_NUMBERS if n not in explainers}
        return explainers
    for name in BY_COLUMN:
        if name in known:
            explainer: Explainer = registry.load("explain", name)()
            if not why_refused(name, explainer, fitted):
                explainers[name] = explainer
                break
    return explainers


def _units(
    fitted: FittedArm, predictions: Predictions, named: Sequence[str], table: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Units that get a page, and sentences about those that get none.

    Raises:
        InputError: A name that is not in the table, or any where there are no pages.
    """
    keys = fitted.study.keys
    if not fitted.classes:
        if named:
            raise InputError(
                f"--patients: a model of {keys.task.kind} is explained over all patients of the "
                "table; pages of single patients are of classes. Leave --patients out."
            )
        return (), (f"{keys.task.kind}: explained over all patients, without pages of each.",)
    seed = derive_seed(fitted.study.seed, "explained", fitted.arm.name)
    return explained_units(
        predictions, named, table, per_class=keys.evaluation.explain_patients or PER_CLASS,
        word=keys.task.unit, rng=np.random.default_rng(seed),
    )  # fmt: skip


def _ask(
    opened: Model,
    read: ReadPatients,
    units: Sequence[str],
    explainers: Mapping[str, Explainer],
    folder: Path,
) -> tuple[Explanations, tuple[str, ...]]:
    """Ask every explainer; importances are asked only where outcomes are known."""
    fitted = opened.fitted
    outcomes = _outcomes(fitted, read)
    cases = first_rows(read.cohort, read.measured, read.rows, units)
    seed = derive_seed(fitted.study.seed, "explain", fitted.arm.name)
    rng = np.random.default_rng(seed)
    background = drawn(_complete(fitted, read), MAX_BACKGROUND, rng)
    known = read.rows if outcomes is None else read.rows[outcomes.kept[read.rows]]
    subject = Subject(
        fitted=fitted,
        cohort=read.cohort,
        outcomes=outcomes,
        measured=read.measured,
        cases=cases,
        called=calls(fitted, read.measured, cases),
        every=drawn(known, MAX_ROWS, rng),
        background=background,
        repeat=0,
        fold=0,
        seed=seed,
    )
    without = {n for n, e in explainers.items() if e.asks_all and outcomes is None}
    found = answer(subject, {n: e for n, e in explainers.items() if n not in without}, folder)
    skipped = tuple(
        Answer(fitted.arm.name, n, explainers[n].question, "the table has no outcome column.")
        for n in explainers
        if n in without
    )
    found = replace(found, answers=(*found.answers, *skipped))
    return found, _remarks(opened, read, units, len(background))


def _outcomes(fitted: FittedArm, read: ReadPatients) -> Outcomes | None:
    if fitted.classes:
        is_known = read.outcome_name != "none"
    else:
        is_known = set(outcome_columns(fitted.study.keys.task)) <= set(read.cohort.columns)
    if not is_known:
        return None
    return fitted.task.read(read.cohort, values=fitted.values)


def _complete(fitted: FittedArm, read: ReadPatients) -> Ints:
    """Rows that have every modality; all rows where none has."""
    complete = read.rows[fitted.present(read.measured)[read.rows].all(axis=1)]
    return complete if len(complete) else read.rows


def _remarks(
    opened: Model, read: ReadPatients, units: Sequence[str], n_background: int
) -> tuple[str, ...]:
    """What every reader of these pages must know."""
    remarks = [
        "An explanation says what moved this model's answer. It does not say that the model is "
        "right, nor what caused the disease.",
        f"A model folder holds no training patients. Where an explanation compares a patient with "
        f"others, these are {n_background} rows of the same table.",
    ]
    if n_background < 10:
        remarks.append(
            "With so few others to compare with, attributions that need them say little. Give a "
            "table of at least 10 patients, and name those to explain with --patients."
        )
    rows_of = {unit: read.cohort.unit_id.count(unit) for unit in units}
    n_several = sum(n > 1 for n in rows_of.values())
    if n_several:
        remarks.append(
            f"{counted(n_several, 'patient')} with several rows: the prediction is the mean over "
            "them, the explanation is of the first row with the most modalities."
        )
    return tuple(remarks)


def _warnings(
    fitted: FittedArm, read: ReadPatients, units: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Unit -> sentences about its input, such as an image that is too poor to rely on."""
    rows_of: dict[str, list[int]] = {unit: [] for unit in units}
    for row in read.rows.tolist():
        if read.cohort.unit_id[row] in rows_of:
            rows_of[read.cohort.unit_id[row]].append(row)
    none = np.zeros(0, dtype=np.int64)
    of_all = {name: m.notes(read.measured[name], none) for name, m in fitted.modalities.items()}
    return {
        unit: tuple(
            f"{name}: {sentence}"
            for name, modality in fitted.modalities.items()
            for sentence in modality.notes(read.measured[name], np.asarray(rows, dtype=np.int64))
            if sentence not in of_all[name]  # how a table was read is no warning about a patient
        )
        for unit, rows in rows_of.items()
    }


def _refuse_inputs(out: Path, model: Path, cohort: Path) -> None:
    """Inputs are never overwritten, nor a folder that holds anything but an earlier explanation."""
    target = out.resolve()
    for given in (model, cohort):
        if target in (given.resolve(), *given.resolve().parents) or (
            given.is_dir() and given.resolve() in target.parents
        ):
            raise InputError(f"--out {out}: holds an input of this command. Choose another folder.")
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / FOLDER).is_dir()):
        raise InputError(
            f"--out {out}: exists and is no folder of explanations. Choose another folder."
        )
    if (out / "study.toml").exists():
        raise InputError(f"--out {out}: is a run. Choose another folder.")


def _report(
    folder: Path, found: Explanations, predictions: Predictions, n: int, some: Sequence[str]
) -> ExplanationReport:
    lines = [*predictions.notes]
    lines += [f"not asked: {a.explainer}: {a.refused}" for a in found.answers if a.refused]
    lines += [f"{a.explainer}: {remark}" for a in found.answers for remark in a.remarks]
    lines += [
        f"rejected: patient {r.patient_id}{f', {r.path}' if r.path else ''}: {r.reason}"
        for r in predictions.rejections
    ]
    where = f"{counted(n, 'page')}: {folder / 'index.html'}" if n else f"tables: {folder / FOLDER}"
    lines += [*some, where]
    return ExplanationReport(folder, found, tuple(lines), 3 if predictions.rejections else 0)

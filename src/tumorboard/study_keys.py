"""Every key of a study file: one class per TOML table, with its type and default.

No default is null: absence is the word "none". Keys of components (a source, a modality, an
encoder, a fusion, a baseline) are not here: they are the keyword arguments of the component's
`__init__`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from tumorboard.study_evaluation import Conformal as Conformal
from tumorboard.study_evaluation import Evaluation as Evaluation
from tumorboard.study_evaluation import Primary as Primary
from tumorboard.study_evaluation import Threshold as Threshold
from tumorboard.study_report import Report as Report
from tumorboard.study_table import Component as Component
from tumorboard.study_table import Keys as Keys
from tumorboard.study_table import MetricName as MetricName
from tumorboard.study_table import Name as Name
from tumorboard.study_training import Loss as Loss
from tumorboard.study_training import Optimizer as Optimizer
from tumorboard.study_training import Patches as Patches
from tumorboard.study_training import Schedule as Schedule
from tumorboard.study_training import SearchRange as SearchRange
from tumorboard.study_training import Stop as Stop
from tumorboard.study_training import Training as Training
from tumorboard.study_training import Tuning as Tuning
from tumorboard.study_words import LOWER_IS_BETTER as LOWER_IS_BETTER
from tumorboard.study_words import METRICS as METRICS


class StudyTable(Keys):
    """What the study is called and asks.

    Args:
        name: Names the run folder.
        question: The clinical question in one sentence, shown in the report.
        seed: All randomness derives from it.
    """

    name: Name
    question: str = "none"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class CohortTable(Keys):
    """Who the patients are; every key below is one of all sources, the rest are the source's own.

    Args:
        source: Where patients come from.
        patient_id: Column of the patient's number; rows of one patient are never split.
        missing: Cells that mean "not known".
        institution: Column of the hospital, for the audit; never a predictor.
        index_date: Column of the date that prediction is made at.
        exclude: Column -> labels whose rows are left out, and counted.
        require: Modalities without which a patient is left out, and counted.
        records: A second source whose columns are joined by patient id: `{source = ..., ...}`.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False)

    source: str = "folder"
    patient_id: str = "patient_id"
    missing: list[str] = [""]
    institution: str = "none"
    index_date: str = "none"
    exclude: dict[str, list[str]] = {}
    require: list[str] = []
    records: dict[str, Any] | Literal["none"] = "none"


class TaskTable(Keys):
    """The clinical question.

    Args:
        kind: The task.
        target: Column of the outcome.
        positive: Label that sensitivity and the other binary metrics are about.
        classes: Labels to keep, or class -> the labels that it joins; empty keeps all.
        unit: What one prediction is about; outputs of a patient's rows are averaged by default.
        time: Column of the follow-up time.
        time_unit: Unit of that column.
        event: Column that says whether the event was seen.
        event_value: What that column holds where it was.
        head: `cox` gives a log-hazard; `discrete_time` a hazard for each of `n_intervals`.
        n_intervals: Intervals of follow-up, cut at quantiles of the training events
            (`discrete_time`).
        horizons_days: Days after time zero at which survival is predicted; `auto` takes 1, 3 and 5
            years where the follow-up allows.
        gene_sets: File of gene sets (GMT) for targets such as `gene_set:HALLMARK_HYPOXIA`.
        expression: Modality that such targets are computed from, inside each fold.
        image: Modality that is segmented; its encoder is a segmenter.
        mask: Pattern of the mask files; braces name columns of the cohort table.
        labels: Name -> its number in the masks, or a list of numbers that it joins; such regions
            may overlap. In DICOM masks it is the number of the segment or of the contour.
        tolerance_mm: Distance up to which a border counts as found (NSD), in mm; in voxels or
            pixels where their size is not known.
    """

    kind: str = "classification"
    target: str | list[str] = "none"
    positive: str = "none"
    classes: dict[str, list[str]] | list[str] = []
    unit: Literal["patient", "row", "annotation"] = "patient"
    time: str = "none"
    time_unit: Literal["none", "days", "months", "years"] = "none"
    event: str = "none"
    event_value: str | int = "none"
    head: Literal["cox", "discrete_time"] = "cox"
    n_intervals: Annotated[int, Field(ge=2)] = 10
    horizons_days: list[Annotated[float, Field(gt=0)]] | Literal["auto"] = "auto"
    gene_sets: str = "none"
    expression: str = "none"
    image: str = "none"
    mask: str = "none"
    labels: dict[Name, Annotated[int, Field(ge=1, le=255)] | list[int]] = {}
    tolerance_mm: Annotated[float, Field(gt=0)] = 1.0


def outcome_columns(task: TaskTable) -> list[str]:
    """Columns of the cohort table that hold the outcome: never predictors."""
    targets = [task.target] if isinstance(task.target, str) else task.target
    return [name for name in (*targets, task.time, task.event) if name != "none"]


class ArmTable(Keys):
    """A choice of modalities, and either a fusion with encoders or a baseline.

    Args:
        modalities: What the arm sees.
        fusion: How modalities are joined; `concatenation` where several are named and it is not.
        baseline: A classical model instead of a network.
        encoders: Modality -> an encoder other than the modality's own.
        training: Keys of `[training]` that this arm overrides.
    """

    modalities: Annotated[list[str], Field(min_length=1)]
    fusion: Component | Literal["none"] = "none"
    baseline: Component | Literal["none"] = "none"
    encoders: dict[str, Component] = {}
    training: dict[str, Any] = {}


class Audit(Keys):
    """What the audit may find without stopping the study.

    Args:
        accept: Codes of findings of severity error; the report is marked.
        derived: Columns that were computed over all patients before the study, such as clusters.
    """

    accept: list[str] = []
    derived: list[str] = []


class Runtime(Keys):
    """Where it runs; no key here changes what is computed, apart from rounding.

    Args:
        device: `auto` takes a GPU where there is one.
        workers: Threads that prepare files; 0 is one per core.
        precision: `auto` takes bfloat16 for images where the hardware has it.
    """

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    workers: Annotated[int, Field(ge=0)] = 2
    precision: Literal["auto", "32", "bf16", "16"] = "auto"


class StudyKeys(Keys):
    """The whole study file."""

    study: StudyTable
    cohort: CohortTable
    task: TaskTable
    modalities: Annotated[dict[Name, dict[str, Any]], Field(min_length=1)]
    arms: dict[Name, ArmTable] = {}
    training: Training = Training()
    tuning: Tuning | Literal["none"] = "none"
    evaluation: Evaluation = Evaluation()
    audit: Audit = Audit()
    report: Report = Report()
    runtime: Runtime = Runtime()

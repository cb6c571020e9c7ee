"""Every key of a study file: one class per TOML table, with its type and default.

No default is null: absence is the word "none". Keys of components (a source, a modality, an
encoder, a fusion, a baseline) are not here: they are the keyword arguments of the component's
`__init__`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

#: Metrics that can stop training, lead a comparison or choose a setting.
METRICS = (
    "auroc", "auprc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv",
    "f1", "macro_f1", "mcc", "brier", "log_loss",
)  # fmt: skip
#: Metrics where smaller is better.
LOWER_IS_BETTER = ("brier", "log_loss", "loss")

MetricName = Literal[
    "auroc", "auprc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv",
    "f1", "macro_f1", "mcc", "brier", "log_loss",
]  # fmt: skip
Watched = MetricName | Literal["loss"]


def _named(value: object) -> object:
    """A plain word is short for a table with that name."""
    return {"name": value} if isinstance(value, str) else value


def _component(value: object) -> object:
    value = _named(value)
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise ValueError('a name or a table with a name, such as {name = "..."}')
    return dict(value)


#: A component: its name and its settings.
Component = Annotated[dict[str, Any], BeforeValidator(_component)]


def _name(value: str) -> str:
    # A name becomes a folder, a column value joined by "+" and a part of a dotted key.
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", value) is None:
        raise ValueError(
            "letters, digits, _ and - only, starting with a letter or a digit, such as breast-2024"
        )
    return value


#: A name that the author of the study chooses.
Name = Annotated[str, AfterValidator(_name)]


class Keys(BaseModel):
    """A table of the study file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class StudyTable(Keys):
    """What the study is called and asks."""

    name: Name
    question: str = "none"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class CohortTable(Keys):
    """Keys of every source; the rest are the source's own."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False)

    source: str = "folder"
    patient_id: str = "patient_id"
    missing: list[str] = [""]
    institution: str = "none"
    index_date: str = "none"
    exclude: dict[str, list[str]] = {}
    require: list[str] = []


class TaskTable(Keys):
    """The clinical question."""

    kind: str = "classification"
    target: str | list[str] = "none"
    positive: str = "none"
    classes: dict[str, list[str]] | list[str] = []
    unit: Literal["patient", "row", "annotation"] = "patient"
    time: str = "none"
    time_unit: Literal["none", "days", "months", "years"] = "none"
    event: str = "none"
    event_value: str | int = "none"
    image: str = "none"
    mask: str = "none"
    labels: dict[str, int] = {}


class Optimizer(Keys):
    """`momentum` is read by `sgd` only."""

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9


class Schedule(Keys):
    """`plateau` watches `metric` on validation patients; `step` acts every `every` epochs."""

    name: Literal["none", "plateau", "step", "cosine"] = "none"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: Annotated[int, Field(ge=0)] = 3
    metric: Watched = "loss"
    every: Annotated[int, Field(ge=1)] = 10
    minimum: Annotated[float, Field(ge=0)] = 1e-7
    warmup_epochs: Annotated[int, Field(ge=0)] = 0


class Stop(Keys):
    """Early stopping on validation patients; patience 0 trains every epoch."""

    metric: Watched = "loss"
    patience: Annotated[int, Field(ge=0)] = 8
    keep: Literal["best", "last"] = "best"


class Loss(Keys):
    """`effective_number` is the class balance of Cui et al., CVPR 2019, with `beta`."""

    name: Literal["cross_entropy", "focal"] = "cross_entropy"
    class_weights: Literal["none", "balanced", "effective_number"] = "none"
    gamma: Annotated[float, Field(ge=0)] = 2.0
    beta: Annotated[float, Field(gt=0, lt=1)] = 0.999
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Training(Keys):
    """How every network of the study is trained; an arm may override any of it."""

    epochs: Annotated[int, Field(ge=1)] = 60
    batch_size: Annotated[int, Field(ge=2)] = 16
    optimizer: Annotated[Optimizer, BeforeValidator(_named)] = Optimizer()
    schedule: Annotated[Schedule, BeforeValidator(_named)] = Schedule()
    stop: Stop = Stop()
    loss: Annotated[Loss, BeforeValidator(_named)] = Loss()
    sampler: Literal["shuffle", "weighted"] = "shuffle"
    modality_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    gradient_clip: Annotated[float, Field(ge=0)] = 0.0
    augment: bool = True


class ArmTable(Keys):
    """A choice of modalities, and either a fusion with encoders or a baseline."""

    modalities: Annotated[list[str], Field(min_length=1)]
    fusion: Component | Literal["none"] = "none"
    baseline: Component | Literal["none"] = "none"
    encoders: dict[str, Component] = {}
    training: dict[str, Any] = {}


class SearchRange(Keys):
    """Where tuning looks for one key: from `low` to `high`, or among `choices`; step 0 is none."""

    low: float | int | Literal["none"] = "none"
    high: float | int | Literal["none"] = "none"
    log: bool = False
    step: Annotated[float | int, Field(ge=0)] = 0
    choices: list[str | int | float | bool] = []


class Tuning(Keys):
    """The inner loop of nested cross-validation: which keys are searched, and where."""

    trials: Annotated[int, Field(ge=1)] = 20
    metric: Watched = "auroc"
    space: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]


class Primary(Keys):
    """The comparison that the first line of the report answers."""

    arm: str
    reference: str
    metric: MetricName = "auroc"


class Threshold(Keys):
    """How the decision threshold is chosen on validation patients (binary outcomes)."""

    rule: Literal["youden", "sensitivity", "precision", "cost", "fixed"] = "youden"
    at_least: Annotated[float, Field(gt=0, le=1)] = 0.95
    at: Annotated[float, Field(gt=0, lt=1)] = 0.5
    false_negative_cost: Annotated[float, Field(gt=0)] = 1.0
    false_positive_cost: Annotated[float, Field(gt=0)] = 1.0


class Conformal(Keys):
    """Prediction sets that hold the true class with this probability."""

    coverage: Annotated[float, Field(gt=0, lt=1)] = 0.90


class Evaluation(Keys):
    """Splits, the decision threshold and what is compared."""

    folds: Annotated[int, Field(ge=2)] = 5
    repeats: Annotated[int, Field(ge=1)] = 1
    holdout: list[float] = []
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.15
    primary: Primary | Literal["none"] = "none"
    bootstrap: Annotated[int, Field(ge=100)] = 2000
    threshold: Threshold = Threshold()
    calibration: Literal["none", "temperature", "platt", "isotonic"] = "none"
    conformal: Conformal | Literal["none"] = "none"
    external: dict[str, str] = {}
    locked_test: Annotated[float, Field(ge=0, lt=1)] = 0.0
    subgroups: list[str] = []
    pairing: Literal["patient", "simulated"] = "patient"
    probes: list[str] = []
    margin: Annotated[float, Field(ge=0)] = 0.0


class Audit(Keys):
    """Codes of findings of severity error that do not stop this study."""

    accept: list[str] = []


class Report(Keys):
    """Sentences that only the author knows; shown in the report, "not reported" where absent."""

    population: str = "none"
    setting: str = "none"
    outcome: str = "none"
    ethics: str = "none"
    funding: str = "none"


class Runtime(Keys):
    """Where it runs; no key here changes what is computed, apart from rounding."""

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


#: Codes of the audit's findings, which `[audit] accept` may name.
FINDINGS = (
    "patient-overlap", "duplicate-image", "duplicate-row", "duplicate-expression",
    "after-index-date", "label-proxy", "near-duplicate-image", "duplicate-note", "label-in-text",
    "institution-confounded", "derived-from-all-patients", "split-not-by-patient",
    "simulated-pairing", "small-class", "too-few-events",
)  # fmt: skip

#: Keys that the design names and whose part is not built yet: key -> the part.
NOT_BUILT: Mapping[str, str] = {
    "cohort.icd": "the source mimic_iv",
    "cohort.rows": "the source mimic_iv",
    "cohort.same_admission_codes": "the source mimic_iv",
    "task.time": "the task survival",
    "task.time_unit": "the task survival",
    "task.event": "the task survival",
    "task.event_value": "the task survival",
    "task.image": "the task segmentation",
    "task.mask": "the task segmentation",
    "task.labels": "the task segmentation",
    "evaluation.calibration": "fitted calibration",
    "evaluation.conformal": "conformal prediction sets",
    "evaluation.external": "external cohorts",
    "evaluation.locked_test": "the locked test set with its ledger",
    "evaluation.subgroups": "subgroup metrics",
    "evaluation.pairing": "simulated pairing",
    "evaluation.probes": "probes",
    "evaluation.margin": "non-inferiority",
}


#: Settings that only some choices read: key -> (the choice, the words that read it).
READ_BY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "training.optimizer.momentum": ("training.optimizer.name", ("sgd",)),
    "training.schedule.factor": ("training.schedule.name", ("plateau", "step")),
    "training.schedule.patience": ("training.schedule.name", ("plateau",)),
    "training.schedule.metric": ("training.schedule.name", ("plateau",)),
    "training.schedule.every": ("training.schedule.name", ("step",)),
    "training.schedule.minimum": ("training.schedule.name", ("plateau",)),
    "training.loss.gamma": ("training.loss.name", ("focal",)),
    "training.loss.beta": ("training.loss.class_weights", ("effective_number",)),
    "evaluation.threshold.at": ("evaluation.threshold.rule", ("fixed",)),
    "evaluation.threshold.at_least": ("evaluation.threshold.rule", ("sensitivity", "precision")),
    "evaluation.threshold.false_negative_cost": ("evaluation.threshold.rule", ("cost",)),
    "evaluation.threshold.false_positive_cost": ("evaluation.threshold.rule", ("cost",)),
}


def table_of(path: tuple[str, ...]) -> type[Keys] | None:
    """The table at a path of the study file; None where a table's keys are not ours to name."""
    table: type[Keys] = StudyKeys
    rest = list(path)
    while rest:
        field = table.model_fields.get(rest.pop(0))
        annotation: Any = field.annotation if field is not None else None
        if get_origin(annotation) is dict and rest:  # the next part is a name the author chose
            rest.pop(0)
            annotation = get_args(annotation)[1]
        inner = [a for a in (annotation, *get_args(annotation)) if inspect.isclass(a)]
        tables = [a for a in inner if issubclass(a, Keys)]
        if not tables:
            return None
        table = tables[0]
    return table


def keys_at(path: tuple[str, ...]) -> tuple[str, ...]:
    """Keys of the table at a path of the study file, for suggestions."""
    table = table_of(path)
    return tuple(table.model_fields) if table is not None else ()

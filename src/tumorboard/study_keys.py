"""Every key of a study file: one class per TOML table, with its type and default.

No default is null: absence is the word "none". Keys of components (a source, a modality, an
encoder, a fusion, a baseline) are not here: they are the keyword arguments of the component's
`__init__`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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


class Keys(BaseModel):
    """A table of the study file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class StudyTable(Keys):
    """What the study is called and asks."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    question: str = "none"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class CohortTable(Keys):
    """Keys of every source; the rest are the source's own."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

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
    modalities: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
    arms: dict[str, ArmTable] = {}
    training: Training = Training()
    tuning: Tuning | Literal["none"] = "none"
    evaluation: Evaluation = Evaluation()
    audit: Audit = Audit()
    report: Report = Report()
    runtime: Runtime = Runtime()


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


def known_keys() -> dict[tuple[str, ...], list[str]]:
    """Path of a table -> its known keys, for suggestions."""
    known: dict[tuple[str, ...], list[str]] = {(): list(StudyKeys.model_fields)}
    tables: dict[tuple[str, ...], type[Keys]] = {
        ("study",): StudyTable, ("cohort",): CohortTable, ("task",): TaskTable,
        ("training",): Training, ("training", "optimizer"): Optimizer,
        ("training", "schedule"): Schedule,
        ("training", "stop"): Stop, ("training", "loss"): Loss, ("tuning",): Tuning,
        ("evaluation",): Evaluation, ("evaluation", "primary"): Primary,
        ("evaluation", "threshold"): Threshold, ("evaluation", "conformal"): Conformal,
        ("audit",): Audit, ("report",): Report, ("runtime",): Runtime,
    }  # fmt: skip
    for path, table in tables.items():
        known[path] = list(table.model_fields)
    return known

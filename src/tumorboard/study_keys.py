"""Every key of a study file: one class per TOML table, with its type and default.

No default is null: absence is the word "none". Keys of components (a source, a modality, an
encoder, a fusion, a baseline) are not here: they are the keyword arguments of the component's
`__init__`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tumorboard.study_words import LOWER_IS_BETTER as LOWER_IS_BETTER
from tumorboard.study_words import METRICS as METRICS

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
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False)

    source: str = "folder"
    patient_id: str = "patient_id"
    missing: list[str] = [""]
    institution: str = "none"
    index_date: str = "none"
    exclude: dict[str, list[str]] = {}
    require: list[str] = []


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
        image: Modality that is segmented.
        mask: Pattern of the mask files.
        labels: Name -> number in the mask.
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
    image: str = "none"
    mask: str = "none"
    labels: dict[str, int] = {}


class Optimizer(Keys):
    """How weights are changed.

    Args:
        name: The optimiser.
        learning_rate: Step size.
        weight_decay: Pull of the weights towards zero.
        momentum: Of `sgd` only.
    """

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9


class Schedule(Keys):
    """How the learning rate falls.

    Args:
        name: `plateau` watches validation patients, `step` acts every so many epochs.
        factor: The learning rate is multiplied by it (`plateau`, `step`).
        patience: Epochs without improvement before that (`plateau`).
        metric: What is watched (`plateau`).
        every: Epochs between two steps (`step`).
        minimum: The learning rate falls no lower (`plateau`).
        warmup_epochs: Epochs over which it first rises.
    """

    name: Literal["none", "plateau", "step", "cosine"] = "none"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: Annotated[int, Field(ge=0)] = 3
    metric: Watched = "loss"
    every: Annotated[int, Field(ge=1)] = 10
    minimum: Annotated[float, Field(ge=0)] = 1e-7
    warmup_epochs: Annotated[int, Field(ge=0)] = 0


class Stop(Keys):
    """Early stopping on validation patients.

    Args:
        metric: What is watched.
        patience: Epochs without improvement before training stops; 0 trains every epoch.
        keep: Weights of the best epoch, or of the last.
    """

    metric: Watched = "loss"
    patience: Annotated[int, Field(ge=0)] = 8
    keep: Literal["best", "last"] = "best"


class Loss(Keys):
    """What training makes small.

    Args:
        name: The loss.
        class_weights: `effective_number` is the class balance of Cui et al., CVPR 2019.
        gamma: How much easy patients count less (`focal`).
        beta: Of `effective_number`.
        label_smoothing: Share of the target that is spread over all classes.
    """

    name: Literal["cross_entropy", "focal"] = "cross_entropy"
    class_weights: Literal["none", "balanced", "effective_number"] = "none"
    gamma: Annotated[float, Field(ge=0)] = 2.0
    beta: Annotated[float, Field(gt=0, lt=1)] = 0.999
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Training(Keys):
    """How every network of the study is trained; an arm may override any of it.

    Args:
        epochs: Most passes over the training patients.
        batch_size: Rows per step.
        optimizer: A name, or a table with a name.
        schedule: A name, or a table with a name.
        stop: Early stopping.
        loss: A name, or a table with a name.
        sampler: `weighted` draws rare classes as often as frequent ones.
        modality_dropout: Chance that a modality is hidden while training, never the last one.
        gradient_clip: Longest gradient; 0 clips nothing.
        augment: Whether modalities augment training rows.
        members: Networks of a deep ensemble, each from its own seed; their outputs are averaged.
    """

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
    members: Annotated[int, Field(ge=1)] = 1


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


class SearchRange(Keys):
    """Where tuning looks for one key: from `low` to `high`, or among `choices`.

    Args:
        low: Least value.
        high: Greatest value.
        log: Whether it is searched on a logarithmic scale.
        step: Distance of the values that are tried; 0 tries any.
        choices: The values that are tried.
    """

    low: float | int | Literal["none"] = "none"
    high: float | int | Literal["none"] = "none"
    log: bool = False
    step: Annotated[float | int, Field(ge=0)] = 0
    choices: list[str | int | float | bool] = []


class Tuning(Keys):
    """The inner loop of nested cross-validation: which keys are searched, and where.

    Args:
        trials: Fits per arm and split.
        metric: What the search improves on validation patients.
        space: Dotted key of the study -> where it is searched.
    """

    trials: Annotated[int, Field(ge=1)] = 20
    metric: Watched = "auroc"
    space: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]


class Primary(Keys):
    """The comparison that the first line of the report answers.

    Args:
        arm: What is asked about.
        reference: What it is compared with.
        metric: By which measure.
    """

    arm: str
    reference: str
    metric: MetricName = "auroc"


class Threshold(Keys):
    """How the decision threshold is chosen on validation patients (binary outcomes).

    Args:
        rule: `youden`, the least `sensitivity` or `precision`, the lowest `cost`, or `fixed`.
        at_least: The least sensitivity or precision.
        at: The threshold of `fixed`.
        false_negative_cost: What a missed patient costs (`cost`).
        false_positive_cost: What a false alarm costs (`cost`).
    """

    rule: Literal["youden", "sensitivity", "precision", "cost", "fixed"] = "youden"
    at_least: Annotated[float, Field(gt=0, le=1)] = 0.95
    at: Annotated[float, Field(gt=0, lt=1)] = 0.5
    false_negative_cost: Annotated[float, Field(gt=0)] = 1.0
    false_positive_cost: Annotated[float, Field(gt=0)] = 1.0


class Conformal(Keys):
    """Prediction sets.

    Args:
        coverage: Probability that a set holds the true class.
        by: Whether that holds over all patients, or within every class.
    """

    coverage: Annotated[float, Field(gt=0, lt=1)] = 0.90
    by: Literal["all", "class"] = "all"


class Evaluation(Keys):
    """Splits, the decision threshold and what is compared.

    Args:
        folds: Parts of the cross-validation; each patient is tested once per repeat.
        repeats: Times that the whole is repeated with other splits.
        holdout: Shares of training, validation and test patients, instead of folds.
        validation: Share of the training patients that validates.
        primary: What the first line of the report answers; fused against the first table if none.
        bootstrap: Resamples of the patients behind an interval.
        threshold: How the decision threshold is chosen.
        calibration: What is fitted on validation patients to mend probabilities.
        conformal: Prediction sets.
        external: Name -> table of another cohort.
        locked_test: Share of the patients that is set aside.
        subgroups: Columns whose groups are reported apart.
        pairing: Whether modalities come from the same patients.
        probes: Degradations that the models are tried on.
        margin: Of non-inferiority; 0 asks for none.
        folds_by: What a fold is made of: patients at random, or one institution after the other.
        refer_below: Patients whose most probable class has less are referred to a human; 0 none.
        prevalences: Shares of positive patients that PPV, NPV, F1 and counts are computed at.
        mc_dropout: Passes with dropout switched on, for the spread of a prediction; 0 none.
        explain: Questions asked of the trained models, by name (see `tumorboard list`).
        explain_patients: Test patients per arm that are explained one by one.
    """

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
    probes: list[str] = ["missing_modality"]
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.0
    folds_by: Literal["patient", "institution"] = "patient"
    refer_below: Annotated[float, Field(ge=0, lt=1)] = 0.0
    prevalences: list[Annotated[float, Field(gt=0, lt=1)]] = []
    mc_dropout: Annotated[int, Field(ge=0)] = 0
    explain: list[str] = [
        "modality_contribution", "permutation_importance", "grad_cam", "linear_shap", "tree_shap",
        "integrated_gradients",
    ]  # fmt: skip
    explain_patients: Annotated[int, Field(ge=0)] = 12


class Audit(Keys):
    """What the audit may find without stopping the study.

    Args:
        accept: Codes of findings of severity error; the report is marked.
        derived: Columns that were computed over all patients before the study, such as clusters.
    """

    accept: list[str] = []
    derived: list[str] = []


class Report(Keys):
    """Sentences that only the author knows; shown in the report, "not reported" where absent.

    Args:
        background: Why a prediction is wanted here, and what exists already.
        intended_use: Who would use the prediction, for whom, and at which point of care.
        equity: Known inequalities of care or of outcome between groups of these patients.
        aim: What is developed or evaluated, and the hypothesis.
        design: Prospective or retrospective, and why these data.
        population: Whom the patients stand for.
        setting: Where and when they were seen.
        dates: First and last day of inclusion; end of follow-up.
        eligibility: Who was eligible, in clinical words.
        treatment: Treatments before or at the time of prediction, and how they were handled.
        outcome: How the outcome was established.
        assessors: Who judged the outcome: number, training, agreement.
        blinding: What those who judged the outcome knew of the predictors, and the other way round.
        predictors: How and when the predictors were measured, and why these.
        acquisition: Scanner, protocol and settings of images or assays.
        deidentification: How data were made anonymous.
        sample_size: How the number of patients was settled.
        ethics: Approval and consent.
        funding: Who paid.
        conflicts: Interests of the authors.
        protocol: Where the protocol is, or that there is none.
        registration: Registry and number, or that there is none.
        data_availability: Who gets the data, and how.
        code_availability: Who gets code and models, and how.
        patient_involvement: What patients or the public contributed.
        interpretation: What the results mean beside earlier work, fairness included.
        users: What a user must do and know to use the model.
        next_steps: What must be done before use elsewhere.
    """

    background: str = "none"
    intended_use: str = "none"
    equity: str = "none"
    aim: str = "none"
    design: str = "none"
    population: str = "none"
    setting: str = "none"
    dates: str = "none"
    eligibility: str = "none"
    treatment: str = "none"
    outcome: str = "none"
    assessors: str = "none"
    blinding: str = "none"
    predictors: str = "none"
    acquisition: str = "none"
    deidentification: str = "none"
    sample_size: str = "none"
    ethics: str = "none"
    funding: str = "none"
    conflicts: str = "none"
    protocol: str = "none"
    registration: str = "none"
    data_availability: str = "none"
    code_availability: str = "none"
    patient_involvement: str = "none"
    interpretation: str = "none"
    users: str = "none"
    next_steps: str = "none"


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

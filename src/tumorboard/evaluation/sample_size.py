"""How many patients a prediction model of this kind needs, and how many this study has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import ceil, exp, log, sqrt
from typing import Any

import numpy as np

from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.records import Estimate

#: Share of the largest possible R2 that is expected where nothing is known beforehand.
ASSUMED_NAGELKERKE = 0.15
#: The rule for the mean absolute error was simulated for at most so many parameters.
MAX_PARAMETERS_OF_ERROR_RULE = 30


@dataclass(frozen=True)
class MinimumPatients:
    """Patients that each criterion asks for.

    Args:
        overall_risk: Overall risk known within 0.05.
        absolute_error: Mean absolute error of a probability at most 0.05; None with more than 30
            parameters, for which the rule was not made.
        shrinkage: Effects shrunk by at most 10 %.
        optimism: Optimism of Nagelkerke's R2 at most 0.05.
    """

    overall_risk: int
    absolute_error: int | None
    shrinkage: int
    optimism: int

    @property
    def required(self) -> int:
        """The largest of the four."""
        return max(self.overall_risk, self.absolute_error or 0, self.shrinkage, self.optimism)


def largest_r2(prevalence: float) -> float:
    """Largest Cox-Snell R2 that an outcome of this prevalence allows (Riley et al. 2020)."""
    return 1 - (prevalence**prevalence * (1 - prevalence) ** (1 - prevalence)) ** 2


def minimum_patients(*, r2: float, parameters: int, prevalence: float) -> MinimumPatients:
    """Smallest development cohort of a prediction model with a binary outcome.

    Args:
        r2: Cox-Snell R2 that is expected on new patients.
        parameters: Candidate predictor parameters: one per number, levels - 1 per category.
        prevalence: Share of patients with the outcome.

    Source:
        Riley et al., BMJ 2020; 368: m441, criteria B1 to B4; the second is van Smeden et al.,
        Stat Methods Med Res 2019; 28: 2455-2474.
    """
    overall = (1.96 / 0.05) ** 2 * prevalence * (1 - prevalence)
    error = None
    if parameters <= MAX_PARAMETERS_OF_ERROR_RULE:
        terms = -0.508 + 0.259 * log(prevalence) + 0.504 * log(parameters) - log(0.05)
        error = ceil(exp(terms / 0.544))
    kept = r2 / (r2 + 0.05 * largest_r2(prevalence))
    return MinimumPatients(
        overall_risk=ceil(overall),
        absolute_error=error,
        shrinkage=_patients_for(0.9, r2, parameters),
        optimism=_patients_for(kept, r2, parameters),
    )


def _patients_for(shrinkage: float, r2: float, parameters: int) -> int:
    """Patients for an expected uniform shrinkage factor (Riley et al., Stat Med 2019)."""
    if r2 >= shrinkage:  # so strong a model needs no more patients than parameters
        return parameters
    return ceil(parameters / ((shrinkage - 1) * log(1 - r2 / shrinkage)))


def r2_of_auroc(auroc: float, prevalence: float) -> float:
    """Cox-Snell R2 of a calibrated model with this AUROC.

    The linear predictor is taken to be normal with the same variance in both classes.

    Source:
        Riley et al., Stat Med 2021; 40: 859-864; by integration in place of simulation.
    """
    from scipy.special import expit, log_expit, ndtri

    apart = sqrt(2) * float(ndtri(max(auroc, 0.5)))
    grid = np.linspace(-9, 9 + apart, 6001)
    step = grid[1] - grid[0]
    logit = apart * grid - apart**2 / 2 + log(prevalence / (1 - prevalence))
    density = np.exp(-0.5 * grid**2) / sqrt(2 * np.pi)  # of patients without the outcome
    every = (1 - prevalence) * density / (1 - expit(logit))  # of all patients, by Bayes' rule
    likelihood = every * (expit(logit) * log_expit(logit) + expit(-logit) * log_expit(-logit))
    model = float(np.sum(likelihood[np.isfinite(likelihood)]) * step)
    null = prevalence * log(prevalence) + (1 - prevalence) * log(1 - prevalence)
    return float(1 - exp(-2 * (model - null)))


def predictor_parameters(study: Mapping[str, Any], table_one: Mapping[str, Any]) -> dict[str, int]:
    """Arm -> candidate predictor parameters; arms that read anything but tables are left out.

    Images have no fixed number of predictors: the rules below do not speak of them.

    Args:
        study: The resolved study as tables.
        table_one: table1.json, for the levels of every category.
    """
    levels = {c["column"]: len(c["levels"]) for c in table_one.get("categorical", [])}
    found: dict[str, int] = {}
    for name, arm in study.get("arms", {}).items():
        tables = [study["modalities"][m] for m in arm.get("modalities", ())]
        if tables and all(table.get("kind") == "table" for table in tables):
            found[name] = sum(
                len(table.get("numeric", ()))
                + sum(max(levels.get(c, 2) - 1, 1) for c in table.get("categorical", ()))
                for table in tables
            )
    return {name: n for name, n in found.items() if n}


def sample_size_document(
    study: Mapping[str, Any], table_one: Mapping[str, Any], table: PredictionTable,
    metrics: Mapping[str, Mapping[str, Estimate]],
) -> dict[str, Any]:  # fmt: skip
    """Evidence `sample_size`: what the rules ask for, beside what there is.

    Layout: `n_patients`, `n_events` (positive, or rarest class), `n_classes`, `training_share`
    (share of the patients that one fit trains on), `arms`: arm -> `parameters`,
    `events_per_parameter` (of the training patients of one fit), and for two classes `assumed` and
    `reached`: `r2`, one number of patients per criterion, `required`. `assumed` takes 15 % of the
    largest R2, as advised where nothing is known; `reached` takes the AUROC that the arm reached.
    """
    test = table.take((table.part == "test") & (table.outcome >= 0))
    n_patients = len(np.unique(test.patient_id))
    n_classes = len(test.classes)
    events = [len(np.unique(test.patient_id[test.outcome == k])) for k in range(n_classes)]
    n_events = events[-1] if n_classes == 2 else min(events)
    n_folds = len(np.unique(test.fold))
    share = _training_share(study.get("evaluation", {}), n_folds)
    prevalence = n_events / n_patients if n_patients else 0.0
    arms: dict[str, dict[str, Any]] = {}
    for arm, parameters in predictor_parameters(study, table_one).items():
        if arm not in metrics:
            continue
        arms[arm] = {
            "parameters": parameters,
            "events_per_parameter": min(n_events, n_patients - n_events) * share / parameters,
        }
        if n_classes == 2 and 0 < prevalence < 1:
            expected = ASSUMED_NAGELKERKE * largest_r2(prevalence)
            arms[arm]["assumed"] = _needed(expected, parameters, prevalence)
            auroc = metrics[arm]["auroc"].value if "auroc" in metrics[arm] else float("nan")
            if 0.5 < auroc < 1:
                r2 = r2_of_auroc(auroc, prevalence)
                arms[arm]["reached"] = {"auroc": auroc, **_needed(r2, parameters, prevalence)}
    return {
        "n_patients": n_patients,
        "n_events": n_events,
        "n_classes": n_classes,
        "training_share": share,
        "arms": arms,
    }


def sample_size_of_numbers(
    study: Mapping[str, Any], table_one: Mapping[str, Any], table: OutcomeTable
) -> dict[str, Any]:
    """Evidence `sample_size` of survival or regression: what there is for each parameter.

    Layout: `n_patients`, `n_events` (None for a regression), `training_share`, `arms`: arm ->
    `parameters`, `per_parameter` (events of one fit's training patients; patients where the outcome
    is a number).
    """
    test = table.take((table.part == "test") & table.known)
    n_patients = len(np.unique(test.patient_id))
    n_events: int | None = None
    if table.kind == "survival":
        n_events = len(np.unique(test.patient_id[test.outcome[:, 1] > 0]))
    share = _training_share(study.get("evaluation", {}), len(np.unique(test.fold)))
    n = n_patients if n_events is None else n_events
    arms = {
        arm: {"parameters": parameters, "per_parameter": n * share / parameters}
        for arm, parameters in predictor_parameters(study, table_one).items()
        if arm in table.arms
    }
    return {"n_patients": n_patients, "n_events": n_events, "training_share": share, "arms": arms}


def _needed(r2: float, parameters: int, prevalence: float) -> dict[str, Any]:
    least = minimum_patients(r2=r2, parameters=parameters, prevalence=prevalence)
    return {"r2": r2, **asdict(least), "required": least.required}


def _training_share(evaluation: Mapping[str, Any], n_folds: int) -> float:
    """Share of the patients that one fit trains on; `n_folds` where the study states no number."""
    holdout = evaluation.get("holdout") or []
    if holdout:
        return float(holdout[0])
    folds = int(evaluation.get("folds", max(n_folds, 1)))
    return (1 - 1 / folds) * (1 - float(evaluation.get("validation", 0.15)))

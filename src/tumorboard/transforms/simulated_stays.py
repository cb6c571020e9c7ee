"""Hospital patients whose death is drawn from a known logistic model of facts of the past.

    logit P(death) = intercept + age (years - 65) / 10 + sum of conditions + sum of labs,

with conditions that earlier admissions were coded with, and labs taken before the admission.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import cast

import numpy as np

from tumorboard.records import Bools, Floats, Ints

#: Each patient has 1 to this many admissions before the one that is predicted.
MOST_EARLIER = 3
_ADMISSIONS = MOST_EARLIER + 1
YOUNGEST, OLDEST = 40, 89
#: Effect of ten years of age on the logit.
AGE_EFFECT = 0.3


@dataclass(frozen=True)
class Condition:
    """A comorbidity: share of patients, effect on the logit, ICD-9-CM and ICD-10-CM code."""

    share: float
    effect: float
    icd9: str
    icd10: str


@dataclass(frozen=True)
class Lab:
    """A log-normal lab item of MIMIC-IV; `effect` is that of one deviation of its logarithm."""

    itemid: int
    label: str
    unit: str
    median: float
    spread: float
    effect: float
    decimals: int


#: Short name of Elixhauser's category -> the condition.
CONDITIONS: Mapping[str, Condition] = {
    "chf": Condition(0.15, 0.8, "4280", "I509"),
    "cpd": Condition(0.20, 0.4, "496", "J449"),
    "rf": Condition(0.15, 0.7, "5859", "N189"),
    "ld": Condition(0.06, 0.9, "5715", "K7460"),
    "wloss": Condition(0.10, 0.8, "2639", "E46"),
    "hypunc": Condition(0.50, 0.0, "4019", "I10"),
    "depre": Condition(0.20, 0.0, "311", "F329"),
}
LABS: tuple[Lab, ...] = (
    Lab(50912, "Creatinine", "mg/dL", 0.9, 0.4, 0.5, 2),
    Lab(51222, "Hemoglobin", "g/dL", 11.0, 0.18, -0.5, 1),
    Lab(50862, "Albumin", "g/dL", 3.4, 0.2, -0.8, 2),
    Lab(50813, "Lactate", "mmol/L", 1.5, 0.5, 0.7, 2),
    Lab(51301, "White Blood Cells", "K/uL", 7.5, 0.4, 0.0, 1),
    Lab(51265, "Platelet Count", "K/uL", 220.0, 0.35, 0.0, 0),
    Lab(50983, "Sodium", "mEq/L", 138.0, 0.025, 0.0, 0),
    Lab(50971, "Potassium", "mEq/L", 4.1, 0.12, 0.0, 1),
)
_EFFECTS = np.asarray([lab.effect for lab in LABS])
_CONDITION_EFFECTS = np.asarray([condition.effect for condition in CONDITIONS.values()])
_SHARES = np.asarray([condition.share for condition in CONDITIONS.values()])
_N_UNIFORM = 9 + 3 * _ADMISSIONS + 2 * len(CONDITIONS) + len(LABS)


@dataclass(frozen=True)
class Stays:
    """Patients before anything is written; every array has one entry (row) per patient.

    Args:
        age: Years at the admission that is predicted.
        is_female: Sex.
        n_earlier: Number of earlier admissions.
        first_icd10: Number of the first admission that is coded in ICD-10.
        has: (n, conditions) comorbidities.
        coded_at: (n, conditions) number of the earlier admission that first codes them.
        labs: (n, labs) standard values of the labs before the admission.
        is_missing: (n, labs) labs that were not taken.
        probability: P(death | all of it).
        died: The outcome.
        leaks: (n, 2) draws of what codes and labs of the admission itself show of the outcome.
        has_other: Whether a patient without breast cancer stands beside this one.
        start_day: (n, admissions) day of each admission; those of a patient end with the predicted.
        length_days: (n, admissions) days in hospital.
        hour: (n, admissions) hour of the admission.
    """

    age: Ints
    is_female: Bools
    n_earlier: Ints
    first_icd10: Ints
    has: Bools
    coded_at: Ints
    labs: Floats
    is_missing: Bools
    probability: Floats
    died: Bools
    leaks: Floats
    has_other: Bools
    start_day: Ints
    length_days: Ints
    hour: Ints


@dataclass(frozen=True)
class DeathModel:
    """The outcome model.

    Args:
        history: Factor on the effects of age and comorbidities.
        labs: Factor on the effects of labs.
        death_rate: Share of patients who die; the intercept follows from it.
    """

    history: float
    labs: float
    death_rate: float

    def from_history(self, age: Ints, has: Bools) -> Floats:
        """Logit without intercept and labs."""
        return self.history * (AGE_EFFECT * (age - 65) / 10 + has @ _CONDITION_EFFECTS)

    @cached_property
    def intercept(self) -> float:
        """The intercept that gives the death rate, summed over ages and sets of conditions."""
        from scipy.optimize import brentq

        ages = np.arange(YOUNGEST, OLDEST + 1)
        sets = np.asarray(list(product([False, True], repeat=len(CONDITIONS))))
        weight = np.where(sets, _SHARES, 1 - _SHARES).prod(axis=1)
        logit = self.from_history(ages[None, :], sets[:, None, :]).ravel()
        weights = np.repeat(weight, len(ages)) / len(ages)

        def excess(intercept: float) -> float:
            return float(weights @ self._over_labs(intercept + logit, self._sd)) - self.death_rate

        return cast("float", brentq(excess, -60, 60))

    def probability(self, age: Ints, has: Bools, labs: Floats, seen: Bools) -> Floats:
        """P(death | history and the labs that are seen); labs are independent of all else.

        Args:
            age: (n,) years.
            has: (n, conditions).
            labs: (n, labs) standard values.
            seen: (n, labs) those that are known.
        """
        effects = self.labs * _EFFECTS
        logit = self.intercept + self.from_history(age, has) + np.where(seen, labs, 0.0) @ effects
        return self._over_labs(logit, np.sqrt(np.where(seen, 0.0, effects**2).sum(axis=1)))

    @property
    def _sd(self) -> float:
        return float(np.sqrt(((self.labs * _EFFECTS) ** 2).sum()))

    @staticmethod
    def _over_labs(logit: Floats, sd: Floats | float) -> Floats:
        """Mean of the probability over a normal part of the logit (Gauss-Hermite)."""
        from scipy.special import expit

        nodes, weights = np.polynomial.hermite_e.hermegauss(32)
        total = np.zeros_like(logit)
        for node, weight in zip(nodes, weights / weights.sum(), strict=True):
            total += weight * expit(logit + sd * node)
        return total


def draw_stays(
    model: DeathModel, *, seed: int, first: int, n: int, missing_labs: float, others: float
) -> Stays:
    """Patients `first` to `first + n`: settings change what is made of the draws, never these."""
    generators = [np.random.default_rng([seed, i, 0]) for i in range(first, first + n)]
    uniform = np.stack([rng.random(_N_UNIFORM) for rng in generators])
    labs = np.stack([rng.standard_normal(len(LABS)) for rng in generators])
    plain, rest = uniform[:, :9], uniform[:, 9:]
    sizes = [_ADMISSIONS, _ADMISSIONS, _ADMISSIONS, len(CONDITIONS), len(CONDITIONS)]
    gap, length, hour, has, coded, missing = np.split(rest, np.cumsum(sizes), axis=1)
    age = YOUNGEST + (plain[:, 0] * (OLDEST - YOUNGEST + 1)).astype(np.int64)
    n_earlier = 1 + (plain[:, 1] * MOST_EARLIER).astype(np.int64)
    is_present = has < _SHARES
    probability = model.probability(age, is_present, labs, np.ones(labs.shape, dtype=np.bool_))
    # days from each admission to the predicted one, which is number `n_earlier`
    back = np.cumsum(60 + 300 * gap[:, :MOST_EARLIER], axis=1).astype(np.int64)
    back = np.concatenate([np.zeros((n, 1), dtype=np.int64), back], axis=1)
    steps = (n_earlier[:, None] - np.arange(_ADMISSIONS)).clip(min=0)
    before = np.take_along_axis(back, steps, axis=1)
    return Stays(
        age=age,
        is_female=plain[:, 3] < 0.99,
        n_earlier=n_earlier,
        first_icd10=(plain[:, 2] * (n_earlier + 2)).astype(np.int64),
        has=is_present,
        coded_at=(coded * n_earlier[:, None]).astype(np.int64),
        labs=labs,
        is_missing=missing < missing_labs,
        probability=probability,
        died=plain[:, 5] < probability,
        leaks=plain[:, 6:8],
        has_other=plain[:, 4] < others,
        start_day=(plain[:, 8] * 3650).astype(np.int64)[:, None] + 1500 - before,
        length_days=2 + (length * 9).astype(np.int64),
        hour=(hour * 24).astype(np.int64),
    )

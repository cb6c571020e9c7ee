"""The value of the next test: how much surer a model gets when a missing modality is added.

Estimated from patients who have it: their predictions without and with it, by the same fitted
models on patients that these had not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN, Z_95
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.prediction_table import PredictionTable, Texts
from tumorboard.evaluation.probe_table import ProbeTable
from tumorboard.evaluation.statistic import Thresholds, decide
from tumorboard.evaluation.subsets import shown_rows
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Bools, Floats, Ints
from tumorboard.study_keys import Threshold

#: Patients whose current probability is nearest stand for what the test would do to this one.
NEIGHBOURS = 25
#: Groups of equal size by the current probability.
N_BINS = 5


@dataclass(frozen=True)
class _Pairs:
    """Units of one arm that were predicted with a subset and with one modality more.

    Args:
        shown: The subset.
        added: The modality.
        patient: (n,) patient ids.
        repeat: (n,) repeat of the model.
        before: (n, K) probabilities with the subset.
        after: (n, K) with the modality added.
        outcome: (n,) class.
        threshold: (n,) decision threshold of the model.
    """

    shown: str
    added: str
    patient: Texts
    repeat: Ints
    before: Floats
    after: Floats
    outcome: Ints
    threshold: Floats

    @property
    def reduction(self) -> Floats:
        """(n,) entropy before minus entropy after, in bits."""
        return entropy(self.before) - entropy(self.after)


def entropy(probabilities: Floats) -> Floats:
    """Shannon entropy of each row in bits: 1 for an even chance of two classes, 0 for certainty."""
    p = np.clip(probabilities, np.finfo(np.float64).tiny, 1.0)
    return -(p * np.log2(p)).sum(axis=1)


def expected_reduction(
    current: Floats, before: Floats, reduction: Floats, *, neighbours: int = NEIGHBOURS
) -> float:
    """Mean reduction of uncertainty of the donors whose probabilities were nearest to these.

    Args:
        current: (K,) probabilities of the patient now.
        before: (donors, K) of other patients with the same modalities.
        reduction: (donors,) what adding the modality did to them.
        neighbours: How many of them count; all where there are fewer.

    Returns:
        The mean; NaN with fewer than ten donors.
    """
    if len(before) < MIN_PATIENTS:
        return NAN
    distance = np.abs(before - current).sum(axis=1)
    nearest = np.argsort(distance, kind="stable")[:neighbours]
    return float(reduction[nearest].mean())


def next_test_document(
    predictions: PredictionTable, probes: ProbeTable, *, threshold: Threshold
) -> dict[str, Any]:
    """Value of every missing modality, on average and for each patient who lacks one.

    Donors of a patient are all other patients of the same repeat, never the patient's own rows.

    Args:
        predictions: Validation and test predictions, which the thresholds come from.
        probes: What the models predicted with modalities hidden.
        threshold: How each model's decision threshold is chosen.

    Returns:
        `neighbours` and `arms`: arm -> `tests` and `patients`. A test has `shown`, `added`,
        `n_patients`, `reduction` (mean fall of the entropy in bits, value and interval), `log_loss`
        (fall of the log loss in bits: what was gained in truth), `by_probability` (groups of equal
        size by the current probability of the last class: `low`, `high`, `n_patients`,
        `reduction`), and of the decisions at the threshold `changed`, `to_right` and `to_wrong`
        (shares of all). A patient has `patient_id`, `unit_id`, `modalities`, `probability` (of the
        last class), `entropy`, `expected` (modality -> expected reduction) and `best`.
    """
    thresholds, _ = choose_thresholds(predictions, threshold)
    arms: dict[str, Any] = {}
    for arm in probes.predictions.arms:
        rows = shown_rows(probes, arm)
        pairs = _pairs(rows, thresholds)
        if pairs:
            untouched = rows.predictions.take(rows.strength == 0)
            arms[arm] = {
                "tests": [_test(pair) for pair in pairs],
                "patients": _patients(untouched, pairs),
            }
    return {"neighbours": NEIGHBOURS, "arms": arms}


def _pairs(rows: ProbeTable, thresholds: Thresholds) -> list[_Pairs]:
    table = rows.predictions
    subsets = list(dict.fromkeys(table.modalities.tolist()))
    place = {
        subset: _index(table, np.flatnonzero(table.modalities == subset)) for subset in subsets
    }
    found: list[_Pairs] = []
    for shown in subsets:
        for larger in subsets:
            added = set(larger.split("+")) - set(shown.split("+"))
            if len(added) != 1 or larger.count("+") != shown.count("+") + 1:
                continue
            shared = [key for key in place[shown] if key in place[larger]]
            if shared:
                before = np.asarray([place[shown][key] for key in shared], dtype=np.int64)
                after = np.asarray([place[larger][key] for key in shared], dtype=np.int64)
                found.append(_pair(table, shown, added.pop(), before, after, thresholds))
    return sorted(found, key=lambda pair: (pair.shown.count("+"), pair.shown, pair.added))


def _index(table: PredictionTable, rows: Ints) -> dict[tuple[str, int, int], int]:
    return {(str(table.unit_id[i]), int(table.repeat[i]), int(table.fold[i])): int(i) for i in rows}


def _pair(
    table: PredictionTable, shown: str, added: str, before: Ints, after: Ints,
    thresholds: Thresholds,
) -> _Pairs:  # fmt: skip
    keys = zip(
        table.arm[before].tolist(), table.repeat[before].tolist(), table.fold[before].tolist(),
        strict=True,
    )  # fmt: skip
    return _Pairs(
        shown=shown, added=added, patient=table.patient_id[before], repeat=table.repeat[before],
        before=table.probabilities[before], after=table.probabilities[after],
        outcome=table.outcome[before],
        threshold=np.asarray([thresholds.get(key, 0.5) for key in keys], dtype=np.float64),
    )  # fmt: skip


def _test(pair: _Pairs) -> dict[str, Any]:
    at = np.arange(len(pair.outcome))
    floor = np.finfo(np.float64).eps
    gained = np.log2(np.clip(pair.after[at, pair.outcome], floor, 1)) - np.log2(
        np.clip(pair.before[at, pair.outcome], floor, 1)
    )
    was = decide(pair.before, pair.threshold)
    is_now = decide(pair.after, pair.threshold)
    changed = was != is_now
    return {
        "shown": pair.shown,
        "added": pair.added,
        "n_patients": len(np.unique(pair.patient)),
        "reduction": _mean(pair.reduction, pair.patient),
        "log_loss": _mean(gained, pair.patient),
        "by_probability": _by_probability(pair),
        "changed": _mean(changed.astype(np.float64), pair.patient),
        "to_right": _mean((changed & (is_now == pair.outcome)).astype(np.float64), pair.patient),
        "to_wrong": _mean((changed & (was == pair.outcome)).astype(np.float64), pair.patient),
    }


def _mean(values: Floats, patients: Texts) -> dict[str, float]:
    """Mean over units with a 95 % interval by patients; empty under 10."""
    _, patient = np.unique(patients, return_inverse=True)
    n = int(patient.max()) + 1
    value = float(values.mean())
    if n < MIN_PATIENTS:
        return {"value": value, "ci_low": NAN, "ci_high": NAN}
    moved = np.bincount(patient, values - value) / len(values)
    reach = Z_95 * float(np.sqrt(n / (n - 1) * np.square(moved).sum()))
    return {"value": value, "ci_low": value - reach, "ci_high": value + reach}


def _by_probability(pair: _Pairs) -> list[dict[str, Any]]:
    """Groups of equal size by the current probability of the last class; those under 10 go."""
    current = pair.before[:, -1]
    edges = np.unique(np.quantile(current, np.linspace(0, 1, N_BINS + 1)))
    groups = np.clip(np.searchsorted(edges, current, side="right") - 1, 0, max(len(edges) - 2, 0))
    found: list[dict[str, Any]] = []
    for group in np.unique(groups).tolist():
        chosen: Bools = groups == group
        n = len(np.unique(pair.patient[chosen]))
        if n >= MIN_PATIENTS:
            found.append(
                {
                    "low": float(current[chosen].min()), "high": float(current[chosen].max()),
                    "n_patients": n,
                    "reduction": _mean(pair.reduction[chosen], pair.patient[chosen]),
                }
            )  # fmt: skip
    return found


def _patients(table: PredictionTable, pairs: Sequence[_Pairs]) -> list[dict[str, Any]]:
    """Units that lack a modality, averaged over repeats, the greatest expected gain first."""
    by_shown: dict[str, list[_Pairs]] = {}
    for pair in pairs:
        by_shown.setdefault(pair.shown, []).append(pair)
    found: dict[str, dict[str, Any]] = {}
    for i, shown in enumerate(table.modalities.tolist()):
        asked = by_shown.get(shown, [])
        if not asked:
            continue
        entry = found.setdefault(
            str(table.unit_id[i]),
            {"patient_id": str(table.patient_id[i]), "modalities": shown, "rows": []},
        )
        entry["rows"].append((table.probabilities[i], _expected(table, i, asked)))
    listed = [_entry(unit, entry) for unit, entry in found.items()]
    return sorted(listed, key=lambda e: -max([0.0, *_defined(e["expected"]).values()]))


def _expected(table: PredictionTable, i: int, asked: Sequence[_Pairs]) -> dict[str, float]:
    """Expected reduction of each modality that one unit lacks, from other patients."""
    expected: dict[str, float] = {}
    for pair in asked:
        others = (pair.patient != table.patient_id[i]) & (pair.repeat == table.repeat[i])
        expected[pair.added] = expected_reduction(
            table.probabilities[i], pair.before[others], pair.reduction[others]
        )
    return expected


def _entry(unit: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    probabilities = np.stack([p for p, _ in entry["rows"]])
    names = list(entry["rows"][0][1])
    expected = {
        name: float(np.mean([values[name] for _, values in entry["rows"]])) for name in names
    }
    defined = _defined(expected)
    return {
        "patient_id": entry["patient_id"],
        "unit_id": unit,
        "modalities": entry["modalities"],
        "probability": float(probabilities[:, -1].mean()),
        "entropy": float(entropy(probabilities).mean()),
        "expected": expected,
        "best": max(defined, key=lambda name: defined[name]) if defined else None,
    }


def _defined(expected: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in expected.items() if not np.isnan(value)}

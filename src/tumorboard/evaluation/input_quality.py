"""How the quality score of images behaves: how often it warns, and whether it is right to."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorboard.evaluation.auroc import NAN
from tumorboard.evaluation.estimates import MIN_PATIENTS, wilson_interval
from tumorboard.evaluation.influence import influences
from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.probe_table import UNTOUCHED, ProbeTable
from tumorboard.evaluation.statistic import ScoredUnits, Thresholds
from tumorboard.evaluation.subsets import HIDING
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.records import Bools
from tumorboard.study_keys import Threshold

#: Probes that leave the images as they were.
_NOT_IMAGES = (HIDING, "missing_values")


def quality_document(
    probes: ProbeTable, predictions: PredictionTable, *, images: tuple[str, ...],
    threshold: Threshold,
) -> dict[str, Any] | None:  # fmt: skip
    """How often images are flagged at each strength, and how flagged ones are predicted.

    Args:
        probes: What the models predicted, with `flagged`.
        predictions: Validation and test predictions, which the thresholds come from.
        images: Modalities that have a quality score.
        threshold: How each model's decision threshold is chosen.

    Returns:
        `arms`: arm -> `rates` and `harm`. A rate has `probe` ("none" for images as they were),
        `strength`, `n_patients`, `flagged` (share of the predictions with an image, value and
        Wilson interval by patients). `harm` compares flagged with other predictions over all
        strengths: `n_flagged`, `n_other` (patients), and `brier` with `flagged`, `other`,
        `difference`, `ci_low`, `ci_high` (null under 10 patients). None where no arm has an image.
    """
    thresholds, _ = choose_thresholds(predictions, threshold)
    arms: dict[str, Any] = {}
    for arm in probes.predictions.arms:
        rows = probes.take((probes.predictions.arm == arm) & ~np.isin(probes.probe, _NOT_IMAGES))
        has_image = _has_any(rows, images)
        if has_image.any():
            rows = rows.take(has_image)
            arms[arm] = {"rates": _rates(rows), "harm": _harm(rows, thresholds)}
    return {"arms": arms} if arms else None


def _has_any(rows: ProbeTable, images: tuple[str, ...]) -> Bools:
    """(rows,) True where one of the images was shown."""
    answer = {
        text: bool(set(text.split("+")) & set(images))
        for text in set(rows.predictions.modalities.tolist())
    }
    shown = [answer[text] for text in rows.predictions.modalities.tolist()]
    return np.asarray(shown, dtype=np.bool_)


def _rates(rows: ProbeTable) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for probe in (UNTOUCHED, *rows.probes):
        for strength in np.unique(rows.strength[rows.probe == probe]).tolist():
            chosen = rows.take((rows.probe == probe) & (rows.strength == strength))
            share = float((chosen.flagged != "").mean())
            n = len(np.unique(chosen.predictions.patient_id))
            low, high = wilson_interval(share, n) if n >= MIN_PATIENTS else (NAN, NAN)
            flagged = {"value": share, "ci_low": low, "ci_high": high}
            found.append(
                {"probe": probe, "strength": strength, "n_patients": n, "flagged": flagged}
            )
    return found


def _harm(rows: ProbeTable, thresholds: Thresholds) -> dict[str, Any]:
    """Brier score of flagged and of other predictions, with the interval of their difference."""
    is_flagged = rows.flagged != ""
    groups = {
        "flagged": ScoredUnits.of(rows.predictions.take(is_flagged), thresholds),
        "other": ScoredUnits.of(rows.predictions.take(~is_flagged), thresholds),
    }
    found: dict[str, Any] = {f"n_{name}": len(units.patients) for name, units in groups.items()}
    if min(len(units.patients) for units in groups.values()) < MIN_PATIENTS:
        return {**found, "brier": None}
    brier = {name: influences(units)["brier"] for name, units in groups.items()}
    difference = brier["flagged"].minus(brier["other"])
    low, high, _ = difference.test()
    found["brier"] = {
        "flagged": brier["flagged"].value, "other": brier["other"].value,
        "difference": difference.value, "ci_low": low, "ci_high": high,
    }  # fmt: skip
    return found

"""What validation patients decide once a model is trained: calibration, threshold, sets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tumorboard.evaluation.any_table import AnyTable
from tumorboard.evaluation.calibrators import fit_calibrator
from tumorboard.evaluation.conformal import fit_conformal
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.thresholds import choose_thresholds
from tumorboard.modalities import row_weights
from tumorboard.study import Study
from tumorboard.study_keys import Conformal
from tumorboard.training.fitted import FittedArm


def decide_on_validation(
    study: Study, fitted: FittedArm, raw: AnyTable
) -> tuple[AnyTable, dict[str, list[str]]]:
    """Fit calibration, then the threshold and the prediction sets on calibrated probabilities.

    All three look at the validation patients of the same fit, never at test patients.

    Args:
        study: The study.
        fitted: The trained arm; takes up what is decided.
        raw: Predictions of its validation and test patients, not calibrated.

    Returns:
        The predictions after calibration, and remarks by what they are about; predictions of
        numbers as they are.
    """
    if isinstance(raw, OutcomeTable):
        return raw, {}
    keys = study.keys.evaluation
    rows = np.flatnonzero((raw.part == "validation") & (raw.outcome >= 0))
    validation = raw.take(rows)
    ids = tuple(validation.patient_id.tolist())
    weight = row_weights(ids, np.arange(len(ids), dtype=np.int64))
    calibration, remarks = fit_calibrator(
        keys.calibration, validation.outcome, validation.probabilities, weight
    )
    fitted.calibration = calibration
    table = replace(raw, probabilities=fitted.calibrate(raw.probabilities))
    chosen, threshold_remarks = choose_thresholds(table, keys.threshold)
    fitted.threshold = next(iter(chosen.values()), float("nan"))
    found = {"calibration": remarks, "threshold": list(threshold_remarks), "conformal": []}
    if isinstance(keys.conformal, Conformal):
        validation = table.take(rows)
        fitted.conformal, found["conformal"] = fit_conformal(
            validation.outcome,
            validation.probabilities,
            coverage=keys.conformal.coverage,
            by=keys.conformal.by,
            patient=validation.patient_id,
        )
    return table, found

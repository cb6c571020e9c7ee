"""Trees of XGBoost kept as JSON text: fitted, read and applied without an object of the library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError, StudyError
from tumorboard.records import Floats


def fit_trees(
    x: Floats,
    target: NDArray[Any],
    *,
    weight: Floats,
    rounds: int,
    parameters: Mapping[str, object],
    validation: tuple[Floats, NDArray[Any], Floats] | None = None,
    stop_after: int = 0,
    between: bool = False,
) -> str:
    """Fit trees and give them as JSON text; NaN in `x` goes down the branch that fits better.

    Args:
        x: (n, F) features.
        target: (n,) or (n, outputs) what the objective sees; with `between` (n, 2).
        weight: (n,) weight of each row.
        rounds: Most boosting rounds.
        parameters: XGBoost's parameters.
        validation: Features, targets and weights of rows that end the boosting.
        stop_after: Rounds in which their loss grows no smaller until it ends; those up to the best
            are kept. 0 fits every round.
        between: Whether a target is the two bounds of a number that is not known better.
    """
    import xgboost

    watched = () if validation is None else (_matrix(*validation, between=between),)
    try:
        booster = xgboost.train(
            {"verbosity": 0, "tree_method": "hist", **parameters},
            _matrix(x, target, weight, between=between),
            num_boost_round=rounds,
            evals=[(matrix, "validation") for matrix in watched],
            early_stopping_rounds=stop_after if watched and stop_after else None,
            verbose_eval=False,
        )
        if watched and stop_after:
            booster = booster[: booster.best_iteration + 1]
    except xgboost.core.XGBoostError as error:
        raise StudyError(f"baseline: XGBoost refused its settings: {_first(error)}") from error
    return bytes(booster.save_raw("json")).decode("utf-8")


def _matrix(x: Floats, target: NDArray[Any], weight: Floats, *, between: bool) -> Any:
    import xgboost

    if between:
        return xgboost.DMatrix(
            x, label_lower_bound=target[:, 0], label_upper_bound=target[:, 1], weight=weight
        )
    return xgboost.DMatrix(x, label=target, weight=weight)


def apply_trees(text: str, x: Floats, *, n_jobs: int) -> Floats:
    """Predictions of trees for (n, F) features.

    Raises:
        InputError: The text is not a model, or was fitted on another number of features.
    """
    import xgboost

    booster = xgboost.Booster({"nthread": n_jobs, "verbosity": 0})
    try:
        booster.load_model(bytearray(text, "utf-8"))
        if booster.num_features() != x.shape[1]:
            # XGBoost itself would take missing columns for absent values.
            raise InputError(
                f"baseline: found {x.shape[1]} features, but it was fitted on "
                f"{booster.num_features()}. Fit the model again with this study."
            )
        # An empty matrix has no predictions to make, and XGBoost warns about it.
        predicted = booster.predict(xgboost.DMatrix(x)) if len(x) else None
    except xgboost.core.XGBoostError as error:
        raise InputError(
            f"baseline: the fitted trees cannot be used: {_first(error)} Fit the model again."
        ) from error
    return np.asarray([] if predicted is None else predicted, dtype=np.float64)


def _first(error: Exception) -> str:
    """The sentence of an XGBoost error, without its stack and time stamp."""
    line = str(error).strip().split("\n", 1)[0]
    return line.rsplit(": ", 1)[-1].rstrip(".") + "."

"""What nested cross-validation chose on each split, and what the choice was worth outside it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.any_table import AnyTable
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.scores import LOSS_OF, score_units
from tumorboard.study_words import LOWER_IS_BETTER


def tuning_document(run: Path, tuning: Mapping[str, Any], table: AnyTable) -> dict[str, Any]:
    """Evidence `tuning`: choices, inner and outer scores of every arm, repeat and fold.

    Layout: `metric`, `smaller_is_better`, `budget` (trials per arm and split),
    `folds` (inner folds; 0 where validation patients scored a trial), `space` (dotted key
    -> where it was searched), `arms`: arm -> `keys`, `fits` `[{repeat, fold, chosen: {key: value},
    inner, outer, n_trials, n_failed, trials: [{trial, score, values: {key: value}}]}]`, `inner`,
    `outer` (means over the fits) and `optimism`: how much better the chosen setting looked on the
    validation patients, that chose it, than on the test patients, that did not.

    Args:
        run: The run folder; reads `models/<arm>/<repeat>-<fold>/tuning.csv`.
        tuning: `[tuning]` of the resolved study.
        table: Predictions of the run.

    Raises:
        InputError: A tuning.csv is damaged.
    """
    asked = str(tuning.get("metric", "auroc"))
    kind = table.kind if isinstance(table, OutcomeTable) else "classification"
    metric = LOSS_OF[kind] if asked == "loss" else asked  # as the search scores it
    smaller = metric in LOWER_IS_BETTER
    budget = int(tuning.get("trials", 0))
    arms: dict[str, Any] = {}
    for arm in table.arms:
        fits = [
            _fit(path, table, arm, metric, asked, budget, smaller_is_better=smaller)
            for path in sorted((run / "models" / arm).glob("*-*/tuning.csv"), key=_split_of)
        ]
        if fits:
            arms[arm] = _summary(fits, smaller_is_better=smaller)
    return {
        "metric": metric,
        "smaller_is_better": smaller,
        "budget": budget,
        "folds": int(tuning.get("folds", 0)),
        "space": {key: dict(bounds) for key, bounds in tuning.get("space", {}).items()},
        "arms": arms,
    }


def _split_of(path: Path) -> tuple[int, int]:
    repeat, _, fold = path.parent.name.partition("-")
    return int(repeat), int(fold)


def _fit(
    path: Path, table: AnyTable, arm: str, metric: str, column: str, budget: int,
    *, smaller_is_better: bool,
) -> dict[str, Any]:  # fmt: skip
    trials = _read_trials(path, column)
    best = (min if smaller_is_better else max)(trials, key=lambda trial: trial["score"])
    repeat, fold = _split_of(path)
    return {
        "repeat": repeat,
        "fold": fold,
        "chosen": best["values"],
        "inner": best["score"],
        "outer": _outer(table, arm, repeat, fold, metric),
        "n_trials": len(trials),
        "n_failed": max(budget - len(trials), 0),
        "trials": trials,
    }


def _read_trials(path: Path, column: str) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
        trials = [
            {
                "trial": int(row["trial"]),
                "score": float(row[column]),
                "values": {
                    key: _value(text) for key, text in row.items() if key not in ("trial", column)
                },
            }
            for row in rows
        ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: damaged ({error}). Run the study again with --fresh to replace it."
        ) from error
    if not trials:
        raise InputError(f"{path}: holds no trial. Run the study again with --fresh.")
    return trials


def _value(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _outer(table: AnyTable, arm: str, repeat: int, fold: int, metric: str) -> float:
    """The same metric on the test patients of the same fit."""
    rows = (
        (table.arm == arm) & (table.repeat == repeat) & (table.fold == fold)
        & (table.part == "test")
    )  # fmt: skip
    if isinstance(table, OutcomeTable):
        test = table.take(rows & table.known)
        names = test.prediction_names
        return score_units(test.kind, metric, test.outcome, test.predictions, names)
    known = table.take(rows & (table.outcome >= 0))
    if not known.n_rows:
        return float("nan")
    classes = known.classes
    return score_units("classification", metric, known.outcome, known.probabilities, classes)


def _summary(fits: Sequence[Mapping[str, Any]], *, smaller_is_better: bool) -> dict[str, Any]:
    pairs = [(f["inner"], f["outer"]) for f in fits if np.isfinite(f["outer"])]
    inner, outer = (float(np.mean(x)) for x in zip(*pairs, strict=True)) if pairs else (np.nan,) * 2
    return {
        "keys": list(fits[0]["chosen"]),
        "fits": list(fits),
        "inner": inner,
        "outer": outer,
        "optimism": outer - inner if smaller_is_better else inner - outer,
    }

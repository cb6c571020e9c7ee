"""KernelSHAP: Shapley values of the columns for any arm."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tumorboard.explain import Asked, Attributions, Explainer, Explanation
from tumorboard.models.setting_types import Count
from tumorboard.prediction.features import (
    background_sample,
    shown_cells,
    table_features,
    why_no_table,
)
from tumorboard.prediction.shap_library import global_draws, shap_library
from tumorboard.prediction.vector_model import VectorModel
from tumorboard.records import Floats, Ints
from tumorboard.training.fitted import FittedArm


class KernelShap(Explainer):
    """KernelSHAP: Shapley values of the columns in log odds for any arm with a table.

    A column enters whole: its categories and its missing indicator together. Columns that are
    taken away have the values of training patients; images stay the patient's own. Exact where
    2^columns sets fit into `samples`, else estimated.

    Args:
        samples: Sets of columns that are tried for each patient.
        background: Training patients that stand for a column that is taken away.
        by: Players of the game: each `column`, or each `derived` feature.

    Source:
        Lundberg & Lee, NIPS 2017.
    """

    question = "Which columns moved this patient's answer?"

    def __init__(
        self,
        *,
        samples: Count = 1024,
        background: Count = 30,
        by: Literal["column", "derived"] = "column",
    ) -> None:
        self.samples = samples
        self.background = background
        self.by: Literal["column", "derived"] = by

    def refuses(self, fitted: FittedArm) -> str:
        """Arms without a table, and forests, whose probabilities of 0 and 1 have no log odds."""
        if (fitted.arm.baseline or {}).get("name") == "random_forest":
            return "a random forest gives probabilities of 0 and 1: ask tree_shap instead."
        return why_no_table(fitted)

    def explain(self, asked: Asked) -> Explanation:
        """Shapley values of every row."""
        fitted = asked.fitted
        features = table_features(fitted)
        keys = list(features.groups)
        names = [column for _, column in keys]
        players = list(features.groups.values())
        if self.by == "derived":
            keys = list(zip(features.modalities, features.columns, strict=True))
            names = list(features.names)
            players = [np.asarray([i]) for i in range(len(names))]
        background = background_sample(
            fitted, asked.measured, asked.background, n=self.background, rng=asked.rng
        )
        model = VectorModel(fitted, asked.measured, asked.rows, target=asked.target)
        n = len(asked.rows)
        values = np.full((n, len(players)), np.nan)
        output = model.log_odds(model.vectors, np.arange(n))
        base = output.copy()
        seed = int(asked.rng.integers(2**31))
        for row in range(n):
            has = np.flatnonzero(model.has(row)[[index[0] for index in players]]).tolist()
            if has:
                chosen = [players[p] for p in has]
                values[row, has], base[row] = self._of_row(model, row, chosen, background, seed)
        gap = np.abs(base + np.nansum(values, axis=1) - output)
        return Explanation(
            Attributions(
                tuple(modality for modality, _ in keys),
                tuple(names),
                shown_cells(asked.measured, asked.cohort, asked.rows, keys),
                values,
                base,
                output,
                "logit",
            ),
            checks={"largest_gap": float(gap.max(initial=0.0))},
            remarks=(
                f"Columns that are taken away have the values of {len(background)} other "
                "patients. Explained before calibration.",
            ),
        )

    def _of_row(
        self, model: VectorModel, row: int, players: list[Ints], background: Floats, seed: int
    ) -> tuple[Floats, float]:
        """Shapley values of the players for one row, and the answer without any of them."""
        own = model.vectors[row]
        is_absent = ~model.has(row)

        def answer(taken: Floats) -> Floats:
            """Mean answer over the background, for sets of players (sets, players)."""
            x = np.tile(np.where(is_absent, np.nan, background), (len(taken), 1, 1))
            for player, index in enumerate(players):
                sets = np.flatnonzero(taken[:, player] > 0)
                x[np.ix_(sets, np.arange(len(background)), index)] = own[index]
            x = x.reshape(-1, len(own))
            odds = model.log_odds(x, np.full(len(x), row))
            return odds.reshape(len(taken), -1).mean(axis=1)

        nobody = np.zeros((1, len(players)))
        base = float(answer(nobody)[0])
        if len(players) == 1:
            return answer(np.ones((1, 1))) - base, base
        with global_draws(seed):
            explainer = shap_library().KernelExplainer(answer, nobody)
            found = explainer.shap_values(
                np.ones((1, len(players))), nsamples=self.samples, l1_reg=0, silent=True
            )
        return np.asarray(found, dtype=np.float64).reshape(-1), base

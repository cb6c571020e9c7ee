"""Integrated gradients of table features."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from tumorboard.explain import Asked, Attributions, Explainer, Explanation
from tumorboard.models.assembly import Network
from tumorboard.models.setting_types import Count
from tumorboard.prediction.features import background_mean, shares, why_no_table
from tumorboard.prediction.table_randomisation import randomised_weights_check
from tumorboard.prediction.vector_model import VectorModel
from tumorboard.records import Floats, Ints
from tumorboard.training.fitted import FittedArm


class IntegratedGradients(Explainer):
    """Integrated gradients: the log odds followed from the mean training patient to this one.

    Only the table changes on the way; the patient's images stay in place.

    Args:
        steps: Points on the way.
        by: One attribution for each `column`, summed over its categories and its missing indicator,
            or for each `derived` feature.

    Source:
        Sundararajan et al., ICML 2017; Gauss-Legendre quadrature, as captum's default.
    """

    question = "Which columns moved this patient's answer?"

    def __init__(self, *, steps: Count = 128, by: Literal["column", "derived"] = "column") -> None:
        self.steps = steps
        self.by: Literal["column", "derived"] = by

    def refuses(self, fitted: FittedArm) -> str:
        """Baselines, which have no gradient, and arms without a table."""
        if fitted.network is None:
            return f"{fitted.arm.name} is a baseline without a gradient."
        return why_no_table(fitted)

    def explain(self, asked: Asked) -> Explanation:
        """Attributions of every row, and how far their sum is from the answer."""
        fitted, network = asked.fitted, asked.fitted.network
        if network is None:
            raise ValueError(f"{fitted.arm.name} has no network; ask `refuses` first")
        mean = background_mean(fitted, asked.measured, asked.cohort, asked.background)
        model = VectorModel(fitted, asked.measured, asked.rows, target=asked.target)
        rows = np.arange(len(asked.rows))
        start = np.where(np.isnan(model.vectors), np.nan, mean)
        values = self._integrate(model, start)
        base, output = model.log_odds(start, rows), model.log_odds(model.vectors, rows)

        def with_network(other: Network) -> Floats:
            changed = VectorModel(
                fitted, asked.measured, asked.rows, target=asked.target, networks=(other,)
            )
            return self._integrate(changed, start)

        checks, remarks = randomised_weights_check(
            values, with_network, network, seed=int(asked.rng.integers(2**31))
        )
        gap = np.abs(base + np.nansum(values, axis=1) - output)
        found = shares(fitted, asked.measured, asked.cohort, asked.rows, values, by=self.by)
        return Explanation(
            Attributions(
                found.modalities,
                found.features,
                found.shown,
                found.values,
                base,
                output,
                "logit",
            ),
            checks={"largest_gap": float(gap.max(initial=0.0)), **checks},
            remarks=(*remarks, "Explained before calibration."),
        )

    def _integrate(self, model: VectorModel, start: Floats) -> Floats:
        """(rows, F) attributions; NaN where the modality is absent."""
        from captum.attr import IntegratedGradients as Captum

        x = torch.as_tensor(model.vectors, dtype=torch.float32)
        found = Captum(model.score).attribute(
            x,
            baselines=torch.as_tensor(start, dtype=torch.float32),
            additional_forward_args=(_row_numbers(np.arange(len(x))),),
            n_steps=self.steps,
            internal_batch_size=max(len(x), 4096),
        )
        return found.detach().double().numpy()


def _row_numbers(rows: Ints) -> torch.Tensor:
    return torch.as_tensor(rows, dtype=torch.long)

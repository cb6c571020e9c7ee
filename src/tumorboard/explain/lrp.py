"""Layer-wise relevance propagation to the columns of a table."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from tumorboard.explain import Asked, Attributions, Explainer, Explanation
from tumorboard.models.assembly import Network
from tumorboard.models.setting_types import Positive
from tumorboard.prediction.features import shares, vector_modalities, why_no_table
from tumorboard.prediction.relevance import Relevance, Rule, follow, why_not
from tumorboard.prediction.table_randomisation import randomised_weights_check
from tumorboard.records import Floats
from tumorboard.training.fitted import FittedArm


class Lrp(Explainer):
    """Layer-wise relevance propagation: the log odds shared back, layer by layer, to the columns.

    Through the perceptron of a table (its batch norm folded in), the fusion and the head; an image
    gets its relevance as one whole. What stays with the layers' biases is where the sum starts. Of
    several classes the logit of one is explained; of late fusion the table's own branch.

    Args:
        epsilon: Keeps small sums from giving endless relevance; what it absorbs is accounted for.
        gamma: Share by which positive weights count more after the first layer; 0 for none.
        by: One attribution for each `column`, summed over its categories and its missing indicator,
            or for each `derived` feature.

    Source:
        Bach et al., PLoS ONE 2015; Montavon et al., 2019.
    """

    question = "Which columns carried this patient's answer?"

    def __init__(
        self,
        *,
        epsilon: Positive = 0.01,
        gamma: float = 0.0,
        by: Literal["column", "derived"] = "column",
    ) -> None:
        self.rule = Rule(epsilon, gamma)
        self.by: Literal["column", "derived"] = by

    def refuses(self, fitted: FittedArm) -> str:
        """Baselines, arms without a table, layers that no rule knows."""
        if fitted.network is None:
            return f"{fitted.arm.name} is a baseline without layers."
        return why_no_table(fitted) or why_not(fitted.network, vector_modalities(fitted))

    def explain(self, asked: Asked) -> Explanation:
        """Relevance of every row, and how far the sums are from the answer."""
        fitted, network = asked.fitted, asked.fitted.network
        if network is None:
            raise ValueError(f"{fitted.arm.name} has no network; ask `refuses` first")
        found = self._follow(asked, network)
        values = _side_by_side(asked, found)
        checks, said = randomised_weights_check(
            values,
            lambda other: _side_by_side(asked, self._follow(asked, other)),
            network,
            seed=int(asked.rng.integers(2**31)),
        )
        told = shares(fitted, asked.measured, asked.cohort, asked.rows, values, by=self.by)
        wholes = list(found.whole)
        present = {name: asked.measured[name].present[asked.rows] for name in wholes}
        whole = [np.where(present[n], found.whole[n].numpy(), np.nan) for n in wholes]
        every = np.column_stack([told.values, *whole])
        kept, output = found.kept.numpy(), found.output.numpy()
        shown = tuple(
            (*cells, *("present" if present[n][i] else "" for n in wholes))
            for i, cells in enumerate(told.shown)
        )
        return Explanation(
            Attributions(
                (*told.modalities, *wholes),
                (*told.features, *wholes),
                shown,
                every,
                kept,
                output,
                "logit",
            ),
            checks={
                "largest_gap": float(
                    np.abs(kept + np.nansum(every, axis=1) - output).max(initial=0.0)
                ),
                "share_kept_by_biases": _share_kept(kept, every),
                **checks,
            },
            remarks=(*said, *_remarks(fitted)),
        )

    def _follow(self, asked: Asked, network: Network) -> Relevance:
        inputs, present = asked.fitted.batch(asked.measured, asked.rows, torch.device("cpu"))
        return follow(
            network,
            inputs,
            present,
            target=asked.target,
            vectors=vector_modalities(asked.fitted),
            rule=self.rule,
        )


def _side_by_side(asked: Asked, found: Relevance) -> Floats:
    """(rows, F) relevance of the features of all vectors; NaN where the modality is absent."""
    parts: list[Floats] = []
    for name in vector_modalities(asked.fitted):
        part = found.inputs[name].numpy().copy()
        part[~asked.measured[name].present[asked.rows]] = np.nan
        parts.append(part)
    return np.concatenate(parts, axis=1)


def _share_kept(kept: Floats, values: Floats) -> float:
    """Size of what biases and stabilisers keep, relative to all that is shared out."""
    total = np.abs(kept).sum() + np.nansum(np.abs(values))
    return float(np.abs(kept).sum() / total) if total > 0 else float("nan")


def _remarks(fitted: FittedArm) -> tuple[str, ...]:
    said = ["Explained before calibration; the sum starts at what the layers' biases keep."]
    if fitted.members:
        said.append("Of the ensemble the first network is explained.")
    if fitted.network is not None and fitted.network.level == "decision":
        said.append("Late fusion: the table's own branch is explained, before it is averaged.")
    if len(fitted.classes) > 2:
        said.append("The logit of the class is explained, not its log odds.")
    return tuple(said)

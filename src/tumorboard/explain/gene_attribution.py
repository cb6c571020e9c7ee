"""Shapley values of every gene, with the patient's other modalities held at their mean."""

from __future__ import annotations

import numpy as np

from tumorboard.evaluation.auroc import Z_95
from tumorboard.explain import Asked, Attributions, Explainer, Explanation, Importance
from tumorboard.models.assembly import Network
from tumorboard.models.setting_types import Count, Positive
from tumorboard.prediction.held_model import HeldModel
from tumorboard.prediction.path_attributions import PathAttributions, path_attributions
from tumorboard.prediction.table_randomisation import randomised_weights_check
from tumorboard.records import Floats, Ints
from tumorboard.training.fitted import FittedArm

#: Fewest patients of which an interval is given, as everywhere.
_FEWEST = 10
#: Patients that are compared with those of random weights: each costs as much as an attribution.
_N_CHECKED = 8


class GeneAttribution(Explainer):
    """Gene attributions: how far each gene moved the answer, from training patients to this one.

    Aumann-Shapley values: the gradient is followed on the straight way from each of many training
    patients to the patient; their mean is the gene's Shapley value for a smooth game against those
    patients. The other modalities stand at their mean embedding over training patients, so that it
    is the genes alone that move. The sum of all genes is the patient's answer minus the mean answer
    of the references; the gap is measured, and rows whose gap is too large are followed in finer
    steps.

    Args:
        references: Training patients that genes are compared with.
        steps: Points on each way to begin with.
        tolerance: Gap, as a share of the spread of the answers, from which on steps are doubled.
        kept: Genes that are listed patient by patient, those of the largest mean size; the others
            are listed as one sum. The ranking has every gene.
        at_once: Points that the network sees at a time; less takes less memory.

    Source:
        Sundararajan & Najmi, The many Shapley values for model explanation, ICML 2020; Erion et
        al., Nature Machine Intelligence 2021.
    """

    question = "Which genes moved the answers?"
    asks_all = True
    of_numbers = True

    def __init__(
        self,
        *,
        references: Count = 50,
        steps: Count = 8,
        tolerance: Positive = 0.05,
        kept: Count = 200,
        at_once: Count = 4096,
    ) -> None:
        self.references = references
        self.steps = steps
        self.tolerance = tolerance
        self.kept = kept
        self.at_once = at_once

    def refuses(self, fitted: FittedArm) -> str:
        """Baselines, which have no gradient, and arms without gene expression."""
        if fitted.network is None:
            return f"{fitted.arm.name} is a baseline without a gradient."
        task = fitted.study.keys.task
        if task.kind == "survival" and task.head == "discrete_time":
            return f"{fitted.arm.name} says a hazard for each interval, not one number."
        return "" if expression_of(fitted) else f"{fitted.arm.name} reads no gene expression."

    def explain(self, asked: Asked) -> Explanation:
        """Attributions of the arm's first expression modality, and the ranking of its genes."""
        fitted, network = asked.fitted, asked.fitted.network
        if network is None:
            raise ValueError(f"{fitted.arm.name} has no network; ask `refuses` first")
        name = expression_of(fitted)[0]
        present = asked.measured[name].present
        has = np.flatnonzero(present[asked.rows])
        background = asked.background[present[asked.background]]
        if not len(has) or not len(background):
            whom = "patient asked about" if not len(has) else "training patient at hand"
            return Explanation(remarks=(f"{name}: no {whom} has it.",))
        x = fitted.vector(name, asked.measured, asked.rows[has])
        draws = np.sort(asked.rng.permutation(len(background))[: self.references])
        references = fitted.vector(name, asked.measured, background[draws])

        def follow(target: int, rows: Floats, other: Network | None = None) -> PathAttributions:
            model = HeldModel(
                fitted, asked.measured, asked.cohort, name=name, background=asked.background,
                target=target, network=other,
            )  # fmt: skip
            return path_attributions(
                model, rows, references, steps=self.steps, tolerance=self.tolerance,
                at_once=self.at_once,
            )  # fmt: skip

        found = follow(asked.target, x)
        few = slice(0, _N_CHECKED)
        checks, remarks = randomised_weights_check(
            found.values[few],
            lambda other: follow(asked.target, x[few], other).values,
            network,
            seed=int(asked.rng.integers(2**31)),
        )
        classes = range(len(fitted.classes)) if len(fitted.classes) > 2 else ()
        every = [found if k == asked.target else follow(k, x) for k in classes] or [found]
        genes = fitted.specs[name].names
        spread = float(np.std(found.output - found.base)) or 1.0
        return Explanation(
            attributions=_table(asked, name, has, x, found, kept=self.kept),
            importance=_ranking(name, genes, [each.values for each in every]),
            checks={
                "largest_gap": float(found.gap.max()),
                "largest_gap_of_spread": float(found.gap.max()) / spread,
                **checks,
            },
            remarks=(*remarks, *_said(asked, name, len(has), len(references), found)),
        )


def expression_of(fitted: FittedArm) -> tuple[str, ...]:
    """The arm's modalities of gene expression, in its order."""
    kinds = fitted.study.modalities
    return tuple(
        name
        for name in fitted.arm.modalities
        if kinds[name]["kind"] == "expression" and fitted.specs[name].layout == "vector"
    )


def _table(
    asked: Asked, name: str, has: Ints, x: Floats, found: PathAttributions, *, kept: int
) -> Attributions:
    """The genes of the largest mean size patient by patient, and the sum of the others."""
    genes = asked.fitted.specs[name].names
    order = np.argsort(-np.abs(found.values).mean(axis=0), kind="stable")
    top, rest = order[:kept], order[kept:]
    columns = [genes[g] for g in top] + ([f"{len(rest):,} other genes"] if len(rest) else [])
    values = np.full((len(asked.rows), len(columns)), np.nan)
    values[has, : len(top)] = found.values[:, top]
    if len(rest):
        values[has, len(top)] = found.values[:, rest].sum(axis=1)
    shown = [[""] * len(columns) for _ in asked.rows]
    for i, row in enumerate(has.tolist()):
        shown[row][: len(top)] = [f"{value:.2f}" for value in x[i, top]]
    base = np.full(len(asked.rows), found.base)
    output = np.full(len(asked.rows), np.nan)
    output[has] = found.output
    return Attributions(
        modalities=(name,) * len(columns),
        features=tuple(columns),
        shown=tuple(map(tuple, shown)),
        values=values,
        base=base,
        output=output,
        scale="logit" if asked.fitted.classes else "output",
    )


def _ranking(name: str, genes: tuple[str, ...], every: list[Floats]) -> Importance:
    """Mean size of every gene's attributions over patients, and over classes where several."""
    sizes = np.mean([np.abs(values) for values in every], axis=0)
    mean = sizes.mean(axis=0)
    half = np.full(len(genes), np.nan)
    if len(sizes) >= _FEWEST:
        half = Z_95 * sizes.std(axis=0, ddof=1) / np.sqrt(len(sizes))
    return Importance(
        modalities=(name,) * len(genes), features=genes, drop=mean,
        ci_low=mean - half, ci_high=mean + half, metric="attribution",
    )  # fmt: skip


def _said(
    asked: Asked, name: str, n: int, n_references: int, found: PathAttributions
) -> tuple[str, ...]:
    others = [other for other in asked.fitted.arm.modalities if other != name]
    held = f" {' and '.join(others)} stand at their mean over training patients." if others else ""
    missing = len(asked.rows) - n
    return (
        f"{name}: each gene against {n_references} training patients, whose mean answer is "
        f"{found.base:.3f}.{held} Explained before calibration.",
        *(
            [f"{name}: nothing for {missing} of {len(asked.rows)} rows, which lack it."]
            * (missing > 0)
        ),
    )

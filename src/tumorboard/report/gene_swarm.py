"""The genes of a ranking, patient by patient: how far each moved the answer, and at which level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tumorboard.evaluation.explanation_table import AttributionRow
from tumorboard.explain import Importance
from tumorboard.records import Floats
from tumorboard.report.attribution_figures import scale_words
from tumorboard.report.number_format import counted
from tumorboard.report.style import GREY, PAGE_WIDTH, new_figure, short, styled, svg_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Points of one gene that lie in one of so many steps of the axis are stacked.
_STEPS, _HALF_LINE = 60, 0.38


def gene_swarm_svg(
    rows: Sequence[AttributionRow], ranking: Importance, *, name: str, n_shown: int
) -> str:
    """The swarm of the first genes of a ranking as SVG; "" where no patient has one listed.

    Args:
        rows: Attributions of one arm and explainer, of one class.
        ranking: Mean size of every gene's attributions, joined over folds.
        name: Name of the figure; its ids begin with it.
        n_shown: Most genes.
    """
    genes = top_genes(ranking, n_shown)
    points = {gene: points_of(rows, gene) for gene in genes}
    points = {gene: found for gene, found in points.items() if len(found)}
    if not points:
        return ""
    scale = scale_words("output" if rows[0].scale == "output" else "logit", rows[0].target)
    n_patients = len({row.unit_id for row in rows})
    return svg_text(swarm_figure(points, scale, n_patients=n_patients), name, tight=True)


def top_genes(ranking: Importance, n_shown: int) -> list[str]:
    """The genes of the largest mean size, the first of them first."""
    order = np.argsort(-np.nan_to_num(ranking.drop, nan=-np.inf), kind="stable")[:n_shown]
    return [ranking.features[i] for i in order]


def points_of(rows: Sequence[AttributionRow], gene: str) -> Floats:
    """(patients, 2): the gene's attribution and its level, from 0 (lowest) to 1 (highest).

    Levels are ranks among the patients of one fold: every fold standardises expression anew. A fold
    lists its leading genes only; patients of the others have no point.
    """
    own = [row for row in rows if row.feature == gene and np.isfinite(row.value)]
    found: list[tuple[float, float]] = []
    for model in sorted({(row.repeat, row.fold) for row in own}):
        fold = [row for row in own if (row.repeat, row.fold) == model]
        level = np.asarray([_number(row.shown) for row in fold])
        rank = (level[:, None] > level).sum(axis=1) + (
            (level[:, None] == level).sum(axis=1) - 1
        ) / 2
        share = rank / max(len(fold) - 1, 1)
        share[~np.isfinite(level)] = np.nan
        found += zip([row.value for row in fold], share.tolist(), strict=True)
    return np.asarray(found, dtype=np.float64).reshape(-1, 2)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


@styled
def swarm_figure(points: Mapping[str, Floats], scale: str, *, n_patients: int) -> Figure:
    """One line per gene, one point per patient.

    Args:
        points: Gene -> what `points_of` gives.
        scale: What a gene moves, in words.
        n_patients: Patients explained; a gene with fewer points says how many it has.
    """
    from matplotlib.cm import ScalarMappable

    figure = new_figure(1.0 + 0.34 * len(points), width=0.8 * PAGE_WIDTH)
    axis = figure.subplots()
    reach = max(float(np.abs(found[:, 0]).max()) for found in points.values()) or 1.0
    for line, found in enumerate(points.values()):
        known = np.isfinite(found[:, 1])
        y = line + stacked(found[:, 0], reach)
        axis.plot(found[~known, 0], y[~known], ls="none", marker="o", ms=3, color=GREY)
        axis.scatter(
            found[known, 0], y[known], c=found[known, 1], cmap="viridis", vmin=0, vmax=1, s=11,
            linewidths=0,
        )  # fmt: skip
    axis.axvline(0.0, color=GREY, lw=0.9)
    names = [
        short(gene, 24)
        + (f" ({counted(len(found), 'patient')})" if len(found) < n_patients else "")
        for gene, found in points.items()
    ]
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(-1.08 * reach, 1.08 * reach)
    axis.set_xlabel(f"moves the {scale} by")
    bar = figure.colorbar(ScalarMappable(cmap="viridis"), ax=axis, fraction=0.03, pad=0.02)
    bar.set_ticks([0, 1], labels=["low", "high"])
    bar.set_label("expression in the patient")
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue] - a spine, not a function
    return figure


def stacked(values: Floats, reach: float) -> Floats:
    """Height of each point within its line: points of one step lie above and below each other."""
    step = np.floor((values + reach) / (2 * reach) * _STEPS)
    height = np.zeros(len(values))
    largest = max(int((step == place).sum()) for place in np.unique(step))
    apart = min(0.09, 2 * _HALF_LINE / max(largest - 1, 1))
    for place in np.unique(step):
        own = np.flatnonzero(step == place)
        height[own] = (np.arange(len(own)) - (len(own) - 1) / 2) * apart
    return height

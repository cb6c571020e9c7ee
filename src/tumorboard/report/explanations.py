"""What the fold models looked at: maps and lesions, importances, contributions, sanity checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tumorboard.evaluation.explanation_table import (
    FOLDER,
    AttributionRow,
    Explanations,
    HeatMapRow,
    read_explanations,
)
from tumorboard.evaluation.heat_map_shares import LesionShare, lesion_shares
from tumorboard.evaluation.joined_importance import SHARES, TREE_SHARES, join_importance
from tumorboard.prediction.kept_maps import read_map
from tumorboard.report.attribution_figures import bar_svg, beeswarm_svg
from tumorboard.report.contents import Contents
from tumorboard.report.explained import (
    Opinion,
    attributions_of,
    check_rows,
    opinions,
    shared_features,
)
from tumorboard.report.gene_swarm import gene_swarm_svg, top_genes
from tumorboard.report.heat_maps import as_jpeg, data_uri, side_by_side
from tumorboard.report.number_format import metric_name
from tumorboard.report.run_contents import RunContents
from tumorboard.report.section import Section, fill
from tumorboard.report.three_planes import is_flat

#: Most pictures of one arm, and most features of one figure.
_N_PICTURES, _N_FEATURES = 12, 12
#: Metric of a ranking of genes by the size of their attributions.
GENES = "attribution"


def section(contents: RunContents) -> Section | None:
    """Explanations of test patients by the models of the first repeat; None where nobody asked."""
    found = read_explanations(contents.folder / FOLDER)
    if found is None or not any(not answer.refused for answer in found.answers):
        return None
    order = {arm: i for i, arm in enumerate(contents.arms)}
    shares = sorted(lesion_shares(found.heat_maps), key=lambda s: order.get(s.arm, len(order)))
    return Section(
        anchor="explanations",
        title="What the models looked at",
        lead=_lead(contents, found, shares),
        html=fill(
            "explanations.html",
            shares=[_share_row(share) for share in shares],
            galleries=_galleries(contents, found) if isinstance(contents, Contents) else [],
            importances=_importances(contents, found),
            contributions=_contributions(contents, found),
            answers=[
                {**vars(answer), "checks": check_rows(answer.checks)}
                for answer in sorted(found.answers, key=lambda a: order.get(a.arm, len(order)))
            ],
        ),
    )


def _lead(contents: RunContents, found: Explanations, shares: Sequence[LesionShare]) -> str:
    """One sentence with the numbers: lesions first, else the most important input."""
    if shares:
        share = shares[0]
        interval = ""
        if np.isfinite(share.ci_low):
            interval = f" (95 % interval {100 * share.ci_low:.0f} to {100 * share.ci_high:.0f} %)"
        return (
            f"{100 * share.share_inside:.0f} %{interval} of the heat maps' mass "
            f"({share.explainer.replace('_', ' ')}, arm {share.arm}) lies inside the lesion, which "
            f"covers {100 * share.mask_share:.0f} % of the image: {share.n_patients} test patients."
        )
    falls = [row for row in found.importance if row.metric not in SHARES]
    if falls:
        arm = _first(contents, falls)
        rows = [row for row in falls if row.arm == arm]
        joined = join_importance(rows)
        top = int(np.nanargmax(joined.drop)) if np.isfinite(joined.drop).any() else 0
        if not joined.drop[top] > 0:
            return f"{metric_name(joined.metric)} of {arm} does not fall without any one input."
        return (
            f"{arm} relies most on {joined.features[top]}: without it {metric_name(joined.metric)} "
            f"falls by {joined.drop[top]:.3f}."
        )
    if genes := [row for row in found.importance if row.metric == GENES]:
        arm = _first(contents, genes)
        first = top_genes(join_importance([row for row in genes if row.arm == arm]), 3)
        return f"The genes that moved the answers of {arm} furthest: {', '.join(first)}."
    n = len({row.unit_id for row in (*found.heat_maps, *found.attributions)})
    return f"{n} test patients were explained one by one."


def _first(contents: RunContents, rows: Sequence[Any]) -> str:
    """The first arm of the report that has rows."""
    have = {row.arm for row in rows}
    return next((arm for arm in contents.arms if arm in have), rows[0].arm)


def _by_arm(contents: RunContents, rows: Sequence[Any]) -> dict[tuple[str, str], list[Any]]:
    """Rows by arm and explainer, the primary arm first."""
    order = {arm: i for i, arm in enumerate(contents.arms)}
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in sorted(rows, key=lambda row: order.get(row.arm, len(order))):
        groups.setdefault((row.arm, row.explainer), []).append(row)
    return groups


def _share_row(share: LesionShare) -> dict[str, str]:
    def percent(value: float, low: float, high: float) -> str:
        text = f"{100 * value:.0f} %"
        return f"{text} ({100 * low:.0f} to {100 * high:.0f})" if np.isfinite(low) else text

    return {
        "arm": share.arm,
        "explainer": share.explainer.replace("_", " "),
        "modality": share.modality,
        "n": str(share.n_patients),
        "inside": percent(share.share_inside, share.ci_low, share.ci_high),
        "chance": f"{100 * share.mask_share:.0f} %",
        "gain": percent(share.gain, share.gain_low, share.gain_high),
        "peak": f"{100 * share.peak_inside:.0f} %",
    }


def _galleries(contents: Contents, found: Explanations) -> list[dict[str, Any]]:
    """Pictures of every arm and explainer with maps; truth and call stand below each."""
    said = opinions(contents)
    captions = {answer.explainer: answer.caption for answer in found.answers}
    return [
        {
            "arm": arm,
            "explainer": explainer.replace("_", " "),
            "caption": captions.get(explainer, ""),
            "width": _width(captions.get(explainer, ""), rows[0]),
            "pictures": [_picture(contents, row, said) for row in rows[:_N_PICTURES]],
            "n_more": max(0, len(rows) - _N_PICTURES),
        }
        for (arm, explainer), rows in _by_arm(contents, found.heat_maps).items()
    ]


def _width(caption: str, row: HeatMapRow) -> str:
    """Least width of a picture on the page: three planes of a volume want all of it."""
    if len(row.peak.split()) == 3:
        return "min(100%,640px)"
    return "min(100%,400px)" if caption else "230px"


def _picture(
    contents: Contents, row: HeatMapRow, said: dict[tuple[str, str], Opinion]
) -> dict[str, Any]:
    kept = read_map(contents.folder / FOLDER, row)
    pixels = side_by_side(kept)
    opinion = said.get((row.arm, row.unit_id))
    return {
        "address": data_uri(as_jpeg(pixels)),
        "unit": row.unit_id,
        "truth": opinion.truth if opinion else "",
        "call": opinion.call if opinion else "",
        "probability": f"{opinion.probability:.2f}" if opinion else "",
        "is_wrong": opinion is not None and opinion.truth != opinion.call,
        "is_flat": kept.map.ndim == 3 and is_flat(kept.map),
        "inside": "" if np.isnan(row.share_inside) else f"{100 * row.share_inside:.0f} %",
    }


def _importances(contents: RunContents, found: Explanations) -> list[dict[str, Any]]:
    from markupsafe import Markup

    drawn: list[dict[str, Any]] = []
    groups = _by_arm(contents, found.importance)
    for number, ((arm, explainer), rows) in enumerate(groups.items()):
        importance = join_importance(rows)
        if not np.isfinite(importance.drop).any():
            continue
        svg = bar_svg(importance, name=f"importance-{number}", n_shown=_N_FEATURES)
        drawn.append(
            {
                "arm": arm,
                "explainer": explainer.replace("_", " "),
                "metric": SHARES.get(importance.metric) or metric_name(importance.metric),
                "is_fall": importance.metric not in SHARES,
                "is_of_trees": importance.metric in TREE_SHARES,
                "n_folds": len({row.fold for row in rows}),
                "drawing": Markup(svg),
            }
        )
    return drawn


def _contributions(contents: RunContents, found: Explanations) -> list[dict[str, Any]]:
    """Mean size of attributions, and by column each patient's own.

    Of several explained classes the one with most patients is shown.
    """
    from markupsafe import Markup

    drawn: list[dict[str, Any]] = []
    moving = [row for row in found.attributions if row.scale != "attention"]
    groups = _by_arm(contents, moving)
    for number, ((arm, explainer), rows) in enumerate(groups.items()):
        target, of_target = _largest(rows)
        ranked = [r for r in found.importance if (r.arm, r.explainer) == (arm, explainer)]
        if ranked and ranked[0].metric == GENES:
            units = {row.unit_id for row in of_target}
            svg = gene_swarm_svg(
                of_target, join_importance(ranked), name=f"swarm-{number}", n_shown=_N_FEATURES
            )
            if svg:
                drawn.append(_drawn(arm, explainer, len(units), Markup(svg), is_genes=True))
            continue
        units, attributions = attributions_of(of_target)
        attributions = shared_features(attributions)
        svg = bar_svg(
            attributions, name=f"contribution-{number}", outcome=target, n_shown=_N_FEATURES
        )
        swarm = ""
        if len(set(attributions.features)) > len(set(attributions.modalities)):  # by column
            swarm = beeswarm_svg(
                attributions, name=f"swarm-{number}", outcome=target, n_shown=_N_FEATURES
            )
        drawn.append(_drawn(arm, explainer, len(units), Markup(svg) + Markup(swarm)))
    return drawn


def _drawn(
    arm: str, explainer: str, n: int, drawing: str, *, is_genes: bool = False
) -> dict[str, Any]:
    words = explainer.replace("_", " ")
    return {"arm": arm, "explainer": words, "n": n, "drawing": drawing, "is_genes": is_genes}


def _largest(rows: Sequence[AttributionRow]) -> tuple[str, list[AttributionRow]]:
    groups: dict[str, list[AttributionRow]] = {}
    for row in rows:
        groups.setdefault(row.target, []).append(row)
    return max(groups.items(), key=lambda item: len(item[1]))

"""The same patients through two arms: where each looked, one row per patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from tumorboard.evaluation.explanation_table import FOLDER, HeatMapRow, read_explanations
from tumorboard.prediction.kept_maps import KeptMap, read_map
from tumorboard.report.contents import Contents
from tumorboard.report.explained import Opinion, opinions
from tumorboard.report.heat_maps import as_jpeg, data_uri, strip
from tumorboard.report.number_format import interval, number
from tumorboard.report.section import Section, fill

#: Most patients shown.
N_ROWS = 6

Pair = tuple[HeatMapRow, HeatMapRow]


@dataclass(frozen=True)
class Shared:
    """Two arms with maps of the same images by the same explainer."""

    arms: tuple[str, str]
    explainer: str
    pairs: Sequence[Pair]


def section(contents: Contents) -> Section | None:
    """Maps of two arms beside each other; None where no two arms have maps of one image."""
    folder = contents.folder / FOLDER
    found = read_explanations(folder)
    shared = shared_maps(found.heat_maps, contents.arms) if found is not None else None
    if shared is None:
        return None
    maps = [(read_map(folder, a), read_map(folder, b)) for a, b in shared.pairs]
    said = opinions(contents)
    rows = [_row(pair, kept, said) for pair, kept in zip(shared.pairs[:N_ROWS], maps, strict=False)]
    return Section(
        anchor="two-arms",
        title=f"Where {shared.arms[0]} and {shared.arms[1]} looked",
        lead=_lead(shared, maps),
        html=fill(
            "two_arms.html",
            arms=shared.arms,
            explainer=shared.explainer.replace("_", " "),
            rows=rows,
            n_more=len(shared.pairs) - len(rows),
        ),
    )


def shared_maps(rows: Sequence[HeatMapRow], arms: Sequence[str]) -> Shared | None:
    """The first two arms of the report's order that have maps of the same images."""
    for explainer in dict.fromkeys(row.explainer for row in rows):
        by_arm: dict[str, dict[tuple[str, str], HeatMapRow]] = {}
        for row in rows:
            if row.explainer == explainer:
                by_arm.setdefault(row.arm, {}).setdefault((row.unit_id, row.modality), row)
        for one, two in combinations([arm for arm in arms if arm in by_arm], 2):
            common = [key for key in by_arm[one] if key in by_arm[two]]
            if common:
                pairs = [(by_arm[one][key], by_arm[two][key]) for key in common]
                return Shared((one, two), explainer, pairs)
    return None


def _lead(shared: Shared, maps: Sequence[tuple[KeptMap, KeptMap]]) -> str:
    n = len({one.patient_id for one, _ in shared.pairs})
    who = f"{n} test patient{'' if n == 1 else 's'}"
    agreement = [value for pair in maps if not np.isnan(value := agreement_of(*pair))]
    if not agreement:
        return (
            f"The maps of {who} by both arms cannot be compared: they are flat, or differ in size."
        )
    mean = float(np.mean(agreement))
    judged = "much alike" if mean >= 0.7 else "partly alike" if mean >= 0.3 else "hardly alike"
    return (
        f"In the same images of {who} the two arms looked at places that are {judged}: mean rank "
        f"correlation of their maps {number(mean, digits=2)} "
        f"({interval(min(agreement), max(agreement), digits=2)})."
    )


def agreement_of(one: KeptMap, two: KeptMap) -> float:
    """Rank correlation of two maps of one image; NaN where one is flat or their sizes differ."""
    from scipy.stats import rankdata

    first, second = one.values, two.values
    if one.map.shape != two.map.shape or len(first) != len(second):
        return float("nan")
    if not (np.ptp(first) > 0 and np.ptp(second) > 0):
        return float("nan")
    ranks = [rankdata(values) for values in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _row(
    pair: Pair, kept: tuple[KeptMap, KeptMap], said: dict[tuple[str, str], Opinion]
) -> dict[str, Any]:
    opinion = [said.get((row.arm, row.unit_id)) for row in pair]
    agreement = agreement_of(*kept)
    return {
        "address": data_uri(as_jpeg(strip(kept))),
        "unit": pair[0].unit_id,
        "modality": pair[0].modality,
        "truth": next((o.truth for o in opinion if o is not None), ""),
        "cells": [_cell(row, each) for row, each in zip(pair, opinion, strict=True)],
        "agreement": "" if np.isnan(agreement) else number(agreement, digits=2),
    }


def _cell(row: HeatMapRow, opinion: Opinion | None) -> dict[str, Any]:
    return {
        "arm": row.arm,
        "target": row.target,
        "is_empty": np.isnan(row.entropy),
        "call": opinion.call if opinion else "",
        "probability": f"{opinion.probability:.2f}" if opinion else "",
        "is_wrong": opinion is not None and opinion.call != opinion.truth,
        "inside": "" if np.isnan(row.share_inside) else f"{100 * row.share_inside:.0f} %",
    }

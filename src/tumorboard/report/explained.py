"""Explanations read back for a page: drawings of attributions, sentences of sanity checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tumorboard.evaluation.explanation_table import AttributionRow
from tumorboard.explain import Attributions
from tumorboard.records import Floats
from tumorboard.report.attribution_figures import waterfall_svg
from tumorboard.report.contents import Contents


@dataclass(frozen=True)
class Opinion:
    """Truth and call of one unit; the probability is of the positive class, or of the called."""

    truth: str
    call: str
    probability: float


#: Scales of what says how much was taken from something, and explains no answer.
SHARES = ("weight", "attention")
#: Sanity check -> what it is, for a reader.
CHECKS: Mapping[str, str] = {
    "rank_correlation_random_head": (
        "rank correlation with the maps after fusion and head were drawn at random"
    ),
    "rank_correlation_random_network": (
        "rank correlation with the maps after the whole network was drawn at random"
    ),
    "rank_correlation_random_windows": (
        "rank correlation of the windows' weights with those of a network drawn at random"
    ),
    "times_even_share": "largest weight of a window, as a multiple of an even share",
}


def opinions(contents: Contents) -> dict[tuple[str, str], Opinion]:
    """(arm, unit) -> what the arm said in the first repeat, whose models are explained."""
    table = contents.predictions
    said: dict[tuple[str, str], Opinion] = {}
    for i in np.flatnonzero(table.repeat == table.repeat.min()).tolist():
        call = int(contents.calls[i])
        k = 1 if len(table.classes) == 2 else call
        said[str(table.arm[i]), str(table.unit_id[i])] = Opinion(
            table.classes[int(table.outcome[i])],
            table.classes[call],
            float(table.probabilities[i, k]),
        )
    return said


def attributions_of(rows: Sequence[AttributionRow]) -> tuple[list[str], Attributions]:
    """Units in order, and their attributions by one explainer about one arm as one table."""
    units = list(dict.fromkeys(row.unit_id for row in rows))
    names = list(dict.fromkeys((row.modality, row.feature) for row in rows))
    row_of = {unit: i for i, unit in enumerate(units)}
    column_of = {name: k for k, name in enumerate(names)}
    values = np.full((len(units), len(names)), np.nan)
    shown = [[""] * len(names) for _ in units]
    base, output = np.zeros(len(units)), np.zeros(len(units))
    for row in rows:
        i, k = row_of[row.unit_id], column_of[row.modality, row.feature]
        values[i, k], shown[i][k] = row.value, row.shown
        base[i], output[i] = row.base, row.output
    scale = rows[0].scale
    found = Attributions(
        modalities=tuple(modality for modality, _ in names),
        features=tuple(feature for _, feature in names),
        shown=tuple(map(tuple, shown)),
        values=values,
        base=base,
        output=output,
        scale="logit"
        if scale == "logit"
        else "output"
        if scale == "output"
        else "weight"
        if scale in SHARES
        else "probability",
    )
    return units, found


def shared_features(found: Attributions) -> Attributions:
    """Features that every patient of a modality has, and one sum of the others for each modality.

    Genes are chosen in every fold anew: a gene that one fold's model could not see has no value
    there, and a figure of all patients needs one of each.
    """
    values = found.values
    modalities = np.asarray(found.modalities)
    kept = np.ones(values.shape[1], dtype=np.bool_)
    columns: list[tuple[str, str, Floats]] = []
    for name in dict.fromkeys(found.modalities):
        own = np.flatnonzero(modalities == name)
        has = np.isfinite(values[:, own]).any(axis=1)
        partial = own[~np.isfinite(values[np.ix_(has, own)]).all(axis=0)]
        if not len(partial) or len(partial) == len(own):
            continue
        kept[partial] = False
        total = np.where(has, np.nansum(values[:, partial], axis=1), np.nan)
        columns.append((name, f"others of {name}, not in every fold", total))
    if not columns:
        return found
    index = np.flatnonzero(kept).tolist()
    return replace(
        found,
        modalities=(*(found.modalities[i] for i in index), *(name for name, _, _ in columns)),
        features=(*(found.features[i] for i in index), *(word for _, word, _ in columns)),
        shown=tuple((*(row[i] for i in index), *("" for _ in columns)) for row in found.shown),
        values=np.column_stack([values[:, kept], *(total for _, _, total in columns)]),
    )


def waterfall(rows: Sequence[AttributionRow], *, name: str, n_classes: int) -> str:
    """The waterfall of one unit's attributions by one explainer, as SVG; "" for weights.

    Weights are shares of the modalities, or of windows, and move nothing: their table says all.
    """
    if rows[0].scale in SHARES:
        return ""
    _, found = attributions_of(rows)
    return waterfall_svg(found, 0, name=name, outcome=rows[0].target, is_log_odds=n_classes == 2)


def check_rows(checks: Mapping[str, Sequence[float | None]]) -> list[tuple[str, str]]:
    """Sanity check in words -> its mean over the fitted models, and the range where it differs."""
    rows: list[tuple[str, str]] = []
    for key, values in checks.items():
        known = [value for value in values if value is not None]
        first, _, rest = key.partition(" ")
        words = CHECKS.get(first, first.replace("_", " ")) + (f" ({rest})" if rest else "")
        rows.append((words, _range(known)))
    return rows


def _range(values: Sequence[float]) -> str:
    if not values:
        return "not defined"
    text = f"{np.mean(values):.2g}"
    if len(values) > 1:
        text += f" ({min(values):.2g} to {max(values):.2g} over {len(values)} models)"
    return text

"""Whether heat maps lie on lesions: their share inside the mask, against the mask's own share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorboard.evaluation.bootstrap import bootstrap, percentile_interval
from tumorboard.evaluation.explanation_table import HeatMapRow
from tumorboard.records import Floats

#: Fewest patients of an interval.
MIN_PATIENTS = 10
_N_BOOTSTRAP = 2000


@dataclass(frozen=True)
class LesionShare:
    """Maps of one arm, explainer and modality whose images have a mask.

    Args:
        arm: Which arm.
        explainer: Who made the maps.
        modality: Which image.
        n_patients: Patients with a map and a mask.
        share_inside: Mean share of the map's mass inside the mask.
        ci_low: Lower limit of its 95 % interval (patient bootstrap); NaN under 10 patients.
        ci_high: Upper limit.
        mask_share: Mean share of the image that the mask covers: chance.
        gain: Mean of share inside minus mask share, each patient with themselves.
        gain_low: Lower limit of its 95 % interval.
        gain_high: Upper limit.
        peak_inside: Share of the patients whose map's peak is inside the mask.
    """

    arm: str
    explainer: str
    modality: str
    n_patients: int
    share_inside: float
    ci_low: float
    ci_high: float
    mask_share: float
    gain: float
    gain_low: float
    gain_high: float
    peak_inside: float


def lesion_shares(rows: Sequence[HeatMapRow], *, seed: int = 0) -> list[LesionShare]:
    """One summary per arm, explainer and modality, in the order of the rows.

    Each patient weighs 1, whatever their number of maps. Maps without a mask, or without any mass,
    are left out.
    """
    groups: dict[tuple[str, str, str], list[HeatMapRow]] = {}
    for row in rows:
        if not np.isnan(row.share_inside):
            groups.setdefault((row.arm, row.explainer, row.modality), []).append(row)
    return [_summary(key, of_key, seed) for key, of_key in groups.items()]


def _summary(key: tuple[str, str, str], rows: Sequence[HeatMapRow], seed: int) -> LesionShare:
    values = np.asarray([[r.share_inside, r.mask_share, r.peak_inside] for r in rows])
    _, patient = np.unique([row.patient_id for row in rows], return_inverse=True)
    n = int(patient.max()) + 1
    of_patient = np.zeros((n, 3))
    np.add.at(of_patient, patient, values)
    of_patient /= np.bincount(patient)[:, None]
    inside, chance, peak = of_patient.T
    low, high = _interval(inside, seed)
    gain_low, gain_high = _interval(inside - chance, seed)
    return LesionShare(
        *key,
        n_patients=n,
        share_inside=float(inside.mean()),
        ci_low=low,
        ci_high=high,
        mask_share=float(chance.mean()),
        gain=float((inside - chance).mean()),
        gain_low=gain_low,
        gain_high=gain_high,
        peak_inside=float(peak.mean()),
    )


def _interval(values: Floats, seed: int) -> tuple[float, float]:
    n = len(values)
    if n < MIN_PATIENTS:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    drawn = bootstrap(lambda w: w @ values / n, n_patients=n, n_replicates=_N_BOOTSTRAP, rng=rng)
    low, high, _ = percentile_interval(drawn)
    return low, high

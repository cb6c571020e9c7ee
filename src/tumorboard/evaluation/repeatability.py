"""How much a volume differs when nothing has changed, from repeated measurements."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tumorboard.errors import InputError
from tumorboard.records import Floats


@dataclass(frozen=True)
class Repeatability:
    """Of a measurement that was repeated on the same patients.

    Args:
        within_share: Standard deviation within a patient, as a share of the value.
        coefficient: A change of this share or less is seen in 95 % of pairs without any change.
        n_pairs: Pairs that it comes from.
    """

    within_share: float
    coefficient: float
    n_pairs: int


def repeatability(first: Floats, second: Floats) -> Repeatability:
    """Repeatability coefficient of volumes, whose errors grow with them.

    Args:
        first: (n,) above 0; by one model or reader.
        second: (n,) of the same lesions once more, a short time later.

    Raises:
        InputError: Fewer than three pairs, or volumes that are not above 0.

    Source:
        Bland & Altman, BMJ 1996; 313: 106 (errors proportional to the mean: on logarithms);
        coefficient 1.96 sqrt(2) times the standard deviation within: Lancet 1986; 327: 307.
    """
    pairs = np.stack([first, second])
    if pairs.shape[1] < 3 or not (np.isfinite(pairs).all() and (pairs > 0).all()):
        raise InputError(
            f"repeatability: {pairs.shape[1]} pairs of volumes, the least {pairs.min(initial=0):g};"
            " expected three or more, all above 0."
        )
    within = math.sqrt(float(np.mean(np.diff(np.log(pairs), axis=0) ** 2)) / 2)
    share = math.exp(within) - 1
    return Repeatability(share, math.exp(1.96 * math.sqrt(2) * within) - 1, pairs.shape[1])

"""Whether explanations of a table follow from what was learned: compared with random weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tumorboard.models.assembly import Network
from tumorboard.models.feature_maps import randomised
from tumorboard.prediction.activation_maps import UNCHANGED
from tumorboard.records import Floats
from tumorboard.transforms.heat_maps import rank_correlation

#: Network -> attributions (rows, F) of the derived features.
MakeValues = Callable[[Network], Floats]


def randomised_weights_check(
    values: Floats, make: MakeValues, network: Network, *, seed: int
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Rank correlation of the sizes of all attributions with those of random weights.

    Args:
        values: (rows, F) attributions of the trained network; NaN where a feature is absent.
        make: Gives the same of another network.
        network: The trained network.
        seed: Of the random weights.

    Returns:
        The correlation with random fusion and heads, and with a random network; and a sentence
        where the attributions hardly changed.

    Source:
        Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
    """
    checks: dict[str, float] = {}
    remarks: list[str] = []
    for key, words, keep in (
        ("rank_correlation_random_head", "fusion and head are", True),
        ("rank_correlation_random_network", "the whole network is", False),
    ):
        other = make(randomised(network, seed=seed, keep_encoders=keep))
        both = np.isfinite(values) & np.isfinite(other)
        both &= (values != 0) | (other != 0)  # what neither network can see always agrees
        sizes = (np.abs(values[both])[None], np.abs(other[both])[None])
        value = float(rank_correlation(*sizes)[0]) if both.sum() > 1 else float("nan")
        checks[key] = value
        if value > UNCHANGED:
            remarks.append(
                f"The attributions hardly change when {words} drawn at random (rank correlation "
                f"{value:.2f}): they show the patients' values rather than what was learned. Do "
                "not read them."
            )
    return checks, tuple(remarks)

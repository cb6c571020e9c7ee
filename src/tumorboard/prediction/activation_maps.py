"""Where in its images a fitted arm finds a class: maps of its encoders, and their sanity check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from tumorboard.modalities import Measured
from tumorboard.models.assembly import Network
from tumorboard.models.feature_maps import maps_and_gradients, randomised
from tumorboard.records import Floats, Ints
from tumorboard.training.fitted import FittedArm
from tumorboard.transforms.heat_maps import Maps, rank_correlation

#: From this rank correlation on, a map hardly changed although the weights did.
UNCHANGED = 0.9
#: Layouts that have places.
PLACED = ("image", "volume")

#: Feature maps (B, F, *space) and gradients there -> weight of each map, (B, F).
Weigh = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
#: Network, modality and rows that have it -> maps (n, *space) of any fineness.
MakeMaps = Callable[[Network, str, Ints], Maps]


def placed_modalities(fitted: FittedArm) -> tuple[str, ...]:
    """The arm's images and volumes, in its order."""
    return tuple(name for name, spec in fitted.specs.items() if spec.layout in PLACED)


def why_no_places(fitted: FittedArm) -> str:
    """Why nothing can be shown in an image of this arm; "" where it can."""
    if fitted.network is None:
        return f"{fitted.arm.name} is a baseline without a network."
    if not placed_modalities(fitted):
        return f"{fitted.arm.name} reads no image."
    return ""


def why_no_activation_maps(fitted: FittedArm) -> str:
    """Why the arm's encoders have no activation maps; "" where all that read images have."""
    reason = why_no_places(fitted)
    network = fitted.network
    if reason or network is None:
        return reason
    for name in placed_modalities(fitted):
        if network.encoder(name).map_layer() is None:
            kind = fitted.arm.encoders[name]["name"]
            return (
                f"the encoder {kind} of {name} has no convolutional maps; "
                "ask for occlusion instead."
            )
    return ""


def with_modality(measured: Mapping[str, Measured], rows: Ints, name: str) -> Ints:
    """The rows that have this modality."""
    return rows[measured[name].present[rows]]


def device_of(network: Network) -> torch.device:
    """Where the network is."""
    return next(network.parameters()).device


def seen_inputs(fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints, name: str) -> Maps:
    """(n, C, *space) what the encoder of a modality sees of these rows, as a person is shown it."""
    modality = fitted.modalities[name]
    stored = torch.from_numpy(np.ascontiguousarray(modality.arrays(measured[name], rows)))
    return modality.shown(modality.finish(stored, generator=None)).numpy().astype(np.float32)


@runtime_checkable
class Placed(Protocol):
    """Measurements that know where in the patient their voxels are."""

    def affines(self, rows: Ints) -> Floats:
        """(n, 4, 4) voxel index of what the encoder sees -> world mm, RAS+."""
        ...


def seen_affines(
    fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints, name: str
) -> Floats | None:
    """(n, 4, 4) where in the patient what the encoder sees lies; None where that is not known."""
    one = measured[name]
    if not isinstance(one, Placed) or fitted.study.modalities[name].get("spacing_mm") == "unknown":
        return None
    return one.affines(rows)


def activation_maps(
    fitted: FittedArm,
    measured: Mapping[str, Measured],
    rows: Ints,
    *,
    name: str,
    target: int,
    weigh: Weigh,
    network: Network,
    batch_size: int = 16,
) -> Maps:
    """(n, *space) weighted sum of the feature maps, negative places set to 0, as fine as they are.

    Args:
        fitted: The arm.
        measured: Its measurements.
        rows: Rows that have the modality.
        name: The modality.
        target: Class index.
        weigh: The weights of the maps.
        network: The arm's own, or one with other weights.
        batch_size: Rows at a time.
    """
    network.eval()
    parts: list[Maps] = []
    for start in range(0, len(rows), batch_size):
        inputs, present = fitted.batch(
            measured, rows[start : start + batch_size], device_of(network)
        )
        maps, gradients = maps_and_gradients(network, inputs, present, name=name, target=target)
        weights = weigh(maps, gradients)
        weights = weights.reshape(*weights.shape, *(1,) * (maps.ndim - 2))
        parts.append((weights * maps).sum(dim=1).clamp_min(0).cpu().numpy().astype(np.float32))
    return np.concatenate(parts)


def randomisation_check(
    maps: Maps, make: MakeMaps, network: Network, *, name: str, rows: Ints, seed: int
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Whether the maps follow from what was learned: compared with those of random weights.

    Args:
        maps: (n, *space) of the trained network.
        make: Gives the same maps of another network.
        network: The trained network.
        name: The modality.
        rows: Rows that the maps are of.
        seed: Of the random weights.

    Returns:
        Mean rank correlation with the maps after fusion and heads, or the whole network, were
        drawn anew; and a sentence where a map hardly changed.

    Source:
        Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018.
    """
    checks: dict[str, float] = {}
    remarks: list[str] = []
    for key, words, keep in (
        ("rank_correlation_random_head", "fusion and head are", True),
        ("rank_correlation_random_network", "the whole network is", False),
    ):
        other = make(randomised(network, seed=seed, keep_encoders=keep), name, rows)
        found = rank_correlation(maps, other)
        value = float(np.nanmean(found)) if not np.isnan(found).all() else float("nan")
        checks[key] = value
        if value > UNCHANGED:
            remarks.append(
                f"{name}: the map hardly changes when {words} drawn at random (rank correlation "
                f"{value:.2f}): it shows the image rather than what was learned. Do not read it."
            )
    return checks, tuple(remarks)

"""Grad-CAM: feature maps weighted by the mean gradient of the answer."""

from __future__ import annotations

import numpy as np
import torch

from tumorboard.explain import Asked, Explainer, Explanation, HeatMaps
from tumorboard.models.assembly import Network
from tumorboard.prediction.activation_maps import (
    MakeMaps,
    Weigh,
    activation_maps,
    placed_modalities,
    randomisation_check,
    seen_affines,
    seen_inputs,
    why_no_activation_maps,
    with_modality,
)
from tumorboard.records import Ints
from tumorboard.training.fitted import FittedArm
from tumorboard.transforms.heat_maps import Maps, enlarge


class GradCam(Explainer):
    """Grad-CAM: where in an image or volume the encoder's last maps raise the answer's log odds.

    The gradient goes through the whole network, with the patient's other modalities in place, so
    that it is the fused answer that is explained. Maps are as coarse as the encoder's last
    convolution and are enlarged to the image.

    Source:
        Selvaraju et al., Grad-CAM, ICCV 2017: equations 1 and 2, of the log odds of the class
        against the others.
    """

    question = "Where in the image did the answer come from?"

    def refuses(self, fitted: FittedArm) -> str:
        """Baselines, arms without an image, encoders without convolutional maps."""
        return why_no_activation_maps(fitted)

    def explain(self, asked: Asked) -> Explanation:
        """A map for every row that has the image."""
        return explain_by_activation(asked, mean_gradient)


def mean_gradient(maps: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """(B, F) weight of each map: its gradient's mean over the places (equation 1)."""
    return gradients.mean(dim=tuple(range(2, maps.ndim)))


def explain_by_activation(asked: Asked, weigh: Weigh) -> Explanation:
    """Maps of every image of the arm with these weights of its feature maps."""

    def maps(network: Network, name: str, rows: Ints) -> Maps:
        return activation_maps(
            asked.fitted,
            asked.measured,
            rows,
            name=name,
            target=asked.target,
            weigh=weigh,
            network=network,
        )

    return explain_by_maps(asked, maps)


def explain_by_maps(asked: Asked, make: MakeMaps, *, n_checked: int = 0) -> Explanation:
    """Maps of every image of the arm, and what random weights make of them.

    Args:
        asked: The question.
        make: Gives the maps.
        n_checked: Images that are compared with those of random weights; 0 is all.
    """
    found: list[HeatMaps] = []
    checks: dict[str, float] = {}
    remarks: list[str] = []
    fitted, network = asked.fitted, asked.fitted.network
    if network is None:
        raise ValueError(f"{fitted.arm.name} has no network; ask `refuses` first")
    names = placed_modalities(fitted)
    seed = int(asked.rng.integers(2**31))
    for name in names:
        rows = with_modality(asked.measured, asked.rows, name)
        if len(rows) < len(asked.rows):
            n = len(asked.rows) - len(rows)
            remarks.append(f"{name}: no map for {n} of {len(asked.rows)} rows, which have none.")
        if not len(rows):
            continue
        networks = (network, *fitted.members)  # the mean over an ensemble, as of its predictions
        every = [make(one, name, rows) for one in networks]
        maps: Maps = np.stack(every).mean(axis=0)
        few = rows[: n_checked or len(rows)]
        measured, said = randomisation_check(
            every[0][: len(few)], make, network, name=name, rows=few, seed=seed
        )
        checks |= {f"{key} {name}" if len(names) > 1 else key: v for key, v in measured.items()}
        remarks += said
        inputs = seen_inputs(fitted, asked.measured, rows, name)
        found.append(
            HeatMaps(
                name, rows, enlarge(maps, inputs.shape[2:]), inputs,
                affines=seen_affines(fitted, asked.measured, rows, name),
            )
        )  # fmt: skip
        n_empty = int((maps.reshape(len(maps), -1).max(axis=1) <= 0).sum())
        if n_empty:
            remarks.append(f"{name}: nothing raises the answer in {n_empty} of {len(maps)} images.")
    return Explanation(heat_maps=tuple(found), checks=checks, remarks=tuple(remarks))

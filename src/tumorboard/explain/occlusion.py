"""Occlusion: what happens to the answer when a patch of the image is hidden."""

from __future__ import annotations

import numpy as np
import torch

from tumorboard.explain import Asked, Explainer, Explanation
from tumorboard.explain.grad_cam import explain_by_maps
from tumorboard.models.assembly import Network
from tumorboard.models.feature_maps import log_odds
from tumorboard.models.setting_types import Count, Share
from tumorboard.prediction.activation_maps import device_of, why_no_places
from tumorboard.records import Ints
from tumorboard.training.fitted import FittedArm
from tumorboard.transforms.heat_maps import Maps

#: Images that are compared with those of random weights: each costs as much as a map.
_N_CHECKED = 2


class Occlusion(Explainer):
    """Occlusion: how far the answer's log odds fall when a patch of the image is hidden.

    Works with every encoder. The patch slides over the image and is filled with the image's own
    mean colour; a place gets the mean fall over the patches that cover it, 0 where hiding it
    raises the answer.

    Args:
        patch: Side of the patch, as a share of each side of the image.
        step: Distance between two patches, as a share of the patch.
        at_once: Patches and images that the network sees at a time.

    Source:
        Zeiler & Fergus, ECCV 2014, in captum's implementation.
    """

    question = "Which part of the image would the answer miss?"

    def __init__(
        self,
        *,
        patch: Share = 0.2,
        step: Share = 0.5,
        at_once: Count = 64,
    ) -> None:
        self.patch, self.step, self.at_once = patch, step, at_once

    def refuses(self, fitted: FittedArm) -> str:
        """Baselines and arms without an image."""
        return why_no_places(fitted)

    def explain(self, asked: Asked) -> Explanation:
        """A map for every row that has the image."""

        def maps(network: Network, name: str, rows: Ints) -> Maps:
            network.eval()
            parts = [
                self._batch(asked, name, network, rows[start : start + self.at_once])
                for start in range(0, len(rows), self.at_once)
            ]
            return np.concatenate(parts)

        return explain_by_maps(asked, maps, n_checked=_N_CHECKED)

    def _batch(self, asked: Asked, name: str, network: Network, rows: Ints) -> Maps:
        """(n, *space) mean fall of the log odds over the patches that cover each place."""
        from captum.attr import Occlusion as SlidingPatch

        inputs, present = asked.fitted.batch(asked.measured, rows, device_of(network))
        others = [other for other in inputs if other != name]

        def score(image: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
            *arrays, shown = rest
            given = {name: image, **dict(zip(others, arrays, strict=True))}
            return log_odds(network(given, shown).logits.float(), asked.target)

        image = inputs[name]
        sides = [max(1, round(self.patch * side)) for side in image.shape[2:]]
        steps = [max(1, round(self.step * side)) for side in sides]
        fill = image.mean(dim=tuple(range(2, image.ndim)), keepdim=True).expand_as(image)
        with torch.inference_mode():
            falls = SlidingPatch(score).attribute(
                image,
                sliding_window_shapes=(image.shape[1], *sides),
                strides=(image.shape[1], *steps),
                baselines=fill,
                additional_forward_args=(*(inputs[other] for other in others), present),
                perturbations_per_eval=max(1, self.at_once // len(rows)),
            )
        # Every channel of a place has the same fall.
        return falls[:, 0].clamp_min(0).cpu().numpy().astype(np.float32)

"""Grad-CAM++: feature maps weighted by gradients that count each place by its own share."""

from __future__ import annotations

import torch

from tumorboard.explain import Asked, Explainer, Explanation
from tumorboard.explain.grad_cam import explain_by_activation
from tumorboard.prediction.activation_maps import why_no_activation_maps
from tumorboard.training.fitted import FittedArm


class GradCamPlusPlus(Explainer):
    """Grad-CAM++: as Grad-CAM, but several lesions in one image each get their full weight.

    Source:
        Chattopadhay et al., Grad-CAM++, WACV 2018: equations 5 to 7 and 19, with the exponential
        of the log odds as the score, so that second and third derivatives are powers of the first.
    """

    question = "Where in the image did the answer come from, if there may be several such places?"

    def refuses(self, fitted: FittedArm) -> str:
        """Baselines, arms without an image, encoders without convolutional maps."""
        return why_no_activation_maps(fitted)

    def explain(self, asked: Asked) -> Explanation:
        """A map for every row that has the image."""
        return explain_by_activation(asked, place_weighted_gradient)


def place_weighted_gradient(maps: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """(B, F) sum over places of alpha times the positive gradient.

    alpha = g^2 / (2 g^2 + g^3 sum of A), 0 where g is 0 (equation 19). The common factor exp(S) of
    all weights of an image is left out: a map's scale has no meaning.
    """
    space = tuple(range(2, maps.ndim))
    total = maps.sum(dim=space, keepdim=True)
    # g^2 divided out: 1 / (2 + g sum A)
    below = 2 + gradients * total
    alpha = torch.where((gradients != 0) & (below != 0), 1 / below, torch.zeros_like(below))
    return (alpha * gradients.clamp_min(0)).sum(dim=space)

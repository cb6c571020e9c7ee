"""Grad-CAM++: weights by hand, in two and three dimensions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tumorboard.explain import Asked
from tumorboard.explain.grad_cam_plus_plus import GradCamPlusPlus, place_weighted_gradient


def test_weights_equal_a_hand_count() -> None:
    maps = torch.tensor([[[[1.0, 3.0]], [[2.0, 0.0]]]])
    gradients = torch.tensor([[[[0.5, -1.0]], [[1.0, 0.0]]]])
    # first map: sum 4, alpha at g = 0.5 is 1 / (2 + 0.5 * 4) = 1/4; g = -1 is cut off
    # second map: sum 2, alpha at g = 1 is 1 / (2 + 2) = 1/4
    assert place_weighted_gradient(maps, gradients).tolist() == [[0.125, 0.25]]


def test_weights_are_those_of_the_derivatives_of_the_exponential() -> None:
    """Equation 19 with derivatives of Y = exp(S) taken by autograd, divided by exp(S)."""
    torch.manual_seed(0)
    maps = torch.rand(1, 2, 2, 2, 2, dtype=torch.float64)
    slope = torch.rand(1, 2, 2, 2, 2, dtype=torch.float64)
    expected: list[float] = []
    for k in range(2):
        weight = 0.0
        for place in torch.cartesian_prod(*[torch.arange(2)] * 3).tolist():
            at = (0, k, *place)
            x = maps[at].clone().requires_grad_()
            rest = (slope * maps).sum() - slope[at] * maps[at]
            y = torch.exp(rest + slope[at] * x)
            (first,) = torch.autograd.grad(y, x, create_graph=True)
            (second,) = torch.autograd.grad(first, x, create_graph=True)
            (third,) = torch.autograd.grad(second, x)
            alpha = second / (2 * second + maps[0, k].sum() * third)
            weight += float((alpha * first.clamp_min(0) / y).detach())
        expected.append(weight)
    assert place_weighted_gradient(maps, slope)[0].tolist() == pytest.approx(expected, rel=1e-9)


def test_mass_lies_where_the_answer_comes_from(ask: Callable[..., Asked]) -> None:
    (found,) = GradCamPlusPlus().explain(ask("image", quadrant=True)).heat_maps
    inside = found.maps[:, :18, :18].sum(axis=(1, 2)) / found.maps.sum(axis=(1, 2))
    assert inside.min() > 0.99


def test_refuses_baselines(ask: Callable[..., Asked]) -> None:
    assert "baseline" in GradCamPlusPlus().refuses(ask("logistic").fitted)

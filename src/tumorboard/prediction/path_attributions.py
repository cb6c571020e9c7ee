"""Shapley values of many features at once: gradients followed from every reference patient.

The Aumann-Shapley value of a feature is the integral of the answer's gradient along the straight
way from a reference to the patient, times how far the feature moves; over several references the
mean (expected gradients). Their sum is the answer minus the references' mean answer.

Source:
    Aumann & Shapley, Values of Non-Atomic Games, 1974; Sundararajan & Najmi, ICML 2020; Erion et
    al., Nature Machine Intelligence 2021.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from tumorboard.prediction.held_model import HeldModel
from tumorboard.records import Floats, Ints

#: Numbers of one product of weights and references: 64 MB.
_MOST_NUMBERS = 2**24


@dataclass(frozen=True)
class PathAttributions:
    """What each feature moved.

    Args:
        values: (n, F) attributions.
        base: Mean answer of the references.
        output: (n,) answers.
    """

    values: Floats
    base: float
    output: Floats

    @property
    def gap(self) -> Floats:
        """(n,) how far base plus the sum of the attributions is from the answer."""
        return np.abs(self.base + self.values.sum(axis=1) - self.output)


def path_attributions(
    model: HeldModel,
    x: Floats,
    references: Floats,
    *,
    steps: int = 8,
    most_steps: int = 64,
    tolerance: float = 0.05,
    at_once: int = 4096,
) -> PathAttributions:
    """Attributions of every row; rows whose sum misses the answer are followed in finer steps.

    Where the network starts with a linear layer, that layer's output moves on a straight way too:
    the ways are followed behind it, and its weights are applied once at the end.

    Args:
        model: The arm as a function of the vector.
        x: (n, F) patients.
        references: (B, F) training patients.
        steps: Gauss-Legendre points on each way, doubled until the sum fits.
        most_steps: Points at which doubling ends.
        tolerance: Largest gap, as a share of the spread of the answers around their base.
        at_once: Points that the network sees at a time.
    """
    base = float(model.answers(references).mean())
    output = model.answers(x)
    spread = float(np.sqrt(np.mean((output - base) ** 2))) if len(x) else 0.0
    follow = _behind_first_layer if model.first_layer is not None else _from_the_start
    values = np.zeros(x.shape)
    left: Ints = np.arange(len(x))
    while len(left):
        values[left] = follow(model, x[left], references, steps, at_once)
        gap = np.abs(base + values[left].sum(axis=1) - output[left])
        steps *= 2
        if steps > most_steps:
            break
        left = left[gap > tolerance * spread]
    return PathAttributions(values, base, output)


def _from_the_start(
    model: HeldModel, x: Floats, references: Floats, steps: int, at_once: int
) -> Floats:
    """(n, F) by gradients in the features themselves."""
    own = _tensor(x, model)
    others = _tensor(references, model)
    found = np.zeros(x.shape)
    n_refs = max(1, min(len(others), at_once // steps))
    for i, row in enumerate(own):
        for start in range(0, len(others), n_refs):
            some = others[start : start + n_refs]
            gradient = _mean_gradient(model.score, row[None], some, steps)
            found[i] += ((row - some) * gradient[0]).sum(dim=0).double().cpu().numpy()
    return found / len(others)


def _behind_first_layer(
    model: HeldModel, x: Floats, references: Floats, steps: int, at_once: int
) -> Floats:
    """(n, F) by gradients behind the first layer, whose weights carry them back."""
    layer = model.first_layer
    if layer is None:
        raise ValueError("the network does not start with a linear layer")
    own, others = _tensor(x, model), _tensor(references, model)
    with torch.no_grad():
        mixed, mixed_others = layer(own), layer(others)
        weights = layer.weight.detach()

    def score(hidden: torch.Tensor) -> torch.Tensor:
        return model.score(hidden, is_mixed=True)

    n_rows = max(1, at_once // (steps * len(others)))
    parts = [
        _mean_gradient(score, mixed[start : start + n_rows], mixed_others, steps)
        for start in range(0, len(own), n_rows)
    ]
    gradient = torch.cat(parts)  # (n, references, hidden)
    # sum over references b of (x - b) * (g_b W), with one product for each of its two halves
    carried = own * (gradient.sum(dim=1) @ weights)
    n_refs = max(1, _MOST_NUMBERS // weights.numel())
    for start in range(0, len(others), n_refs):
        some = slice(start, start + n_refs)
        scaled = (others[some, None] * weights).flatten(0, 1)  # (references x hidden, F)
        carried.addmm_(gradient[:, some].flatten(1), scaled, alpha=-1)
    return carried.double().cpu().numpy() / len(others)


def _mean_gradient(
    score: Callable[[torch.Tensor], torch.Tensor],
    ends: torch.Tensor,
    starts: torch.Tensor,
    steps: int,
) -> torch.Tensor:
    """(rows, references, F) mean gradient of the score on the way from each start to each end."""
    nodes, node_weights = np.polynomial.legendre.leggauss(steps)
    at = torch.as_tensor((nodes + 1) / 2, dtype=ends.dtype, device=ends.device)[:, None]
    share = torch.as_tensor(node_weights / 2, dtype=ends.dtype, device=ends.device)[:, None]
    way = ends[:, None, None] - starts[None, :, None]
    points = (starts[None, :, None] + at * way).reshape(-1, ends.shape[1]).requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(score(points).sum(), points)
    gradient = gradient.reshape(len(ends), len(starts), steps, -1)
    return (gradient * share).sum(dim=2)


def _tensor(values: Floats, model: HeldModel) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.float32).to(model.device)

"""An arm as a function of one vector alone, with every other modality at its mean embedding."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import log_softmax

from tumorboard.errors import InputError
from tumorboard.modalities import Measured, row_weights
from tumorboard.models.assembly import Network
from tumorboard.models.feature_maps import log_odds
from tumorboard.records import Cohort, Floats, Ints
from tumorboard.training.fitted import FittedArm

#: Largest difference of embeddings computed in two ways, as a share of the largest: rounding.
_ALIKE = 1e-4


@dataclass(frozen=True)
class _Held:
    """One network: what stands for the other modalities, and how its vector is encoded.

    Args:
        network: The network.
        name: The modality that varies.
        others: Other modality -> (1, F_m) mean embedding over training rows; absent from here where
            no training row has it.
        first: Linear layer that the encoder starts with, else None.
        rest: What of the encoder comes after it.
    """

    network: Network
    name: str
    others: Mapping[str, torch.Tensor]
    first: nn.Linear | None
    rest: nn.Module | None

    def logits(self, x: torch.Tensor, *, is_mixed: bool) -> torch.Tensor:
        """(n, K) for vectors, or for what the first layer makes of them."""
        network = self.network
        if network.level == "input":
            own = x
        else:
            encoder = self.rest if is_mixed and self.rest is not None else None
            own = (encoder or network.encoder(self.name))(x)
        embeddings: list[torch.Tensor] = []
        for name in network.names:
            if name == self.name:
                embeddings.append(own)
            else:
                embeddings.append(self.others[name].expand(len(x), -1))
        present = torch.ones(len(x), len(network.names), dtype=torch.bool, device=x.device)
        return network.answer(embeddings, present).logits.float()


class HeldModel:
    """What an arm says when one vector changes and all else stays as in a mean training patient.

    Args:
        fitted: The arm; it has a network.
        measured: Its measurements.
        cohort: Their cohort.
        name: The modality that varies, of layout `vector`.
        background: Training rows.
        target: Class explained; of a regression the target column.
        network: Another network than the arm's own, such as one of random weights.

    Raises:
        InputError: No training row has one of the other modalities.
    """

    def __init__(
        self,
        fitted: FittedArm,
        measured: Mapping[str, Measured],
        cohort: Cohort,
        *,
        name: str,
        background: Ints,
        target: int,
        network: Network | None = None,
    ) -> None:
        self.target = target
        self.is_classification = fitted.study.keys.task.kind == "classification"
        own = [n for n in (fitted.network, *fitted.members) if n is not None]
        networks = [network] if network is not None else own
        self.device = next(networks[0].parameters()).device
        weight = row_weights(cohort.patient_id, background)
        self._held = [
            _hold(fitted, measured, one, name, background, weight, self.device) for one in networks
        ]

    @property
    def first_layer(self) -> nn.Linear | None:
        """The linear layer that a single network starts with; None where there is none."""
        return self._held[0].first if len(self._held) == 1 else None

    def score(self, x: torch.Tensor, *, is_mixed: bool = False) -> torch.Tensor:
        """(n,) log odds of the target, or the output itself where there are no classes.

        Args:
            x: (n, F) vectors; with `is_mixed` what `first_layer` makes of them.
            is_mixed: Skip the first layer.
        """
        outputs = [held.logits(x, is_mixed=is_mixed) for held in self._held]
        if self.is_classification:
            # The mean of the networks' probabilities, as the arm predicts.
            logs = torch.stack([log_softmax(each, dim=1) for each in outputs])
            return log_odds(logs.logsumexp(dim=0) - float(np.log(len(outputs))), self.target)
        mean = torch.stack(outputs).mean(dim=0)
        return mean[:, self.target if mean.shape[1] > 1 else 0]

    def answers(self, x: Floats) -> Floats:
        """(n,) scores of vectors."""
        parts: list[Floats] = []
        with torch.no_grad():
            for start in range(0, len(x), 256):
                batch = torch.as_tensor(x[start : start + 256], dtype=torch.float32)
                parts.append(self.score(batch.to(self.device)).double().cpu().numpy())
        return np.concatenate(parts) if parts else np.empty(0)


def _hold(
    fitted: FittedArm,
    measured: Mapping[str, Measured],
    network: Network,
    name: str,
    background: Ints,
    weight: Floats,
    device: torch.device,
) -> _Held:
    """Mean embeddings of the other modalities, and the encoder split behind its first layer."""
    network.eval()
    sums: dict[str, torch.Tensor] = {}
    totals = dict.fromkeys(network.names, 0.0)
    others = [m for m, other in enumerate(network.names) if other != name]
    for start in range(0, len(background) if others else 0, 32):
        rows = background[start : start + 32]
        inputs, present = fitted.batch(measured, rows, device)
        share = torch.as_tensor(weight[start : start + 32], device=device)[:, None]
        with torch.no_grad():
            embedded = network.embed(inputs, present)
        for m in others:
            counted = torch.where(present[:, m : m + 1], share, torch.zeros_like(share))
            values = torch.where(counted > 0, embedded[m].double(), 0.0)
            key = network.names[m]
            sums[key] = sums.get(key, 0.0) + (values * counted).sum(dim=0, keepdim=True)
            totals[key] += float(counted.sum())
    means = {key: (total / max(totals[key], 1e-12)).float() for key, total in sums.items()}
    for m in others:
        if not totals[network.names[m]]:
            raise InputError(
                f"arm {fitted.arm.name}: no training patient with {network.names[m]} is at hand, "
                "whose mean embedding would stand for it. Explain the model with the cohort that "
                "it was trained on."
            )
    first, rest = (None, None) if network.level == "input" else _split(network.encoder(name))
    return _Held(network, name, means, first, rest)


def _split(encoder: nn.Module) -> tuple[nn.Linear | None, nn.Module | None]:
    """The linear layer that an encoder starts with and the rest of it; None where it does not."""
    linears = [(key, part) for key, part in encoder.named_modules() if isinstance(part, nn.Linear)]
    if not linears:
        return None, None
    key, first = linears[0]
    rest = copy.deepcopy(encoder)
    rest.set_submodule(key, nn.Identity())
    probe = torch.linspace(-1.0, 1.0, 3 * first.in_features, device=first.weight.device)
    try:
        with torch.no_grad():
            x = probe.reshape(3, -1)
            whole, split = encoder(x), rest(first(x))
    except (RuntimeError, ValueError, IndexError, TypeError):
        return None, None  # the layer does not stand at the entrance
    is_alike = whole.shape == split.shape and bool(
        (whole - split).abs().max() <= _ALIKE * whole.abs().max().clamp_min(1e-12)
    )
    return (first, rest) if is_alike else (None, None)

"""An arm as a function of its table features, with the patient's other modalities in place."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
from torch.nn.functional import log_softmax

from tumorboard.modalities import Measured
from tumorboard.models.assembly import Network
from tumorboard.models.feature_maps import log_odds as network_log_odds
from tumorboard.prediction.features import table_features, table_vectors
from tumorboard.records import Bools, Floats, Ints
from tumorboard.training.fitted import FittedArm

#: Probabilities this close to 0 or 1 count as that far away, so that log odds stay finite.
_EDGE = 1e-9
#: No image of another patient.
NOTHING_ELSE: Mapping[str, Ints] = MappingProxyType({})


def probability_log_odds(probabilities: Floats, target: int) -> Floats:
    """Log odds of one class against the others."""
    p = np.clip(probabilities[:, target], _EDGE, 1.0 - _EDGE)
    return np.log(p) - np.log1p(-p)


class VectorModel:
    """What an arm answers when the table features of some rows are replaced.

    Images and volumes are encoded once: only what depends on the tables is computed anew. Several
    networks (an ensemble) answer with the mean of their probabilities. Nothing is calibrated.

    Args:
        fitted: The arm.
        measured: Its measurements.
        rows: The rows, each with at least one modality; functions count them from 0.
        target: Class explained.
        networks: Other networks than the arm's own, such as one of random weights.
    """

    def __init__(
        self,
        fitted: FittedArm,
        measured: Mapping[str, Measured],
        rows: Ints,
        *,
        target: int,
        networks: tuple[Network, ...] = (),
    ) -> None:
        self.fitted = fitted
        self.target = target
        self.features = table_features(fitted)
        self.vectors = table_vectors(fitted, measured, rows)
        self.present = fitted.present(measured)[rows]
        own = (fitted.network, *fitted.members)
        self.networks = networks or tuple(network for network in own if network is not None)
        self._held = [self._encode(network, measured, rows) for network in self.networks]

    def probabilities(
        self, x: Floats, rows: Ints, *, held: Mapping[str, Ints] = NOTHING_ELSE
    ) -> Floats:
        """(n, K) answers for features (n, F), NaN where the modality is absent.

        Args:
            x: Features.
            rows: (n,) whose presence of modalities it is.
            held: Image -> (n,) whose it is; that of the same rows where left out.
        """
        if self.fitted.baseline is not None:
            return self.fitted.baseline.predict(x)
        with torch.no_grad():
            logits = self._log_probabilities(
                torch.as_tensor(x, dtype=torch.float32),
                torch.as_tensor(rows),
                {name: torch.as_tensor(source) for name, source in held.items()},
            )
        return logits.double().exp().numpy()

    def outputs(self, x: Floats, rows: Ints, *, held: Mapping[str, Ints] = NOTHING_ELSE) -> Floats:
        """(n, K) outputs before they become predictions of numbers; the mean of an ensemble's."""
        if self.fitted.baseline is not None:
            return self.fitted.baseline.predict(x)
        with torch.no_grad():
            each = self._each(
                torch.as_tensor(x, dtype=torch.float32),
                torch.as_tensor(rows),
                {name: torch.as_tensor(source) for name, source in held.items()},
            )
            return torch.stack(each).double().mean(dim=0).numpy()

    def has(self, row: int) -> Bools:
        """(F,) features whose modality this row has, their values known or missing."""
        names = list(self.fitted.arm.modalities)
        of_feature = [names.index(name) for name in self.features.modalities]
        return np.asarray(self.present[row], dtype=np.bool_)[of_feature]

    def log_odds(self, x: Floats, rows: Ints) -> Floats:
        """(n,) log odds of the target for features (n, F)."""
        if self.fitted.baseline is not None:
            return probability_log_odds(self.fitted.baseline.predict(x), self.target)
        with torch.no_grad():
            scores = self.score(
                torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(rows, dtype=torch.long)
            )
        return scores.double().numpy()

    def score(self, x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Log odds as above, differentiable in the features; networks only."""
        return network_log_odds(self._log_probabilities(x, rows, {}), self.target)

    def _encode(
        self, network: Network, measured: Mapping[str, Measured], rows: Ints
    ) -> dict[str, torch.Tensor]:
        """Embeddings of the modalities that are not vectors, on the CPU."""
        network.eval()
        names = [n for n in network.names if n not in self.features.modalities]
        kept: dict[str, list[torch.Tensor]] = {name: [] for name in names}
        device = next(network.parameters()).device
        for start in range(0, len(rows) if names else 0, 32):
            inputs, present = self.fitted.batch(measured, rows[start : start + 32], device)
            with torch.no_grad():
                embedded = network.embed(inputs, present)
            for name in names:
                kept[name].append(embedded[network.names.index(name)].float().cpu())
        return {name: torch.cat(parts) for name, parts in kept.items() if parts}

    def _log_probabilities(
        self, x: torch.Tensor, rows: torch.Tensor, held: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        answers = [log_softmax(each, dim=1) for each in self._each(x, rows, held)]
        if len(answers) == 1:
            return answers[0]
        return torch.stack(answers).logsumexp(dim=0) - float(np.log(len(answers)))

    def _each(
        self, x: torch.Tensor, rows: torch.Tensor, held: Mapping[str, torch.Tensor]
    ) -> list[torch.Tensor]:
        """Outputs (n, K) of every network."""
        present = torch.as_tensor(self.present)[rows]
        whose = {name: held.get(name, rows) for kept in self._held for name in kept}
        return [
            self._logits(network, kept, x, present, whose).float()
            for network, kept in zip(self.networks, self._held, strict=True)
        ]

    def _logits(
        self,
        network: Network,
        kept: Mapping[str, torch.Tensor],
        x: torch.Tensor,
        present: torch.Tensor,
        whose: Mapping[str, torch.Tensor],
    ) -> torch.Tensor:
        device = next(network.parameters()).device
        embeddings: list[torch.Tensor] = []
        for m, name in enumerate(network.names):
            if name in kept:
                embeddings.append(kept[name][whose[name]].to(device))
                continue
            # What stands in rows without the modality never reaches the answer; NaN would reach
            # the gradient.
            vector = torch.where(present[:, m : m + 1], x[:, self.features.of(name)], 0.0)
            vector = vector.to(device, dtype=torch.float32)
            embeddings.append(vector if network.level == "input" else network.encoder(name)(vector))
        return network.answer(embeddings, present.to(device)).logits.cpu()

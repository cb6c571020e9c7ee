"""Encoders, fusion and head of one arm assembled into one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import nn

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.fusion import Fused, Fusion
from tumorboard.models.staged_learning import (
    StagedNetwork,
    build_encoder,
    component_settings,
    encode_present,
    run_part,
)
from tumorboard.records import ArraySpec

Link = Literal["softmax", "identity"]


@dataclass(frozen=True)
class Outputs:
    """What a network says about a batch.

    Args:
        logits: (B, K); at the decision level with the softmax link, the log of the combined
            probability.
        branches: (B, M, K) each modality's own logits at the decision level, zero where it is
            absent and to be left out of any loss there; else None.
        weights: (B, M) share of each modality, where the fusion has such weights; else None.
    """

    logits: torch.Tensor
    branches: torch.Tensor | None = None
    weights: torch.Tensor | None = None


class Network(StagedNetwork):
    """One arm's network: an encoder per modality, a fusion, a linear head.

    Encoders see only the rows where their modality is present, so that no statistic of theirs
    (batch norm) ever includes filler.

    Args:
        specs: Modality -> what its encoder gets; the order is that of `present (B, M)`.
        encoders: Modality -> name and settings of its encoder; not used by an input-level fusion.
        fusion: Name and settings; None for one modality alone.
        n_outputs: Number of outputs K.
        link: What makes a branch's outputs fit to be averaged at the decision level.

    Raises:
        StudyError: Several modalities without a fusion, or an encoder that does not read the
            layout.
    """

    def __init__(
        self,
        specs: Mapping[str, ArraySpec],
        encoders: Mapping[str, Mapping[str, Any]],
        fusion: Mapping[str, Any] | None,
        *,
        n_outputs: int,
        link: Link,
    ) -> None:
        super().__init__()
        self.names = self.encoder_names = tuple(specs)
        self.link: Link = link
        kind = _fusion_class(fusion)
        if kind is None and len(specs) != 1:
            raise StudyError(f"network: {len(specs)} modalities without a fusion. Name one.")
        self.level = kind.level if kind is not None else "feature"
        self.encoders = nn.ModuleList(
            []
            if self.level == "input"
            else [build_encoder(name, spec, encoders[name]) for name, spec in specs.items()]
        )
        if self.level == "input":
            sizes = tuple(_vector_size(name, spec) for name, spec in specs.items())
        else:
            sizes = tuple(encoder.output_size for encoder in self._encoders())
        is_decision = self.level == "decision"
        given = (n_outputs,) * len(sizes) if is_decision else sizes
        self.fusion: Fusion | None = None
        if kind is not None and fusion is not None:
            self.fusion = kind(
                self.names, given, **component_settings(kind, fusion, where="fusion")
            )
        size = self.fusion.output_size if self.fusion is not None else sizes[0]
        self.heads = nn.ModuleList(
            nn.Linear(inputs, n_outputs) for inputs in (sizes if is_decision else (size,))
        )
        if self.fusion is None or is_decision:
            _start_heads(self.heads, self._encoders())

    def forward(self, inputs: Mapping[str, torch.Tensor], present: torch.Tensor) -> Outputs:
        """Predict a batch.

        Args:
            inputs: Modality -> (B, *spec.sizes); rows where it is absent are never looked at.
            present: (B, M) boolean, at least one True per row.
        """
        return self.answer(self.embed(inputs, present), present)

    def embed(
        self, inputs: Mapping[str, torch.Tensor], present: torch.Tensor
    ) -> list[torch.Tensor]:
        """Embeddings (B, F_m) of each modality; for an input-level fusion the inputs themselves."""
        if self.level == "input":
            return [inputs[name] for name in self.names]
        return [
            encode_present(encoder, inputs[name], present[:, m])
            for m, (name, encoder) in enumerate(zip(self.names, self._encoders(), strict=True))
        ]

    def answer(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Outputs:
        """Fusion and head: what follows from the embeddings that `embed` gave."""
        if self.level == "decision":
            return self._decide(embeddings, present)
        return self._fuse(embeddings, present)

    def _fuse(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Outputs:
        (head,) = self.heads
        fusion = self.fusion
        if fusion is None:
            return Outputs(head(embeddings[0]))
        fused: Fused = run_part(fusion, lambda: fusion(embeddings, present), n_rows=len(present))
        return Outputs(head(fused.vector), weights=fused.weights)

    def _decide(self, embeddings: Sequence[torch.Tensor], present: torch.Tensor) -> Outputs:
        fusion = cast("Fusion", self.fusion)
        branches = torch.stack(
            [head(embedding) for head, embedding in zip(self.heads, embeddings, strict=True)], dim=1
        ).float()
        branches = torch.where(present.unsqueeze(2), branches, torch.zeros_like(branches))
        values = branches.softmax(dim=2) if self.link == "softmax" else branches
        fused: Fused = fusion(list(values.unbind(dim=1)), present)
        logits = fused.vector
        if self.link == "softmax":
            # The log of a probability that underflowed stays finite: the smallest float's, about
            # -87.
            logits = logits.clamp_min(torch.finfo(logits.dtype).tiny).log()
        return Outputs(logits, branches, fused.weights)


def drop_modalities(
    present: torch.Tensor, p: float, generator: torch.Generator | None = None
) -> torch.Tensor:
    """Present (B, M) with each modality dropped with probability `p`, at least one left per row.

    Where all would go, one of those present stays, each with the same chance.

    Args:
        present: (B, M) boolean, at least one True per row.
        p: Probability to drop a modality that is present.
        generator: Source of the randomness, on any device.
    """
    device = generator.device if generator is not None else present.device
    draws = torch.rand(present.shape, generator=generator, device=device).to(present.device)
    draws = draws.masked_fill(~present, -1.0)
    # The largest draw always stays; it would anyway, unless every draw of the row is below p.
    largest = torch.zeros_like(present).scatter_(1, draws.argmax(dim=1, keepdim=True), True)
    return present & ((draws >= p) | largest)


def fusion_level(name: str) -> str:
    """At which level a fusion works: input, feature or decision."""
    return str(registry.load("models.fusion", name).level)


def _fusion_class(fusion: Mapping[str, Any] | None) -> type[Fusion] | None:
    if fusion is None:
        return None
    return registry.find("models.fusion", fusion["name"], Fusion)


def _start_heads(heads: nn.ModuleList, encoders: Sequence[Encoder]) -> None:
    """Heads right behind an encoder start as it asks."""
    for head, encoder in zip(heads, encoders, strict=True):
        if encoder.head_init == "he":
            linear = cast("nn.Linear", head)
            # variance 2 / inputs, as of a layer before a ReLU: He et al., ICCV 2015, equation 10
            nn.init.kaiming_normal_(linear.weight, mode="fan_in", nonlinearity="relu")
            nn.init.zeros_(linear.bias)


def _vector_size(name: str, spec: ArraySpec) -> int:
    if spec.layout != "vector":
        raise StudyError(
            f"modalities.{name}: gives {spec.layout}, but this fusion joins vectors before any "
            "encoder. Choose a fusion of embeddings, such as concatenation."
        )
    return spec.sizes[0]

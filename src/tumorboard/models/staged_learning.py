"""Encoders inside a network: built, run on the rows present, frozen and trained by stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, TypeVar, cast

import torch
from torch import nn

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder, Tokens
from tumorboard.records import ArraySpec

T = TypeVar("T")


class StagedNetwork(nn.Module):
    """A network with an encoder per modality, whose stages learn at rates of their own.

    A subclass fills `encoders`, in the order of `encoder_names`.
    """

    encoder_names: tuple[str, ...]

    def __init__(self) -> None:
        super().__init__()
        self.encoders = nn.ModuleList()
        self._frozen: list[nn.Module] = []

    def encoder(self, name: str) -> Encoder:
        """The encoder of a modality."""
        return self._encoders()[self.encoder_names.index(name)]

    def load_pretrained(self) -> None:
        """Take up the weights that the encoders' settings name, when training starts."""
        for encoder in self._encoders():
            encoder.load_pretrained()

    def parameter_groups(
        self, learning_rate: float, *, encoder_learning_rate: float | Literal["same"] = "same"
    ) -> list[dict[str, Any]]:
        """Groups for an optimiser: `{"params": [...], "lr": ...}`, the slowest first.

        Every parameter is in exactly one. The last stage of each encoder learns at
        `encoder_learning_rate`, and that of every stage below is multiplied by the encoder's
        `learning_rate_decay` once more; everything else learns at `learning_rate`.
        """
        fastest = learning_rate if encoder_learning_rate == "same" else encoder_learning_rate
        rates: dict[int, float] = {}
        for encoder in self._encoders():
            for height, stage in enumerate(reversed(encoder.stages())):
                rate = fastest * encoder.learning_rate_decay**height
                rates.update({id(parameter): rate for parameter in stage.parameters()})
        groups: dict[float, list[nn.Parameter]] = {}
        for parameter in self.parameters():
            groups.setdefault(rates.get(id(parameter), learning_rate), []).append(parameter)
        return [{"params": groups[rate], "lr": rate} for rate in sorted(groups)]

    def set_epoch(self, epoch: int) -> None:
        """Freeze and unfreeze stages for an epoch.

        An encoder with `unfreeze_every` or `frozen_epochs` starts with every stage frozen, so that
        the new head does not spoil pretrained weights; stages are then trained from the last on.

        Args:
            epoch: Number of epochs finished: 0 for the first.
        """
        self._frozen = []
        for encoder in self._encoders():
            stages = encoder.stages()
            n_frozen = len(stages) - encoder.n_trained(epoch)
            self._frozen += stages[:n_frozen]
            for number, stage in enumerate(stages):
                stage.requires_grad_(number >= n_frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """As in any module, but frozen stages stay in eval mode: their batch norm must not move."""
        super().train(mode)
        for stage in self._frozen:
            stage.eval()
        return self

    def _encoders(self) -> list[Encoder]:
        return [cast("Encoder", encoder) for encoder in self.encoders]


def build_encoder(name: str, spec: ArraySpec, table: Mapping[str, Any]) -> Encoder:
    """The encoder that a modality's table names, with its settings.

    Raises:
        StudyError: It does not read the modality's layout, or does not know a setting.
    """
    kind = registry.find("models.encoders", table["name"], Encoder)
    if spec.layout not in kind.layouts:
        raise StudyError(
            f"modalities.{name}.encoder: {table['name']} reads "
            f"{' or '.join(sorted(kind.layouts))}, but this modality gives {spec.layout}. Choose "
            "another encoder (see `tumorboard list`)."
        )
    build = cast("Callable[..., Encoder]", kind)  # `find` gives a subclass, never the contract
    return build(spec, **component_settings(kind, table, where=f"modalities.{name}.encoder"))


def component_settings(kind: type, table: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Arguments of a component with every default filled in; unknown ones are refused."""
    own = {key: value for key, value in table.items() if key != "name"}
    return registry.arguments(kind, registry.resolve(kind, own, where=where))


def encode_present(encoder: Encoder, x: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """Embeddings (B, F): the rows present are encoded, the others are zeros that fusions mask."""
    rows = present.nonzero().squeeze(1)
    if len(rows) == len(present):
        return run_part(encoder, lambda: encoder(x), n_rows=len(rows))
    if len(rows) == 0:
        # as precise as the inputs: relevances are followed in double precision
        dtype = x.dtype if x.is_floating_point() else torch.float32
        return torch.zeros(len(present), encoder.output_size, dtype=dtype, device=present.device)
    encoded = run_part(encoder, lambda: encoder(x[rows]), n_rows=len(rows))
    filler = encoded.new_zeros(len(present), encoder.output_size)
    return filler.index_copy(0, rows, encoded)


def read_present(
    encoder: Encoder, x: torch.Tensor, present: torch.Tensor
) -> tuple[torch.Tensor, Tokens]:
    """As `encode_present`, with the tokens; a row that is absent has one token of zeros."""
    rows = present.nonzero().squeeze(1)
    if len(rows) == 0:
        vectors = encode_present(encoder, x, present)
        mask = torch.ones(len(present), 1, dtype=torch.bool, device=present.device)
        return vectors, Tokens(vectors.unsqueeze(1), mask)
    own = x if len(rows) == len(present) else x[rows]
    vectors, tokens = run_part(encoder, lambda: encoder.read(own), n_rows=len(rows))
    if len(rows) == len(present):
        return vectors, tokens
    n_rows, n_tokens = len(present), tokens.mask.shape[1]
    mask = tokens.mask.new_zeros(n_rows, n_tokens)
    mask[:, 0] = True
    mask = mask.index_copy(0, rows, tokens.mask)
    filler = tokens.values.new_zeros(n_rows, n_tokens, tokens.values.shape[2])
    values = filler.index_copy(0, rows, tokens.values)
    return vectors.new_zeros(n_rows, vectors.shape[1]).index_copy(0, rows, vectors), Tokens(
        values, mask
    )


def run_part(module: nn.Module, action: Callable[[], T], *, n_rows: int) -> T:
    """Run a part, in eval mode for a single row: batch norm of one row is undefined."""
    if n_rows > 1 or not module.training:
        return action()
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        return action()
    finally:
        for part, mode in modes:
            part.training = mode

"""Attention over a bag of patches: which of a slide's patches speak for the patient."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar, cast

import torch
from pydantic import AfterValidator, BeforeValidator, Field
from torch import nn
from torch.utils.checkpoint import checkpoint

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.setting_types import Count, Dropout
from tumorboard.records import ArraySpec, Layout
from tumorboard.study_parts import read_encoder
from tumorboard.study_table import named


def _image_encoder(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table with every default, so that a study is refused before training."""
    try:
        return read_encoder(dict(table), "image", where="patch_encoder")
    except StudyError as error:
        raise ValueError(f"an image encoder ({' '.join(error.problems)})") from error


#: Name and settings of an encoder of images.
PatchEncoder = Annotated[
    Mapping[str, Any],
    BeforeValidator(named),
    AfterValidator(_image_encoder),
    Field(validate_default=True),
]
_DEFAULT: Mapping[str, Any] = {"name": "resnet", "depth": 18}


class AttentionMil(Encoder):
    """Gated attention over a bag of patches, each embedded by an encoder of images.

    Patches that are absent (NaN) are never looked at: a bag filled up with them, or with its
    patches in another order, is embedded the same. Freezing, learning rates by stage and pretrained
    weights are those of `patch_encoder`; the attention is new and trained from the first epoch.

    Args:
        patch_encoder: Encoder of one patch, with its settings.
        embedding_size: Units that each patch, and then the bag, is described by.
        hidden: Units that the attention of a patch is computed from.
        gated: Multiply these units by a learned gate, without which they are nearly linear.
        dropout: Share of a patch's units dropped while training.
        chunk: Patches embedded at a time (one more at most): memory does not grow with the bag,
            but for the pixels. In training, a bag of more patches is embedded twice, once for the
            gradient.

    Source:
        Ilse, Tomczak and Welling, ICML 2018: equation 8, and with `gated` equation 9.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"bag"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        patch_encoder: PatchEncoder = _DEFAULT,
        embedding_size: Count = 256,
        hidden: Count = 128,
        gated: bool = True,
        dropout: Dropout = 0.25,
        chunk: Annotated[int, Field(ge=2)] = 64,
    ) -> None:
        super().__init__(spec)
        self.chunk = chunk
        self.patches = _build(patch_encoder, ArraySpec("image", spec.sizes[1:], spec.names))
        self.unfreeze_every = self.patches.unfreeze_every
        self.frozen_epochs = self.patches.frozen_epochs
        self.learning_rate_decay = self.patches.learning_rate_decay
        self.project = nn.Sequential(
            nn.Linear(self.patches.output_size, embedding_size), nn.ReLU(), nn.Dropout(dropout)
        )
        self.content = nn.Sequential(nn.Linear(embedding_size, hidden), nn.Tanh())
        self.gate = (
            nn.Sequential(nn.Linear(embedding_size, hidden), nn.Sigmoid()) if gated else None
        )
        # Without a bias: adding the same to every score changes no share.
        self.score = nn.Linear(hidden, 1, bias=False)
        self.output_size = embedding_size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, N, C, H, W), absent patches NaN, as (B, embedding_size)."""
        return self.with_attention(x)[0]

    def with_attention(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embedding (B, embedding_size), and how much each patch counts (B, N).

        The shares of a bag sum to 1 over its patches and are 0 for absent ones; a bag without any
        patch has the embedding 0.
        """
        present = ~x.isnan().flatten(2).any(dim=2)
        place = present.flatten().nonzero().squeeze(1)
        found = self.project(self._embed(x.flatten(0, 1)[place]))
        score = self.score(self._attended(found)).squeeze(1).float()
        n_bags, n_patches = present.shape
        scores = score.new_full((n_bags * n_patches,), -torch.inf).index_copy(0, place, score)
        scores = scores.view(n_bags, n_patches)
        # A bag without patches: any finite score, so that no gradient is NaN; the mask makes it 0.
        scores = scores.masked_fill(~present.any(dim=1, keepdim=True), 0.0)
        shares = scores.softmax(dim=1) * present
        filled = found.new_zeros(n_bags * n_patches, found.shape[1]).index_copy(0, place, found)
        bags = filled.view(n_bags, n_patches, -1)
        return (shares.to(bags.dtype).unsqueeze(2) * bags).sum(dim=1), shares

    def stages(self) -> list[nn.Module]:
        """The stages of the patch encoder, then the attention."""
        parts = [self.project, self.content, self.score]
        return [
            *self.patches.stages(),
            nn.ModuleList([*parts, self.gate] if self.gate is not None else parts),
        ]

    def n_trained(self, epoch: int) -> int:
        """The attention always, and of the patch encoder as many stages as its settings say."""
        return 1 + self.patches.n_trained(epoch)

    def load_pretrained(self) -> None:
        """Take up the weights that the settings of `patch_encoder` name."""
        self.patches.load_pretrained()

    def _attended(self, found: torch.Tensor) -> torch.Tensor:
        content = self.content(found)
        return content if self.gate is None else content * self.gate(found)

    def _embed(self, patches: torch.Tensor) -> torch.Tensor:
        """Embeddings (n, F) of the patches present, a chunk at a time."""
        n = len(patches)
        if n == 0:
            return patches.new_zeros(0, self.patches.output_size)
        if n == 1:  # batch norm of one patch is undefined
            with _settled(self.patches):
                return self.patches(patches)
        # At least two patches each, for the batch norm.
        pieces = patches.tensor_split(min(-(-n // self.chunk), n // 2))
        is_training = torch.is_grad_enabled() and any(
            parameter.requires_grad for parameter in self.patches.parameters()
        )
        if len(pieces) == 1 or not is_training:
            return torch.cat([self.patches(piece) for piece in pieces])
        return torch.cat([self._embed_twice(piece) for piece in pieces])

    def _embed_twice(self, piece: torch.Tensor) -> torch.Tensor:
        """Embed now without keeping what the gradient needs, and again when it is computed."""
        runs: list[int] = []

        def run(x: torch.Tensor) -> torch.Tensor:
            runs.append(1)
            if len(runs) == 1:
                return self.patches(x)
            with _counted_once(self.patches):
                return self.patches(x)

        embed = cast("Callable[..., torch.Tensor]", checkpoint)
        return embed(run, piece, use_reentrant=False)


def _build(table: Mapping[str, Any], spec: ArraySpec) -> Encoder:
    resolved = read_encoder(dict(table), "image", where="patch_encoder")
    kind = registry.find("models.encoders", str(resolved["name"]), Encoder)
    build = cast("Callable[..., Encoder]", kind)  # `find` gives a subclass, never the contract
    return build(spec, **registry.arguments(kind, resolved))


@contextmanager
def _settled(module: nn.Module) -> Generator[None]:
    """Eval mode for a while, each part back to its own mode after it."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextmanager
def _counted_once(module: nn.Module) -> Generator[None]:
    """Batch norm as in training, but its running statistics do not move a second time."""
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

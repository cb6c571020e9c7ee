"""A segmenter, and what joins the other modalities of an arm into it, in one network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 torch's own name for it

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.models.encoders import Tokens
from tumorboard.models.fusion import Fusion
from tumorboard.models.guides import Context, Guide, MapShape
from tumorboard.models.segmenters import Segmenter
from tumorboard.models.staged_learning import (
    StagedNetwork,
    build_encoder,
    component_settings,
    read_present,
)
from tumorboard.records import ArraySpec


@dataclass(frozen=True)
class SegmentationOutputs:
    """What a segmentation network says about a batch.

    Args:
        logits: (B, K, *space) of the image's size; behind them coarser ones while training, where
            the segmenter has deep supervision.
        shares: (B, 1 + M) weight of the image and of each other modality, where the fusion has such
            weights; else None.
    """

    logits: list[torch.Tensor]
    shares: torch.Tensor | None = None


class SegmentationNetwork(StagedNetwork):
    """One arm's network: a segmenter of the image, an encoder per other modality, a guide.

    Encoders see only the rows where their modality is present. Every row has the image; without any
    other modality its logits are those of the image alone.

    Args:
        specs: Modality -> what its encoder gets; the order is that of `present (B, M)`.
        image: The modality that is segmented.
        encoders: Modality -> name and settings of its encoder; of the image: of its segmenter.
        fusion: Name and settings; None for the image alone.
        n_outputs: Logits of a voxel.
        n_dims: Spatial axes of what is segmented at once: 2 or 3.

    Raises:
        StudyError: Several modalities without a fusion or the reverse, a fusion that joins vectors
            alone, a segmenter or an encoder that does not read the layout.
    """

    def __init__(
        self,
        specs: Mapping[str, ArraySpec],
        image: str,
        encoders: Mapping[str, Mapping[str, Any]],
        fusion: Mapping[str, Any] | None,
        *,
        n_outputs: int,
        n_dims: int,
    ) -> None:
        super().__init__()
        self.names, self.image = tuple(specs), image
        self.encoder_names = tuple(name for name in specs if name != image)
        if (fusion is None) != (not self.encoder_names):
            found = "one modality with a fusion" if fusion else f"{len(specs)} without a fusion"
            raise StudyError(
                f"network: {found}. A fusion joins other modalities into the segmentation of "
                f"{image!r}; name both or neither."
            )
        kind, settings = _guiding(fusion)
        n_more = kind.extra_channels(**settings) if kind is not None else 0
        spec = specs[image]
        wider = replace(spec, sizes=(spec.sizes[0] + n_more, *spec.sizes[1:]), names=())
        self.encoders = nn.ModuleList(
            build_encoder(name, specs[name], encoders[name]) for name in self.encoder_names
        )
        self.segmenter = build_segmenter(image, wider, encoders[image], n_outputs, n_dims)
        self.n_axes = len(spec.sizes) - 1
        self.guide: Guide | None = None
        if kind is not None:
            shape = MapShape(self.segmenter.map_sizes, n_dims, self.n_axes, n_outputs)
            sizes = tuple(encoder.output_size for encoder in self._encoders())
            self.guide = kind.guide(self.encoder_names, sizes, shape, **settings)

    def forward(
        self, inputs: Mapping[str, torch.Tensor], present: torch.Tensor, places: torch.Tensor
    ) -> SegmentationOutputs:
        """Segment a batch of patches.

        Args:
            inputs: Modality -> (B, ...); of the image patches (B, C, *space), of the others what
                the patient has as a whole. Rows where one is absent are never looked at.
            present: (B, M) boolean; the image is present in every row.
            places: (B, A, 2) where each patch lies in its image; see `Context`.
        """
        return self.segment(inputs[self.image], self.context(inputs, present), places)

    def context(self, inputs: Mapping[str, torch.Tensor], present: torch.Tensor) -> Context:
        """What the other modalities say of each case, to be used for all of its patches.

        Args:
            inputs: Modality -> (B, ...); the image is not looked at and may be left out.
            present: (B, M) in the order of the specs.

        Returns:
            Context whose places are those of whole images.
        """
        columns = [self.names.index(name) for name in self.encoder_names]
        read = [
            read_present(encoder, inputs[name], present[:, column])
            for name, column, encoder in zip(
                self.encoder_names, columns, self._encoders(), strict=True
            )
        ]
        whole = torch.tensor([-1.0, 1.0], device=present.device)
        return Context(
            tuple(vectors for vectors, _ in read),
            tuple(tokens for _, tokens in read),
            present[:, columns],
            whole.expand(len(present), self.n_axes, 2),
        )

    def segment(
        self, image: torch.Tensor, context: Context, places: torch.Tensor
    ) -> SegmentationOutputs:
        """Segment patches (B, C, *space) of cases whose other modalities were read before.

        Args:
            image: Patches; they are padded to a multiple of the segmenter's divisor and the logits
                cropped again.
            context: One row per patch, or a single row: then all patches are of one case.
            places: (B, A, 2) where each patch lies.
        """
        space = image.shape[2:]
        padded = pad_behind(image, self.segmenter.divisor)
        stretch = [after / before for after, before in zip(padded.shape[2:], space, strict=True)]
        context = of_patches(context, _stretched(places, stretch))
        guide = self.guide
        if guide is None:
            logits = self.segmenter(padded)
            return SegmentationOutputs(_cropped(logits, space))
        more = guide.channels(context, padded.shape[2:])
        if more is not None:
            padded = torch.cat([padded, more.to(padded.dtype)], dim=1)
        maps = guide.maps(self.segmenter.encode(padded), context)
        logits = [guide.logits(each, context) for each in self.segmenter.decode(maps)]
        return SegmentationOutputs(_cropped(logits, space), guide.shares())


def build_segmenter(
    name: str, spec: ArraySpec, table: Mapping[str, Any], n_outputs: int, n_dims: int
) -> Segmenter:
    """The segmenter that the image's `encoder` table names, with its settings.

    Raises:
        StudyError: It does not read the modality's layout, or does not know a setting.
    """
    kind = registry.find("models.segmenters", table["name"], Segmenter)
    if spec.layout not in kind.layouts:
        raise StudyError(
            f"modalities.{name}.encoder: {table['name']} segments "
            f"{' or '.join(sorted(kind.layouts))}, but this modality gives {spec.layout}."
        )
    build = cast("Callable[..., Segmenter]", kind)  # `find` gives a subclass, never the contract
    settings = component_settings(kind, table, where=f"modalities.{name}.encoder")
    return build(spec, n_outputs, n_dims, **settings)


def of_patches(context: Context, places: torch.Tensor) -> Context:
    """The context of patches at these places: row by row, or of one case for all of them."""
    n_cases, n_patches = len(context.present), len(places)
    if n_cases == n_patches:
        return replace(context, places=places)
    if n_cases != 1:
        raise ValueError(f"{n_cases} cases for {n_patches} patches: expected one, or as many.")
    return Context(
        tuple(each.expand(n_patches, -1) for each in context.vectors),
        tuple(
            Tokens(each.values.expand(n_patches, -1, -1), each.mask.expand(n_patches, -1))
            for each in context.tokens
        ),
        context.present.expand(n_patches, -1),
        places,
    )


def pad_behind(image: torch.Tensor, divisor: int) -> torch.Tensor:
    """(B, C, *space) with its last voxels repeated behind it, to a multiple of `divisor`."""
    missing = [-length % divisor for length in image.shape[2:]]
    if not any(missing):
        return image
    sides = [side for length in reversed(missing) for side in (0, length)]
    return F.pad(image, sides, mode="replicate")


def _stretched(places: torch.Tensor, stretch: list[float]) -> torch.Tensor:
    """Places of padded patches: the end moves away from the start with the padding."""
    if all(factor == 1 for factor in stretch):
        return places
    factors = places.new_ones(places.shape[1])
    factors[: len(stretch)] = places.new_tensor(stretch)
    start, end = places.unbind(dim=2)
    return torch.stack([start, start + (end - start) * factors], dim=2)


def _cropped(logits: list[torch.Tensor], space: torch.Size) -> list[torch.Tensor]:
    """Logits without the padding; each is of half the size of the one before."""
    kept: list[torch.Tensor] = []
    for height, each in enumerate(logits):
        wanted = [slice(0, -(-length // 2**height)) for length in space]
        kept.append(each[(slice(None), slice(None), *wanted)])
    return kept


def _guiding(fusion: Mapping[str, Any] | None) -> tuple[type[Fusion] | None, dict[str, Any]]:
    if fusion is None:
        return None, {}
    kind = registry.find("models.fusion", fusion["name"], Fusion)
    if not kind.guides:
        able = [name for name in registry.names("models.fusion") if _guides(name)]
        raise StudyError(
            f"fusion: {fusion['name']} joins vectors, not the maps of a segmenter. "
            f"Choose {', '.join(able)}."
        )
    return kind, component_settings(kind, fusion, where="fusion")


def _guides(name: str) -> bool:
    return bool(registry.load("models.fusion", name).guides)

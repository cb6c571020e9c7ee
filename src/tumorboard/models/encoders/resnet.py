"""Residual networks for images, from scratch or from ImageNet weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import nn

from tumorboard.models.encoders import Encoder
from tumorboard.models.pretrained import load_strictly, locate, read_tensors
from tumorboard.models.setting_types import Dropout, Factor, WholeNumber
from tumorboard.records import ArraySpec, Layout

#: Depth -> kind of block and number of blocks per stage: table 1 of He et al., CVPR 2016.
_BLOCKS: Mapping[int, tuple[str, list[int]]] = {
    18: ("basic", [2, 2, 2, 2]),
    34: ("basic", [3, 4, 6, 3]),
    50: ("bottleneck", [3, 4, 6, 3]),
}
#: Mean and standard deviation of ImageNet's colours in [0, 1], which its weights were trained on.
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_COLOURS = ("red", "green", "blue")


class Resnet(Encoder):
    """ResNet-18, -34 or -50 for images, from scratch or from ImageNet weights.

    With weights, images in [0, 1] are normalised as the weights expect. Other inputs than colour
    keep the pretrained filters: for grey images they are summed over the colours, so that grey
    looks as it did in colour; a stack of slices has them for each slice, divided by the number of
    slices, so that a stack of equal slices looks like the one slice.

    Args:
        depth: Number of weight layers.
        weights: "none", "imagenet" (downloaded once: timm's `resnet<depth>.a1_in1k`) or a local
            `.safetensors`, `.pth` or `.pt` file with the parameter names of torchvision and timm.
        unfreeze_every: Epochs after which one more stage is trained, the last first; 0 trains all.
        frozen_epochs: Epochs before the first stage is trained; "same" is as many as between two.
        head_init: Weights of a linear head right behind it: uniform up to 1 / sqrt(inputs), or
            normal with variance 2 / inputs (He et al., ICCV 2015).
        learning_rate_decay: Factor on the learning rate for every stage further from the output.
        dropout: Share of the pooled features dropped while training.

    Source:
        He et al., CVPR 2016, in MONAI's implementation. Sum over colours: the filters' response to
        an image whose colours are equal.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"image"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        depth: Literal[18, 34, 50] = 18,
        weights: str = "none",
        unfreeze_every: WholeNumber = 0,
        frozen_epochs: WholeNumber | Literal["same"] = "same",
        head_init: Literal["uniform", "he"] = "uniform",
        learning_rate_decay: Factor = 1.0,
        dropout: Dropout = 0.2,
    ) -> None:
        from monai.networks.nets.resnet import ResNet

        super().__init__(spec)
        self.depth = depth
        self.weights = weights
        self.unfreeze_every = unfreeze_every
        self.frozen_epochs = frozen_epochs
        self.head_init = head_init
        self.learning_rate_decay = learning_rate_decay
        block, n_blocks = _BLOCKS[depth]
        # These arguments make MONAI's parameters and outputs the same as torchvision's and timm's.
        self.network = ResNet(
            block=block,
            layers=n_blocks,
            block_inplanes=[64, 128, 256, 512],
            spatial_dims=2,
            n_input_channels=spec.sizes[0],
            conv1_t_stride=2,
            shortcut_type="B",
            bias_downsample=False,
            feed_forward=False,
        )
        self.dropout = nn.Dropout(dropout)
        self.output_size = 512 if block == "basic" else 2048
        self.mean: torch.Tensor
        self.std: torch.Tensor
        # Constants that follow from the settings: not saved with the weights.
        mean, std = _normalisation(_colours(spec))
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, C, H, W) as (B, 512), or (B, 2048) at depth 50."""
        if self.weights != "none":
            x = (x - self.mean) / self.std
        return self.dropout(self.network(x))

    def map_layer(self) -> nn.Module:
        """The last stage."""
        return self.network.layer4

    def stages(self) -> list[nn.Module]:
        """The stem (first convolution and its norm), then layer1 to layer4."""
        network = self.network
        stem = nn.ModuleList([network.conv1, network.bn1])
        return [stem, network.layer1, network.layer2, network.layer3, network.layer4]

    def load_pretrained(self) -> None:
        """Take up the weights that `weights` names; the classifier `fc` is left out.

        Raises:
            InputError: The file is absent, damaged, holds code, or is not this network's, by name.
        """
        if self.weights == "none":
            return
        path = locate(self.weights, repository=f"timm/resnet{self.depth}.a1_in1k")
        tensors = read_tensors(path)
        if "conv1.weight" in tensors:
            tensors["conv1.weight"] = _for_channels(tensors["conv1.weight"], _colours(self.spec))
        load_strictly(self.network, tensors, path=path, leave_out=("fc.",))


def _colours(spec: ArraySpec) -> list[int]:
    """Colour of each channel by its name (`red slice +1`), 0 to 2, or -1 for grey.

    Three channels may be three grey slices; without names they are taken for colours.
    """
    n_channels = spec.sizes[0]
    if len(spec.names) != n_channels:
        return [0, 1, 2] if n_channels == 3 else [-1] * n_channels
    words = [name.split(" ", 1)[0] for name in spec.names]
    return [_COLOURS.index(word) if word in _COLOURS else -1 for word in words]


def _for_channels(filters: torch.Tensor, colours: list[int]) -> torch.Tensor:
    """Filters (F, 3, h, w) of colour images for these channels; others are left as they are."""
    if filters.ndim != 4 or filters.shape[1] != 3:
        return filters
    grey = filters.sum(dim=1)
    channels = [grey if colour < 0 else filters[:, colour] for colour in colours]
    n_slices = colours.count(colours[0])
    return torch.stack(channels, dim=1) / n_slices


def _normalisation(colours: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation (1, C, 1, 1) of ImageNet; the colours' average for grey."""
    values = torch.tensor([_IMAGENET_MEAN, _IMAGENET_STD])
    values = torch.cat([values, values.mean(dim=1, keepdim=True)], dim=1)[:, colours]
    mean, std = values.reshape(2, 1, -1, 1, 1)
    return mean, std

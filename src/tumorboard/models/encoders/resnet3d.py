"""Residual networks for volumes, from scratch or from MedicalNet's weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import nn

from tumorboard.models.encoders import Encoder
from tumorboard.models.map_layers import last_with_places
from tumorboard.models.pretrained import load_strictly, read_local
from tumorboard.models.setting_types import Dropout, Factor, WholeNumber
from tumorboard.models.small_volumes import steady
from tumorboard.records import ArraySpec, Layout

#: Depth -> kind of block and number of blocks per stage: table 1 of He et al., CVPR 2016; depth 10
#: of Chen et al., 2019.
_BLOCKS: Mapping[int, tuple[str, list[int]]] = {
    10: ("basic", [1, 1, 1, 1]),
    18: ("basic", [2, 2, 2, 2]),
    34: ("basic", [3, 4, 6, 3]),
    50: ("bottleneck", [3, 4, 6, 3]),
}
#: Depths whose published shortcuts are cut out of the input instead of convolved.
_CUT_SHORTCUTS = (18, 34)


class Resnet3d(Encoder):
    """ResNet-10, -18, -34 or -50 for volumes, from scratch or from MedicalNet's weights.

    MedicalNet's weights expect volumes of zero mean and unit variance; with them each volume is
    brought there first. They were trained on one channel: several have the filters of one each,
    divided by their number, so that equal channels look like the one.

    Args:
        depth: Number of weight layers.
        weights: "none" or a local `.pth`, `.pt` or `.safetensors` file of MedicalNet
            (`resnet_<depth>_23dataset.pth`).
        first_stride: Step of the first convolution; 2, as MedicalNet was trained, quarters each
            side before the first stage, 1 halves it and takes eight times as long.
        unfreeze_every: Epochs after which one more stage is trained, the last first; 0 trains all.
        frozen_epochs: Epochs before the first stage is trained; "same" is as many as between two.
        head_init: Weights of a linear head right behind it: uniform up to 1 / sqrt(inputs), or
            normal with variance 2 / inputs (He et al., ICCV 2015).
        learning_rate_decay: Factor on the learning rate for every stage further from the output.
        dropout: Share of the pooled features dropped while training.

    Source:
        He et al., CVPR 2016; Chen et al., Med3D, arXiv:1904.00625 (weights), in MONAI's
        implementation, whose stages halve the sides where Med3D's last two are dilated instead.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"volume"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        depth: Literal[10, 18, 34, 50] = 10,
        weights: str = "none",
        first_stride: Literal[1, 2] = 2,
        unfreeze_every: WholeNumber = 0,
        frozen_epochs: WholeNumber | Literal["same"] = "same",
        head_init: Literal["uniform", "he"] = "uniform",
        learning_rate_decay: Factor = 1.0,
        dropout: Dropout = 0.2,
    ) -> None:
        from monai.networks.nets.resnet import ResNet

        super().__init__(spec)
        self.weights = weights
        self._sizes, self._first_stride = spec.sizes[1:], first_stride
        self.unfreeze_every = unfreeze_every
        self.frozen_epochs = frozen_epochs
        self.head_init = head_init
        self.learning_rate_decay = learning_rate_decay
        block, n_blocks = _BLOCKS[depth]
        # These arguments give MedicalNet's parameters.
        is_cut = depth in _CUT_SHORTCUTS
        self.network = ResNet(
            block=block,
            layers=n_blocks,
            block_inplanes=[64, 128, 256, 512],
            spatial_dims=3,
            n_input_channels=spec.sizes[0],
            conv1_t_stride=first_stride,
            shortcut_type="A" if is_cut else "B",
            bias_downsample=is_cut,
            feed_forward=False,
        )
        steady(self.network)
        self.dropout = nn.Dropout(dropout)
        self.output_size = 512 if block == "basic" else 2048

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, C, X, Y, Z) as (B, 512), or (B, 2048) at depth 50."""
        if self.weights != "none":
            x = _standardised(x)
        return self.dropout(self.network(x))

    def map_layer(self) -> nn.Module:
        """The last stage whose maps have places enough to tell where (`last_with_places`)."""
        return last_with_places(self.stages()[1:], self._sizes, first_step=2 * self._first_stride)

    def stages(self) -> list[nn.Module]:
        """The stem (first convolution and its norm), then layer1 to layer4."""
        network = self.network
        stem = nn.ModuleList([network.conv1, network.bn1])
        return [stem, network.layer1, network.layer2, network.layer3, network.layer4]

    def load_pretrained(self) -> None:
        """Take up the weights of the file; a classifier or segmenter in it is left out.

        Raises:
            InputError: The file is absent, damaged, holds code, or is not this network's, by name.
        """
        if self.weights == "none":
            return
        path, found = read_local(self.weights, inside=("state_dict",))
        # MedicalNet was saved from several devices at once, which puts `module.` before each name.
        tensors = {name.removeprefix("module."): tensor for name, tensor in found.items()}
        filters = tensors.get("conv1.weight")
        n_channels = self.spec.sizes[0]
        if filters is not None and filters.ndim == 5 and filters.shape[1] == 1:
            tensors["conv1.weight"] = filters.repeat(1, n_channels, 1, 1, 1) / n_channels
        load_strictly(
            self.network,
            tensors,
            path=path,
            leave_out=("fc.", "conv_seg."),
            remedy="Choose the depth that the file was made for, with MedicalNet's names.",
        )


def _standardised(x: torch.Tensor) -> torch.Tensor:
    """Each channel of each volume with zero mean and unit variance; a constant one becomes 0."""
    values = x.float()
    mean = values.mean(dim=(2, 3, 4), keepdim=True)
    std = values.std(dim=(2, 3, 4), keepdim=True)
    return ((values - mean) / std.clamp_min(1e-6)).to(x.dtype)

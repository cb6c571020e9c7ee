"""Foundation model for cancer imaging biomarkers: a wide 3D ResNet-50 around a tumour."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import nn

from tumorboard.errors import StudyError
from tumorboard.models.encoders import Encoder
from tumorboard.models.pretrained import SUFFIXES, load_strictly, read_local
from tumorboard.models.setting_types import Dropout, Factor, WholeNumber
from tumorboard.models.small_volumes import steady
from tumorboard.records import ArraySpec, Layout

#: What the published weights were trained on: one channel, 50 mm around the tumour at 1 mm.
_SIZES = (1, 50, 50, 50)
#: Factor on the channels of ResNet-50.
_WIDENING = 2.0


class Fmcib(Encoder):
    """FMCIB: a wide 3D ResNet-50 around a tumour's centre, 4,096 features, from its weight file.

    The modality must give what the weights were trained on: `spacing_mm = 1`,
    `size = [50, 50, 50]`, a crop around the tumour's centre, `window_hu = [-1024, 2048]` (that is
    (HU + 1024) / 3072), no harmonisation. The axes are brought into the order of training here:
    from the foot to the head, the front to the back, the patient's right to left.

    Args:
        weights: The published file (`model_weights.torch`, or one that ends in .pth, .pt or
            .safetensors); "none" trains 184 million parameters from scratch.
        frozen: Keep the weights as they are and train only what follows; needs `weights`.
        unfreeze_every: Epochs after which one more stage is trained, the last first; 0 trains all.
        frozen_epochs: Epochs before the first stage is trained; "same" is as many as between two.
        head_init: Weights of a linear head right behind it: uniform up to 1 / sqrt(inputs), or
            normal with variance 2 / inputs (He et al., ICCV 2015).
        learning_rate_decay: Factor on the learning rate for every stage further from the output.
        dropout: Share of the features dropped while training.

    Source:
        Pai et al., Foundation model for cancer imaging biomarkers, Nature Machine Intelligence
        2024; architecture and inputs of its package, in MONAI's implementation.
    """

    layouts: ClassVar[frozenset[Layout]] = frozenset({"volume"})

    def __init__(
        self,
        spec: ArraySpec,
        *,
        weights: str = "none",
        frozen: bool = False,
        unfreeze_every: WholeNumber = 0,
        frozen_epochs: WholeNumber | Literal["same"] = "same",
        head_init: Literal["uniform", "he"] = "uniform",
        learning_rate_decay: Factor = 1.0,
        dropout: Dropout = 0.0,
    ) -> None:
        from monai.networks.nets.resnet import resnet50

        super().__init__(spec)
        _check(spec, weights, frozen=frozen)
        self.weights = weights
        self.frozen = frozen
        self.unfreeze_every = unfreeze_every
        self.frozen_epochs = frozen_epochs
        self.head_init = head_init
        self.learning_rate_decay = learning_rate_decay
        self.network = resnet50(
            pretrained=False,
            n_input_channels=1,
            widen_factor=_WIDENING,
            conv1_t_stride=2,
            feed_forward=False,
            bias_downsample=True,
        )
        steady(self.network)
        # Maps in the volume's own order of axes, for who looks at them; the mean is the same.
        pool = nn.Sequential(_VolumeOrder(), self.network.avgpool)
        self.network.add_module("avgpool", pool)
        self.dropout = nn.Dropout(dropout)
        self.output_size = self.network.in_planes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed (B, 1, 50, 50, 50) as (B, 4096)."""
        # Ours run to the right, the front and the head; training's to the head, back and left.
        return self.dropout(self.network(x.flip((2, 3)).transpose(2, 4)))

    def map_layer(self) -> nn.Module:
        """What follows the last stage: its maps in the volume's order of axes."""
        return self.network.get_submodule("avgpool.0")

    def stages(self) -> list[nn.Module]:
        """The stem (first convolution and its norm), then layer1 to layer4."""
        network = self.network
        stem = nn.ModuleList([network.conv1, network.bn1])
        return [stem, network.layer1, network.layer2, network.layer3, network.layer4]

    def n_trained(self, epoch: int) -> int:
        """None where the weights are frozen."""
        return 0 if self.frozen else super().n_trained(epoch)

    def load_pretrained(self) -> None:
        """Take up the `trunk_state_dict` of the weight file, every name of it.

        Raises:
            InputError: The file is absent, damaged, holds code, or is not this network's, by name.
        """
        if self.weights == "none":
            return
        path, tensors = read_local(
            self.weights, inside=("trunk_state_dict",), suffixes=(*SUFFIXES, ".torch")
        )
        remedy = "Choose the published FMCIB weights (model_weights.torch)."
        load_strictly(self.network, tensors, path=path, remedy=remedy)


class _VolumeOrder(nn.Module):
    """Undo the order of axes of training."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F, Z, Y, X) towards head, back and left -> (B, F, X, Y, Z) right, front, head."""
        return x.transpose(2, 4).flip((2, 3))


def _check(spec: ArraySpec, weights: str, *, frozen: bool) -> None:
    faults: list[str] = []
    if spec.sizes != _SIZES:
        found = " x ".join(map(str, spec.sizes[1:]))
        faults.append(
            f"fmcib: found volumes of {found} voxels and {spec.sizes[0]} channels, expected 50 x "
            "50 x 50 and one. Write size = [50, 50, 50] and spacing_mm = 1 in the modality."
        )
    if frozen and weights == "none":
        faults.append(
            "fmcib.frozen: without weights nothing was learned that could be kept. Name the weight "
            "file, or leave frozen out."
        )
    if faults:
        raise StudyError(faults)

"""Networks of an arm: built, and laid out in memory as they run fastest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from tumorboard.models.assembly import Network
from tumorboard.models.segmentation_network import SegmentationNetwork
from tumorboard.records import ArraySpec
from tumorboard.study import Arm
from tumorboard.training.patch_shape import n_dims

AnyNetwork = Network | SegmentationNetwork

#: Order of a network's weights in memory, by what its encoder reads.
_ORDERS: Mapping[str, torch.memory_format] = {
    "image": torch.channels_last,
    "bag": torch.channels_last,
    "volume": torch.channels_last_3d,
}


def new_network(arm: Arm, specs: Mapping[str, ArraySpec], n_outputs: int, link: Any) -> Network:
    """The arm's network, freshly initialised."""
    return Network(specs, arm.encoders, arm.fusion, n_outputs=n_outputs, link=link)


def new_segmenter(
    arm: Arm, specs: Mapping[str, ArraySpec], n_outputs: int, window: tuple[int, ...]
) -> SegmentationNetwork:
    """The arm's segmentation network, freshly initialised, for patches of these sides."""
    n_slices = 2 * arm.training.patches.neighbours + 1
    image = specs[arm.segmented]
    wider = replace(image, sizes=(n_slices * image.sizes[0], *image.sizes[1:]), names=())
    specs = {**specs, arm.segmented: wider} if n_slices > 1 else specs
    return SegmentationNetwork(
        specs, arm.segmented, arm.encoders, arm.fusion, n_outputs=n_outputs, n_dims=n_dims(window)
    )


def channels_last(network: Network, specs: Mapping[str, ArraySpec]) -> Network:
    """The network with weights in channels-last order where it reads pictures: faster on CPU, GPU.

    Trained and reopened models use the same order, so that they give the same numbers.
    """
    for name, spec in specs.items():
        order = _ORDERS.get(spec.layout)
        if order is not None:
            # Each encoder on its own: either order refuses weights of the other's dimensions.
            network.encoder(name).to(memory_format=order)  # pyright: ignore[reportCallIssue]
    return network


def segmenter_channels_last(
    network: SegmentationNetwork, window: tuple[int, ...]
) -> SegmentationNetwork:
    """As `channels_last`, of a segmentation network."""
    order = torch.channels_last if n_dims(window) == 2 else torch.channels_last_3d
    network.segmenter.to(memory_format=order)  # pyright: ignore[reportCallIssue]
    return network

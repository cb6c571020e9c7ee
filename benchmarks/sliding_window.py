"""Sliding windows of ours against MONAI's over a volume of the size of a brain MRI of BraTS.

A volume of 240 x 240 x 155 voxels and four channels: a head of smooth texture with bright blobs in
it, whose mask is known. A dynamic U-Net is fitted to blobs of other seeds for some steps, so that
its mask means something, and is then asked about every window of 96 voxels a side:

* `ours`: `slide` as a study predicts: bfloat16, channels last;
* `monai`: `sliding_window_inference` in its default setting: float32, contiguous, windows weighed
  alike, one window at a time.

Both overlap by 0.25, MONAI's default. `ours_gaussian` has a study's weights as well.

Command: python benchmarks/sliding_window.py [--width 16] [--rounds 1] [--steps 40]
Prints one JSON line. Targets: at least 2 times faster; Dice of the two masks with the truth within
0.001 of each other.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import torch
from torch.nn import functional

from tumorboard.models.segmentation_losses import mask_loss
from tumorboard.models.segmenters.dynamic_unet import DynamicUnet
from tumorboard.models.sliding_window import Importance, slide
from tumorboard.records import ArraySpec

SPACE = (240, 240, 155)
WINDOW = (96, 96, 96)
N_CHANNELS = 4
OVERLAP = 0.25


def draw(space: tuple[int, ...], n_blobs: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A volume (C, *space) with noise and texture, and the mask (*space) of its blobs."""
    generator = torch.Generator().manual_seed(seed)
    coarse = [max(2, side // 12) for side in space]
    texture = torch.randn(1, N_CHANNELS, *coarse, generator=generator)
    image = functional.interpolate(texture, size=space, mode="trilinear")[0] * 0.3
    lines = torch.meshgrid(*[torch.arange(side) for side in space], indexing="ij")
    mask = torch.zeros(space, dtype=torch.bool)
    for _ in range(n_blobs):
        centre = torch.rand(3, generator=generator) * torch.tensor(space)
        reach = 6 + 10 * torch.rand(3, generator=generator)
        distance = sum(
            ((line - c) / r) ** 2 for line, c, r in zip(lines, centre, reach, strict=True)
        )
        mask |= torch.as_tensor(distance) < 1
    gain = torch.tensor([0.8, 0.5, -0.4, 0.6]).view(-1, 1, 1, 1)
    image = image + gain * mask + 0.2 * torch.randn(image.shape, generator=generator)
    return image, mask


def fit(network: DynamicUnet, steps: int) -> None:
    """A few steps on patches of 48 voxels a side."""
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    network.train()
    for step in range(steps):
        drawn = [draw((48, 48, 48), k, seed=1000 + 2 * step + k) for k in range(2)]
        images = torch.stack([image for image, _ in drawn])
        labels = torch.stack([mask for _, mask in drawn]).long()
        with torch.autocast("cpu", torch.bfloat16):
            outputs = network(images.contiguous(memory_format=torch.channels_last_3d))
        optimizer.zero_grad()
        mask_loss(outputs, labels, exclusive=False).mean().backward()
        optimizer.step()
    network.eval()


def by_ours(network: DynamicUnet, image: torch.Tensor, weights: Importance) -> torch.Tensor:
    """Logits (1, *space)."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        return slide(
            image,
            WINDOW,
            lambda windows, places: network(windows)[0],
            n_outputs=1,
            overlap=OVERLAP,
            weights=weights,
        )


def by_monai(network: DynamicUnet, image: torch.Tensor) -> torch.Tensor:
    """Logits (1, *space)."""
    from monai.inferers.utils import sliding_window_inference

    with torch.inference_mode():
        found = sliding_window_inference(image[None], WINDOW, 1, lambda x: network(x)[0])
    return torch.as_tensor(found)[0]


def dice(one: torch.Tensor, other: torch.Tensor) -> float:
    """Overlap of two masks."""
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def main() -> None:
    """Fit, predict by turns, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=40)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    spec = ArraySpec("volume", (N_CHANNELS, *WINDOW))
    network = DynamicUnet(spec, 1, 3, width=arguments.width)
    network.to(memory_format=torch.channels_last_3d)  # pyright: ignore[reportCallIssue]
    fit(network, arguments.steps)
    plain = DynamicUnet(spec, 1, 3, width=arguments.width).eval()
    plain.load_state_dict(network.state_dict())
    image, truth = draw(SPACE, 60, seed=7)
    ways: dict[str, Callable[[], torch.Tensor]] = {
        "ours": lambda: by_ours(network, image, "constant"),
        "ours_gaussian": lambda: by_ours(network, image, "gaussian"),
        "monai": lambda: by_monai(plain, image),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    masks: dict[str, torch.Tensor] = {}
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            start, busy = time.perf_counter(), time.process_time()
            masks[name] = way()[0] > 0
            seconds[name].append(time.perf_counter() - start)
            processor[name].append(time.process_time() - busy)
    scores = {name: dice(mask, truth) for name, mask in masks.items()}
    line = {
        "threads": torch.get_num_threads(),
        "seconds": {name: round(min(values), 2) for name, values in seconds.items()},
        "processor_seconds": {name: round(min(values), 2) for name, values in processor.items()},
        "times_faster": round(min(seconds["monai"]) / min(seconds["ours"]), 2),
        "times_faster_processor": round(min(processor["monai"]) / min(processor["ours"]), 2),
        "dice_with_truth": {name: round(value, 5) for name, value in scores.items()},
        "dice_difference": round(abs(scores["ours"] - scores["monai"]), 6),
        "dice_of_the_two_masks": round(dice(masks["ours"], masks["monai"]), 6),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()

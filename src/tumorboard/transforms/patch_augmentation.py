"""The random operations that training patches of stained tissue go through, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from tumorboard.errors import StudyError
from tumorboard.transforms.stains import Stain

if TYPE_CHECKING:
    import torch

#: Share of the patches of a batch that is blurred, and share that gets noise.
_DEGRADED = 0.25


@dataclass(frozen=True, kw_only=True)
class PatchAugmentation:
    """How strongly training patches are changed at most; 0 or False leaves a step out.

    Args:
        rotation_degrees: Rotation by up to this angle either way.
        right_angles: Turn by 0, 90, 180 or 270 degrees, each as likely; half turns where patches
            are not square.
        flip_horizontal: Mirror left and right with probability 0.5.
        flip_vertical: Mirror top and bottom with probability 0.5.
        crop_low: Smallest share of the area in random resized crops; 1 leaves them out.
        stain_transfer: Probability of the stain of a random training slide.
        stain_jitter: Random change of the amounts of haematoxylin, eosin and DAB.
        brightness: Add up to this much either way, of a range of 0..1.
        contrast: Scale contrast by 1 plus or minus up to this much.
        saturation: Scale saturation by 1 plus or minus up to this much.
        hue: Turn the hue by up to this share of the circle of colours.
        noise: Gaussian noise of up to this standard deviation, on a quarter of the patches.
        blur_px: Gaussian blur of up to this standard deviation, on a quarter of the patches.
    """

    rotation_degrees: float
    right_angles: bool
    flip_horizontal: bool
    flip_vertical: bool
    crop_low: float
    stain_transfer: float
    stain_jitter: float
    brightness: float
    contrast: float
    saturation: float
    hue: float
    noise: float
    blur_px: float

    def __post_init__(self) -> None:
        bounds = {"crop_low": (0.01, 1.0), "stain_transfer": (0.0, 1.0), "hue": (0.0, 0.5)}
        problems: list[str] = []
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = bounds.get(field.name, (0.0, float("inf")))
            if not low <= value <= high or value == float("inf"):
                top = f"to {high:g}" if high < float("inf") else "(off) or more"
                problems.append(f"{field.name}: found {value:g}, expected {low:g} {top}.")
        if problems:
            raise StudyError(problems)

    def apply(
        self,
        patches: torch.Tensor,
        generator: torch.Generator,
        *,
        stain: Stain | None,
        others: Sequence[Stain],
    ) -> torch.Tensor:
        """Change (B, 3, H, W) in 0..1 by draws from a CPU generator; the same on every device.

        Args:
            patches: Patches, normalised to `stain` where stains are transferred.
            generator: On the CPU.
            stain: How the patches are stained now; None where that is not known.
            others: Stains of the training slides.
        """
        from tumorboard.transforms.colour import jitter_colour
        from tumorboard.transforms.degradation import random_blur, random_noise
        from tumorboard.transforms.stain_augmentation import jitter_hed, transfer_stains

        patches = self._move(patches, generator)
        if self.stain_transfer and stain is not None:
            patches = transfer_stains(
                patches,
                source=stain,
                targets=others,
                probability=self.stain_transfer,
                generator=generator,
            )
        if self.stain_jitter:
            patches = jitter_hed(patches, strength=self.stain_jitter, generator=generator)
        patches = jitter_colour(
            patches,
            brightness=self.brightness,
            contrast=self.contrast,
            saturation=self.saturation,
            hue=self.hue,
            generator=generator,
        )
        if self.blur_px:
            patches = random_blur(
                patches, sd_px=self.blur_px, probability=_DEGRADED, generator=generator
            )
        if self.noise:  # last: a detector's noise is not blurred by the optics before it
            patches = random_noise(
                patches, sd=self.noise, probability=_DEGRADED, generator=generator
            )
        return patches

    def _move(self, patches: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        from tumorboard.transforms.geometry import (
            random_flip,
            random_resized_crop,
            random_rotate,
        )

        if self.rotation_degrees:
            patches = random_rotate(patches, degrees=self.rotation_degrees, generator=generator)
        if self.right_angles:
            patches = random_turn(patches, generator=generator)
        if self.flip_horizontal or self.flip_vertical:
            patches = random_flip(
                patches,
                horizontal=self.flip_horizontal,
                vertical=self.flip_vertical,
                generator=generator,
            )
        if self.crop_low < 1:
            patches = random_resized_crop(
                patches, scale_low=self.crop_low, generator=generator, interpolation="bicubic"
            )
        return patches


def random_turn(patches: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
    """Turn each of (B, C, H, W) by 0, 90, 180 or 270 degrees; by 0 or 180 where H is not W."""
    import torch

    drawn = torch.randint(0, 4, (len(patches),), generator=generator)
    if patches.shape[-2] != patches.shape[-1]:
        drawn = 2 * (drawn // 2)
    turned = patches.clone()
    for quarter in (1, 2, 3):
        rows = (drawn == quarter).nonzero().flatten().to(patches.device)
        if len(rows):
            turned[rows] = torch.rot90(patches[rows], quarter, dims=(-2, -1))
    return turned

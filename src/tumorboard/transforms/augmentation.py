"""The random operations that a training batch of images goes through, in order."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from tumorboard.errors import StudyError

if TYPE_CHECKING:
    import torch

#: Share of the images of a batch that is blurred, and share that gets noise.
_DEGRADED = 0.25


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How strongly training images are changed at most; 0 or False leaves a step out.

    Args:
        rotation_degrees: Rotation by up to this angle either way.
        flip_horizontal: Mirror left and right with probability 0.5.
        flip_vertical: Mirror top and bottom with probability 0.5.
        brightness: Add up to this much either way, of a range of 0..1.
        contrast: Scale contrast by 1 plus or minus up to this much.
        noise: Gaussian noise of up to this standard deviation, on a quarter of the images.
        blur_px: Gaussian blur of up to this standard deviation, on a quarter of the images.
    """

    rotation_degrees: float
    flip_horizontal: bool
    flip_vertical: bool
    brightness: float
    contrast: float
    noise: float
    blur_px: float

    def __post_init__(self) -> None:
        problems = [
            f"{field.name}: found {getattr(self, field.name):g}, expected 0 (off) or more."
            for field in fields(self)
            if not 0 <= getattr(self, field.name) < float("inf")
        ]
        if problems:
            raise StudyError(problems)

    def apply(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Change (B, C, H, W) in 0..1 by draws from a CPU generator; the same on every device."""
        from tumorboard.transforms.degradation import random_blur, random_noise
        from tumorboard.transforms.geometry import random_flip, random_rotate
        from tumorboard.transforms.intensity import random_brightness, random_contrast

        if self.rotation_degrees:
            images = random_rotate(images, degrees=self.rotation_degrees, generator=generator)
        if self.flip_horizontal or self.flip_vertical:
            images = random_flip(
                images,
                horizontal=self.flip_horizontal,
                vertical=self.flip_vertical,
                generator=generator,
            )
        if self.brightness:
            images = random_brightness(images, amount=self.brightness, generator=generator)
        if self.contrast:
            images = random_contrast(images, amount=self.contrast, generator=generator)
        if self.blur_px:
            images = random_blur(
                images, sd_px=self.blur_px, probability=_DEGRADED, generator=generator
            )
        if self.noise:  # last: a detector's noise is not blurred by the optics before it
            images = random_noise(images, sd=self.noise, probability=_DEGRADED, generator=generator)
        return images

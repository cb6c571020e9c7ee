"""The random operations that training patches of stained tissue go through, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from tumorboard.errors import StudyError
from tumorboard.transforms.image_steps import Step, apply_steps
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
        from tumorboard.transforms.degradation import random_blur, random_noise

        steps = [
            *self._moves(patches.shape, generator),
            *self._stains(len(patches), generator, stain, others),
            *self._colours(len(patches), generator),
        ]
        patches = apply_steps(patches, steps)
        if self.blur_px:
            patches = random_blur(
                patches, sd_px=self.blur_px, probability=_DEGRADED, generator=generator
            )
        if self.noise:  # last: a detector's noise is not blurred by the optics before it
            patches = random_noise(
                patches, sd=self.noise, probability=_DEGRADED, generator=generator
            )
        return patches

    def _moves(self, shape: Sequence[int], generator: torch.Generator) -> list[Step]:
        import torch

        from tumorboard.transforms import geometry
        from tumorboard.transforms.intensity import draw_evenly

        n, _, height, width = shape
        steps: list[Step] = []
        if self.rotation_degrees:
            drawn = draw_evenly(n, self.rotation_degrees, generator)
            steps.append((geometry.rotate, (drawn,)))
        quarters = torch.zeros(n, dtype=torch.long)
        if self.right_angles:
            quarters = draw_turns(n, is_square=height == width, generator=generator)
        mirrored = torch.zeros(n, 2, dtype=torch.bool)
        if self.flip_horizontal or self.flip_vertical:
            mirrored = geometry.draw_flips(
                n,
                horizontal=self.flip_horizontal,
                vertical=self.flip_vertical,
                generator=generator,
            )
        if self.crop_low < 1:
            drawn = geometry.draw_crops(n, scale_low=self.crop_low, generator=generator)
            exchanged, centre, share = geometry.turned_crop(quarters, mirrored, *drawn)
            taps = geometry.crop_taps(
                (height, width), centre=centre, share=share, interpolation="bicubic"
            )
            # bicubic values swing beyond those they lie between
            steps += [(geometry.resample, (exchanged, *taps)), (_cut, ())]
        elif quarters.any() or mirrored.any():
            steps += [(geometry.turn, (quarters,)), (geometry.mirror, (mirrored,))]
        return steps

    def _stains(
        self,
        n: int,
        generator: torch.Generator,
        stain: Stain | None,
        others: Sequence[Stain],
    ) -> list[Step]:
        """Transfer and jitter of stains as one: a matrix and a shift of optical densities."""
        import torch

        from tumorboard.transforms.stain_augmentation import change_od, draw_jitter, draw_transfer

        matrix, shift = torch.eye(3, dtype=torch.float64).repeat(n, 1, 1), torch.zeros(n, 3)
        has_transfer = bool(self.stain_transfer and others) and stain is not None
        if self.stain_transfer and stain is not None:
            matrix, _ = draw_transfer(
                n, source=stain, targets=others, probability=self.stain_transfer,
                generator=generator,
            )  # fmt: skip
        if self.stain_jitter:
            jitter, shift = draw_jitter(n, strength=self.stain_jitter, generator=generator)
            matrix = matrix @ jitter
        return [(change_od, (matrix, shift))] if has_transfer or self.stain_jitter else []

    def _colours(self, n: int, generator: torch.Generator) -> list[Step]:
        from tumorboard.transforms.colour import colour_steps

        return colour_steps(
            n,
            brightness=self.brightness,
            contrast=self.contrast,
            saturation=self.saturation,
            hue=self.hue,
            generator=generator,
        )


def _cut(patches: torch.Tensor) -> torch.Tensor:
    return patches.clamp_(0, 1)


def random_turn(patches: torch.Tensor, *, generator: torch.Generator) -> torch.Tensor:
    """Turn each of (B, C, H, W) by 0, 90, 180 or 270 degrees; by 0 or 180 where H is not W."""
    from tumorboard.transforms.geometry import turn

    is_square = patches.shape[-2] == patches.shape[-1]
    return turn(patches, draw_turns(len(patches), is_square=is_square, generator=generator))


def draw_turns(n: int, *, is_square: bool, generator: torch.Generator) -> torch.Tensor:
    """(n,) right angles, each as likely; half turns only where patches are not square."""
    import torch

    drawn = torch.randint(0, 4, (n,), generator=generator)
    return drawn if is_square else 2 * (drawn // 2)

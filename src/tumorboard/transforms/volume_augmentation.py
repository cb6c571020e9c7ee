"""The random operations that a training batch of volumes goes through, in order."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from tumorboard.errors import StudyError

if TYPE_CHECKING:
    import torch

#: Share of the volumes that is blurred, gets noise, or a lower resolution.
_DEGRADED = 0.25
#: Points along each axis whose random displacements make an elastic deformation.
_ELASTIC_POINTS = 6
_AXES = {"x": 2, "y": 3, "z": 4}


@dataclass(frozen=True, kw_only=True)
class VolumeAugmentation:
    """How strongly training volumes are changed at most; 0 or nothing leaves a step out.

    Args:
        rotation_degrees: Rotation about each axis by up to this angle either way.
        scaling: Larger or smaller by up to this share.
        translation: Moved along each axis by up to this share of its length.
        elastic_vox: Standard deviation of a smooth deformation, in voxels.
        flip: Axes that are mirrored with probability 0.5: x left and right, y front and back, z.
        brightness: Add up to this much of the volume's range either way.
        contrast: Scale contrast by 1 plus or minus up to this much.
        gamma: Raise to a power of up to 1 plus this much, or 1 over that.
        noise: Gaussian noise of up to this share of the volume's range, on a quarter.
        blur_vox: Gaussian blur of up to this standard deviation, on a quarter.
        low_resolution: Sampled up to so many times coarser and back, on a quarter; 1 is off.
    """

    rotation_degrees: float
    scaling: float
    translation: float
    elastic_vox: float
    flip: tuple[str, ...]
    brightness: float
    contrast: float
    gamma: float
    noise: float
    blur_vox: float
    low_resolution: float

    def __post_init__(self) -> None:
        problems = [
            f"{field.name}: found {getattr(self, field.name):g}, expected {low:g} (off) or more."
            for field in fields(self)
            if field.name != "flip"
            and not (low := 1.0 if field.name == "low_resolution" else 0.0)
            <= getattr(self, field.name)
            < float("inf")
        ]
        problems += [
            f"flip: found {axis!r}, expected x, y or z." for axis in {*self.flip} - {*"xyz"}
        ]
        if self.scaling >= 1:
            problems.append(f"scaling: found {self.scaling:g}, expected less than 1.")
        if problems:
            raise StudyError(problems)

    def apply(
        self,
        volumes: torch.Tensor,
        generator: torch.Generator,
        *,
        spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> torch.Tensor:
        """Change (B, C, X, Y, Z) by draws from a CPU generator; the same on every device.

        Args:
            volumes: Intensities in any range; that of each volume is the unit of its changes.
            generator: On the CPU.
            spacing_mm: Voxel size, so that a rotation keeps shapes.
        """
        import torch

        from tumorboard.transforms.volume_changes import blur_volumes

        n = len(volumes)
        # everything is drawn whatever is off, so that a setting changes its own step only
        place = 2 * torch.rand(n, 7, generator=generator) - 1
        mirrored = torch.rand(n, 3, generator=generator) < 0.5
        light = 2 * torch.rand(n, 3, generator=generator) - 1
        chosen, strength = torch.rand(2, n, 3, generator=generator)
        strength = torch.where(chosen < _DEGRADED, strength, 0.0)
        bend = torch.randn(n, 3, *[_ELASTIC_POINTS] * 3, generator=generator)
        with torch.autocast(volumes.device.type, enabled=False):
            volumes = self._flipped(volumes, mirrored)
            volumes = self._moved(volumes, place, bend, spacing_mm)
            volumes = self._coarser(volumes, strength[:, 0])
            if self.blur_vox:
                volumes = blur_volumes(volumes, sd_vox=self.blur_vox * strength[:, 1])
            volumes = self._lit(volumes, light)
            return self._noisy(volumes, strength[:, 2], generator)

    def _flipped(self, volumes: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
        for column, (name, axis) in enumerate(_AXES.items()):
            rows = mirrored[:, column].nonzero().flatten().to(volumes.device)
            if name in self.flip and len(rows):
                volumes = volumes.index_copy(0, rows, volumes[rows].flip(axis))
        return volumes

    def _moved(
        self,
        volumes: torch.Tensor,
        place: torch.Tensor,
        bend: torch.Tensor,
        spacing_mm: tuple[float, float, float],
    ) -> torch.Tensor:
        """Rotation, scale, shift and deformation as one reading of every voxel."""
        if not (self.rotation_degrees or self.scaling or self.translation or self.elastic_vox):
            return volumes
        import torch

        from tumorboard.transforms.volume_changes import move_volumes, placement

        angles = place[:, :3] * math.radians(self.rotation_degrees)
        theta = placement(
            angles,
            scale=1 + self.scaling * place[:, 3],
            shift=2 * self.translation * place[:, 4:],
            size_mm=torch.tensor(volumes.shape[2:]) * torch.tensor(spacing_mm),
        )
        if not self.elastic_vox:
            bend = bend[:0]
        return move_volumes(volumes, theta, self.elastic_vox * bend)

    def _coarser(self, volumes: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
        import torch

        from tumorboard.transforms.volume_changes import lower_resolution

        factors = 1 + (self.low_resolution - 1) * strength
        for row in (factors > 1).nonzero().flatten().tolist():
            worse = lower_resolution(volumes[row : row + 1], factor=float(factors[row]))
            volumes = volumes.index_copy(0, torch.tensor([row], device=volumes.device), worse)
        return volumes

    def _lit(self, volumes: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
        if not (self.brightness or self.contrast or self.gamma):
            return volumes
        import torch

        light = light.to(volumes)
        low = volumes.amin(dim=(1, 2, 3, 4), keepdim=True)
        reach = (volumes.amax(dim=(1, 2, 3, 4), keepdim=True) - low).clamp(min=1e-6)
        if self.gamma:
            power = (1 + self.gamma) ** light[:, 2].view(-1, 1, 1, 1, 1)
            volumes = ((volumes - low) / reach).clamp(min=0) ** power * reach + low
        if self.contrast:
            mean = volumes.mean(dim=(1, 2, 3, 4), keepdim=True)
            factor = 1 + self.contrast * light[:, 1].view(-1, 1, 1, 1, 1)
            volumes = mean + factor * (volumes - mean)
        if self.brightness:
            volumes = volumes + self.brightness * light[:, 0].view(-1, 1, 1, 1, 1) * reach
        # intensities stay in the range that the volume had, as a saturated scanner's would
        return torch.minimum(torch.maximum(volumes, low), low + reach)

    def _noisy(
        self, volumes: torch.Tensor, strength: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        rows = strength.nonzero().flatten()
        if not self.noise or len(rows) == 0:
            return volumes
        import torch

        # Drawn on the CPU, so that a GPU adds the same noise.
        noise = torch.randn(len(rows), *volumes.shape[1:], generator=generator)
        chosen = volumes[rows.to(volumes.device)]
        low, high = chosen.amin(dim=(1, 2, 3, 4)), chosen.amax(dim=(1, 2, 3, 4))
        sd = self.noise * strength[rows].to(volumes) * (high - low)
        noisy = torch.addcmul(chosen, noise.to(volumes), sd.view(-1, 1, 1, 1, 1))
        low, high = low.view(-1, 1, 1, 1, 1), high.view(-1, 1, 1, 1, 1)
        noisy = torch.minimum(torch.maximum(noisy, low), high)
        return volumes.index_copy(0, rows.to(volumes.device), noisy)

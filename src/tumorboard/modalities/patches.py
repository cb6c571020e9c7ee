"""Patches of stained tissue, cut on the fly: around annotations, or a bag of a slide's tissue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.modalities import Measured, Modality
from tumorboard.modalities.measured.patches import MeasuredPatches
from tumorboard.records import ArraySpec, Bools, Cohort, FittedState, Floats, Ints
from tumorboard.transforms.found_patches import CHUNK, PatchSettings, find_patches
from tumorboard.transforms.image_quality import is_poor, poor_notes
from tumorboard.transforms.patch_augmentation import PatchAugmentation
from tumorboard.transforms.patch_positions import WindowSize
from tumorboard.transforms.patch_statistics import patch_statistics
from tumorboard.transforms.stain_target import StainTarget

if TYPE_CHECKING:
    import torch

#: Mean and standard deviation of ImageNet's colours in 0..1.
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_COLOURS = ("red", "green", "blue")


class Patches(Modality):
    """Windows of slides, cut on the fly: around annotations, or a bag of each slide's tissue.

    Around annotations each row is one patch; what lies beyond the slide is mirrored. On tissue, all
    slides of a row are one bag of patches: up to `most` are handed over, evenly spread, and each
    training step shows a random `bag_size` of them, drawn anew every time.

    Args:
        files: Pattern of the slides; braces name columns of the cohort table.
        around: `annotations` at the points of the table, or all over the `tissue`.
        x: Column of the points, in pixels from the left edge.
        y: Column of the points, in pixels from the top edge.
        window_px: Side of a window in pixels of the slide.
        window_um: Side in micrometres; above 0 it stands in for `window_px`.
        mpp: Micrometre per pixel; `auto` is what each file says.
        context: Factor on the side, for a larger neighbourhood.
        size: Height and width in pixels that windows are resized to (bicubic, antialiased).
        normalise: `none` is 0..1, `imagenet` for encoders that expect its mean and spread and do
            not normalise themselves, as those with pretrained weights do.
        stain_normalisation: `macenko` or `reinhard`, to the median of training slides.
        bag_size: Patches of a bag that a training step shows.
        most: Patches of a bag at most.
        overlap: Share of a window on tissue that it has in common with the next.
        at_least: Least share of tissue in such a window.
        rotation_degrees: Augmentation: rotation by up to this angle either way.
        right_angles: Augmentation: turn by 0, 90, 180 or 270 degrees.
        flip_horizontal: Augmentation: mirror left and right with probability 0.5.
        flip_vertical: Augmentation: mirror top and bottom with probability 0.5.
        crop_low: Augmentation: least share of the area in random resized crops; 1 is off.
        stain_transfer: Augmentation: probability of the stain of a random training slide.
        stain_jitter: Augmentation: random amounts of haematoxylin, eosin and DAB.
        brightness: Augmentation: add up to this much either way, of a range of 0..1.
        contrast: Augmentation: scale contrast by 1 plus or minus up to this much.
        saturation: Augmentation: scale saturation by 1 plus or minus up to this much.
        hue: Augmentation: turn the hue by up to this share of the circle of colours.
        noise: Augmentation: Gaussian noise of up to this standard deviation, on a quarter.
        blur_px: Augmentation: Gaussian blur of up to this standard deviation, on a quarter.
    """

    layout = "image"
    is_picture = True

    def __init__(
        self,
        *,
        files: str = "{image}", around: Literal["annotations", "tissue"] = "annotations",
        x: str = "x_px", y: str = "y_px", window_px: int = 64, window_um: float = 0.0,
        mpp: Literal["auto"] | float = "auto", context: float = 1.0,
        size: tuple[int, int] = (64, 64), normalise: Literal["none", "imagenet"] = "none",
        stain_normalisation: Literal["none", "macenko", "reinhard"] = "none",
        bag_size: int = 32, most: int = 128, overlap: float = 0.0, at_least: float = 0.5,
        rotation_degrees: float = 0.0, right_angles: bool = True, flip_horizontal: bool = True,
        flip_vertical: bool = True, crop_low: float = 0.8, stain_transfer: float = 0.0,
        stain_jitter: float = 0.05, brightness: float = 0.05, contrast: float = 0.1,
        saturation: float = 0.1, hue: float = 0.02, noise: float = 0.0, blur_px: float = 0.0,
    ) -> None:  # fmt: skip
        _check(
            {
                "window_px": (window_px, 1, np.inf), "window_um": (window_um, 0, np.inf),
                "mpp": (1.0 if mpp == "auto" else mpp, 0.01, 100), "context": (context, 0.1, 100),
                "size": (min(size), 1, np.inf), "bag_size": (bag_size, 1, np.inf),
                "most": (most, bag_size, np.inf), "overlap": (overlap, 0, 0.9),
                "at_least": (at_least, 0, 1),
            },
            transfers=stain_transfer > 0 and stain_normalisation != "macenko",
        )  # fmt: skip
        self._augmentation = PatchAugmentation(
            rotation_degrees=rotation_degrees, right_angles=right_angles,
            flip_horizontal=flip_horizontal, flip_vertical=flip_vertical, crop_low=crop_low,
            stain_transfer=stain_transfer, stain_jitter=stain_jitter, brightness=brightness,
            contrast=contrast, saturation=saturation, hue=hue, noise=noise, blur_px=blur_px,
        )  # fmt: skip
        if around == "tissue":
            self.layout = "bag"
        self._pattern = files
        self._size = size
        self._is_imagenet = normalise == "imagenet"
        self._settings = PatchSettings(
            window=WindowSize(px=window_px, um=window_um, mpp=mpp, context=context),
            size=size,
            points=(x, y),
            is_bag=around == "tissue",
            overlap=overlap,
            at_least=at_least,
            method=stain_normalisation,
        )
        self._bag = (bag_size, most)
        self._fitted: dict[str, Any] = {}
        self._target = StainTarget()

    @property
    def pattern(self) -> str:
        """Pattern of the slides with `{column}` names."""
        return self._pattern

    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> MeasuredPatches:
        """Find the patches of every row; a slide that cannot be used is rejected once.

        Raises:
            InputError: A column of the points is absent or holds no numbers, a row of points has
                several slides, or windows are in micrometres and a slide has no scale.
        """
        found, rejections, records = find_patches(cohort, self._settings, cache, name=name)
        return MeasuredPatches(
            present=np.diff(found.at.start) > 0,
            rejections=rejections,
            records=records,
            name=name,
            index=found.index,
            patient_id=cohort.patient_id,
            found=found,
        )

    def fit(self, measured: Measured, rows: Ints, *, weight: Floats) -> ArraySpec:
        """Learn the stain that slides are normalised to, and what training patches are like.

        Raises:
            InputError: No training row has a patch.
        """
        patches = _patches(measured)
        rows, weight = rows[measured.present[rows]], weight[measured.present[rows]]
        if len(rows) == 0:
            raise InputError(
                f"{patches.name}: no training row has a patch. Check `files` and the coordinates."
            )
        self._target = StainTarget()
        if self._settings.method != "none":
            self._target = StainTarget.fit(patches.patches, rows, patches.patient_id)
        self._fitted = patch_statistics(patches.patches, rows, weight, self._target)
        return self._spec()

    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """Patches (n, 3, h, w), or bags (n, most, 3, h, w), in bytes.

        A patch that a bag lacks is zeros throughout; one that is black has ones.
        """
        patches = _patches(measured)
        found = patches.patches
        out = np.zeros((len(rows), *self._spec().sizes), dtype=np.uint8)
        most = self._bag[1] if self.layout == "bag" else 1
        numbers, place = found.at.of(rows, most=most)
        first = np.searchsorted(place, np.arange(len(rows)))
        slot = np.arange(len(place)) - first[place]
        flat = out.reshape(len(rows) * most, 3, *self._size)
        for start in range(0, len(numbers), CHUNK):
            chosen = slice(start, start + CHUNK)
            cut = patches.cut(numbers[chosen], rows[place[chosen]])
            cut = self._target.apply(found, cut, numbers[chosen])
            if self.layout == "bag":
                cut[~cut.any(axis=(1, 2, 3))] = 1
            flat[place[chosen] * most + slot[chosen]] = cut
        return out

    def poor(self, measured: Measured, rows: Ints) -> Bools:
        """(len(rows),) True where the patch (the middle one of a bag) is too poor to rely on."""
        poor = np.zeros(len(rows), dtype=np.bool_)
        has = measured.present[rows]
        if has.any():
            quality = _patches(measured).quality(rows[has])
            poor[has] = is_poor(quality, self._fitted.get("quality", {})).any(axis=1)
        return poor

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """One sentence for each patch that is poorer than nearly all training patches were."""
        patches = _patches(measured)
        rows = rows[patches.present[rows]]
        reference = self._fitted.get("quality", {})
        if not reference or len(rows) == 0:
            return ()
        patients = [patches.patient_id[int(row)] for row in rows]
        return poor_notes(patches.quality(rows), reference, patients, what="patch")

    def finish(self, batch: torch.Tensor, *, generator: torch.Generator | None) -> torch.Tensor:
        """Patches as float32, in 0..1 or as ImageNet; augmented with draws from a CPU `generator`.

        With a generator a bag is a random `bag_size` of its patches. Absent ones are NaN.
        """
        if self.layout == "image":
            return self._finish(batch, generator)
        import torch

        if generator is not None and batch.shape[1] > self._bag[0]:
            batch = _drawn(batch, self._bag[0], generator)
        flat = batch.flatten(0, 1)
        rows = flat.flatten(1).any(dim=1).nonzero().flatten()
        bags = torch.full(flat.shape, torch.nan, dtype=torch.float32, device=batch.device)
        if len(rows):
            bags[rows] = self._finish(flat[rows], generator)
        return bags.view(batch.shape)

    def _finish(self, batch: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        patches = batch.float() / 255
        if generator is not None:
            stain, others = self._target.stain, self._target.stains
            patches = self._augmentation.apply(patches, generator, stain=stain, others=others)
        if not self._is_imagenet:
            return patches
        mean, sd = (patches.new_tensor(values).view(3, 1, 1) for values in _IMAGENET)
        return (patches - mean) / sd

    def shown(self, batch: torch.Tensor) -> torch.Tensor:
        """Patches in 0..1, whatever they were normalised to."""
        if not self._is_imagenet:
            return batch
        mean, sd = (batch.new_tensor(values).view(3, 1, 1) for values in _IMAGENET)
        return batch * sd + mean

    def state(self) -> FittedState:
        """The target's stain, those of training slides, and what training patches are like."""
        return FittedState(values={**self._fitted, **self._target.to_plain()})

    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state; see `state`.

        Raises:
            InputError: The state is not one of this modality's.
        """
        self._target = StainTarget.from_plain(state.values, method=self._settings.method)
        own = self._target.to_plain()
        self._fitted = {key: value for key, value in state.values.items() if key not in own}
        return self._spec()

    def _spec(self) -> ArraySpec:
        if self.layout == "bag":
            return ArraySpec("bag", (self._bag[1], 3, *self._size))
        return ArraySpec("image", (3, *self._size), _COLOURS)


def _check(bounds: Mapping[str, tuple[float, float, float]], *, transfers: bool) -> None:
    problems = [
        f"{key}: found {value:g}, expected {low:g} "
        + ("or more." if high == np.inf else f"to {high:g}.")
        for key, (value, low, high) in bounds.items()
        if not low <= value <= high or value == np.inf
    ]
    if transfers:
        problems.append(
            'stain_transfer: needs stain_normalisation = "macenko", which says how a patch is '
            "stained. Set it, or stain_transfer = 0."
        )
    if problems:
        raise StudyError(problems)


def _patches(measured: Measured) -> MeasuredPatches:
    if not isinstance(measured, MeasuredPatches):
        raise TypeError(f"a modality of patches was given {type(measured).__name__}")
    return measured


def _drawn(batch: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
    """A random `n` of the patches of each bag (B, N, 3, h, w), those present first."""
    import torch

    present = batch.flatten(2).any(dim=2).cpu()
    chance = torch.rand(present.shape, generator=generator) + present
    chosen = chance.topk(n, dim=1).indices.to(batch.device)
    return batch[torch.arange(len(batch), device=batch.device)[:, None], chosen]

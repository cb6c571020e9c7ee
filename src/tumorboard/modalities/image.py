"""Two-dimensional images, or a few neighbouring slices of a stack as channels (2.5D)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.histogram_equalisation import Equalise
from tumorboard.formats.image_preparation import Preparation
from tumorboard.formats.image_rows import read_rows
from tumorboard.formats.lesion_masks import LesionMasks, read_image_masks
from tumorboard.formats.mask_boxes import Crop, MaskCrop
from tumorboard.formats.pixels import Window
from tumorboard.formats.prepared_images import PreparedImages, grey_of
from tumorboard.formats.slices import SliceFinder
from tumorboard.modalities import Measured, Modality, changed
from tumorboard.modalities.measured.image import MeasuredImages
from tumorboard.records import ArraySpec, Bools, Cohort, FittedState, Floats, Ints
from tumorboard.transforms.augmentation import Augmentation
from tumorboard.transforms.cases import Cases
from tumorboard.transforms.image_quality import is_poor, measure_quality, poor_notes, reference_of
from tumorboard.transforms.image_settings import check_settings
from tumorboard.transforms.mask_augmentation import augment_pictures
from tumorboard.transforms.segmented_images import ImageCases

if TYPE_CHECKING:
    import torch


#: Images whose quality is measured at once: bounds the memory.
_CHUNK = 64


class Image(Modality):
    """One 2D image per row: PNG, JPEG, TIFF or a DICOM frame; grey or colour, or 2.5D.

    With `slices` above 1 the channels are neighbouring slices. A row that names a folder, several
    files or a TIFF with pages takes the middle slice and its neighbours; a row that names one file
    takes its neighbours in the same folder with the same suffix, in natural order (`2` before
    `10`). At the edges of a stack the edge slice is repeated.

    Args:
        files: Pattern of the files; braces name columns of the cohort table.
        size: Height and width in pixels that every image is resized to.
        channels: `auto` is grey where all training images are (red = green = blue counts as grey),
            else RGB. Images of the other kind are converted (grey by ITU-R BT.601 luminance).
        aspect: `stretch` to the size, or scale to fit and `pad` with black.
        window: Intensities that become 0 and 1: `declared` is a DICOM window before the range of
            the stored bits, `stored` is that range, `percentile` 0.5 to 99.5 % of each image.
        equalise: Spreads the greys of each image (of a colour image its strongest colour):
            `histogram` makes all equally frequent, `clahe` within tiles, with limited contrast.
        crop: What is cut out before it is resized: `none`, or `{mask = "masks/{patient_id}.png"}`
            the box of a mask of the picture's size, with `margin` (0.15) of its longer side. Where
            the mask is absent or empty, `empty` keeps the "whole" or makes it "reject". The pattern
            starts from the data, or from `folder`, such as a run's.
        masks: Pattern of the lesions' masks, of the size of their image; no predictor, they only
            judge where a model looks.
        slices: Odd number of slices.
        slice_step: Distance of neighbouring slices, in slices of the stack.
        rotation_degrees: Augmentation: rotation by up to this angle either way.
        flip_horizontal: Augmentation: mirror left and right with probability 0.5.
        flip_vertical: Augmentation: mirror top and bottom with probability 0.5.
        brightness: Augmentation: add up to this much either way, of a range of 0..1.
        contrast: Augmentation: scale contrast by 1 plus or minus up to this much.
        noise: Augmentation: Gaussian noise of up to this standard deviation, on a quarter.
        blur_px: Augmentation: Gaussian blur of up to this standard deviation, on a quarter.
    """

    layout = "image"
    is_picture = True

    def __init__(
        self,
        *,
        files: str,
        size: tuple[int, int] = (224, 224),
        channels: Literal["auto", "grey", "rgb"] = "auto",
        aspect: Literal["stretch", "pad"] = "stretch",
        window: Window = "declared",
        equalise: Equalise = "none",
        crop: Crop = "none",
        masks: str = "none",
        slices: int = 1,
        slice_step: int = 1,
        rotation_degrees: float = 15.0,
        flip_horizontal: bool = True,
        flip_vertical: bool = True,
        brightness: float = 0.1,
        contrast: float = 0.1,
        noise: float = 0.02,
        blur_px: float = 1.0,
    ) -> None:
        self._crop = MaskCrop.parse(crop)
        check_settings(size, slices, slice_step, is_cropped=self._crop is not None)
        self._augmentation = Augmentation(
            rotation_degrees=rotation_degrees,
            flip_horizontal=flip_horizontal,
            flip_vertical=flip_vertical,
            brightness=brightness,
            contrast=contrast,
            noise=noise,
            blur_px=blur_px,
        )
        self._pattern = files
        self._masks = masks
        self._preparation = Preparation(size, aspect, window, equalise)
        self._wanted = channels
        self._n_slices = slices
        self._slice_step = slice_step
        self._fitted: dict[str, Any] = {}

    @property
    def pattern(self) -> str:
        """Pattern of this modality's files with `{column}` names."""
        return self._pattern

    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> MeasuredImages:
        """Prepare the images of every row; a file that cannot be used is rejected, the rest stay.

        Raises:
            InputError: Neighbouring slices of a row belong to another patient.
        """
        finder = SliceFinder(n_slices=self._n_slices, step=self._slice_step)
        found = read_rows(cohort, finder, self._preparation, self._crop, cache, name=name)
        return MeasuredImages(
            present=found.index[:, 0] >= 0,
            rejections=found.rejections,
            records=found.records,
            notes=found.notes,
            name=name,
            images=found.images,
            index=found.index,
            patient_id=cohort.patient_id,
        )

    def fit(self, measured: Measured, rows: Ints, *, weight: Floats) -> ArraySpec:
        """Decide grey or colour; keep mean, standard deviation and quality of the training images.

        Raises:
            InputError: No training row has an image.
        """
        pictures = _images(measured)
        chosen = measured.present[rows]
        if not chosen.any():
            raise InputError(
                f"{pictures.name}: none of the {len(rows)} training rows has a readable image. "
                "Check the pattern in `files`."
            )
        images, numbers = pictures.prepared, pictures.index[rows[chosen]]
        if self._crop is not None and not any(images.is_cropped[numbers[:, 0]]):
            raise InputError(
                f"{pictures.name}: none of the {int(chosen.sum())} training pictures has a mask to "
                "crop around. Check the pattern in `crop`."
            )
        channels = {"grey": 1, "rgb": 3}.get(self._wanted, int(images.n_channels[numbers].max()))
        share = weight[chosen] / weight[chosen].sum()
        means, squares = images.moments(channels)
        mean = share @ means[numbers].mean(axis=1)
        variance = share @ squares[numbers].mean(axis=1) - mean**2
        self._fitted = {
            "channels": channels,
            "mean": mean.tolist(),
            "sd": np.sqrt(np.maximum(variance, 0.0)).tolist(),
            "n_rows": int(chosen.sum()),
            "quality": reference_of(self._kept_quality(images, numbers), share),
        }
        return self._spec()

    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """Prepared images, uint8 or float32 in 0..1; `finish` makes them what the encoder sees."""
        pictures, channels = _images(measured), int(self._fitted["channels"])
        if not measured.present.any():
            return np.zeros((len(rows), *self._spec().sizes), dtype=np.uint8)
        some = int(np.argmax(measured.present))  # stands in where a row is absent: undefined there
        numbers = pictures.index[np.where(measured.present[rows], rows, some)]
        stacks = pictures.prepared.take(numbers, channels)
        stacks = stacks.reshape(len(rows), *self._spec().sizes)
        return stacks if pictures.change is None else changed(stacks, rows, pictures.change)

    def lesion_masks(self, cohort: Cohort, rows: Ints, *, name: str) -> LesionMasks | None:
        """The masks that the study names; None where it names none."""
        if self._masks == "none":
            return None
        boxes = self._crop.find(cohort, name=name).boxes if self._crop else {}
        return read_image_masks(
            cohort, rows, self._masks, self._preparation, name=name, boxes=boxes
        )

    def cases(self, cohort: Cohort, measured: Measured, *, name: str) -> Cases:
        """The pictures as cases of a segmentation.

        Raises:
            StudyError: A row is several slices, or cropped around a mask.
        """
        if self._crop is not None:
            raise StudyError(
                f"modalities.{name}.crop: where the mask is must not be known to what shall find "
                "it. Remove this key."
            )
        if self._n_slices > 1:
            raise StudyError(
                f"modalities.{name}.slices: a picture is segmented, not {self._n_slices} of a "
                "stack. Read the stack as a volume."
            )
        paths = cohort.files.get(name, ())
        files = {r: own[0] for r, own in enumerate(paths) if own and measured.present[r]}
        return ImageCases(files, self._preparation)

    def poor(self, measured: Measured, rows: Ints) -> Bools:
        """(len(rows),) True where the image is too poor to rely on; see `notes`."""
        poor = np.zeros(len(rows), dtype=np.bool_)
        has = measured.present[rows]
        if has.any():
            quality = self._quality(measured, rows[has])
            poor[has] = is_poor(quality, self._fitted.get("quality", {})).any(axis=1)
        return poor

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """One sentence for each image that is poorer than nearly all training images were.

        Sharpness, contrast, noise, saturation and detail of the image (of the middle one where
        there are several slices) are compared with the training images; older models lack them.
        """
        pictures, rows = _images(measured), rows[measured.present[rows]]
        reference = self._fitted.get("quality", {})
        if not reference or len(rows) == 0:
            return ()
        patients = [pictures.patient_id[int(row)] for row in rows]
        return poor_notes(self._quality(measured, rows), reference, patients, what="image")

    def _quality(self, measured: Measured, rows: Ints) -> Floats:
        """(len(rows), measures) of the rows' middle slices; the rows have images."""
        pictures = _images(measured)
        if pictures.change is None:
            return self._kept_quality(pictures.prepared, pictures.index[rows])
        channels = int(self._fitted["channels"])
        middle = slice(self._n_slices // 2 * channels, (self._n_slices // 2 + 1) * channels)
        parts: list[Floats] = []
        for start in range(0, len(rows), _CHUNK):
            arrays = self.arrays(measured, rows[start : start + _CHUNK])[:, middle]
            parts.append(measure_quality(grey_of(arrays)))
        return np.concatenate(parts)

    def _kept_quality(self, images: PreparedImages, numbers: Ints) -> Floats:
        """(n, measures) of the middle slices of (n, slices) numbers of prepared images."""
        middle = numbers[:, self._n_slices // 2]
        return images.measure(middle, measure_quality, kind="image quality")

    def finish(self, batch: torch.Tensor, *, generator: torch.Generator | None) -> torch.Tensor:
        """Intensities in 0..1 as float32; augmented with draws from a CPU `generator`."""
        import torch

        images = batch.float() / 255 if batch.dtype == torch.uint8 else batch.float()
        return images if generator is None else self._augmentation.apply(images, generator)

    def augment_case(
        self, images: torch.Tensor, numbers: torch.Tensor, places: torch.Tensor,
        generator: torch.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
        """Images and masks mirrored and rotated alike; light and noise for the images alone."""
        return augment_pictures(images, numbers, places, generator, settings=self._augmentation)

    def state(self) -> FittedState:
        """Channels; mean, standard deviation and quality of the training images."""
        return FittedState(values=dict(self._fitted))

    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state; see `state`.

        Raises:
            InputError: The state is not one of this modality's.
        """
        if state.values.get("channels") not in (1, 3):
            raise InputError(
                f"Fitted state of an image: channels is {state.values.get('channels')!r}, expected "
                "1 or 3. The model folder is damaged."
            )
        self._fitted = dict(state.values)
        return self._spec()

    def _spec(self) -> ArraySpec:
        channels = int(self._fitted["channels"])
        colours = ("grey",) if channels == 1 else ("red", "green", "blue")
        half = self._n_slices // 2
        names = colours
        if self._n_slices > 1:
            positions = [self._slice_step * k for k in range(-half, half + 1)]
            names = tuple(f"{colour} slice {k:+d}" for k in positions for colour in colours)
        return ArraySpec("image", (len(names), *self._preparation.size), names)


def _images(measured: Measured) -> MeasuredImages:
    if not isinstance(measured, MeasuredImages):
        raise TypeError(f"an image modality was given {type(measured).__name__}")
    return measured

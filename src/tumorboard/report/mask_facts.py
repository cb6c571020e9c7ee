"""Sentences about a run of segmentation that guidelines ask for."""

from __future__ import annotations

from collections.abc import Sequence

from tumorboard.evaluation.mask_columns import MaskColumns
from tumorboard.report.number_facts import NumberFacts

#: Metrics that a sentence about performance names; units come with the run.
_NAMED = (
    "dice", "iou", "nsd", "hd95_mm", "hd95_px", "sensitivity", "precision", "volume_error_ml",
    "volume_error_px", "lesion_f1",
)  # fmt: skip


class MaskFacts(NumberFacts):
    """What a run of segmentation can say about itself."""

    @property
    def _columns(self) -> MaskColumns:
        return MaskColumns.of(self.numbers.predictions.prediction_names)

    def named(self) -> Sequence[str]:
        """Metrics that a sentence about performance names, where the run has them."""
        return _NAMED

    def target(self) -> str:
        """What is predicted, in a few words."""
        return f"masks of {', '.join(self._columns.labels)}"

    def outcome(self) -> str:
        """What is predicted, and how it is coded."""
        columns, counts = self._columns, self.contents.n_units
        listed = ", ".join(f"{name} {n}" for name, n in counts.items())
        where = (
            "distances in mm and volumes in ml"
            if columns.distance == "mm"
            else "the size of a pixel or voxel is not known, so distances and volumes are in px"
        )
        return (
            f"Reference masks of {', '.join(columns.labels)}: {where}. "
            f"{self.contents.unit.capitalize()}s: {listed}. Whether one reader or several drew "
            "them is not known to the program."
        )

    def output(self) -> str:
        """What a model gives, and how it is turned into a mask."""
        return (
            f"A probability of {', '.join(self._columns.labels)} for every pixel or voxel, a mask "
            "from it by rules chosen on validation patients, and a predicted Dice of the mask."
        )

    def imbalance(self) -> str:
        """How much of the images is lesion."""
        counts = ", ".join(f"{name} {n}" for name, n in self.contents.n_units.items())
        return (
            f"{counts}. Most of each image is background, which specificity and pixel "
            "accuracy flatter: read Dice and distances. "
            f"Loss and sampling: see study.toml. {self.calibration()}"
        ).rstrip()

    def calibration(self) -> str:
        """Where the predicted Dice is held against the reached one."""
        return self.shown("Predicted Dice against the Dice reached", "segmentation")

    def failures(self) -> str:
        """Where the worst cases are shown."""
        return "The ten cases with the lowest Dice, as a table and as pictures: see report.html."

    def sample_size(self) -> str:
        """Patients; nothing is known of what a segmenter needs."""
        return f"{self.patients()} No rule gives the patients that a segmenter needs."

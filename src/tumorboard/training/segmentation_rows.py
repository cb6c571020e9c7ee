"""Rows of one fit of a segmenter as patches: to train on, and to score every epoch on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from tumorboard.models.segmentation_network import SegmentationNetwork
from tumorboard.records import Ints
from tumorboard.study import Arm
from tumorboard.tasks.segmentation import Segmentation
from tumorboard.training.batches import derive_seed, loss_weights
from tumorboard.training.fitted import FittedArm
from tumorboard.training.patch_shape import patch_size
from tumorboard.training.patches import Patches, draw_patches
from tumorboard.training.prepare import Prepared
from tumorboard.training.references import References
from tumorboard.training.units import Patients

if TYPE_CHECKING:
    from tumorboard.training.segmentation_module import SegmentationModule

#: Patches of each validation image that the score of an epoch is made of.
_VALIDATION_PATCHES = 8


class WithMasks(Patients, Protocol):
    """Patients who may have masks: those of the study, or of another cohort."""

    @property
    def references(self) -> References | None:
        """Masks of the rows, where the task is a segmentation."""
        ...


def window_of(arm: Arm, prepared: Prepared, train: Ints) -> tuple[int, ...]:
    """Sides of the patches of an arm."""
    references = references_of(prepared)
    shapes = [tuple(references.network(int(row)).shape) for row in train]
    return patch_size(arm.training.patches.size, shapes)


def segmentation_module(
    fitted: FittedArm, network: SegmentationNetwork, prepared: Prepared, train: Ints,
    validation: Ints, seed_parts: tuple[object, ...],
) -> SegmentationModule:  # fmt: skip
    """What Lightning trains, of a segmenter."""
    from tumorboard.training.segmentation_module import MaskRows, SegmentationModule

    cohort, task = prepared.cohort, cast("Segmentation", fitted.task)
    weight = loss_weights(cohort.patient_id, train, n_rows=cohort.n_rows)
    weight += loss_weights(cohort.patient_id, validation, n_rows=cohort.n_rows)
    for_training, for_validation = (
        Patches(
            fitted.arm.segmented, fitted.modalities, prepared.measured, references_of(prepared),
            task, size=fitted.window, weight=weight,
            neighbours=fitted.arm.training.patches.neighbours,
        )
        for _ in range(2)
    )  # fmt: skip
    rng = np.random.default_rng(derive_seed(*seed_parts, "validation patches"))
    drawn = draw_patches(validation, per_case=_VALIDATION_PATCHES, foreground=0.5, rng=rng)
    for_validation.draws = sorted(drawn, key=lambda draw: draw.row)
    rows = MaskRows(for_training, for_validation, train, cohort.unit_id, cohort.patient_id)
    return SegmentationModule(
        network, task, fitted.modalities, fitted.arm.training, rows, seed_parts
    )


def references_of(patients: WithMasks) -> References:
    """The masks of a segmentation's patients."""
    if patients.references is None:
        raise TypeError("a segmentation without masks")
    return patients.references

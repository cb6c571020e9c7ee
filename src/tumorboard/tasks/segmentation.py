"""Where a tumour is: a mask for every label, of each pixel or voxel of an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.row_files import RowFiles
from tumorboard.records import Bools, Cohort, FlowStep, Outcomes
from tumorboard.study_keys import Loss, TaskTable
from tumorboard.tasks import Task

if TYPE_CHECKING:
    import torch

    from tumorboard.models.segmentation_losses import MaskLoss

#: The one group that splits, table 1 and the audit see: patients with a mask.
GROUP = "with a mask"


class Segmentation(Task):
    """Where a tumour is: masks of one or several labels, exclusive or overlapping.

    Labels of one number each exclude each other: a voxel has at most one (softmax over them and the
    background). Where a label joins several numbers, labels are regions that may overlap, and each
    is decided for itself (sigmoid); so is a single label.
    """

    link: ClassVar[Literal["softmax", "identity"]] = "identity"

    def __init__(self, keys: TaskTable) -> None:
        super().__init__(keys)
        self.numbers: Mapping[str, tuple[int, ...]] = {
            name: (number,) if isinstance(number, int) else tuple(number)
            for name, number in keys.labels.items()
        }

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels."""
        return tuple(self.numbers)

    @property
    def is_exclusive(self) -> bool:
        """Whether a voxel has at most one of several labels."""
        return len(self.numbers) > 1 and all(
            isinstance(number, int) for number in self.keys.labels.values()
        )

    def read(self, cohort: Cohort, *, values: Mapping[str, str] | None = None) -> Outcomes:
        """Find the mask of every row; what is in it is read later, beside its image."""
        finder = RowFiles(cohort, self.keys.mask, where="task.mask")
        names: list[str] = []
        absent: list[InputError] = []
        for row in range(cohort.n_rows):
            try:
                files = finder.find(row)
            except InputError as error:  # no such file: counted below as a row without a mask
                files = ()
                absent.append(error)
            names.append(files[0].name if files else "")
        if values is None and absent and not any(names):
            raise StudyError(
                f"task.mask: {self.keys.mask!r} finds no mask of any patient, such as "
                f"{absent[0]} Mend the pattern, or name the folder of the data with --data."
            )
        kept = np.asarray([bool(name) for name in names], dtype=np.bool_)
        strata = np.zeros(cohort.n_rows, dtype=np.int64)
        return Outcomes(
            kept=kept, target=np.zeros((cohort.n_rows, 1)), strata=strata,
            columns={"mask": tuple(names)}, classes=(), counts={GROUP: int(kept.sum())},
            flow=_flow(cohort, kept), groups=(GROUP,),
        )  # fmt: skip

    def n_outputs(self, classes: tuple[str, ...]) -> int:
        """One output per label, and one for the background where labels exclude each other."""
        return len(self.numbers) + int(self.is_exclusive)

    def class_weights(
        self, target: torch.Tensor, weight: torch.Tensor, *, loss: Loss, n_outputs: int
    ) -> torch.Tensor:
        """Ones: the Dice term balances labels of any size."""
        import torch

        return torch.ones(n_outputs)

    def loss(
        self, outputs: torch.Tensor, target: torch.Tensor, *, class_weights: torch.Tensor,
        loss: Loss,
    ) -> torch.Tensor:  # fmt: skip
        """Loss of every row (B,): logits (B, K, *space), numbers of the masks (B, *space)."""
        return self.mask_loss([outputs], target, loss=loss)

    def mask_loss(
        self, logits: list[torch.Tensor], numbers: torch.Tensor, *, loss: Loss
    ) -> torch.Tensor:
        """Loss of every row (B,), with deep supervision where there are coarser logits.

        Args:
            logits: (B, K, *space) of the image's size first, coarser ones behind.
            numbers: (B, *space) what the mask files hold.
            loss: Which.
        """
        from tumorboard.models.segmentation_losses import mask_loss

        target = self.targets(numbers)
        return mask_loss(
            logits,
            target,
            name=cast("MaskLoss", loss.name),
            exclusive=self.is_exclusive,
            gamma=loss.gamma,
        )

    def targets(self, numbers: torch.Tensor) -> torch.Tensor:
        """(B, *space) numbers to labels: (B, *space) 0, 1, ... or (B, L, *space) True inside."""
        import torch

        masks = [
            torch.isin(numbers, torch.as_tensor(own, dtype=numbers.dtype, device=numbers.device))
            for own in self.numbers.values()
        ]
        if not self.is_exclusive:
            return torch.stack(masks, dim=1)
        found = torch.zeros(numbers.shape, dtype=torch.int64, device=numbers.device)
        for k, mask in enumerate(masks, start=1):
            found[mask] = k
        return found

    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        """Logits (B, K, *space) to the probability of each label (B, L, *space)."""
        outputs = outputs.float()
        return outputs.softmax(dim=1)[:, 1:] if self.is_exclusive else outputs.sigmoid()

    def masks(self, numbers: NDArray[Any]) -> Bools:
        """(L, *space) True inside each label, of the numbers (*space) in a mask file."""
        return np.stack([np.isin(numbers, own) for own in self.numbers.values()])

    def as_numbers(self, masks: Bools) -> NDArray[np.uint8]:
        """(*space) what a mask file holds, of (L, *space) True inside each label.

        The number that just these labels have. Where no number has them all and no others, a
        smaller region is written over a larger one, with a number that no smaller one has.
        """
        found = np.zeros(masks.shape[1:], dtype=np.uint8)
        regions = list(self.numbers.values())
        order = sorted(range(len(regions)), key=lambda k: -len(regions[k]))
        for k in order:
            smaller = {n for own in regions if len(own) < len(regions[k]) for n in own}
            alone = [n for n in regions[k] if n not in smaller]
            found[masks[k]] = (alone or list(regions[k]))[0]
        for number in dict.fromkeys(n for own in regions for n in own):
            has = np.asarray([number in own for own in regions])
            found[(masks == has.reshape(-1, *[1] * found.ndim)).all(axis=0)] = number
        return found

    def columns(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Probability maps are no columns: the measures of the masks are."""
        return self.labels


def _flow(cohort: Cohort, kept: Bools) -> tuple[FlowStep, ...]:
    if kept.all():
        return ()
    lost = [cohort.patient_id[int(i)] for i in np.flatnonzero(~kept)]
    with_mask = {cohort.patient_id[int(i)] for i in np.flatnonzero(kept)}
    gone = tuple(dict.fromkeys(patient for patient in lost if patient not in with_mask))
    return (FlowStep("no mask of the reference", len(gone), len(lost), gone),)

"""Classification of patients (or rows), binary or multi-class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from tumorboard.errors import InputError, StudyError, nearest
from tumorboard.records import Cohort, FlowStep, Outcomes
from tumorboard.study_keys import Loss
from tumorboard.tasks import Task

if TYPE_CHECKING:
    import torch

#: Class of everything that is not the positive label, where there are several such labels.
REST = "other"


class Classification(Task):
    """Which class a patient belongs to: cross-entropy or focal loss over two or more classes."""

    link: ClassVar[Literal["softmax", "identity"]] = "softmax"

    def read(self, cohort: Cohort, *, values: Mapping[str, str] | None = None) -> Outcomes:
        """Read the class of every row; see `Task.read`."""
        name = str(self.keys.target)
        if name not in cohort.columns:
            raise InputError(
                f"{cohort.table}: no column {name!r} (task.target). "
                f"{nearest(name, list(cohort.columns))}"
            )
        labels = cohort.columns[name]
        found = tuple(sorted({label for label in labels if label is not None}))
        _refuse_spellings(found, name)
        if values is None:
            values, classes = self._classes(found, name)
        else:
            classes = tuple(dict.fromkeys(values.values()))
            if not (self.keys.classes and set(found) & set(values)):  # they select among labels
                _refuse_other_labels(cohort, labels, values, name)
        if self.keys.unit == "patient":
            _rows_agree(cohort, [values.get(label or "") for label in labels], labels, name)
        kept = np.asarray([label is not None and label in values for label in labels], dtype=bool)
        index = {label: classes.index(group) for label, group in values.items()}
        target = np.asarray([index.get(label or "", 0) for label in labels], dtype=np.int64)
        text = tuple(values.get(label or "", "") if label is not None else "" for label in labels)
        return Outcomes(
            kept=kept,
            target=target,
            strata=target,
            columns={name: text},
            classes=classes,
            counts=_counts(cohort, labels, unit=self.keys.unit),
            flow=_flow(cohort, labels, values, name),
            values=dict(values),
        )

    def _classes(self, found: tuple[str, ...], name: str) -> tuple[dict[str, str], tuple[str, ...]]:
        """Label -> class, and the classes in order, the positive one last."""
        values = self._grouped(found, name)
        classes = list(dict.fromkeys(values.values()))
        positive = self.keys.positive
        if positive != "none":
            if positive not in classes:
                raise StudyError(
                    f"task.positive: {positive!r} does not occur in column {name!r}. "
                    f"{nearest(positive, classes)}"
                )
            rest = [group for group in classes if group != positive]
            if len(rest) > 1:
                rest = [REST if positive != REST else f"not {positive}"]
            values = {
                label: group if group == positive else rest[0] for label, group in values.items()
            }
            classes = [*rest, positive]
        if len(classes) < 2:
            raise InputError(
                f"Column {name!r} (task.target) holds only {classes or 'missing cells'}; "
                f"expected two "
                "or more classes. Check [cohort] exclude and [task] classes."
            )
        ordered = {label: group for group in classes for label in values if values[label] == group}
        return ordered, tuple(classes)

    def _grouped(self, found: tuple[str, ...], name: str) -> dict[str, str]:
        wanted = self.keys.classes
        if not wanted:
            return {label: label for label in found}
        groups = wanted if isinstance(wanted, dict) else {label: [label] for label in wanted}
        values: dict[str, str] = {}
        for group, labels in groups.items():
            for label in labels:
                if label in values:
                    raise StudyError(f"task.classes: {label!r} is in two classes.")
                values[label] = group
        absent = [label for label in values if label not in found]
        if absent:
            raise StudyError(
                f"task.classes: {absent[0]!r} does not occur in column {name!r}. "
                f"{nearest(absent[0], found)}"
            )
        return values

    def n_outputs(self, classes: tuple[str, ...]) -> int:
        """One output per class."""
        return len(classes)

    def class_weights(
        self, target: torch.Tensor, weight: torch.Tensor, *, loss: Loss, n_outputs: int
    ) -> torch.Tensor:
        """(K,) weights with mean 1 over the training patients.

        `balanced`: inverse class frequency. `effective_number`: (1 - beta) / (1 - beta^n), n
        patients
        of the class (Cui et al., CVPR 2019, equation 4).
        """
        import torch

        if loss.class_weights == "none":
            return torch.ones(n_outputs)
        n = torch.zeros(n_outputs).index_add_(0, target, weight.float()).clamp_min(1.0)
        raw = 1.0 / n if loss.class_weights == "balanced" else (1 - loss.beta) / (1 - loss.beta**n)
        return raw * (n.sum() / (raw * n).sum())

    def loss(
        self,
        outputs: torch.Tensor,
        target: torch.Tensor,
        *,
        class_weights: torch.Tensor,
        loss: Loss,
    ) -> torch.Tensor:
        """Cross-entropy, or focal loss (Lin et al., ICCV 2017), of every row (B,)."""
        logits = outputs.float()
        if loss.name == "focal":
            from monai.losses.focal_loss import FocalLoss

            focal = FocalLoss(
                to_onehot_y=True, use_softmax=True, gamma=loss.gamma, reduction="none"
            )
            value = focal(logits, target[:, None]).sum(1)
        else:
            from torch.nn import functional

            value = functional.cross_entropy(
                logits, target, reduction="none", label_smoothing=loss.label_smoothing
            )
        return class_weights.to(outputs.device)[target] * value

    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        """Probabilities (B, K)."""
        return outputs.double().softmax(1)


def _refuse_spellings(labels: Sequence[str], name: str) -> None:
    """Labels that differ only in case or spaces are one label misspelt, never two classes."""
    first: dict[str, str] = {}
    for label in labels:
        other = first.setdefault(" ".join(label.split()).casefold(), label)
        if other != label:
            raise InputError(
                f"Column {name!r} (task.target) holds {other!r} and {label!r}, which differ only "
                "in case or spaces. Write one of them throughout."
            )


def _refuse_other_labels(
    cohort: Cohort, labels: tuple[str | None, ...], values: Mapping[str, str], name: str
) -> None:
    rows = [i for i, label in enumerate(labels) if label is not None and label not in values]
    if rows:
        strange = sorted({str(labels[i]) for i in rows})
        raise InputError(
            f"{cohort.table}: column {name!r} holds {', '.join(map(repr, strange[:5]))} "
            f"(first in row {cohort.line[rows[0]]}, patient {cohort.patient_id[rows[0]]}), but "
            f"the model "
            f"knows {', '.join(map(repr, values))}. Recode the labels, or remove the column to "
            f"predict."
        )


def _rows_agree(
    cohort: Cohort, groups: Sequence[str | None], labels: Sequence[str | None], name: str
) -> None:
    first: dict[str, int] = {}
    faults: list[str] = []
    for i, (patient, group) in enumerate(zip(cohort.patient_id, groups, strict=True)):
        if group is None:
            continue
        j = first.setdefault(patient, i)
        if groups[j] != group:
            faults.append(
                f"patient {patient}: {labels[j]!r} in row {cohort.line[j]}, "
                f"{labels[i]!r} in row {cohort.line[i]}"
            )
    if faults:
        raise InputError(
            f"{cohort.table}, column {name!r}: rows of one patient disagree on the outcome "
            f"({len(faults)} rows): {'; '.join(faults[:5])}. Mend the table, keep one row of each "
            'patient (rows = "patient" under [cohort] where the source has it), or set task.unit = '
            '"row" if the rows are lesions, admissions or visits with outcomes of their own.'
        )


def _counts(cohort: Cohort, labels: tuple[str | None, ...], *, unit: str) -> dict[str, int]:
    if unit == "patient":
        pairs = {(p, label) for p, label in zip(cohort.patient_id, labels, strict=True) if label}
        return dict(sorted(Counter(label for _, label in pairs).items()))
    return dict(sorted(Counter(label for label in labels if label).items()))


def _flow(
    cohort: Cohort, labels: tuple[str | None, ...], values: Mapping[str, str], name: str
) -> tuple[FlowStep, ...]:
    steps: list[FlowStep] = []
    missing = [i for i, label in enumerate(labels) if label is None]
    other = [i for i, label in enumerate(labels) if label is not None and label not in values]
    for rows, reason in ((missing, f"{name} missing"), (other, f"{name} not among the classes")):
        if rows:
            kept = {
                cohort.patient_id[i] for i in set(range(len(labels))) - set(missing) - set(other)
            }
            left = tuple(dict.fromkeys(cohort.patient_id[i] for i in rows))
            gone = tuple(patient for patient in left if patient not in kept)
            steps.append(FlowStep(reason, len(gone), len(rows), gone))
    return tuple(steps)

"""Regression of one or several numbers, or of scores of gene sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError, nearest
from tumorboard.formats.messages import listed
from tumorboard.records import Cohort, FittedState, Floats, FlowStep, Ints, Outcomes
from tumorboard.study_keys import Loss
from tumorboard.study_tasks import GENE_SET
from tumorboard.tasks import Task

if TYPE_CHECKING:
    import torch

#: Groups that splits are balanced over and the audit looks at.
GROUPS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")


class Regression(Task):
    """How large a number of a patient is: squared error on standardised targets.

    Targets are columns, or `gene_set:NAME`: the score of a set of genes, which is computed inside
    each fold from the expression modality (see `training.signatures`).
    """

    link: ClassVar[Literal["softmax", "identity"]] = "identity"

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets in every table, without `gene_set:`."""
        named = [self.keys.target] if isinstance(self.keys.target, str) else self.keys.target
        return tuple(name.removeprefix(GENE_SET) for name in named)

    @property
    def is_signature(self) -> bool:
        """Whether the targets are scores of gene sets."""
        return str(np.atleast_1d(np.asarray(self.keys.target))[0]).startswith(GENE_SET)

    def read(self, cohort: Cohort, *, values: Mapping[str, str] | None = None) -> Outcomes:
        """Read the numbers of every row; scores of gene sets are filled in later, as NaN here."""
        n = cohort.n_rows
        if self.is_signature:
            target = np.full((n, len(self.targets)), np.nan)
            return self._outcomes(target, np.ones(n, dtype=np.bool_), ())
        target = np.stack([_numbers(cohort, name) for name in self.targets], axis=1)
        if self.keys.unit == "patient":
            _rows_agree(cohort, target, self.targets)
        kept = np.asarray(~np.isnan(target).any(axis=1))
        return self._outcomes(target, kept, _flow(cohort, kept, self.targets))

    def _outcomes(
        self, target: Floats, kept: NDArray[np.bool_], flow: tuple[FlowStep, ...]
    ) -> Outcomes:
        text = {
            name: tuple("" if np.isnan(v) else repr(float(v)) for v in target[:, k])
            for k, name in enumerate(self.targets)
        }
        known = target[kept, 0]
        strata = np.zeros(len(target), dtype=np.int64)
        if len(known) and not np.isnan(known).all():
            strata[kept] = _quarters(known)
        groups = GROUPS if strata.any() else ("score not known before the folds",)
        counts = {"known": int(kept.sum())}
        return Outcomes(
            kept=kept, target=target, strata=strata, columns=text, classes=(),
            counts=counts, flow=flow, groups=groups,
        )  # fmt: skip

    def n_outputs(self, classes: tuple[str, ...]) -> int:
        """One output per target."""
        return len(self.targets)

    def class_weights(
        self, target: torch.Tensor, weight: torch.Tensor, *, loss: Loss, n_outputs: int
    ) -> torch.Tensor:
        """Ones: there are no classes."""
        import torch

        return torch.ones(n_outputs)

    def prepare(
        self, target: NDArray[Any], weight: Floats, *, values: Mapping[str, str] | None = None
    ) -> None:
        """Learn mean and spread of the training targets, each patient weighing 1."""
        mean = np.average(target, axis=0, weights=weight)
        spread = np.sqrt(np.average((target - mean) ** 2, axis=0, weights=weight))
        flat = [name for name, s in zip(self.targets, spread.tolist(), strict=True) if not s > 0]
        if flat:
            raise InputError(
                f"task.target: {listed(flat)} is the same number in every training patient of a "
                "fold. There is nothing to learn; leave it out."
            )
        self.learned = FittedState(arrays={"mean": mean, "spread": spread})

    def loss(
        self, outputs: torch.Tensor, target: torch.Tensor, *, class_weights: torch.Tensor,
        loss: Loss,
    ) -> torch.Tensor:  # fmt: skip
        """Squared error of every row (B,) on standardised targets, the mean over them."""
        mean, spread = self._moments(outputs)
        return ((outputs.float() - ((target - mean) / spread).float()) ** 2).mean(dim=1)

    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        """Numbers (B, K) in the units of the targets."""
        mean, spread = self._moments(outputs)
        return outputs.double() * spread + mean

    def columns(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """`predicted_<target>` of each target."""
        return tuple(f"predicted_{name}" for name in self.targets)

    def _moments(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        arrays = self.learned.arrays
        mean, spread = (torch.as_tensor(arrays[k], device=like.device) for k in ("mean", "spread"))
        return mean, spread


def _quarters(values: Floats) -> Ints:
    """Quarter of each number; where equal numbers leave one nearly empty, it joins the next.

    A target of few different numbers has no even quarters, and a handful of patients in one would
    need as many of them as there are folds.
    """
    edges = np.quantile(values, [0.25, 0.5, 0.75])
    strata = np.searchsorted(edges, values, side="right").astype(np.int64)
    for quarter in range(len(edges)):
        rows = strata == quarter
        if rows.sum() < len(values) / 8:
            strata[rows] = quarter + 1
    return strata


def _numbers(cohort: Cohort, name: str) -> Floats:
    """A column of numbers; NaN where a cell is empty.

    Raises:
        InputError: No such column, or cells that are no numbers, each row named.
    """
    if name not in cohort.columns:
        raise InputError(
            f"{cohort.table}: no column {name!r} (task.target). "
            f"{nearest(name, list(cohort.columns))}"
        )
    values = np.full(cohort.n_rows, np.nan)
    faults: list[str] = []
    for i, cell in enumerate(cohort.columns[name]):
        if cell is None:
            continue
        try:
            values[i] = float(cell)
        except ValueError:
            values[i] = np.inf
        if not np.isfinite(values[i]):
            faults.append(f"{cell!r} in row {cohort.line[i]}, patient {cohort.patient_id[i]}")
    if faults:
        raise InputError(
            f"{cohort.table}, column {name!r} (task.target): expected numbers, found "
            f"{listed(faults)}. Mend the cells, or declare them in cohort.missing."
        )
    return values


def _rows_agree(cohort: Cohort, target: Floats, names: tuple[str, ...]) -> None:
    first: dict[str, int] = {}
    faults: list[str] = []
    for i, patient in enumerate(cohort.patient_id):
        j = first.setdefault(patient, i)
        if not np.array_equal(target[j], target[i], equal_nan=True):
            faults.append(f"patient {patient} in rows {cohort.line[j]} and {cohort.line[i]}")
    if faults:
        raise InputError(
            f"{cohort.table}, {listed(names)} (task.target): rows of one patient disagree: "
            f'{listed(faults)}. Mend the table, or set task.unit = "row".'
        )


def _flow(cohort: Cohort, kept: NDArray[np.bool_], names: tuple[str, ...]) -> tuple[FlowStep, ...]:
    rows = np.flatnonzero(~kept).tolist()
    if not rows:
        return ()
    stay = {cohort.patient_id[i] for i in np.flatnonzero(kept)}
    gone = tuple(dict.fromkeys(cohort.patient_id[i] for i in rows))
    gone = tuple(patient for patient in gone if patient not in stay)
    return (FlowStep(f"{' or '.join(names)} missing", len(gone), len(rows), gone),)

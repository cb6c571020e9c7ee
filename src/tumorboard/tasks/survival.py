"""Time to an event with right censoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.messages import counted, listed
from tumorboard.models import hazards
from tumorboard.records import Bools, Cohort, FittedState, Floats, FlowStep, Ints, Outcomes
from tumorboard.study_keys import Loss
from tumorboard.tasks import Task
from tumorboard.transforms.follow_up import FollowUpColumns, read_follow_up

if TYPE_CHECKING:
    import torch

#: 1, 3 and 5 years.
_YEARS = (365, 1095, 1826)
#: Patients with an event before a horizon, and followed beyond it, that make it worth asking.
_ENOUGH = 10
#: What folds are balanced by: 0 and 1 of the event.
_GROUPS = ("censored", "event")
_HORIZONS = "horizons_days"


class Survival(Task):
    """How soon an event comes: Cox partial likelihood, or a hazard for each interval of follow-up.

    `cox`: one output, the log-hazard; Efron's ties among the rows of a batch, so a batch should be
    large. Survival at the horizons follows from the baseline hazard of the training patients.
    `discrete_time`: one output per interval, how far the logit of its hazard lies from that of all
    training patients: an untrained network predicts their mean (Gensheimer & Narasimhan, PeerJ
    2019); intervals end at quantiles of the training events, hazards are constant inside.
    """

    link: ClassVar[Literal["softmax", "identity"]] = "identity"

    def read(self, cohort: Cohort, *, values: Mapping[str, str] | None = None) -> Outcomes:
        """Read time and event of every row; see `Task.read`."""
        keys = self.keys
        found = read_follow_up(
            cohort, time=keys.time, time_unit=keys.time_unit, event=keys.event,
            event_value=str(keys.event_value), new=values is None,
        )  # fmt: skip
        if keys.unit == "patient":
            _rows_agree(cohort, found, keys.time, keys.event)
        units = cohort.patient_id if keys.unit == "patient" else cohort.unit_id
        first = _first_rows(units, found.known)
        time, event = found.time_days[first], found.event[first]
        if values is None:
            values = {_HORIZONS: ",".join(map(str, self._horizons(time, event)))}
        days = np.where(found.known, found.time_days, np.nan)
        return Outcomes(
            kept=found.known,
            target=np.stack([days, found.event.astype(np.float64)], axis=1),
            strata=found.event.astype(np.int64),
            groups=_GROUPS,
            columns={
                "time_days": _texts(days.tolist(), found.known),
                "event": _texts(found.event.astype(np.int64).tolist(), found.known),
            },
            classes=(),
            counts={"event": int(event.sum()), "censored": int((~event).sum())},
            flow=_flow(cohort, found.known, f"{keys.time} or {keys.event} missing"),
            values=dict(values),
            notes=(self._coding(found, event),),
        )

    def _horizons(self, time: Floats, event: Bools) -> tuple[int, ...]:
        """Days at which survival is predicted, from the follow-up of all patients."""
        if not event.any():
            raise InputError(
                f"column {self.keys.event!r} (task.event): nobody had the event, so there is "
                "nothing to predict. Check task.event_value."
            )
        asked = self.keys.horizons_days
        if asked == "auto":
            usual = [d for d in _YEARS if _is_followed(time, event, d)]
            thirds = np.quantile(time[event], [1 / 3, 2 / 3])
            return tuple(usual or sorted({max(1, round(float(day))) for day in thirds}))
        beyond = [day for day in asked if day > time.max()]
        if beyond:
            raise StudyError(
                f"task.horizons_days: {beyond[0]:g} days lie beyond the longest follow-up, "
                f"{time.max():g} days. Name earlier days."
            )
        return tuple(sorted({max(1, round(day)) for day in asked}))

    def _coding(self, found: FollowUpColumns, event: Bools) -> str:
        """How event and censoring are coded, and the shares that follow."""
        keys, n = self.keys, len(event)
        share = f"{int(event.sum())} of {n} ({100 * event.mean():.0f} %)" if n else "0"
        censored = f"{found.other!r} means censored" if found.other else "nobody is censored"
        return (
            f"In column {keys.event!r} {str(keys.event_value)!r} means that the event was seen "
            f"and {censored}: {share} had the event. Times in {keys.time!r} are {keys.time_unit}."
        )

    @property
    def horizons(self) -> tuple[int, ...]:
        """Days at which survival is predicted; known once `prepare` has seen the outcomes."""
        return tuple(int(day) for day in self.learned.values.get(_HORIZONS, ()))

    def prepare(
        self, target: NDArray[Any], weight: Floats, *, values: Mapping[str, str] | None = None
    ) -> None:
        """Keep the study's horizons, and cut follow-up at quantiles of the training events.

        Raises:
            InputError: No training patient had the event.
        """
        event = target[:, 1] > 0
        if not event.any():
            raise InputError(
                "no training patient of this split had the event. Use fewer folds, or more data."
            )
        days = (values or {}).get(_HORIZONS, "")
        horizons = [int(day) for day in days.split(",") if day]
        horizons = horizons or list(self._horizons(target[:, 0], event))
        arrays: dict[str, NDArray[Any]] = {}
        if self.keys.head == "discrete_time":
            cuts = hazards.cut_points(target[:, 0], event, weight, self.keys.n_intervals)
            arrays["cuts"] = cuts
            arrays["base"] = hazards.interval_logits(target[:, 0], event, weight, cuts)
        self.learned = FittedState(values={_HORIZONS: horizons}, arrays=arrays)

    def n_outputs(self, classes: tuple[str, ...]) -> int:
        """One log-hazard, or one hazard for each interval."""
        if self.keys.head == "cox":
            return 1
        cuts = self.learned.arrays.get("cuts")
        return self.keys.n_intervals if cuts is None else len(cuts)

    def columns(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """`risk_score`, then `survival_<days>` of every horizon."""
        return ("risk_score", *(f"survival_{days}" for days in self.horizons))

    def class_weights(
        self, target: torch.Tensor, weight: torch.Tensor, *, loss: Loss, n_outputs: int
    ) -> torch.Tensor:
        """(K,) ones: there are no classes."""
        import torch

        return torch.ones(n_outputs)

    def loss(
        self, outputs: torch.Tensor, target: torch.Tensor, *, class_weights: torch.Tensor,
        loss: Loss,
    ) -> torch.Tensor:  # fmt: skip
        """(B,) losses of outputs (B, K) and target (B, 2).

        `cox`: the partial likelihood compares rows with each other, so each carries the mean over
        the events of the batch; 0 where the batch has none.
        """
        if self.keys.head == "cox":
            return hazards.cox_loss(outputs.float()[:, 0], target)
        return self._interval_loss(self._logits(outputs.float()), target)

    def weighted_loss(
        self, outputs: torch.Tensor, target: torch.Tensor, *, weight: torch.Tensor,
        class_weights: torch.Tensor, loss: Loss,
    ) -> torch.Tensor:  # fmt: skip
        """As `loss`; several rows of one patient are one patient of the risk sets of `cox`."""
        if self.keys.head == "cox" and not bool((weight == weight[:1]).all()):
            return hazards.weighted_cox_loss(outputs.float()[:, 0], target, weight)
        return self.loss(outputs, target, class_weights=class_weights, loss=loss)

    def _logits(self, outputs: torch.Tensor) -> torch.Tensor:
        """Logits of the intervals' hazards; models of earlier versions give them themselves."""
        import torch

        base = self.learned.arrays.get("base")
        return outputs if base is None else outputs + torch.from_numpy(base).to(outputs)

    def _interval_loss(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        import torch
        from torch.nn import functional

        survived, event = hazards.interval_states(
            target[:, 0].cpu().numpy(), target[:, 1].cpu().numpy(), self.learned.arrays["cuts"]
        )
        interval = torch.arange(logits.shape[1], device=logits.device)
        lasted = interval < torch.from_numpy(survived).to(logits.device)[:, None]
        died = interval == torch.from_numpy(event).to(logits.device)[:, None]
        # -log(1 - h) and -log(h) of a logit
        loss = functional.softplus(logits) * lasted + functional.softplus(-logits) * died
        return loss.sum(1)

    def finish(self, outputs: Floats, target: NDArray[Any], weight: Floats) -> None:
        """Learn the baseline hazard from the log-hazards (n, 1) of the training rows."""
        if outputs.shape[1] != 1:
            return
        times, hazard = hazards.breslow(outputs[:, 0], target[:, 0], target[:, 1] > 0, weight)
        arrays = {**self.learned.arrays, "times": times, "hazard": hazard}
        self.learned = FittedState(values=self.learned.values, arrays=arrays)

    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        """(B, 1 + H): risk score, and survival at the horizons; NaN before a Cox fit is finished.

        The risk score of `discrete_time` is the cumulative hazard summed over the ends of the
        intervals (as Ishwaran et al., Ann Appl Stat 2008, sum it over event times).
        """
        import torch

        values = outputs.detach().double()
        if self.keys.head == "cox":
            found = self.predict_baseline(values.cpu().numpy())
            return torch.from_numpy(found).to(outputs.device)
        values = self._logits(values).cpu().numpy()
        ends = np.cumsum(np.logaddexp(0.0, values), axis=1)
        cuts = np.r_[0.0, self.learned.arrays["cuts"]]
        days = np.asarray(self.horizons, dtype=np.float64)
        hazard = _between(cuts, np.pad(ends, ((0, 0), (1, 0))), days)
        found = np.concatenate([ends.sum(axis=1, keepdims=True), np.exp(-hazard)], axis=1)
        return torch.from_numpy(found).to(outputs.device)

    def predict_baseline(self, outputs: Floats) -> Floats:
        """(n, 1 + H) of log-hazards (n, 1); survival is NaN before `finish`."""
        days = np.asarray(self.horizons, dtype=np.float64)
        if "times" not in self.learned.arrays:
            return np.hstack([outputs, np.full((len(outputs), len(days)), np.nan)])
        base = hazards.steps_at(self.learned.arrays["times"], self.learned.arrays["hazard"], days)
        with np.errstate(over="ignore"):  # a hazard beyond every number is a survival of 0
            return np.hstack([outputs, np.exp(-base * np.exp(outputs))])


def _between(cuts: Floats, ends: Floats, days: Floats) -> Floats:
    """Cumulative hazard (n, H) between the ends of intervals (n, K + 1); flat after the last."""
    right = np.clip(np.searchsorted(cuts, days, side="left"), 1, len(cuts) - 1)
    share = np.clip((days - cuts[right - 1]) / (cuts[right] - cuts[right - 1]), 0.0, 1.0)
    return ends[:, right - 1] + share * (ends[:, right] - ends[:, right - 1])


def _is_followed(time: Floats, event: Bools, days: int) -> bool:
    return min(int((event & (time <= days)).sum()), int((time > days).sum())) >= _ENOUGH


def _first_rows(units: Sequence[str], known: Bools) -> Ints:
    """One row with a known outcome of each unit."""
    first: dict[str, int] = {}
    for row in np.flatnonzero(known).tolist():
        first.setdefault(units[row], row)
    return np.asarray(list(first.values()), dtype=np.int64)


def _texts(values: Sequence[float | int], known: Bools) -> tuple[str, ...]:
    return tuple(repr(v) if k else "" for v, k in zip(values, known.tolist(), strict=True))


def _rows_agree(cohort: Cohort, found: FollowUpColumns, time: str, event: str) -> None:
    first: dict[str, int] = {}
    faults: list[str] = []
    for row in np.flatnonzero(found.known).tolist():
        patient = cohort.patient_id[row]
        other = first.setdefault(patient, row)
        if (found.time_days[row], found.event[row]) != (found.time_days[other], found.event[other]):
            cells = [f"{cohort.columns[time][r]} / {cohort.columns[event][r]} in row "
                     f"{cohort.line[r]}" for r in (other, row)]  # fmt: skip
            faults.append(f"patient {patient}: {', '.join(cells)}")
    if faults:
        raise InputError(
            f"{cohort.table}, columns {time!r} and {event!r}: rows of one patient disagree on the "
            f"outcome ({counted(len(faults), 'row')}): {listed(faults)}. Mend the table, or keep "
            "one row of each patient."
        )


def _flow(cohort: Cohort, known: Bools, reason: str) -> tuple[FlowStep, ...]:
    rows = np.flatnonzero(~known).tolist()
    if not rows:
        return ()
    kept = {cohort.patient_id[row] for row in np.flatnonzero(known).tolist()}
    left = dict.fromkeys(cohort.patient_id[row] for row in rows)
    gone = tuple(patient for patient in left if patient not in kept)
    return (FlowStep(reason, len(gone), len(rows), gone),)

"""What mends the probabilities of a fitted model: fitted on its validation patients, plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from tumorboard.errors import InputError
from tumorboard.evaluation.estimates import MIN_PATIENTS
from tumorboard.evaluation.logistic import fit_logistic
from tumorboard.records import Bools, Floats, Ints

CalibratorKind = Literal["none", "temperature", "platt", "isotonic"]

#: Probabilities are kept this far from 0 and 1 before a logarithm: the resolution of the
#: single-precision numbers that networks compute in.
CLIP = 1e-7
#: Temperatures looked at. The lowest is only ever best where the validation patients are separated.
_TEMPERATURES = (0.05, 20.0)
#: Names of the numbers of each kind.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "none": (), "temperature": ("temperature",), "platt": ("slope", "intercept"),
    "isotonic": ("x", "y"),
}  # fmt: skip


@dataclass(frozen=True)
class Calibrator:
    """Probabilities to calibrated probabilities; `none` leaves them as they are.

    Args:
        kind: How.
        values: Name -> one list of numbers per calibrated class. `temperature` has one; `platt`
            has a slope and an intercept, `isotonic` the knots x and y, of the positive class for
            two classes and of every class for more.
    """

    kind: CalibratorKind = "none"
    values: Mapping[str, list[list[float]]] = field(default_factory=lambda: {})

    def apply(self, probabilities: Floats) -> Floats:
        """Calibrated probabilities (n, K), summing to 1 over the classes."""
        p = np.asarray(probabilities, dtype=np.float64)
        if self.kind == "none":
            return p
        if self.kind == "temperature":
            return _softmax(np.log(np.clip(p, CLIP, 1.0)) / self.values["temperature"][0][0])
        self._check_classes(p.shape[1])
        asked = [1] if p.shape[1] == 2 else list(range(p.shape[1]))
        each = np.stack([self._one(i, p[:, k]) for i, k in enumerate(asked)], axis=1)
        if p.shape[1] == 2:
            return np.concatenate([1 - each, each], axis=1)
        return each / each.sum(axis=1, keepdims=True)

    def to_plain(self) -> dict[str, Any]:
        """Plain data for a model folder."""
        return {"kind": self.kind, **{name: list(v) for name, v in self.values.items()}}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Calibrator:
        """The calibrator of `to_plain`.

        Raises:
            InputError: Damaged.
        """
        kind: Any = plain.get("kind")
        if kind not in get_args(CalibratorKind):
            raise InputError(
                f"calibration: kind {kind!r} is not one of {', '.join(get_args(CalibratorKind))}. "
                "The model folder is damaged or of another version: fit it again."
            )
        try:
            values = {
                name: [[float(v) for v in row] for row in plain[name]] for name in _NAMES[kind]
            }
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"calibration: damaged numbers of {kind!r} ({error}). Fit the model again."
            ) from error
        _check(kind, values)
        return cls(kind, values)

    def _one(self, index: int, p: Floats) -> Floats:
        if self.kind == "platt":
            slope, intercept = self.values["slope"][index][0], self.values["intercept"][index][0]
            return _sigmoid(slope * _logit(p) + intercept)
        return np.interp(p, self.values["x"][index], self.values["y"][index])

    def _check_classes(self, n_classes: int) -> None:
        n_fitted = len(next(iter(self.values.values())))
        if n_fitted != (1 if n_classes == 2 else n_classes):
            raise InputError(
                f"calibration: fitted for {n_fitted} classes, got probabilities of {n_classes}. "
                "Use the calibration of the same model."
            )


def _check(kind: str, values: Mapping[str, list[list[float]]]) -> None:
    numbers = [v for rows in values.values() for row in rows for v in row]
    shapes = {tuple(len(row) for row in rows) for rows in values.values()}
    is_whole = kind == "none" or (len(shapes) == 1 and 0 not in next(iter(shapes)) and numbers)
    is_positive = kind != "temperature" or all(v > 0 for v in numbers)
    if not (is_whole and is_positive and np.isfinite(numbers).all()):
        raise InputError(f"calibration: damaged numbers of {kind!r}. Fit the model again.")


def fit_calibrator(
    kind: CalibratorKind, target: Ints, probabilities: Floats, weight: Floats
) -> tuple[Calibrator, list[str]]:
    """Fit a calibrator on the validation units of one fitted model.

    Temperature: softmax(log p / T), the T of the smallest log loss. Platt: sigmoid of a line in the
    logit, with targets moved off 0 and 1 by Laplace's rule. Isotonic: the best monotone steps,
    linear between them, kept 1 / (patients + 2) off 0 and 1. Platt and isotonic mend the positive
    class of two; of more classes each against the rest, and the results are divided by their sum.

    Args:
        kind: How.
        target: (n,) class index.
        probabilities: (n, K).
        weight: (n,) weight of every unit; the units of a patient weigh 1 together.

    Returns:
        The calibrator, `none` where the patients cannot give one, and remarks for the report.

    Source:
        Guo et al., ICML 2017 (temperature). Platt, Advances in Large Margin Classifiers 1999.
        Zadrozny & Elkan, KDD 2002 (isotonic, several classes).
    """
    if kind == "none":
        return Calibrator(), []
    n_patients = round(float(np.sum(weight)))
    per_class = np.bincount(target, weight, probabilities.shape[1])
    if n_patients < MIN_PATIENTS:
        why = f"{n_patients} validation patients, fewer than {MIN_PATIENTS}"
    elif (per_class > 0).sum() < 2:
        why = "the validation patients have one class only"
    elif kind != "temperature" and (per_class <= 0).any():
        why = "a class has no validation patient"
    else:
        fit = {"temperature": _temperature, "platt": _platt, "isotonic": _isotonic}[kind]
        return fit(target, np.asarray(probabilities, dtype=np.float64), weight)
    return Calibrator(), [f"Not calibrated ({kind}): {why}."]


_Fitted = tuple[Calibrator, list[str]]


def _temperature(target: Ints, probabilities: Floats, weight: Floats) -> _Fitted:
    from scipy.optimize import minimize_scalar

    logits = np.log(np.clip(probabilities, CLIP, 1.0))
    rows = np.arange(len(target))

    def loss(inverse: float) -> float:  # convex in 1 / T
        scaled = logits * inverse
        return float(weight @ (np.logaddexp.reduce(scaled, axis=1) - scaled[rows, target]))

    low, high = 1 / _TEMPERATURES[1], 1 / _TEMPERATURES[0]
    found: Any = minimize_scalar(
        loss, bounds=(low, high), method="bounded", options={"xatol": 1e-10}
    )
    inverse = float(found.x)
    if inverse > high * 0.999:
        remark = "the validation patients are separated, and every temperature towards 0 is better"
        return Calibrator(), [f"Not calibrated (temperature): {remark}."]
    remarks: list[str] = []
    if inverse < low * 1.001:
        remarks.append(
            f"The temperature is {_TEMPERATURES[1]:g}, the highest looked at: on the validation "
            "patients the model says nothing about the outcome."
        )
    return Calibrator("temperature", {"temperature": [[1 / inverse]]}), remarks


def _platt(target: Ints, probabilities: Floats, weight: Floats) -> _Fitted:
    slopes: list[list[float]] = []
    intercepts: list[list[float]] = []
    for is_class, p in _against_the_rest(target, probabilities):
        n_in, n_out = float(weight[is_class].sum()), float(weight[~is_class].sum())
        smoothed = np.where(is_class, (n_in + 1) / (n_in + 2), 1 / (n_out + 2))
        logit = _logit(p)
        fit = fit_logistic(np.column_stack([np.ones_like(logit), logit]), smoothed, weight)
        if not fit.is_defined:
            why = "the validation probabilities of a class are all alike"
            return Calibrator(), [f"Not calibrated (platt): {why}."]
        intercept, slope = fit.coefficients.tolist()
        if slope <= 0:  # a handful of validation patients must not turn a model's ranking round
            return Calibrator(), [
                "Not calibrated (platt): on the validation patients a higher probability goes with "
                "fewer events, and a calibration must not turn the order of patients round."
            ]
        slopes.append([slope])
        intercepts.append([intercept])
    return Calibrator("platt", {"slope": slopes, "intercept": intercepts}), []


def _isotonic(target: Ints, probabilities: Floats, weight: Floats) -> _Fitted:
    from sklearn.isotonic import IsotonicRegression

    edge = 1 / (float(weight.sum()) + 2)  # Laplace's rule: what none of n patients had
    knots: dict[str, list[list[float]]] = {"x": [], "y": []}
    for is_class, p in _against_the_rest(target, probabilities):
        model: Any = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        model.fit(p, is_class.astype(np.float64), sample_weight=weight)
        knots["x"].append(np.asarray(model.X_thresholds_, dtype=np.float64).tolist())
        knots["y"].append(np.clip(model.y_thresholds_, edge, 1 - edge).tolist())
    return Calibrator("isotonic", knots), []


def _against_the_rest(target: Ints, probabilities: Floats) -> list[tuple[Bools, Floats]]:
    n_classes = probabilities.shape[1]
    asked = [1] if n_classes == 2 else range(n_classes)
    return [(target == k, probabilities[:, k]) for k in asked]


def _logit(p: Floats) -> Floats:
    clipped = np.clip(p, CLIP, 1 - CLIP)
    return np.log(clipped) - np.log1p(-clipped)


def _sigmoid(values: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(values), dtype=np.float64)


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)

"""How the page writes numbers, intervals, p-values, counts and the names of metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from tumorboard.report.style import MINUS

#: How the page calls a metric.
METRIC_NAMES: Mapping[str, str] = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
    "macro_f1": "Macro F1",
    "mcc": "MCC",
    "brier": "Brier",
    "log_loss": "Log loss",
    "scaled_brier": "Scaled Brier",
    "prevalence": "Prevalence",
    "auroc_bootstrap": "AUROC, bootstrap",
    "c_index": "C-index",
    "uno_c_index": "Uno's C-index",
    "integrated_brier": "Integrated Brier",
    "scaled_integrated_brier": "Scaled integrated Brier",
    "r2": "R²",
    "spearman": "Spearman",
    "pearson": "Pearson",
    "mae": "MAE",
    "rmse": "RMSE",
    "dice": "Dice",
    "iou": "IoU",
    "nsd": "NSD",
    "hd95": "HD95",
    "hd95_mm": "HD95, mm",
    "hd95_px": "HD95, px",
    "precision": "Precision",
    "pixel_accuracy": "Pixel accuracy",
    "volume_error": "Volume error",
    "volume_error_ml": "Volume error, ml",
    "volume_error_px": "Volume error, px",
    "volume_bias": "Volume bias",
    "volume_bias_ml": "Volume bias, ml",
    "volume_bias_px": "Volume bias, px",
    "lesion_sensitivity": "Lesion sensitivity",
    "lesion_precision": "Lesion precision",
    "lesion_f1": "Lesion F1",
    "false_lesions": "False lesions",
}
#: Units at the end of a metric of masks, and the metrics that have one.
_UNITS = ("mm", "ml", "px")
_WITH_UNIT = ("hd95", "volume_error", "volume_bias")


@dataclass(frozen=True)
class Cell:
    """A number as the page shows it; `interval` is empty where there is none, `method` made it."""

    value: str
    interval: str = ""
    method: str = ""


def counted(n: int, noun: str) -> str:
    """`1 row`, `1,200 rows`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def metric_name(metric: str) -> str:
    """How the page calls a metric; a name it does not know is shown as it is."""
    if metric in METRIC_NAMES:
        return METRIC_NAMES[metric]
    known = [word for word in METRIC_NAMES if metric.startswith(f"{word}_")]
    if not known:
        return metric
    word = max(known, key=len)
    rest = metric[len(word) + 1 :]
    for unit in _UNITS:
        if rest.endswith(f"_{unit}") and word in _WITH_UNIT:
            rest = f"{rest.removesuffix(f'_{unit}')}, {unit}"
    return f"{METRIC_NAMES[word]}, {f'{rest} days' if rest.isdigit() else rest}"


def number(value: float, *, digits: int = 3, signed: bool = False) -> str:
    """A number as the page shows it: true minus sign, a dash where there is none."""
    if not isfinite(value):
        return "–"  # noqa: RUF001 - an en dash marks an empty cell
    zero = "" if digits else "z"  # no whole number is minus 0; -0.000 tells a limit's side of zero
    return f"{value:{'+' if signed else ''}{zero}.{digits}f}".replace("-", MINUS)


def interval(low: float, high: float, *, digits: int = 3, signed: bool = False) -> str:
    """`0.781 to 0.893`; empty where there is no interval."""
    if not (isfinite(low) and isfinite(high)):
        return ""
    ends = (number(end, digits=digits, signed=signed) for end in (low, high))
    return " to ".join(ends)


def p_value(value: float) -> str:
    """Three decimals, and never 0.000."""
    if not isfinite(value):
        return number(value)
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def both(value: float, reference: float) -> str:
    """`0.452 - 0.471`: the two values that a difference is made of; empty where one is unknown."""
    if not (isfinite(value) and isfinite(reference)):
        return ""
    return f"{number(value)} {MINUS} {number(reference)}"

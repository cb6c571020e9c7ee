"""What every table of a study file is made of: strict keys, names and components."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from tumorboard.study_words import LOWER_IS_BETTER as LOWER_IS_BETTER
from tumorboard.study_words import METRICS as METRICS

MetricName = Literal[
    "auroc", "auprc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv",
    "f1", "macro_f1", "mcc", "brier", "log_loss",
    "c_index", "uno_c_index", "integrated_brier",
    "r2", "spearman", "pearson", "mae", "rmse",
    "dice", "iou", "nsd", "hd95", "precision", "pixel_accuracy", "volume_error",
    "lesion_sensitivity", "lesion_precision", "lesion_f1",
]  # fmt: skip
Watched = MetricName | Literal["loss"]


def named(value: object) -> object:
    """A plain word is short for a table with that name."""
    return {"name": value} if isinstance(value, str) else value


def _component(value: object) -> object:
    value = named(value)
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise ValueError('a name or a table with a name, such as {name = "..."}')
    return dict(value)


#: A component: its name and its settings.
Component = Annotated[dict[str, Any], BeforeValidator(_component)]


def _name(value: str) -> str:
    # A name becomes a folder, a column value joined by "+" and a part of a dotted key.
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", value) is None:
        raise ValueError(
            "letters, digits, _ and - only, starting with a letter or a digit, such as breast-2024"
        )
    return value


#: A name that the author of the study chooses.
Name = Annotated[str, AfterValidator(_name)]


class Keys(BaseModel):
    """A table of the study file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

"""What lab values of all hospital databases share: their statistics, and when units are one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars

#: Statistics of a lab, in the order of the columns `lab_<name>_<statistic>`.
STATISTICS = ("mean", "min", "max", "last", "count")
#: The micro sign has two code points; Unicode prefers the Greek letter.
_MICRO, _MU = "\u00b5", "\u03bc"


def folded(unit: str | None) -> str:
    """A unit without case and blanks, which do not make another one; empty where there is none."""
    return "".join((unit or "").split()).lower().replace(_MICRO, _MU)


def folded_column(unit: polars.Expr) -> polars.Expr:
    """`folded` for a text column; null where there is none."""
    text = unit.str.replace_all(r"\s+", "").str.to_lowercase().replace("", None)
    return text.str.replace_all(_MICRO, _MU, literal=True)

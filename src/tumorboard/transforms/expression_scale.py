"""Which unit a matrix of gene expression looks like, and the logarithm that models see.

Counts become log2(counts per million + 1), each patient by its own library size alone: the median
of ratios (DESeq2) would need a reference profile of other patients, so that a patient's values
would change with who else is in the table.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from tumorboard.formats.expression_table import Scale
from tumorboard.records import Bools, Floats

Looks = Literal["tpm", "counts", "log2_tpm", "z", "other"]

#: TPM add up to this, and so do counts per million.
MILLION = 1e6
_NEAR_MILLION = 0.05
#: log2(TPM + 1) of a gene with all reads is 19.9.
_MOST_LOG2 = 20.0
#: Patients of one table add up to about the same; by this factor only another unit is off. A part
#: of the genes may truly differ more, so that fewer genes than this are not judged.
_FAR = 5.0
_ENOUGH_GENES = 100
#: Share of the patients that must be alike before the others are called unlike them.
_MOST_ALIKE = 0.5
#: Fewer patients do not show whether genes have mean 0 and standard deviation 1.
_FEWEST = 10

_SAYS = {
    "tpm": "TPM (every patient adds up to a million)",
    "counts": "counts (whole numbers)",
    "log2_tpm": "log2 values (none negative, none above 20)",
    "z": "z-scores or other centred values (there are negative ones)",
    "other": "neither TPM, counts, log2 values nor z-scores: FPKM, or a part of the genes",
}  # fmt: skip


def looks_like(values: Floats) -> Looks:
    """The unit that the numbers show.

    Args:
        values: (patients, genes) NaN where missing.
    """
    known = np.isfinite(values)
    if not known.any():
        return "other"
    least, most = float(np.nanmin(values)), float(np.nanmax(values))
    if least < 0:
        return "z"
    totals = np.nansum(values, axis=1)
    totals = totals[totals > 0]
    if totals.size and np.abs(np.median(totals) / MILLION - 1) < _NEAR_MILLION:
        return "counts" if _is_whole(values) else "tpm"
    if most > 1 and _is_whole(values):
        return "counts"
    return "log2_tpm" if most <= _MOST_LOG2 else "other"


def _is_whole(values: Floats) -> bool:
    """Whether all known values are whole numbers; one patient shows most tables not to be."""
    return all(bool((part[np.isfinite(part)] % 1 == 0).all()) for part in (values[:1], values[1:]))


def disagreement(values: Floats, declared: Scale) -> str:
    """Why the numbers cannot be what they are declared to be; "" where they can.

    TPM of a part of the genes add up to less than a million, and expected counts are no whole
    numbers: such tables pass, and `stated` says what was seen.
    """
    seen = looks_like(values)
    if seen == declared or (seen == "other" and declared == "counts"):
        return ""
    totals = np.nansum(values, axis=1)
    is_part = bool((totals <= MILLION * (1 + _NEAR_MILLION)).all())
    if seen == "other" and declared == "tpm" and is_part:
        return ""
    sums = f"patients add up to {totals.min():.3g} to {totals.max():.3g}"
    return f"the scale is declared {declared!r}, but the numbers look like {_SAYS[seen]}; {sums}"


def unlike_patients(values: Floats, declared: Scale) -> dict[int, str]:
    """Patients whose own numbers are in another unit than the table's, and what shows it.

    Tables are put together from several sources; one column that was left in logarithms, or in
    counts, changes no property of the whole table.

    Args:
        values: (patients, genes) NaN where missing.
        declared: The unit of the table, which `disagreement` lets pass.
    """
    if declared == "z":
        return _never_negative(values)
    with np.errstate(over="ignore"):
        amounts = np.exp2(values) - 1 if declared == "log2_tpm" else values
    totals = np.nansum(amounts, axis=1)
    usual = float(np.median(totals[totals > 0])) if (totals > 0).any() else 0.0
    found: dict[int, str] = {}
    if declared != "log2_tpm":
        found = _unlike_fractions(values, has_reads=totals > 0)
    if declared == "counts":  # depths may differ by any factor
        return found
    if values.shape[1] < _ENOUGH_GENES:
        return found
    what = "2^value - 1 adds" if declared == "log2_tpm" else "adds"
    odd = (totals > 0) & ((totals > usual * _FAR) | (totals < usual / _FAR))
    return found | {
        i: f"{what} up to {totals[i]:.3g}, where the median patient's adds up to {usual:.3g}"
        for i in np.flatnonzero(odd).tolist()
    }


def _unlike_fractions(values: Floats, *, has_reads: Bools) -> dict[int, str]:
    """Patients of whole numbers among fractions, or the other way round."""
    whole = np.asarray([_is_whole(row[np.newaxis]) for row in values])
    is_usual = bool(whole[has_reads].mean() > _MOST_ALIKE) if has_reads.any() else False
    n_usual = int((whole[has_reads] == is_usual).sum())
    if n_usual <= _MOST_ALIKE * int(has_reads.sum()):
        return {}
    why = (
        "numbers with a fraction, where the others have whole ones"
        if is_usual
        else "whole numbers alone, as counts are, where the others have fractions"
    )
    return dict.fromkeys(np.flatnonzero(has_reads & (whole != is_usual)).tolist(), why)


def _never_negative(values: Floats) -> dict[int, str]:
    """Patients of z-scores without a negative one, where the others have some."""
    if values.shape[1] < _ENOUGH_GENES:
        return {}
    never = np.isfinite(values).any(axis=1) & ~(values < 0).any(axis=1)
    if never.mean() > 1 - _MOST_ALIKE:
        return {}
    why = "no value is negative, where the others' are centred at 0"
    return dict.fromkeys(np.flatnonzero(never).tolist(), why)


def stated(values: Floats, declared: Scale) -> str:
    """What was seen of the unit, for the report."""
    seen = looks_like(values)
    totals = np.nansum(values, axis=1)
    if declared in ("tpm", "counts"):
        sums = f"patients add up to {totals.min():.3g} to {totals.max():.3g}"
        if seen == declared:
            return f"declared {declared}, and looks like it; {sums}"
        part = "a part of the genes" if declared == "tpm" else "not whole numbers: expected counts"
        return f"declared {declared}; {sums}: {part}"
    if declared == "z" and len(values) >= _FEWEST:
        n, n_genes = n_standardised(values), values.shape[1]
        return f"declared z; {n:,} of {n_genes:,} genes have mean 0 and deviation 1 in this table"
    return f"declared {declared}, and looks like it"


def n_standardised(values: Floats, *, near: float = 2e-3) -> int:
    """Genes with mean 0 and standard deviation 1 over the patients of a table.

    Args:
        values: (patients, genes) NaN where missing.
        near: How far mean and deviation may be off: numbers are rounded, and some were imputed.
    """
    known = np.isfinite(values)
    n = known.sum(axis=0)
    given = np.where(known, values, 0.0)
    mean = given.sum(axis=0) / np.maximum(n, 1)
    squares = np.where(known, (values - mean) ** 2, 0.0).sum(axis=0)
    spreads = [np.sqrt(squares / np.maximum(n - ddof, 1)) for ddof in (0, 1)]
    is_one = np.minimum(np.abs(spreads[0] - 1), np.abs(spreads[1] - 1)) <= near
    return int(((n >= _FEWEST) & (np.abs(mean) <= near) & is_one).sum())


def to_log2(values: Floats, scale: Scale) -> Floats:
    """log2(TPM + 1), or log2(counts per million + 1); log2 values and z-scores as they are.

    Args:
        values: (patients, genes) NaN where missing; no patient has only zeros.
        scale: Their unit.
    """
    if scale == "tpm":
        return np.log2(values + 1.0)
    if scale == "counts":
        totals = values.sum(axis=1, keepdims=True)
        return np.log2(values * (MILLION / np.maximum(totals, 1.0)) + 1.0)
    return values

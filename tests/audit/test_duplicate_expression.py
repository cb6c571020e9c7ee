from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from seen_cohort import ids, make_audited, make_cohort

from tumorboard.audit.duplicate_expression import DuplicateExpression
from tumorboard.modalities.measured.expression import MeasuredExpression
from tumorboard.records import Finding

N, GENES = 40, 120


def expression(seed: int) -> np.ndarray:
    """log2(TPM + 1): genes of very different level, and a factor that many genes share."""
    rng = np.random.default_rng(seed)
    level, loading = rng.uniform(1, 14, GENES), rng.normal(0, 0.6, GENES)
    factor = rng.standard_normal((N, 1))
    return level + factor * loading + rng.normal(0, 0.3, (N, GENES))


def find(values: np.ndarray, folder: Path) -> list[Finding]:
    columns = {
        f"g{j}": [None if np.isnan(x) else repr(float(x)) for x in column]
        for j, column in enumerate(values.T)
    }
    cohort = make_cohort(folder, ids=ids(len(values)), columns=columns)
    return DuplicateExpression().find(make_audited(cohort, cache=folder, numeric=list(columns)))


def noisy(row: np.ndarray) -> np.ndarray:
    return row + np.random.default_rng(9).normal(0, 0.02, row.shape)


def gappy(row: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(row)) % 7 == 0, np.nan, row)


@pytest.mark.parametrize("change", [np.copy, noisy, gappy, lambda row: 1.5 * row])
def test_a_profile_under_two_patients_is_an_error(change, tmp_path: Path) -> None:
    values = expression(1)
    (finding,) = find(np.vstack([values, change(values[5])]), tmp_path)
    assert (finding.code, finding.severity) == ("duplicate-expression", "error")
    assert finding.patients == ("P005", "P040")
    assert finding.evidence["pairs"][0]["correlation"] > 0.999  # type: ignore[index]


@pytest.mark.parametrize("seed", range(3))
def test_profiles_of_different_patients_are_clean(seed: int, tmp_path: Path) -> None:
    assert find(expression(seed), tmp_path) == []


def test_columns_of_different_scale_make_no_duplicates(tmp_path: Path) -> None:
    """Platelets beside ratios: every two patients correlate above 0.999."""
    rng = np.random.default_rng(0)
    values = rng.lognormal(0, 0.3, (N, GENES)) * np.where(np.arange(GENES) == 0, 2.5e5, 1.0)
    assert np.asarray(np.corrcoef(values))[0, 1] > 0.999
    assert find(values, tmp_path) == []


def test_one_factor_behind_everything_makes_no_duplicates(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    factor = np.sort(rng.standard_normal((N, 1)), axis=0)
    values = factor * rng.normal(0, 1, GENES) + rng.normal(0, 0.02, (N, GENES))
    assert find(values, tmp_path) == []


def test_a_table_of_few_columns_is_no_profile(tmp_path: Path) -> None:
    values = expression(1)[:, :49]
    assert find(np.vstack([values, values[5]]), tmp_path) == []


def test_a_profile_beside_columns_that_differ(tmp_path: Path) -> None:
    values = np.vstack([expression(1)[:, :60], noisy(expression(1)[5, :60])])
    beside = np.random.default_rng(3).lognormal(3, 1, (N + 1, 5))
    (finding,) = find(np.hstack([values, beside]), tmp_path)
    assert finding.patients == ("P005", "P040")
    assert find(np.hstack([values, beside])[:-1], tmp_path) == []


def test_flags_of_comorbidities_are_no_profile(tmp_path: Path) -> None:
    """Two people without any of sixty diseases are not one person, whatever their age."""
    rng = np.random.default_rng(0)
    flags = (rng.random((N, 60)) < 0.03).astype(float)
    flags[:2] = 0
    flags[0, 7] = flags[1, 7] = 1
    assert find(np.hstack([rng.integers(40, 90, (N, 1)), flags]), tmp_path) == []


def measured(values: np.ndarray, patients: list[str]) -> MeasuredExpression:
    return MeasuredExpression(
        present=np.ones(len(values), dtype=bool), name="rna",
        names=tuple(f"G{j}" for j in range(values.shape[1])),
        profiles=values.astype(np.float32), index=np.arange(len(values)),
        patient_id=tuple(patients), scale="log2_tpm",
    )  # fmt: skip


def test_one_profile_under_two_patients_of_a_table_of_genes(tmp_path: Path) -> None:
    values = np.vstack([expression(1), noisy(expression(1)[5])])
    cohort = make_cohort(tmp_path, ids=ids(len(values)), columns={"age": [1] * len(values)})
    audited = make_audited(cohort, cache=tmp_path, numeric=["age"])
    audited = replace(audited, measured={"rna": measured(values, ids(len(values)))})
    (finding,) = DuplicateExpression().find(audited)
    assert finding.patients == ("P005", "P040")
    assert finding.evidence["modality"] == "rna"


def test_one_profile_in_two_cohorts_is_seen_in_the_genes_of_both(tmp_path: Path) -> None:
    values = expression(1)
    cohorts = [
        make_cohort(tmp_path / name, name=name, ids=ids(N), columns={"age": [1] * N})
        for name in ("own", "other")
    ]
    audited = make_audited(*cohorts, cache=tmp_path, numeric=["age"])
    other = expression(2)
    other[7] = noisy(values[3])
    audited = replace(
        audited,
        measured={"rna": measured(values, ids(N))},
        others={"other": (cohorts[1], {"rna": measured(other[:, 20:], ids(N))})},
    )
    shifted = audited.others["other"][1]["rna"]
    assert isinstance(shifted, MeasuredExpression)
    object.__setattr__(shifted, "names", tuple(f"G{j}" for j in range(20, GENES)))
    (finding,) = DuplicateExpression().find(audited)
    assert "own: P003 = other: P007" in finding.message

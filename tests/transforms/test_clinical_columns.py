from __future__ import annotations

import numpy as np
import pytest

from tumorboard.simulators import SIGNAL_GRID
from tumorboard.transforms import clinical_columns as clinical


def test_posterior_of_the_table_signal_against_the_normal_formula() -> None:
    # Without the location, v given the columns is normal with precision 1 + sum l^2 / (1 - l^2).
    standard = np.asarray([[0.4, -1.2, 0.3, 0.0]])
    is_missing = np.asarray([[False, False, False, True]])
    missingness = clinical.Missingness(0.1, "at_random")
    log = clinical.log_likelihood(clinical.Columns(standard, is_missing), SIGNAL_GRID, missingness)
    weights = np.exp(log[0] - SIGNAL_GRID**2 / 2)
    weights /= weights.sum()
    loading = np.asarray(list(clinical.LOADINGS.values()))[:3]
    precision = 1 + np.sum(loading**2 / (1 - loading**2))
    mean = np.sum(loading * standard[0, :3] / (1 - loading**2)) / precision
    assert weights @ SIGNAL_GRID == pytest.approx(mean, abs=1e-6)
    assert weights @ (SIGNAL_GRID - mean) ** 2 == pytest.approx(1 / precision, abs=1e-6)


def test_shares_and_correlations_are_the_stated_ones() -> None:
    rng = np.random.default_rng(0)
    n = 40_000
    signal = rng.standard_normal(n)
    columns = clinical.show(
        signal,
        normal=rng.standard_normal((n, 4)),
        uniform=rng.random((n, 4)),
        missingness=clinical.Missingness(0.3, "at_random"),
    )
    found = [np.corrcoef(signal, column)[0, 1] for column in columns.standard.T]
    assert found == pytest.approx(list(clinical.LOADINGS.values()), abs=0.02)
    shares = np.bincount(columns.location, minlength=5) / n
    assert shares == pytest.approx(clinical.LOCATION_SHARES, abs=0.01)
    assert columns.is_missing.mean() == pytest.approx(0.3, abs=0.01)


def test_cells_of_one_patient_by_hand() -> None:
    standard = np.asarray([[1.0, 2.0, -1.0, 0.1], [9.0, 0.0, 0.0, -9.0]])
    is_missing = np.asarray([[False] * 4, [False, True, False, False]])
    columns = clinical.Columns(standard, is_missing)
    # 58 + 12; 18 e^1; 22 e^-0.6; above the median lies the upper outer half; age stops at 99 years.
    assert clinical.cells(columns, log_marker_shift=np.asarray([0.0, np.log(2)])) == [
        ["70", "48.9", "12.07", "upper outer"],
        ["99", "", "44.00", "lower inner"],
    ]

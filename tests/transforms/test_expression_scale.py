"""FAULTS R07: which unit a matrix is in, whatever it is called."""

import numpy as np
import pytest

from tumorboard.formats.expression_table import Scale
from tumorboard.transforms.expression_scale import (
    disagreement,
    looks_like,
    n_standardised,
    stated,
    to_log2,
    unlike_patients,
)

RNG = np.random.default_rng(0)
COUNTS = RNG.negative_binomial(1, 0.002, (30, 400)).astype(float)
TPM = 1e6 * COUNTS / COUNTS.sum(axis=1, keepdims=True)
LOG2 = np.log2(TPM + 1)
Z = (LOG2 - LOG2.mean(axis=0)) / LOG2.std(axis=0)
MATRICES: dict[Scale, np.ndarray] = {"tpm": TPM, "counts": COUNTS, "log2_tpm": LOG2, "z": Z}


@pytest.mark.parametrize("scale", MATRICES)
@pytest.mark.parametrize("n_patients", [1, 30])
def test_every_unit_is_seen_and_no_other_passes(scale: Scale, n_patients: int) -> None:
    values = MATRICES[scale][:n_patients]
    assert looks_like(values) == scale
    for declared in MATRICES:
        problem = disagreement(values, declared)
        assert (problem == "") == (declared == scale), (declared, problem)
    assert f"declared {scale}" in stated(values, scale)


def test_fpkm_is_refused_as_anything_but_expected_counts() -> None:
    fpkm = TPM * RNG.uniform(0.2, 3.0, (30, 1))
    assert looks_like(fpkm) == "other"
    assert "add up to" in disagreement(fpkm, "tpm")
    assert "FPKM" in disagreement(fpkm, "log2_tpm")
    assert disagreement(COUNTS + 0.25, "counts") == ""
    assert "expected counts" in stated(COUNTS + 0.25, "counts")


def test_tpm_of_a_part_of_the_genes_pass_and_it_is_said() -> None:
    part = TPM[:, :100]
    assert disagreement(part, "tpm") == ""
    assert "a part of the genes" in stated(part, "tpm")


def test_log2_by_hand() -> None:
    np.testing.assert_allclose(to_log2(np.array([[0.0, 3.0, 7.0]]), "tpm"), [[0, 2, 3]])
    # 1 of 4 reads is 250,000 per million
    np.testing.assert_allclose(
        to_log2(np.array([[0.0, 1.0, 3.0]]), "counts"), np.log2([[1, 250_001, 750_001]])
    )
    np.testing.assert_array_equal(to_log2(Z, "z"), Z)


def test_counts_do_not_depend_on_depth_or_other_patients() -> None:
    alone = to_log2(COUNTS[:1], "counts")
    np.testing.assert_array_equal(alone, to_log2(COUNTS, "counts")[:1])
    np.testing.assert_allclose(alone, to_log2(3 * COUNTS[:1], "counts"))


@pytest.mark.parametrize("scale", MATRICES)
def test_one_patient_in_another_unit_is_seen(scale: Scale) -> None:
    """Every other unit in one row, and nobody where all rows are alike."""
    values = MATRICES[scale]
    assert unlike_patients(values, scale) == {}
    for other, matrix in MATRICES.items():
        mixed = values.copy()
        mixed[7] = matrix[7]
        if other == scale or disagreement(mixed, scale):
            continue
        assert list(unlike_patients(mixed, scale)) == [7], f"{other} among {scale}"


def test_natural_logarithms_among_binary_ones_are_seen() -> None:
    values = LOG2.copy()
    values[3] *= np.log(2)
    assert "2^value - 1 adds up to" in unlike_patients(values, "log2_tpm")[3]


def test_standardised_genes_are_counted() -> None:
    assert n_standardised(Z) == 400
    assert n_standardised(LOG2) == 0
    rounded = np.round(Z * np.sqrt(29 / 30), 4)  # sample standard deviation, four decimals
    rounded[:2, :50] = np.nan
    assert n_standardised(rounded) == 350

"""Scores of gene sets as targets: hand counts, training patients only, absent RNA."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.modalities.measured.expression import MeasuredExpression
from tumorboard.records import Cohort, Floats, Split
from tumorboard.study import Study
from tumorboard.training.prepare import Prepared, build_task
from tumorboard.training.signatures import (
    LEAST_GENES,
    fold_outcomes,
    signature_scores,
    with_signatures,
)
from tumorboard.transforms.profiles import MOST_DEVIATIONS

GENES = ("KRT1", "KRT2", "KRT3", "KRT4", "KRT5", "KRT7", "KRT8", "KRT9")
SETS = {"FIRST": GENES[:5], "LAST": (*GENES[3:], "NOT_MEASURED"), "FEW": GENES[:4]}


def make_study(folder: Path, target: Any) -> Study:
    tables: dict[str, Any] = {
        "study": {"name": "s", "seed": 1},
        "cohort": {"table": "patients.csv"},
        "task": {"kind": "regression", "target": target, "gene_sets": "sets.gmt",
                 "expression": "rna"},
        "modalities": {"rna": {"kind": "expression", "table": "rna.csv", "scale": "log2_tpm",
                               "encoder": "mlp"}},
        "arms": {"rna": {"modalities": ["rna"]}},
    }  # fmt: skip
    return Study.from_tables(tables, path=folder / "study.toml")


def make(
    folder: Path, values: Floats, patients: tuple[str, ...], target: Any = "gene_set:FIRST"
) -> tuple[Study, Prepared]:
    lines = ["\t".join((name, "x", *genes)) for name, genes in SETS.items()]
    (folder / "sets.gmt").write_text("\n".join(lines) + "\n")
    study, index = make_study(folder, target), np.arange(len(patients))
    index[np.isnan(values).all(axis=1)] = -1
    cohort = Cohort(
        name="t", patient_id=patients, unit_id=tuple(f"u{i}" for i in range(len(patients))),
        columns={}, files={}, line=tuple(range(2, len(patients) + 2)), root=folder,
        table=folder / "patients.csv",
    )  # fmt: skip
    measured = MeasuredExpression(
        present=index >= 0, name="rna", names=GENES, profiles=values.astype(np.float32),
        index=index, patient_id=patients,
    )  # fmt: skip
    outcomes = build_task(study.keys.task).read(cohort)
    own = (cohort, outcomes, {"rna": measured})
    return study, Prepared(*own, *own, (), ())


def profiles(n: int = 6) -> Floats:
    rng = np.random.default_rng(3)
    return np.asarray(rng.normal(5.0, 2.0, (n, 8)).astype(np.float32), dtype=np.float64)


IDS = ("A", "B", "C", "D", "E", "F")
TRAIN = np.asarray([0, 1, 2, 3])


def test_a_score_is_the_mean_z_over_the_genes_of_the_set(tmp_path: Path) -> None:
    values = profiles()
    study, prepared = make(tmp_path, values, IDS)
    z = (values - values[TRAIN].mean(axis=0)) / values[TRAIN].std(axis=0)
    found = signature_scores(study, ("LAST", "FIRST"), prepared, TRAIN)
    z = np.clip(z, -MOST_DEVIATIONS, MOST_DEVIATIONS)
    expected = np.stack([z[:, 3:].mean(axis=1), z[:, :5].mean(axis=1)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(found[TRAIN].mean(axis=0), 0.0, atol=1e-9)


def test_no_other_patient_takes_part_in_the_scale(tmp_path: Path) -> None:
    values = profiles()
    study, prepared = make(tmp_path, values, IDS)
    before = signature_scores(study, ("FIRST",), prepared, TRAIN)
    values[5] += 100.0  # a test patient
    study, prepared = make(tmp_path, values, IDS)
    after = signature_scores(study, ("FIRST",), prepared, TRAIN)
    np.testing.assert_array_equal(after[:5], before[:5])
    assert after[5, 0] > before[5, 0] + 10


def test_rows_of_one_patient_weigh_one_patient(tmp_path: Path) -> None:
    values = profiles()
    twice = np.concatenate([values, values[:1]])
    study, prepared = make(tmp_path, values, IDS)
    once = signature_scores(study, ("FIRST",), prepared, TRAIN)
    study, prepared = make(tmp_path, twice, (*IDS, "A"))
    found = signature_scores(study, ("FIRST",), prepared, np.r_[TRAIN, 6])
    np.testing.assert_allclose(found[:6], once, rtol=1e-12)
    np.testing.assert_array_equal(found[6], found[0])


def test_absent_rna_is_nan_and_absent_genes_are_left_out(tmp_path: Path) -> None:
    values = profiles()
    values[1], values[4] = np.nan, np.nan  # a training and a test patient without RNA
    values[5, 0] = np.nan  # one gene of one patient
    values[:5, 2] = np.float32(0.1)  # constant in training; its mean is not, by rounding
    values[5, 2] = 9.0
    study, prepared = make(tmp_path, values, IDS)
    found = signature_scores(study, ("FIRST",), prepared, TRAIN)[:, 0]
    known = [0, 2, 3]
    z = (values - values[known].mean(axis=0)) / np.where(
        np.arange(8) == 2, np.nan, values[known].std(axis=0)
    )
    assert np.isnan(found).tolist() == [False, True, False, False, True, False]
    np.testing.assert_allclose(found[known], z[known][:, [0, 1, 3, 4]].mean(axis=1), rtol=1e-9)
    assert found[5] == pytest.approx(z[5, [1, 3, 4]].mean())


def test_targets_of_the_fold_stand_in_the_outcomes(tmp_path: Path) -> None:
    study, prepared = make(tmp_path, profiles(), IDS, ["gene_set:FIRST", "gene_set:LAST"])
    assert np.isnan(prepared.outcomes.target).all()
    parts = ("train", "train", "train", "train", "validation", "test")
    own = with_signatures(study, prepared, Split(1, 1, dict(zip(IDS, parts, strict=True))))
    expected = signature_scores(study, ("FIRST", "LAST"), prepared, TRAIN)
    np.testing.assert_array_equal(own.outcomes.target, expected)
    assert list(own.outcomes.columns) == ["FIRST", "LAST"]
    assert float(own.outcomes.columns["LAST"][5]) == expected[5, 1]
    other = with_signatures(study, prepared, Split(1, 2, dict(zip(IDS, parts[::-1], strict=True))))
    assert not np.allclose(other.outcomes.target, expected)  # each fold has its own scale


def test_sets_that_cannot_be_scored_are_named(tmp_path: Path) -> None:
    study, prepared = make(tmp_path, profiles(), IDS)
    with pytest.raises(InputError, match=r"sets.gmt: no gene set 'FRIST'.*FIRST"):
        signature_scores(study, ("FRIST",), prepared, TRAIN)
    with pytest.raises(InputError, match=rf"fewer than {LEAST_GENES} genes of FEW are in the tab"):
        signature_scores(study, ("FEW",), prepared, TRAIN)


def test_other_patients_are_scored_on_the_scale_of_the_fold(tmp_path: Path) -> None:
    values = profiles(9)
    study, prepared = make(tmp_path, values[:6], IDS)
    parts = ("train", "train", "train", "train", "validation", "test")
    split = Split(1, 1, dict(zip(IDS, parts, strict=True)))
    _, elsewhere = make(tmp_path, values[6:], ("X", "Y", "Z"))
    other = elsewhere.measured["rna"]
    assert isinstance(other, MeasuredExpression)

    def of(genes: list[int]) -> Floats:
        names = tuple(GENES[g] for g in genes)
        own = replace(other, names=names, profiles=other.profiles[:, genes])
        patients = replace(elsewhere, measured={"rna": own})
        return np.asarray(
            fold_outcomes(study, prepared, split, patients).target[:, 0], dtype=np.float64
        )

    z = (values[6:] - values[TRAIN].mean(axis=0)) / values[TRAIN].std(axis=0)
    z = np.clip(z, -MOST_DEVIATIONS, MOST_DEVIATIONS)
    np.testing.assert_allclose(of([7, 6, 5, 4, 3, 2, 1, 0]), z[:, :5].mean(axis=1), rtol=1e-9)
    # one gene of the five may be absent there; with two of them it is another score
    np.testing.assert_allclose(of([4, 3, 2, 1]), z[:, 1:5].mean(axis=1), rtol=1e-9)
    assert np.isnan(of([4, 3, 2])).all()
    found = fold_outcomes(study, prepared, split, elsewhere)
    assert found.columns["FIRST"] == tuple(repr(float(v)) for v in found.target[:, 0])

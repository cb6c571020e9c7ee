"""Tables of predicted numbers are written and read without loss, and faults are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.evaluation.outcome_files import horizons, read_outcomes, write_outcomes
from tumorboard.evaluation.outcome_table import OutcomeTable, OutcomeUnits, join_tables


def made(n: int = 4, arm: str = "fused") -> OutcomeTable:
    ids = np.asarray([f"P{k}" for k in range(n)])
    return OutcomeTable(
        patient_id=ids, unit_id=ids, arm=np.full(n, arm), repeat=np.ones(n, dtype=np.int64),
        fold=np.ones(n, dtype=np.int64), part=np.asarray(["validation"] + ["test"] * (n - 1)),
        modalities=np.full(n, "rna+record"),
        outcome=np.asarray([[10.5, 1.0], [20.0, 0.0], [np.nan, np.nan], [5.0, 1.0]])[:n],
        outcome_names=("time_days", "event"),
        predictions=np.asarray([[0.1, 0.9], [1 / 3, 0.5], [-2.0, 0.25], [4.0, 1.0]])[:n],
        prediction_names=("risk_score", "survival_365"),
    )  # fmt: skip


def test_a_table_reads_back_unchanged(tmp_path: Path) -> None:
    write_outcomes(tmp_path / "p.csv", made())
    read = read_outcomes(tmp_path / "p.csv")
    np.testing.assert_array_equal(read.predictions, made().predictions)
    np.testing.assert_array_equal(read.outcome, made().outcome)
    assert read.prediction_names == ("risk_score", "survival_365")
    assert horizons(read.prediction_names).tolist() == [365.0]


def test_units_are_test_rows_with_a_known_outcome() -> None:
    units = OutcomeUnits.of(made())
    assert units.patients == ("P1", "P3")
    assert units.outcome[:, 0].tolist() == [20.0, 5.0]


def test_regressions_are_told_by_their_columns(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("patient_id,score,predicted_score\nA,1.5,2\nB,,3\n")
    read = read_outcomes(path, arm="theirs")
    assert (read.outcome_names, read.arms) == (("score",), ("theirs",))
    assert read.known.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("patient_id,time_days,event,risk_score\nA,0,1,2\n", "row 2, patient 'A': time_days is 0"),
        ("patient_id,time_days,event,risk_score\nA,5,2,2\n", "event is 2, expected 1"),
        ("patient_id,time_days,event,risk_score\nA,5,1,high\n", "risk_score is 'high'"),
        ("patient_id,event,risk_score\nA,1,2\n", "no outcome column 'time_days'"),
        ("patient_id,event\nA,1\n", "no column of predictions"),
        ("patient_id,y,predicted_y\nA,1,2\nA,1,2\n", "is there twice"),
    ],
)
def test_faults_name_file_row_and_patient(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"p\.csv") as fault:
        read_outcomes(path)
    assert words in str(fault.value)


def test_tables_of_other_predictions_are_not_joined() -> None:
    other = made(arm="other")
    object.__setattr__(other, "prediction_names", ("risk_score", "survival_730"))
    with pytest.raises(InputError, match="survival_730"):
        join_tables([made(), other])
    assert join_tables([made(), made(arm="other")]).arms == ("fused", "other")

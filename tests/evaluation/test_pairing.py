from pathlib import Path

import pytest

from tumorboard.errors import InputError
from tumorboard.evaluation.pairing import (
    COLUMN,
    LABEL,
    is_simulated_table,
    labelled,
    pairing_column,
    pairing_label,
)

SIMULATED = {"evaluation": {"pairing": "simulated"}}


def test_only_a_study_that_says_so_is_labelled() -> None:
    assert pairing_label(SIMULATED) == LABEL
    for study in ({}, {"evaluation": {}}, {"evaluation": {"pairing": "patient"}}):
        assert pairing_label(study) == ""
        assert labelled(study, "It helps.") == "It helps."
        assert pairing_column(study, 3) == {}
    assert labelled(SIMULATED, "It helps.").startswith("Simulated pairing")
    assert labelled(SIMULATED, "It helps.").endswith("It helps.")


def test_a_table_of_predictions_carries_it_in_a_column(tmp_path: Path) -> None:
    assert pairing_column(SIMULATED, 2) == {COLUMN: ["simulated", "simulated"]}
    with_label, without = tmp_path / "a.csv", tmp_path / "b.csv"
    with_label.write_text("patient_id,pairing,p_1\n1,simulated,0.5\n")
    without.write_text("patient_id,p_1\n1,0.5\n")
    assert is_simulated_table(with_label)
    assert not is_simulated_table(without)
    with pytest.raises(InputError, match="cannot be read"):
        is_simulated_table(tmp_path / "absent.csv")

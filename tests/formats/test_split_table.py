"""splits.csv is read back as it was written, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumorboard.cohorts.splits import split_patients
from tumorboard.errors import InputError
from tumorboard.formats.split_table import read_splits, write_splits


def test_written_splits_are_read_back_exactly(tmp_path: Path) -> None:
    patients = ['a,"b', "007", " x", "ü", *(f"p{i}" for i in range(20))]
    splits = split_patients(
        patients, np.zeros(len(patients), dtype=np.int64), folds=5, repeats=2, holdout=None,
        validation=0.15, seed=7,
    )  # fmt: skip
    write_splits(tmp_path / "splits.csv", splits)
    text = (tmp_path / "splits.csv").read_text(encoding="utf-8")
    assert text.startswith("patient_id,repeat,fold,part\n")
    assert read_splits(tmp_path / "splits.csv") == splits
    assert [p.name for p in tmp_path.iterdir()] == ["splits.csv"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient,fold\n", r"columns are \['patient', 'fold'\]"),
        ("", r"columns are \[\]"),
        ("patient_id,repeat,fold,part\na,1,1,tset\n", r"row 2: part 'tset', expected train or"),
        ("patient_id,repeat,fold,part\na,1,x,test\n", r"row 2: found"),
        ("patient_id,repeat,fold,part\na,1,1\n", r"row 2: found"),
        ("patient_id,repeat,fold,part\na,1,1,test\na,1,1,train\n", r"row 3: patient 'a' twice"),
    ],
)
def test_faulty_split_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "splits.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_splits(tmp_path / "splits.csv")

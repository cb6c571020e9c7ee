"""What a run folder says before anything is trained."""

from __future__ import annotations

from pathlib import Path

from tumorboard.cache import Cache
from tumorboard.study import Study
from tumorboard.training.prepare import prepare
from tumorboard.verbs.inputs import first_table

STUDY = """
[study]
name = "s"
question = "?"
[cohort]
source = "folder"
table = "t.csv"
[task]
target = "y"
[modalities.record]
kind = "table"
numeric = ["age"]
[modalities.course]
kind = "longitudinal"
table = "visits.csv"
patient_id = "patient_id"
time = "days"
numeric = ["crp"]
categorical = ["drug"]
encoder = "gru"
[evaluation]
folds = 2
"""


def test_columns_of_visits_are_none_of_table_1(tmp_path: Path) -> None:
    rows = [f"p{i},{'ab'[i % 2]},{50 + i}" for i in range(12)]
    (tmp_path / "t.csv").write_text("\n".join(["patient_id,y,age", *rows]))
    visits = [f"p{i},-{day},{i + day},x" for i in range(12) for day in (9, 2)]
    (tmp_path / "visits.csv").write_text("\n".join(["patient_id,days,crp,drug", *visits]))
    (tmp_path / "s.toml").write_text(STUDY)
    study = Study.load(tmp_path / "s.toml")
    with Cache(tmp_path / "cache") as cache:
        table = first_table(study, prepare(study, tmp_path, cache=cache))
    assert [column["column"] for column in table["numeric"]] == ["age"]
    assert table["categorical"] == []

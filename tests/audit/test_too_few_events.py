from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_cohort import make_audited, patients

from tumorboard.audit import Audited
from tumorboard.audit.too_few_events import TooFewEvents
from tumorboard.study import Study


@pytest.mark.parametrize("n", [8, 12, 19])
def test_under_twenty_patients_of_the_rarest_class_are_a_warning(n: int) -> None:
    columns, malignant = patients(100, share=n / 100, seed=n)
    columns |= {"age": list(range(100)), "size": list(range(100))}
    (finding,) = TooFewEvents().find(make_audited(columns, numeric=["age", "size"]))
    assert (finding.code, finding.severity) == ("too-few-events", "warning")
    assert finding.message.startswith(
        f"{n} patients of 100 have the rarest outcome, 'malignant', {n / 2:.1f} per predictor"
    )
    assert finding.patients == tuple(f"P{i:04d}" for i in range(100) if malignant[i])
    assert finding.evidence["n_patients"] == {"benign": 100 - n, "malignant": n}


@pytest.mark.parametrize("n", [20, 35, 80])
def test_twenty_are_enough(n: int) -> None:
    columns, _ = patients(100, share=n / 100, seed=n)
    assert TooFewEvents().find(make_audited(columns)) == []


def test_several_rare_classes_are_one_finding() -> None:
    labels = ["a"] * 40 + ["b"] * 15 + ["c"] * 12
    columns = {"patient_id": list(range(67)), "diagnosis": labels}
    (finding,) = TooFewEvents().find(make_audited(columns))
    assert finding.evidence["class"] == "c"


def followed(n_events: int) -> Audited:
    """60 patients of whom so many died."""
    columns, _ = patients(60)
    audited = make_audited(columns)
    study = Study.from_tables(
        {
            "study": {"name": "survival"},
            "cohort": {"table": "patients.csv"},
            "task": {"kind": "survival", "time": "days", "time_unit": "days", "event": "died",
                     "event_value": 1},
            "modalities": {"record": {"kind": "table", "numeric": ["age"]}},
        },
        path=Path("study.toml"),
    )  # fmt: skip
    strata = (np.arange(60) < n_events).astype(np.int64)
    outcomes = replace(
        audited.outcomes, classes=(), groups=("censored", "event"), strata=strata, target=strata
    )
    return replace(audited, study=study, outcomes=outcomes.as_classes())


def test_of_survival_events_count_and_few_censored_are_no_fault() -> None:
    assert TooFewEvents().find(followed(55)) == []
    (finding,) = TooFewEvents().find(followed(12))
    assert finding.message.startswith("12 patients of 60 have the event")

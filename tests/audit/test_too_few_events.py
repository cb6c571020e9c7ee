import pytest
from made_cohort import make_audited, patients

from tumorboard.audit.too_few_events import TooFewEvents


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

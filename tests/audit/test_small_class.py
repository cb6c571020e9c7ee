from dataclasses import replace

import pytest
from made_cohort import make_audited, patients

from tumorboard.audit import blocking, run_checks
from tumorboard.audit.small_class import SmallClass
from tumorboard.records import Finding


@pytest.mark.parametrize("n", [4, 7, 9])
def test_a_class_under_ten_patients_is_a_warning_that_names_them(n: int) -> None:
    columns, malignant = patients(40, share=n / 40, seed=n)
    (finding,) = SmallClass().find(make_audited(columns))
    assert (finding.code, finding.severity) == ("small-class", "warning")
    assert finding.message.startswith(f"Class 'malignant' has {n} patients")
    assert finding.patients == tuple(f"P{i:04d}" for i in range(40) if malignant[i])


@pytest.mark.parametrize("n", [10, 14, 20])
def test_ten_patients_are_enough(n: int) -> None:
    columns, _ = patients(40, share=n / 40, seed=n)
    assert SmallClass().find(make_audited(columns)) == []


def test_many_rows_of_few_patients_are_few_patients() -> None:
    columns, _ = patients(40, share=5 / 40)
    many = {name: [*cells, *cells, *cells] for name, cells in columns.items()}
    (finding,) = SmallClass().find(make_audited(many))
    assert finding.evidence["n_patients"] == 5


def test_a_joined_class_says_what_is_in_it() -> None:
    labels = ["mel"] * 20 + ["nv"] * 30 + ["bkl"] * 12 + ["vasc"] * 3
    columns = {"patient_id": list(range(65)), "diagnosis": labels}
    (note,) = SmallClass().find(make_audited(columns, task={"positive": "mel"}))
    assert (note.code, note.severity) == ("small-class", "note")
    assert note.message == (
        "Class 'other' joins 3 labels of 45 patients: nv 30, bkl 12, vasc 3. Its results are those "
        "of the mixture. Of 'vasc' alone little can be said."
    )
    assert note.evidence["labels"] == {"nv": 30, "bkl": 12, "vasc": 3}


def test_only_errors_that_are_not_accepted_block() -> None:
    findings = [Finding("label-proxy", "error", "m"), Finding("small-class", "warning", "m")]
    assert blocking(findings, []) == [findings[0]]
    assert blocking(findings, ["label-proxy"]) == []


@pytest.mark.parametrize("seed", range(3))
def test_a_clean_cohort_has_no_findings_of_any_check(seed: int) -> None:
    import numpy as np

    rng = np.random.default_rng(seed)
    columns, malignant = patients(150, seed=seed)
    columns |= {
        "age": list(np.round(rng.normal(55 + 8 * malignant, 10))),
        "marker": [f"{v:.2f}" for v in np.exp(rng.normal(size=150) + malignant)],
        "sex": list(rng.choice(["f", "m"], 150)),
        "localization": list(rng.choice(["back", "upper extremity", "face"], 150)),
        "hospital": list(rng.choice(["A", "B", "C"], 150)),
        "biopsy_date": [f"2019-{m:02d}-{d:02d}" for m, d in rng.integers(1, 28, (150, 2)) % 12 + 1],
        "history": list(rng.choice(["no malignancy in the family", "lump, suspicious"], 150)),
    }
    audited = make_audited(
        columns,
        numeric=["age", "marker"],
        categorical=["sex", "localization", "history"],
        cohort={"institution": "hospital", "index_date": "biopsy_date"},
    )
    assert run_checks(audited) == []


def test_times_of_a_follow_up_are_no_labels() -> None:
    columns, _ = patients(40)
    audited = make_audited(columns)
    keys = audited.study.keys
    survival = keys.model_copy(update={"task": keys.task.model_copy(update={"kind": "survival"})})
    study = replace(audited.study, keys=survival)
    assert SmallClass().find(replace(make_audited(patients(40, share=0.1)[0]), study=study)) == []

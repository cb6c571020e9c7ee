import numpy as np
import pytest
from made_cohort import make_audited

from tumorboard.audit.split_not_by_patient import SplitNotByPatient
from tumorboard.records import Finding

N = 120


def find(ids: list[str], **columns: list[str]) -> list[Finding]:
    rng = np.random.default_rng(0)
    labels = list(rng.permutation(["benign", "malignant"] * (N // 2)))
    return SplitNotByPatient().find(
        make_audited({"image_id": ids, "diagnosis": labels, **columns}, patient_id="image_id")
    )


IMAGES = [f"ISIC_{i:06d}" for i in range(N)]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("lesion_id", [f"HAM_{i // 2:07d}" for i in range(N)]),
        ("Patient", [str(1000 + i // 3) for i in range(N)]),
        ("CaseNumber", [f"{i // 4}" for i in range(N)]),
        ("code", [f"TCGA-AB-{1000 + i // 2}" for i in range(N)]),
    ],
)
def test_a_column_of_people_joins_the_ids_that_are_split(column: str, values: list[str]) -> None:
    (finding,) = find(IMAGES, **{column: values})
    assert (finding.code, finding.severity) == ("split-not-by-patient", "warning")
    assert finding.evidence["column"] == column
    assert finding.evidence["n_patient_ids"] == N
    assert finding.evidence["n_groups"] == len(set(values))
    assert f'Set cohort.patient_id = "{column}"' in finding.message
    assert set(finding.patients) == set(IMAGES)


@pytest.mark.parametrize(
    "ids",
    [
        [f"P{i // 2:03d}_{i % 2 + 1}" for i in range(N)],
        [f"{i // 2 + 100}-{'LR'[i % 2]}" for i in range(N)],
        [f"case{i // 4}_img{i % 4}" for i in range(N)],
    ],
)
def test_ids_that_end_in_the_number_of_a_part(ids: list[str]) -> None:
    (finding,) = find(ids)
    assert "end in the number of a part" in finding.message
    assert finding.evidence["n_groups"] == len({i.rsplit("_" if "_" in i else "-")[0] for i in ids})


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("age", [str(30 + i % 50) for i in range(N)]),
        ("sex", ["fm"[i % 2] for i in range(N)]),
        ("localization", [["back", "lower extremity", "face"][i % 3] for i in range(N)]),
        ("hospital_id", [f"H{i % 7:02d}" for i in range(N)]),
        ("scan_date", [f"2020-01-{i % 28 + 1:02d}" for i in range(N)]),
        ("icd_code", [f"C{50 + i % 20}" for i in range(N)]),
        ("patient_age", [str(30 + i % 50) for i in range(N)]),
        ("patient_id", [f"P{i}" for i in range(N)]),
    ],
)
def test_what_groups_rows_is_not_always_a_person(column: str, values: list[str]) -> None:
    assert find(IMAGES, **{column: values}) == []


@pytest.mark.parametrize(
    "ids",
    [
        [f"R01-{i:03d}" for i in range(N)],
        [f"{i // 12:02d}-{i % 12:02d}" for i in range(N)],
        [f"TCGA_{'CDEF'[i % 4]}S_{4000 + i}" for i in range(N)],
        [f"P{i}" for i in range(N)],
    ],
)
def test_ids_of_centre_and_patient_are_patients(ids: list[str]) -> None:
    assert find(ids) == []


def test_a_finer_column_is_no_fault() -> None:
    lesions = [f"HAM_{i // 2:07d}" for i in range(N)]
    columns = {"lesion_id": lesions, "image_id": IMAGES}
    columns["diagnosis"] = [["benign", "malignant"][i // 2 % 2] for i in range(N)]
    assert SplitNotByPatient().find(make_audited(columns, patient_id="lesion_id")) == []


def test_a_study_that_asks_for_a_split_by_unit_is_told_what_it_does() -> None:
    labels = ["benign", "malignant"] * 30
    audited = make_audited(
        {"patient": [f"P{i // 4}" for i in range(60)], "diagnosis": labels},
        patient_id="patient",
        task={"unit": "row"},
        evaluation={"split_beside": "unit"},
    )
    (finding,) = SplitNotByPatient().find(audited)
    assert (finding.code, finding.severity) == ("split-not-by-patient", "warning")
    assert "the 60 rows of 15 patients are also split one by one" in finding.message
    assert len(finding.patients) == 15

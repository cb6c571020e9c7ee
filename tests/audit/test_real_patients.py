"""What the audit says of the known traps in real patients; docs/results/audit.md tells of them."""

import csv
import os
from pathlib import Path

import pytest

from tumorboard.records import Finding
from tumorboard.verbs.check import check

STUDIES = Path(__file__).parents[2] / "studies"
DATA = Path(os.environ.get("TUMORBOARD_DATA", "absent"))
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(
        not (DATA / "breast-ultrasound").is_dir(), reason="TUMORBOARD_DATA holds no patients"
    ),
]
READINGS = (
    "Shape", "Margin", "Echogenicity", "Posterior_features", "Halo", "Calcifications",
    "Skin_thickening", "Interpretation", "BIRADS", "Verification", "Diagnosis",
)  # fmt: skip


def breast(*columns: str) -> dict[str, Finding]:
    """Findings about single columns of the record alone."""
    report = check(
        STUDIES / "breast_ultrasound.toml",
        data=DATA,
        estimate_time=False,
        overrides=[
            f"modalities.record.categorical={list(columns)}",
            "modalities.record.separator={}",
            "cohort.require=[]",
        ],
    )
    return {
        str(f.evidence["column"]): f
        for f in report.findings
        if f.code == "label-proxy" and "column" in f.evidence
    }


def test_breast_ultrasound_readings_and_diagnosis() -> None:
    found = breast("Tissue_composition", "Signs", "Symptoms", *READINGS)
    assert {column: f.severity for column, f in found.items()} == {
        "Diagnosis": "error", "BIRADS": "warning", "Interpretation": "warning",
    }  # fmt: skip


def test_breast_ultrasound_fair_columns() -> None:
    report = check(STUDIES / "breast_ultrasound.toml", data=DATA, estimate_time=False)
    assert {f.severity for f in report.findings} <= {"note"}


def write_study(folder: Path, table: str, patient_id: str, task: str, predictors: str) -> Path:
    path = folder / "study.toml"
    path.write_text(
        f'[study]\nname = "trap"\n[cohort]\ntable = "{table}"\npatient_id = "{patient_id}"\n'
        'missing = ["", "Not Collected", "Not Recorded In Database", "Not Assessed", "N/A"]\n'
        f'[task]\n{task}\n[modalities.record]\nkind = "table"\n{predictors}\n'
        '[arms]\nlogistic = {modalities = ["record"], baseline = "logistic_regression"}\n',
        encoding="utf-8",
    )
    return path


def test_skin_lesions_split_by_image(tmp_path: Path) -> None:
    """The confirmation dx_type is told as it is: not above the threshold of a warning."""
    found: dict[str, list[Finding]] = {}
    for patient_id in ("image_id", "lesion_id"):
        study = write_study(
            tmp_path,
            "skin-lesions/images.csv",
            patient_id,
            'target = "malignant"\nclasses = {benign = ["0"], malignant = ["1"]}\n'
            'positive = "malignant"',
            'numeric = ["age"]\ncategorical = ["sex", "localization", "dx_type"]',
        )
        found[patient_id] = list(check(study, data=DATA, estimate_time=False).findings)
    (finding,) = [f for f in found["image_id"] if f.severity != "note"]
    assert finding.code == "split-not-by-patient"
    assert finding.evidence["column"] == "lesion_id"
    assert (finding.evidence["n_patient_ids"], finding.evidence["n_groups"]) == (3206, 2400)
    assert [f for f in found["lesion_id"] if f.severity != "note"] == []


def stage_group(t: str, n: str, m: str) -> str:
    """AJCC 7: 0 and I are Tis, T1 and T2a without nodes or metastases."""
    if "Not Collected" in (t, n, m):
        return ""
    is_early = t in ("Tis", "T1a", "T1b", "T2a") and n == "N0" and m == "M0"
    return "0 or I" if is_early else "II or more"


def test_nsclc_t_n_and_m_spell_the_stage(tmp_path: Path) -> None:
    source = DATA / "nsclc-radiogenomics" / "clinical.csv"
    with source.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    names = ("T", "N", "M")
    with (tmp_path / "stages.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["Case ID", "T", "N", "M", "TNM", "Gender", "stage"])
        for row in rows:
            tnm = [row[f"Pathological {name} stage"] for name in names]
            stage = stage_group(*tnm)
            writer.writerow([row["Case ID"], *tnm, " ".join(tnm), row["Gender"], stage])
    task = 'target = "stage"\npositive = "II or more"'
    study = write_study(
        tmp_path, "stages.csv", "Case ID", task, 'categorical = ["T", "N", "M", "TNM", "Gender"]'
    )
    report = check(study, data=tmp_path, estimate_time=False)
    found = [f for f in report.findings if f.code == "label-proxy"]
    assert [f.severity for f in found] == ["error", "error"]
    assert found[0].evidence["column"] == "TNM"
    assert found[1].evidence["columns"] == ["T", "N", "M"]
    assert "162 patients" in report.lines[0]


STAGED = {
    "nsclc_radiogenomics": (
        "nsclc-radiogenomics/clinical.csv",
        "Gender",
        ["Pathological T stage", "Pathological N stage", "Pathological M stage"],
        """{I = ["0", "IA", "IB"], II = ["IIA", "IIB"], "III to IV" = ["IIIA", "IIIB", "IV"]}""",
    ),
    "lung1": (
        "lung1/annotations.csv",
        "gender",
        ["clinical.T.Stage", "Clinical.N.Stage", "Clinical.M.Stage"],
        """{I = ["I"], II = ["II"], III = ["IIIA", "IIIB"]}""",
    ),
}


@pytest.mark.parametrize("source", STAGED)
def test_the_stage_of_a_source_is_spelled_by_its_columns(source: str, tmp_path: Path) -> None:
    table, gender, columns, classes = STAGED[source]
    path = tmp_path / "study.toml"
    alarms: list[list[Finding]] = []
    for taken in ([gender, *columns], [gender]):
        path.write_text(
            f'[study]\nname = "stage"\n[cohort]\nsource = "{source}"\ntable = "{table}"\n'
            f'[task]\ntarget = "tumor_stage"\nclasses = {classes}\n'
            f'[modalities.record]\nkind = "table"\ncategorical = {taken}\n'
            '[arms]\nlogistic = {modalities = ["record"], baseline = "logistic_regression"}\n',
            encoding="utf-8",
        )
        report = check(path, data=DATA, estimate_time=False)
        assert not report.faults
        alarms.append([f for f in report.findings if f.severity == "error"])
    (error,) = [f for f in alarms[0] if "columns" in f.evidence]
    assert error.evidence["columns"] == columns
    assert "together spell the stage (AJCC)" in error.message
    assert alarms[1] == []


def test_nsclc_rna_was_standardised_over_everybody(tmp_path: Path) -> None:
    import gzip

    source = DATA / "nsclc-radiogenomics"
    with gzip.open(source / "rna_z.csv.gz", "rt", encoding="utf-8", newline="") as handle:
        genes = [row for _, row in zip(range(21), csv.reader(handle), strict=False)]
    columns = {gene: dict(zip(genes[0][1:], cells, strict=True)) for gene, *cells in genes[1:]}
    with (source / "clinical.csv").open(encoding="utf-8-sig", newline="") as handle:
        labels = {row["Case ID"]: row["Histology "] for row in csv.DictReader(handle)}
    with (tmp_path / "rna.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["Case ID", "histology", *columns])
        for case in genes[0][1:]:
            writer.writerow([case, labels[case], *(own[case] for own in columns.values())])
    study = write_study(
        tmp_path,
        "rna.csv",
        "Case ID",
        'target = "histology"\npositive = "Squamous cell carcinoma"',
        f"numeric = {list(columns)}",
    )
    report = check(study, data=tmp_path, estimate_time=False)
    (finding,) = [f for f in report.findings if f.code == "derived-from-all-patients"]
    assert finding.evidence["how"] == "z-scores"
    assert finding.evidence["n_patients"] == 130
    assert len(list(finding.evidence["columns"])) == 20  # type: ignore[call-overload]


def test_brain_mri_clusters_and_death(tmp_path: Path) -> None:
    study = write_study(
        tmp_path,
        "brain-mri/patients.csv",
        "Patient",
        'target = "neoplasm_histologic_grade"\npositive = "2"',
        'categorical = ["RNASeqCluster", "MethylationCluster", "COCCluster", "gender", "death01"]',
    )
    report = check(study, data=DATA, estimate_time=False)
    found = {f.code: f for f in report.findings}
    clusters = found["derived-from-all-patients"]
    assert clusters.evidence["columns"] == ["RNASeqCluster", "MethylationCluster", "COCCluster"]
    assert found["after-index-date"].evidence["column"] == "death01"
    assert report.exit_code == 2

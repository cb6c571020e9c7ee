"""What `--fast` reads: a few patients of each class, of those whom the study can use."""

from pathlib import Path
from typing import Any

import pytest
from small_masks import write_balls

from tumorboard.cache import Cache
from tumorboard.errors import StudyError
from tumorboard.study import Study
from tumorboard.training.prepare import prepare

N_PATIENTS = 40
#: As at one of two hospitals, whose tumours were not sequenced and whose rows come first.
N_WITHOUT = 20


def make_study(folder: Path) -> Study:
    """Forty patients of two classes; the first twenty have no RNA."""
    lines = ["patient_id,diagnosis,age"]
    lines += [f"P{i},{'AB'[i % 2]},{40 + i}" for i in range(N_PATIENTS)]
    (folder / "patients.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    having = range(N_WITHOUT, N_PATIENTS)
    genes = [f"GENE{g}," + ",".join(str(10 + (g * i) % 7) for i in having) for g in range(30)]
    header = "gene," + ",".join(f"P{i}" for i in having)
    (folder / "rna.csv").write_text("\n".join([header, *genes]) + "\n", encoding="utf-8")
    tables: dict[str, Any] = {
        "study": {"name": "few"},
        "cohort": {"table": "patients.csv", "patient_id": "patient_id", "require": ["rna"]},
        "task": {"target": "diagnosis", "positive": "B"},
        "modalities": {
            "rna": {
                "kind": "expression", "table": "rna.csv", "orientation": "genes_by_patients",
                "scale": "counts", "encoder": "mlp",
            },
            "record": {"kind": "table", "numeric": ["age"], "encoder": "mlp"},
        },
    }  # fmt: skip
    return Study.from_tables(tables, path=folder / "study.toml")


def test_few_patients_are_taken_of_those_who_have_what_is_required(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    with Cache(tmp_path / "cache") as cache:
        prepared = prepare(study, tmp_path, cache=cache, patients_per_class=4)
    assert prepared.cohort.patient_id == tuple(f"P{i}" for i in range(N_WITHOUT, N_WITHOUT + 8))
    assert prepared.outcomes.target.tolist() == [0, 1] * 4
    assert f"8 of {N_PATIENTS} patients" in prepared.found.notes[0]
    assert prepared.cohort.flow == ()


def test_a_file_that_several_modalities_reject_is_rejected(tmp_path: Path) -> None:
    rows = [f"P{i},{'AB'[i % 2]}" for i in range(8)]
    (tmp_path / "patients.csv").write_text("\n".join(["patient_id,diagnosis", *rows]) + "\n")
    (tmp_path / "notes").mkdir()
    for i in range(8):
        text = r"{\rtf1\ansi A mass.}" if i == 3 else f"A mass of {i} mm."
        (tmp_path / "notes" / f"P{i}.txt").write_text(text)
    own = {"kind": "notes", "files": "notes/{patient_id}.txt"}
    tables: dict[str, Any] = {
        "study": {"name": "notes"},
        "cohort": {"table": "patients.csv"},
        "task": {"target": "diagnosis", "positive": "B"},
        "modalities": {
            "text": {**own, "encoder": "word_vectors"},
            "words": {**own, "features": "tfidf", "encoder": "mlp"},
        },
    }
    study = Study.from_tables(tables, path=tmp_path / "study.toml")
    with Cache(tmp_path / "cache") as cache:
        prepared = prepare(study, tmp_path, cache=cache)
    states = {r.path.name: (r.state, r.reason) for r in prepared.records if r.modality}
    assert states["P2.txt"] == ("used", "")
    assert states["P3.txt"][0] == "rejected"
    assert "RTF" in states["P3.txt"][1]


def test_masks_that_the_pattern_does_not_find(tmp_path: Path) -> None:
    study = Study.load(write_balls(tmp_path, n=6), overrides=['task.mask="seg/{patient}.nii.gz"'])
    with (
        Cache(tmp_path / "cache") as cache,
        pytest.raises(StudyError, match=r"^task\.mask: .*no mask of any patient.*seg/p0\.nii\.gz"),
    ):
        prepare(study, tmp_path, cache=cache)

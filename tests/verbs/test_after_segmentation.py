"""The study of breast masses that are found first: its masks come from a run's folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tumorboard.study import Study
from tumorboard.verbs.check import check

STUDIES = Path(__file__).parents[2] / "studies"
AFTER = STUDIES / "breast_ultrasound_after_segmentation.toml"
DATA = Path(os.environ.get("TUMORBOARD_DATA", "absent"))
realdata = pytest.mark.skipif(
    not (DATA / "breast-ultrasound").is_dir(), reason="TUMORBOARD_DATA does not hold the patients"
)


def test_it_is_the_malignancy_study_with_crops() -> None:
    plain, after = (Study.load(path) for path in (STUDIES / "breast_ultrasound.toml", AFTER))
    assert (after.seed, after.keys.task, after.keys.training, after.keys.cohort) == (
        plain.seed, plain.keys.task, plain.keys.training, plain.keys.cohort,
    )  # fmt: skip
    assert after.modalities["whole"] == plain.modalities["ultrasound"]
    assert after.modalities["record"] == plain.modalities["record"]
    own = dict(after.modalities["lesion"]), dict(after.modalities["whole"])
    crop, _ = (each.pop("crop") for each in own)
    assert own[0] == own[1]
    assert crop["folder"] == "masks-run"
    for name in ("folds", "repeats"):
        assert getattr(after.keys.evaluation, name) == getattr(plain.keys.evaluation, name)


def test_the_segmentation_has_the_same_patients_and_masks_of_the_same_names() -> None:
    first = Study.load(STUDIES / "breast_ultrasound_segmentation.toml")
    after = Study.load(AFTER)
    assert first.keys.cohort == after.keys.cohort
    assert first.seed == after.seed
    _, _, column = first.keys.task.mask.rpartition("/")
    # a run calls its masks as the references that they are compared with
    assert after.modalities["lesion"]["crop"]["mask"] == f"masks/image/{column}"


@realdata
@pytest.mark.realdata
def test_both_studies_read_the_real_patients(tmp_path: Path) -> None:
    segmentation = STUDIES / "breast_ultrasound_segmentation.toml"
    report = check(segmentation, data=DATA, estimate_time=False)
    assert report.exit_code == 0
    assert "173 patients in 173 rows" in report.lines[0]
    masks = tmp_path / "run" / "masks" / "image"
    shutil.copytree(DATA / "breast-ultrasound" / "masks", masks)
    (masks / "case001_tumor.png").unlink()
    folder = f"modalities.lesion.crop.folder={tmp_path / 'run'}"
    report = check(AFTER, data=DATA, overrides=[folder], estimate_time=False)
    assert report.exit_code == 0
    assert any(
        line.startswith("lesion: 4 of 176 pictures kept whole") and "case001" in line
        for line in report.lines
    )

"""The source `brats`: made folders with the names of each challenge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumorboard.cache import Cache
from tumorboard.cohorts.brats import Brats
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.brats_folders import split_name
from tumorboard.formats.nifti_writing import write_nifti
from tumorboard.modalities.volume import Volume
from tumorboard.records import Cohort

OLD = ("_t1", "_t1ce", "_t2", "_flair", "_seg")
NEW = ("-t1n", "-t1c", "-t2w", "-t2f", "-seg")
AFFINE = np.diag([1.0, 1.0, 1.0, 1.0])


def case(root: Path, name: str, endings: tuple[str, ...], *, ending: str = ".nii.gz") -> None:
    (root / name).mkdir(parents=True)
    for part in endings:
        (root / name / f"{name}{part}{ending}").write_bytes(b"")


def read(root: Path, **settings: str) -> Cohort:
    return Brats(**settings).read(root, name="brats", files={"mri": "{flair}"})  # type: ignore[arg-type]


def test_names_until_2021(tmp_path: Path) -> None:
    case(tmp_path, "BraTS20_Training_002", OLD)
    case(tmp_path, "BraTS20_Training_010", OLD, ending=".nii")
    case(tmp_path, "BraTS2021_00000", OLD)
    cohort = read(tmp_path)
    assert cohort.patient_id == ("BraTS20_Training_002", "BraTS20_Training_010", "BraTS2021_00000")
    assert cohort.columns["t1c"][1] == "BraTS20_Training_010/BraTS20_Training_010_t1ce.nii"
    assert cohort.columns["timepoint"] == (None, None, None)
    assert cohort.files["mri"][0][0].name == "BraTS20_Training_002_flair.nii.gz"
    assert not cohort.rejections
    assert cohort.notes == (
        "3 cases of 3 patients",
        "names of BraTS until 2021: in the masks the enhancing tumour is 4, and 3 unused",
    )


def test_time_points_of_a_patient_stay_together(tmp_path: Path) -> None:
    for name in ("BraTS-GLI-00005-100", "BraTS-GLI-00005-101", "BraTS-MEN-00004-000"):
        case(tmp_path / "train", name, NEW)
    cohort = read(tmp_path, images="train")
    assert cohort.patient_id == ("BraTS-GLI-00005", "BraTS-GLI-00005", "BraTS-MEN-00004")
    assert cohort.unit_id[0] == "BraTS-GLI-00005-100"
    assert cohort.line == (2, 3, 4)  # rows are told apart by them
    assert cohort.columns["timepoint"] == ("100", "101", "000")
    assert cohort.columns["seg"][1] == "train/BraTS-GLI-00005-101/BraTS-GLI-00005-101-seg.nii.gz"
    assert "the enhancing tumour is 3" in cohort.notes[1]
    assert split_name("Brats18_CBICA_AAB_1") == ("Brats18_CBICA_AAB", "1")
    assert split_name("BraTS20_Training_001") == ("BraTS20_Training_001", "")


def test_what_a_case_lacks_is_listed_and_the_case_stays(tmp_path: Path) -> None:
    """The mask of case 355 of 2020 is named after the hospital's file."""
    case(tmp_path, "BraTS20_Training_354", OLD)
    case(tmp_path, "BraTS20_Training_355", ("_t1", "_t1ce", "_t2", "_flair"))
    (tmp_path / "BraTS20_Training_355" / "W39_1998.09.19_Segm.nii").write_bytes(b"")
    case(tmp_path, "BraTS20_Training_356", ("_t1", "_t2", "_flair", "_seg"))
    cohort = read(tmp_path)
    assert cohort.n_rows == 3
    assert cohort.columns["seg"][1] is None
    assert cohort.columns["t1c"][2] is None
    assert [r.reason for r in cohort.rejections] == [
        "BraTS20_Training_355 has no segmentation: expected BraTS20_Training_355_seg.nii.gz; "
        "W39_1998.09.19_Segm.nii is named otherwise: rename it if it is that",
        "BraTS20_Training_356 has no t1c sequence: expected BraTS20_Training_356_t1ce.nii.gz",
    ]
    (odd,) = [r for r in cohort.records if r.path.name.startswith("W39")]
    assert odd.state == "ignored"
    assert odd.reason.startswith("not named as a file of BraTS20_Training_355")
    assert cohort.notes[-1].endswith("BraTS20_Training_355/W39_1998.09.19_Segm.nii")


def test_without_any_mask_it_is_validation_data(tmp_path: Path) -> None:
    case(tmp_path, "BraTS-GLI-00001-000", NEW[:4])
    cohort = read(tmp_path)
    assert not cohort.rejections
    assert cohort.notes[1].startswith("no case has a segmentation")


def test_tables_of_the_challenge_are_joined(tmp_path: Path) -> None:
    for number in (1, 2, 3, 4):
        case(tmp_path, f"BraTS20_Training_00{number}", OLD)
    (tmp_path / "survival_info.csv").write_text(
        "Brats20ID,Age,Survival_days,Extent_of_Resection\nBraTS20_Training_001,60.463,289,GTR\n"
        "BraTS20_Training_002,52.2,ALIVE (361 days later),NA\nBraTS20_Training_999,50,10,GTR\n"
    )
    (tmp_path / "name_mapping.csv").write_text(
        "Grade,BraTS_2019_subject_ID,BraTS_2020_subject_ID\nHGG,BraTS19_X_1,BraTS20_Training_001\n"
        "LGG,NA,BraTS20_Training_003\n"
    )
    cohort = read(tmp_path)
    assert cohort.columns["time_days"] == ("289", "361", None, None)
    assert cohort.columns["event"] == ("1", "0", None, None)
    assert cohort.columns["Age"] == ("60.463", "52.2", None, None)
    assert cohort.columns["Extent_of_Resection"] == ("GTR", None, None, None)
    assert cohort.columns["Grade"] == ("HGG", None, "LGG", None)
    assert set(cohort.known_later) == {"Survival_days", "time_days", "event"}
    facts = "survival_info.csv: facts of 2 of 4 cases, by 'Brats20ID'; 1 row of no case here"
    assert facts in cohort.notes
    (tmp_path / "survival_info.csv").write_text(
        "Brats20ID,Age,Survival_days\nBraTS20_Training_001,60,soon\n"
    )
    with pytest.raises(InputError, match="BraTS20_Training_001: 'soon'"):
        read(tmp_path)


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    case(tmp_path / "mri", "BraTS-GLI-00005-000", NEW)
    case(tmp_path / "mri", "BraTS-GLI-00005-001", NEW)
    (tmp_path / "mine.csv").write_text("who,idh\nBraTS-GLI-00005,mutant\n")
    cohort = read(tmp_path, images="mri", table="mine.csv", patient_id="who")
    assert cohort.columns["idh"] == ("mutant", "mutant")
    with pytest.raises(StudyError, match="has no column 'whom'"):
        read(tmp_path, images="mri", table="mine.csv", patient_id="whom")
    (tmp_path / "mine.csv").write_text("who,a\nBraTS-GLI-00005,1\nBraTS-GLI-00005,2\n")
    with pytest.raises(InputError, match=r"row 3: 'BraTS-GLI-00005'"):
        read(tmp_path, images="mri", table="mine.csv", patient_id="who")


def test_folders_that_cannot_be_read_as_brats(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no case of BraTS here"):
        read(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        read(tmp_path, images="elsewhere")
    for group in ("HGG", "LGG"):
        case(tmp_path / group, "BraTS19_CBICA_AAB_1", OLD)
    with pytest.raises(InputError, match="HGG/BraTS19_CBICA_AAB_1 and LGG/BraTS19_CBICA_AAB_1"):
        read(tmp_path)
    case(tmp_path / "both", "BraTS2021_00001", OLD)
    (tmp_path / "both" / "BraTS2021_00001" / "BraTS2021_00001_t1.nii").write_bytes(b"")
    with pytest.raises(InputError, match="are both its t1"):
        read(tmp_path, images="both")


def test_a_volume_reads_the_four_sequences(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    name = "BraTS-GLI-00005-000"
    for part in NEW:
        array = rng.integers(0, 900, (6, 5, 4)).astype(np.int16)
        write_nifti(tmp_path / name / f"{name}{part}.nii.gz", array, AFFINE)
    patterns = ("{t1}", "{t1c}", "{t2}", "{flair}")
    cohort = Brats().read(tmp_path, name="brats", files={"mri": patterns[0]})
    modality = Volume(files=patterns, size=(6, 5, 4), spacing_mm="keep")
    with Cache(tmp_path / "cache") as cache:
        measured = modality.read(cohort, name="mri", cache=cache)
    assert measured.present.tolist() == [True]
    assert not measured.rejections

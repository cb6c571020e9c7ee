"""Faults of patients' volumes from the command line: the others' run goes on, exit code 3."""

from __future__ import annotations

import csv
import shutil
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import FileDataset
from typer.testing import CliRunner, Result

from tumorboard.cli import app

sys.path.insert(0, str(Path(__file__).parent.parent / "formats"))
from made_dicom import Made, enhanced, phantom, write_all

#: What is made of the sound series of a patient's folder.
Fault = Callable[[Made, Path], object]


def edited(**values: Any) -> Fault:
    """A series with these attributes in every file; None leaves one out."""

    def edit(ds: FileDataset, k: int) -> None:
        for name, value in values.items():
            if value is None:
                delattr(ds, name)
            else:
                setattr(ds, name, value(k) if callable(value) else value)

    return lambda made, folder: replace(made, edit=edit).write(folder)


def at(places: list[float]) -> Fault:
    return edited(ImagePositionPatient=lambda k: [-20, -15, 100 + places[k]])


def tilted(made: Made, folder: Path) -> None:
    tangent = float(np.tan(np.radians(12)))
    edited(ImagePositionPatient=lambda k: [-20, -15 + 3 * k * tangent, 100 + 3 * k])(made, folder)


def without(made: Made, folder: Path) -> None:
    (made.write(folder) / "004.dcm").unlink()


def beside(**changes: Any) -> Fault:
    """Another series in the same folder."""

    def both(made: Made, folder: Path) -> None:
        made.write(folder)
        write_all(replace(made, **changes).datasets(), folder, start=50)

    return both


def cut(name: str, share: float) -> Fault:
    def write(made: Made, folder: Path) -> None:
        path = made.write(folder) / name
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return write


def zipped(made: Made, folder: Path) -> None:
    made.write(folder)
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    shutil.rmtree(folder)


def cut_zip(made: Made, folder: Path) -> None:
    zipped(made, folder)
    path = folder.with_suffix(".zip")
    path.write_bytes(path.read_bytes()[:-400])


def other_values(**changes: Any) -> Fault:
    return lambda made, folder: replace(made, **changes).write(folder)


def one_file(made: Made, folder: Path) -> None:
    write_all([enhanced(made)], folder)


def raw_nifti(made: Made, folder: Path) -> None:
    values = made.hu.T + np.int16(1024)
    nib.save(nib.Nifti1Image(values, np.diag([0.7, 0.8, 3, 1])), folder.with_suffix(".nii.gz"))


MAGNITUDES = phantom().astype(int) + 1100
#: Patient -> how the files are made, and what is said of them; "" where they are used.
FAULTS: dict[str, tuple[Fault, str]] = {
    "D01": (without, "gap of 6 mm where 3 mm was expected, between 003.dcm and 005.dcm"),
    "D02": (edited(ImagesInAcquisition=10), ""),
    "D04": (beside(hu=phantom() + 5), "images that differ at 8 of 8 places"),
    "D05": (beside(hu=phantom(1), orientation=(0, 1, 0, 0, 0, -1)), ""),
    "D06": (beside(series_uid="1.2.3.77"), "2 series that could be the volume"),
    "D07": (beside(patient_id="other"), "images of 2 patients: PatientID 'D07' (8 images)"),
    "D08": (edited(InstanceNumber=lambda k: 20 - k), ""),
    "D10": (tilted, "sheared by 12.0 degrees"),
    "D11": (at([3 * k + 0.01 * (k == 4) for k in range(8)]), ""),
    "D12": (at([0, 2.5, 5, 7.5, 10, 17.5, 25, 32.5]), "vary: 4 of 2.5 mm, 3 of 7.5 mm"),
    "D13": (other_values(hu=phantom(1)), "1 slice; a volume needs at least 2"),
    "D14": (edited(PixelSpacing=None), "has no PixelSpacing"),
    "D15": (edited(ImageOrientationPatient=None), "expected slices with their positions"),
    "D17": (beside(hu=phantom(3, 48), origin=(-20, -15, 124)), "2 sizes: 8 slices of 40 x 32"),
    "D18": (other_values(orientation=(-1, 0, 0, 0, -1, 0)), ""),
    "D19": (one_file, ""),
    "D20": (edited(Rows=60000, Columns=60000), "28,800,000,000 voxels (107 GiB)"),
    "D32": (cut("005.dcm", 0.6), "005.dcm: truncated pixel data"),
    "D32_header": (cut("008.dcm", 0.2), "008.dcm: cut off in its header"),
    "D32_zip": (cut_zip, "not a whole ZIP"),
    "D34": (edited(RescaleSlope=None, RescaleIntercept=None), "are not Hounsfield units"),
    "D38": (edited(PhotometricInterpretation="YBR_FULL"), "pixels are YBR_FULL of 1 samples"),
    "D39": (edited(BitsAllocated=1, BitsStored=1), "1 of 1 bits for each pixel"),
    "D48_class": (edited(Modality="MR"), "Modality is 'MR' but the file is stored as CT"),
    "D48_ct": (other_values(modality="MR"), "lie near -1000, as air does in CT"),
    "D48_mr": (other_values(hu=MAGNITUDES, intercept=0.0), "are no Hounsfield units"),
    "D48_nifti": (raw_nifti, "are no Hounsfield units"),
    "zipped": (zipped, ""),
}
N_SOUND = 10
STUDY = """
[study]
name = "faults"
seed = 1
[cohort]
source = "folder"
table = "patients.csv"
patient_id = "patient_id"
[task]
kind = "classification"
target = "outcome"
positive = "yes"
[modalities.ct]
kind = "volume"
files = "ct/{file}"
spacing_mm = [2.0, 2.0, 3.0]
size = [8, 8, 8]
window_hu = [-1000, 400]
[modalities.record]
kind = "table"
numeric = ["age"]
encoder = {name = "mlp", widths = [4]}
[arms]
record = {modalities = ["record"]}
[evaluation]
folds = 2
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """`tumorboard check` of a cohort in which every fault has its patient."""
    root = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(0)
    lines = ["patient_id,age,file,outcome"]
    sound: Fault = lambda made, folder: made.write(folder)  # noqa: E731
    makers = {f"S{k:02}": (sound, "") for k in range(N_SOUND)} | FAULTS
    for k, (patient, (make, _)) in enumerate(makers.items()):
        grain = rng.integers(0, 60, phantom().shape).astype(np.int16)  # nobody is another's copy
        made = Made(
            hu=phantom() + grain, patient_id=patient, series_uid=f"1.2.826.0.1.3680043.10.2.{k}"
        )
        make(made, root / "ct" / patient)
        (name,) = [p.name for p in (root / "ct").iterdir() if p.name.partition(".")[0] == patient]
        age, outcome = rng.integers(40, 80), rng.choice(["yes", "no"])
        lines.append(f"{patient},{age},{name},{outcome}")
    (root / "patients.csv").write_text("\n".join(lines) + "\n")
    (root / "study.toml").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORBOARD_CACHE", str(root / "cache"))
        result = CliRunner().invoke(
            app, ["check", str(root / "study.toml"), "--out", str(root / "out")]
        )
    return result, root


@pytest.mark.parametrize("patient", FAULTS)
def test_a_patients_files_are_used_or_rejected_with_the_reason(
    checked: tuple[Result, Path], patient: str
) -> None:
    result, root = checked
    with (root / "out" / "manifest.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["patient_id"] == patient]
    said = FAULTS[patient][1]
    files = [
        path
        for path in (root / "ct").rglob("*")
        if path.is_file() and path.relative_to(root / "ct").parts[0].partition(".")[0] == patient
    ]
    states = Counter(row["state"] for row in rows)
    assert sum(states.values()) == len(files)  # every file ends somewhere
    if said:
        assert set(states) == {"rejected"}
        assert said in rows[0]["reason"]
        (line,) = [
            line
            for line in result.output.splitlines()
            if line.startswith(f"rejected: patient {patient}:")
        ]
        assert said in line
    else:
        assert states["used"] > 0
        assert "rejected" not in states


def test_the_others_go_on_and_nothing_is_a_fault_of_the_program(
    checked: tuple[Result, Path],
) -> None:
    result, root = checked
    assert result.exit_code == 3
    assert "Traceback" not in result.output
    assert "fault of the program" not in result.output
    n_rejected = sum(1 for _, said in FAULTS.values() if said)
    lines = [line for line in result.output.splitlines() if line.startswith("rejected:")]
    assert len(lines) == n_rejected
    n = N_SOUND + len(FAULTS)
    assert f"ct in {n - n_rejected} rows, record in {n} rows" in result.output
    assert not list(root.rglob("*.part"))

from pathlib import Path

import numpy as np
import pytest
from made_cohort import make_audited, patients
from PIL import Image

from tumorboard.audit.institution_confounded import InstitutionConfounded

SEEDS = range(3)


def places(malignant: np.ndarray, share: float, seed: int) -> list[str]:
    """Two hospitals; `share` of the malignant and the rest of the benign patients are at one."""
    rng = np.random.default_rng(seed + 100)
    is_first = np.zeros(len(malignant), dtype=bool)
    for own, part in ((malignant, share), (~malignant, 1 - share)):
        rows = rng.permutation(np.flatnonzero(own))
        is_first[rows[: round(part * len(rows))]] = True
    return list(np.where(is_first, "North", "South"))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("column", ["hospital", "scanner_model", "Manufacturer", "centre_id"])
def test_a_place_that_tells_the_outcome_is_a_warning(column: str, seed: int) -> None:
    columns, malignant = patients(200, seed=seed)
    (finding,) = InstitutionConfounded().find(
        make_audited({**columns, column: places(malignant, 0.9, seed)})
    )
    assert (finding.code, finding.severity) == ("institution-confounded", "warning")
    assert float(str(finding.evidence["auroc"])) == pytest.approx(0.9, abs=0.02)
    assert column in finding.message


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("how", ["balanced", "slight", "many", "small", "tumour site"])
def test_look_alikes_are_no_finding(how: str, seed: int) -> None:
    n = 14 if how == "small" else 200
    columns, malignant = patients(n, seed=seed, share=0.5)
    rng = np.random.default_rng(seed)
    column, place = {
        "balanced": ("hospital", places(malignant, 0.5, seed)),
        "slight": ("hospital", places(malignant, 0.58, seed)),
        "many": ("hospital", list(rng.integers(0, 40, n))),
        "small": ("hospital", list(rng.choice(["A", "B", "C"], n))),
        "tumour site": ("tumour_site", places(malignant, 0.95, seed)),
    }[how]
    assert InstitutionConfounded().find(make_audited({**columns, column: place})) == []


def test_the_declared_column_may_have_any_name() -> None:
    columns, malignant = patients(100)
    columns["where"] = places(malignant, 1.0, 0)
    assert InstitutionConfounded().find(make_audited(columns)) == []
    (finding,) = InstitutionConfounded().find(
        make_audited(columns, cohort={"institution": "where"})
    )
    assert finding.evidence["counts"] == {
        "North": {"malignant": 40}, "South": {"benign": 60},
    }  # fmt: skip


def test_the_camera_that_a_file_names(tmp_path: Path) -> None:
    columns, malignant = patients(60)
    files = []
    for i, is_malignant in enumerate(malignant.tolist()):
        image = Image.new("L", (8, 8))
        exif = image.getexif()
        exif[271] = "Acme"
        exif[272] = "D7" if is_malignant else "D5"
        files.append(tmp_path / f"{i}.jpg")
        image.save(files[-1], exif=exif)
    (finding,) = InstitutionConfounded().find(make_audited(columns, files=files, root=tmp_path))
    assert "device in the files of scan" in finding.message
    assert finding.evidence["counts"] == {
        "Acme D7": {"malignant": 24}, "Acme D5": {"benign": 36},
    }  # fmt: skip

"""The source `brecahad`: counts of the shared cases by two other ways."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorboard.cohorts.brecahad import CLASSES, BreCaHAD
from tumorboard.errors import InputError
from tumorboard.records import Cohort

#: Column of the published counts -> class of the files.
PUBLISHED = {
    "n_Mitosis": "mitosis", "n_Apoptosis": "apoptosis", "n_Tumor_nuclei": "tumor",
    "n_Non_tumor_nuclei": "non_tumor", "n_Tubule": "lumen", "n_Non_tubule": "non_lumen",
}  # fmt: skip


def written(root: Path, name: str, classes: dict[str, list[dict[str, float]]]) -> None:
    for folder in ("images", "groundTruth"):
        (root / folder).mkdir(exist_ok=True)
    Image.fromarray(np.zeros((10, 20, 3), np.uint8)).save(root / "images" / f"{name}.tif")
    (root / "groundTruth" / f"{name}.json").write_text(json.dumps(classes))


def read(root: Path) -> Cohort:
    return BreCaHAD().read(root, name="brecahad", files={"patches": "{image}"})


def test_original_layout(tmp_path: Path) -> None:
    written(tmp_path, "Case_2-01", {"mitosis": [{"x": 0.5, "y": 1.0}], "tumor": []})
    written(tmp_path, "Case_10-02", {"tumor": [{"x": 0.25, "y": 0.1}]})
    cohort = read(tmp_path)
    assert cohort.patient_id == ("2", "10")
    assert (cohort.columns["x_px"], cohort.columns["y_px"]) == (("10.0", "5.0"), ("10.0", "1.0"))
    assert cohort.annotations == {**dict.fromkeys(CLASSES, 0), "mitosis": 1, "tumor": 1}
    written(tmp_path, "Case_2-03", {"mitoses": [{"x": 0.5, "y": 1.0}]})
    message = r"Case_2-03\.json: 'mitoses' \(1 annotation\)\. Did you mean 'mitosis'"
    with pytest.raises(InputError, match=message):
        read(tmp_path)


@pytest.mark.realdata
def test_counts_of_the_shared_cases() -> None:
    data = os.environ.get("TUMORBOARD_DATA")
    if data is None or not (Path(data) / "brecahad").is_dir():
        pytest.skip("TUMORBOARD_DATA does not name a folder that holds brecahad/")
    root = Path(data) / "brecahad"
    cohort = read(root)
    assert cohort.patients == ("10", "12", "13")
    assert cohort.rejections == ()
    assert cohort.n_rows == sum(cohort.annotations.values()) == 3419
    # by the text of the files alone: every dot has one "x"
    n_dots = {p.stem: p.read_text().count('"x"') for p in (root / "groundTruth").glob("*.json")}
    found: dict[tuple[str, str], int] = {}
    for image, name in zip(cohort.columns["image"], cohort.columns["class"], strict=True):
        key = (Path(str(image)).stem, str(name))
        found[key] = found.get(key, 0) + 1
    with (root / "all_162_images_counts.csv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["filename"] in n_dots]
    assert len(rows) == len(n_dots) == 23
    for row in rows:
        own = {name: found.get((row["filename"], name), 0) for name in CLASSES}
        assert sum(own.values()) == n_dots[row["filename"]]
        assert {PUBLISHED[c]: int(row[c]) for c in PUBLISHED} == {
            name: n for name, n in own.items() if name != "non_mitosis"
        }
    totals = {PUBLISHED[c]: sum(int(row[c]) for row in rows) for c in PUBLISHED}
    assert cohort.annotations == {**totals, "non_mitosis": 0}
    used = [record for record in cohort.records if record.state == "used"]
    assert len(used) == 2 * 23

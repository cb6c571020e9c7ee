"""A study of patches from end to end, and its patches as a tree of class folders."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorboard.errors import RunError, StudyError
from tumorboard.prediction.model import Model
from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.export import export

STUDY = """
[study]
name = "nuclei"
seed = 3
[cohort]
source = "folder"
table = "nuclei.csv"
[task]
kind = "classification"
target = "class"
positive = "mitosis"
unit = "row"
[modalities.tissue]
kind = "patches"
window_px = 16
size = [16, 16]
stain_normalisation = "macenko"
stain_transfer = 0.3
encoder = {name = "simple_cnn"}
[arms]
tissue = {modalities = ["tissue"]}
[training]
epochs = 4
batch_size = 16
optimizer = {name = "adamw", learning_rate = 2e-3}
[evaluation]
folds = 3
repeats = 1
bootstrap = 100
probes = ["blur"]
explain = ["grad_cam"]
[runtime]
precision = "32"
workers = 1
"""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six patients, a slide each, on which nuclei are dark discs and mitoses are dark bars."""
    folder = tmp_path_factory.mktemp("nuclei")
    rng = np.random.default_rng(4)
    lines = ["patient_id,image,class,x_px,y_px"]
    for patient in range(6):
        density = np.full((96, 96, 3), (0.05, 0.2, 0.04)) * rng.uniform(0.5, 1.5, (96, 96, 1))
        for k in range(16):
            y, x = 12 + 24 * (k // 4), 12 + 24 * (k % 4)
            is_mitosis = k % 2 == 0
            part = (slice(y - 1, y + 1), slice(x - 7, x + 7))
            if not is_mitosis:
                part = (slice(y - 3, y + 3), slice(x - 3, x + 3))
            density[part] += (0.6, 0.65, 0.3)
            name = "mitosis" if is_mitosis else "tumour"
            lines.append(f"P{patient},slides/{patient}.png,{name},{x},{y}.0")
        pixels = np.rint(np.clip(256 * 10**-density - 1, 0, 255)).astype(np.uint8)
        path = folder / "slides" / f"{patient}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    (folder / "nuclei.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path / "cache"))


def test_a_study_of_patches_runs_whole(cohort: Path) -> None:
    run = cohort / "run"
    evaluate(cohort / "study.toml", out=run)
    with (run / "predictions.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["part"] == "test"]
    assert len(rows) == 96
    right = [(float(row["p_mitosis"]) > 0.5) == (row["class"] == "mitosis") for row in rows]
    assert sum(right) > 66  # of 96; a coin gives 48, and 66 or fewer in all but 1 of 10,000
    with (run / "probes.csv").open(encoding="utf-8", newline="") as handle:
        assert {row["probe"] for row in csv.DictReader(handle)} == {"none", "blur"}
    errors = json.loads((run / "evidence" / "errors.json").read_text(encoding="utf-8"))
    for sheet in errors["sheets"]:
        assert sheet["file"] is not None or sheet["n_errors"] == 0
        assert sheet["unreadable"] == []
    assert (run / "explanations" / "heat_maps.csv").is_file() or list(run.rglob("heat_maps.csv"))
    model = Model.open(next(path.parent for path in run.rglob("model.json")))
    predicted = model.predict(cohort / "nuclei.csv")
    assert len(predicted.unit_id) == 96
    assert os.environ["TUMORBOARD_CACHE"]


def test_class_folders_hold_every_patch_as_it_was_scanned(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "classes"
    counts = export(cohort / "study.toml", out=out).counts
    assert counts == {"mitosis": 48, "tumour": 48}
    found = Counter(path.parent.name for path in out.rglob("*.png"))
    assert found == counts
    pixels = np.asarray(Image.open(cohort / "slides" / "0.png"))
    patch = np.asarray(Image.open(out / "mitosis" / "P0_2.png"))
    np.testing.assert_array_equal(patch, pixels[4:20, 4:20])
    with pytest.raises(RunError, match="exists already"):
        export(cohort / "study.toml", out=out)
    with pytest.raises(StudyError, match="--modality other"):
        export(cohort / "study.toml", out=tmp_path / "new", modality="other")
    assert not (tmp_path / "new").exists()

"""The truth of simulated radiogenomics: by counting, by other estimators, and in the files."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import SimpleITK
from nibabel.nifti1 import Nifti1Image  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tumorboard.errors import StudyError
from tumorboard.formats.volumes import read_volume
from tumorboard.records import Floats
from tumorboard.simulators import Bound
from tumorboard.simulators.radiogenomics import Radiogenomics
from tumorboard.transforms.radiogenomic_patients import FOLLOWS, visit_values
from tumorboard.transforms.simulated_expression import PROGRAMMES
from tumorboard.transforms.simulated_lung_cancer import SIGNALS, STAGES, harrell_c

SMALL = (48, 48, 24)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def simulator() -> Radiogenomics:
    return Radiogenomics(size=SMALL, ct="both", genes=300, missing_rna=0.2, missing_ct=0.2)


def nifti(path: Path) -> tuple[NDArray[Any], Floats]:
    image = cast("Any", Nifti1Image.from_filename(str(path)))
    return np.asanyarray(image.dataobj), np.asarray(image.affine, dtype=np.float64)


@pytest.fixture(scope="module")
def standard() -> Radiogenomics:
    return Radiogenomics()


@pytest.fixture(scope="module")
def best(standard: Radiogenomics) -> Mapping[str, Bound]:
    return standard.best_auroc()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, simulator: Radiogenomics) -> Path:
    out = tmp_path_factory.mktemp("radiogenomics")
    simulator.write(out, n_patients=10, seed=4)
    return out


def test_logistic_regression_on_the_signals_reaches_the_stated_auroc(
    standard: Radiogenomics, best: Mapping[str, Bound]
) -> None:
    """Fitted on half, judged on the other: an estimator that knows nothing of the model."""
    drawn = standard.draw(n_patients=8_000, seed=1)
    half = slice(0, 4_000), slice(4_000, None)
    for subset, columns in (
        ("true_signals", drawn.signals),
        ("ct", np.column_stack([drawn.signal("size"), drawn.signal("glass"), drawn.roughness])),
    ):
        model = LogisticRegression(C=100.0, max_iter=400)
        model.fit(columns[half[0]], drawn.stage[half[0]])
        reached = roc_auc_score(
            drawn.stage[half[1]], model.predict_proba(columns[half[1]]), multi_class="ovr"
        )
        assert reached == pytest.approx(best[subset].value, abs=0.015)


def test_bounds_grow_with_what_is_known(best: Mapping[str, Bound]) -> None:
    value = {name: bound.value for name, bound in best.items()}
    assert 0.5 < value["record"] < value["rna+record"] < value["ct+rna+record"]
    assert value["ct"] < value["ct+rna"] < value["ct+rna+record"] < value["true_signals"] < 1
    assert all(bound.monte_carlo_error < 0.005 for bound in best.values())
    blind = Radiogenomics(rna_noise=5.0).best_auroc()
    assert blind["rna"].value < 0.56
    missing = Radiogenomics(missing_rna=0.5).best_auroc()
    assert missing["rna"].value < value["rna"] - 0.05


def test_c_index_of_the_log_hazard_is_as_stated(standard: Radiogenomics) -> None:
    drawn = standard.draw(n_patients=3_000, seed=2)
    best = standard.best_c_index()
    for subset in (("rna",), ("ct", "rna", "record", "visits"), ("true_signals",)):
        score = standard.model.expected_log_hazard(standard.known(drawn, subset))
        found = harrell_c(drawn.days, drawn.event, score)
        bound = best["+".join(subset)]
        assert found == pytest.approx(bound.value, abs=0.02 + 3 * bound.monte_carlo_error)
    assert best["visits"].value > best["record"].value


def test_drawn_image_and_rna_share_hypoxia_as_stated() -> None:
    simulator = Radiogenomics(image_hypoxia=0.8, rna_noise=0.4)
    drawn = simulator.draw(n_patients=20_000, seed=3)
    shown = drawn.programmes["HALLMARK_HYPOXIA"]
    r2 = np.corrcoef(drawn.roughness, shown)[0, 1] ** 2
    # genes of a large set average out: what is left is the noise of the programme
    assert r2 == pytest.approx(0.8**2 / (1 + 0.4**2), abs=0.02)
    stated = simulator.signature_r2()
    assert r2 - 0.06 < stated["HALLMARK_HYPOXIA"] < r2 + 0.02
    assert {n: v for n, v in stated.items() if v} == {
        "HALLMARK_HYPOXIA": stated["HALLMARK_HYPOXIA"]
    }


def test_a_table_of_features_where_asked(tmp_path: Path) -> None:
    """One row per CT, in the form of FMCIB's table; nothing else differs from a cohort without."""
    asked, plain = (
        Radiogenomics(
            size=(32, 32, 16), ct="nifti", genes=250, missing_ct=0.4, fmcib_features=is_asked
        )
        for is_asked in (True, False)
    )
    (tmp_path / "asked").mkdir()
    (tmp_path / "plain").mkdir()
    asked.write(tmp_path / "asked", n_patients=6, seed=2)
    plain.write(tmp_path / "plain", n_patients=6, seed=2)
    patients = rows_of(tmp_path / "asked" / "patients.csv")
    assert patients == rows_of(tmp_path / "plain" / "patients.csv")
    found = rows_of(tmp_path / "asked" / "fmcib_features.csv")
    assert [row["patient_id"] for row in found] == [p["patient_id"] for p in patients if p["ct"]]
    assert 0 < len(found) < 6
    assert list(found[0]) == ["patient_id", *(f"pred_{k}" for k in range(4096))]
    assert not (tmp_path / "plain" / "fmcib_features.csv").exists()
    assert (tmp_path / "asked" / "external" / "fmcib_features.csv").exists()


def test_tables_say_what_was_drawn(written: Path, simulator: Radiogenomics) -> None:
    drawn = simulator.draw(n_patients=10, seed=4)
    rows = rows_of(written / "patients.csv")
    truth = json.loads((written / "truth.json").read_text())
    assert [row["stage"] for row in rows] == [STAGES[k] for k in drawn.stage]
    assert Counter(row["stage"] for row in rows) == Counter(
        {stage: n for stage, n in truth["stages"].items() if n}
    )
    assert [float(row["survival_days"]) for row in rows] == drawn.days.tolist()
    assert sum(row["event"] == "1" for row in rows) == truth["n_events"]
    assert {row["institution"] for row in rows} == {"A", "B"}
    outside = rows_of(written / "external" / "patients.csv")
    assert len(outside) == truth["n_external"] == 7
    assert {row["institution"] for row in outside} == {"C"}
    assert not {row["patient_id"] for row in rows} & {row["patient_id"] for row in outside}


def test_who_lacks_rna_or_ct_lacks_the_file(written: Path, simulator: Radiogenomics) -> None:
    drawn = simulator.draw(n_patients=10, seed=4)
    assert not drawn.has_ct.all()
    assert not drawn.has_rna.all()
    header = (written / "rna.csv").read_text().split("\n", 1)[0].split(",")
    rows = rows_of(written / "patients.csv")
    assert [row["patient_id"] in header for row in rows] == drawn.has_rna.tolist()
    assert [bool(row["ct"]) for row in rows] == drawn.has_ct.tolist()
    found = sorted(path.name for path in (written / "ct").iterdir())
    assert found == [row["ct"] for row in rows if row["ct"]]


def test_series_twin_and_mask_lie_in_the_same_place(written: Path) -> None:
    for row in rows_of(written / "patients.csv") + rows_of(written / "external" / "patients.csv"):
        if not row["ct"]:
            continue
        root = written / ("external" if row["institution"] == "C" else "")
        names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(root / "ct" / row["ct"]))
        image = SimpleITK.ReadImage(names)
        hu = SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0)[::-1, ::-1]
        twin, affine = nifti(root / "nifti" / row["ct_nifti"])
        spacing = np.diag(affine)[:3]
        assert np.abs(np.asarray(image.GetSpacing()) - spacing).max() < 1e-5
        corner = image.TransformIndexToPhysicalPoint((SMALL[0] - 1, SMALL[1] - 1, 0))
        assert np.abs(np.asarray(corner) * (-1, -1, 1) - affine[:3, 3]).max() < 1e-4
        recorded = hu > -2000  # GE pads what it did not record
        assert recorded.all() == (row["institution"] != "B")
        assert np.abs(hu - twin)[recorded].max() < 0.5
        mask, mask_affine = nifti(root / "masks" / row["tumour_mask"])
        tumour = mask > 0
        assert np.array_equal(mask_affine, affine)
        measured = (6 / np.pi * tumour.sum() * np.prod(spacing)) ** (1 / 3)
        # half a voxel of volume, and the rounding of the table
        half = np.prod(spacing) / (np.pi * measured**2)
        assert measured == pytest.approx(float(row["tumour_diameter_mm"]), abs=1.2 * half + 0.051)
        center = [float(v) for v in row["tumour_center_mm"].split()]
        found = np.argwhere(tumour).mean(axis=0) * spacing + affine[:3, 3]
        assert np.abs(found - center).max() < 0.25 * measured + max(spacing) / 2


def test_own_reader_takes_every_series(written: Path) -> None:
    for folder in (written / "ct").iterdir():
        twin = read_volume(written / "nifti" / f"{folder.name}.nii.gz")
        volume = read_volume(folder)
        assert np.abs(volume.affine - twin.affine).max() < 1e-4
        inside = np.ones(SMALL, dtype=bool) if volume.outside is None else ~volume.outside
        assert np.abs(volume.array[0] - twin.array[0])[inside].max() < 0.5


def test_genes_of_pathways_follow_the_drivers(standard: Radiogenomics) -> None:
    simulator = standard
    drawn = simulator.draw(n_patients=120, seed=6)
    signals = simulator.expression.signals(drawn.programmes, drawn.is_squamous.astype(float))
    tpm = np.stack(
        [
            simulator.expression.draw(row, institution=0.0, rng=np.random.default_rng([6, i]))
            for i, row in enumerate(signals)
        ]
    )
    log2 = np.log2(tpm + 1)
    for number, name in enumerate(PROGRAMMES):
        score = log2[:, simulator.expression.programme == number].mean(axis=1)
        found = [abs(np.corrcoef(score, drawn.signal(s))[0, 1]) for s in SIGNALS]
        for signal, value in zip(SIGNALS, found, strict=True):
            if FOLLOWS.get(name) == signal:
                assert value > 0.75
            else:
                assert value < 0.35


def test_visits_show_growth_before_the_examination() -> None:
    drawn = Radiogenomics().draw(n_patients=400, seed=8)
    diameter, ldh = visit_values(drawn)
    seen = ~np.isnan(drawn.visits)
    assert np.nanmax(drawn.visits) < 0
    assert set(seen.sum(axis=1).tolist()) == {2, 3, 4, 5}
    assert np.array_equal(np.isnan(diameter), ~seen)
    assert np.array_equal(np.isnan(ldh), ~seen)
    slope = [
        np.polyfit(drawn.visits[i][seen[i]], np.log(diameter[i][seen[i]]), 1)[0] for i in range(400)
    ]
    assert np.corrcoef(slope, drawn.signal("growth"))[0, 1] > 0.6


def test_a_larger_cohort_begins_with_the_smaller_one(tmp_path: Path) -> None:
    for n in (2, 3):
        (tmp_path / str(n)).mkdir()
        tiny = Radiogenomics(size=(32, 32, 16), genes=250, external_share=0)
        tiny.write(tmp_path / str(n), n_patients=n, seed=9)
    for path in (tmp_path / "2").rglob("*.*"):
        other = tmp_path / "3" / path.relative_to(tmp_path / "2")
        if path.name not in ("truth.json", "rna.csv"):
            assert other.read_bytes().startswith(path.read_bytes()), path.name
    genes = [rows_of(tmp_path / n / "rna.csv") for n in "23"]
    for few, more in zip(*genes, strict=True):
        assert few.items() <= more.items()


def test_every_setting_at_fault_is_named_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        Radiogenomics(size=(16, 48, 24), ct="nifti", masks="dicom", genes=10, censored=1.0)
    assert caught.value.problems == (
        "radiogenomics.size: found [16, 48, 24], expected [32, 32, 16] or more.",
        'radiogenomics.masks: found "dicom", expected "nifti" where there are no DICOM series.',
        "radiogenomics.genes: found 10, expected 250 to 3500.",
        "radiogenomics.censored: found 1.0, expected 0.05 to 0.95.",
    )

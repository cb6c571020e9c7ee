from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorboard.cache import Cache
from tumorboard.evaluation.image_numbers import first_pictures, image_numbers
from tumorboard.modalities import Measured
from tumorboard.modalities.image import Image as ImageModality
from tumorboard.modalities.patches import Patches
from tumorboard.records import Cohort


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    """Patient a: two images; b: one, black and white; c: none."""
    files: list[tuple[Path, ...]] = []
    for i, levels in enumerate([(51, 51), (153, 153), (0, 255)]):
        pixels = np.zeros((16, 16), dtype=np.uint8)
        pixels[:, :8], pixels[:, 8:] = levels
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        files.append((tmp_path / f"{i}.png",))
    return Cohort(
        name="c", patient_id=("a", "a", "b", "c"), unit_id=("a:2", "a:3", "b:4", "c:5"), columns={},
        files={"scan": (*files, ())}, line=(2, 3, 4, 5), table=tmp_path / "t.csv", root=tmp_path,
    )  # fmt: skip


def test_brightness_and_contrast_are_means_over_a_patients_images(
    cohort: Cohort, tmp_path: Path
) -> None:
    modality = ImageModality(files="{file}", size=(16, 16))
    with Cache(tmp_path / "cache") as cache:
        measured = modality.read(cohort, name="scan", cache=cache)
    others = Measured(present=np.ones(4, dtype=bool))
    found = image_numbers({"scan": measured, "record": others}, cohort.patient_id)
    assert set(found) == {"scan brightness", "scan contrast"}
    assert found["scan brightness"] == pytest.approx(
        {"a": 0.4, "b": 0.5, "c": np.nan}, abs=1e-6, nan_ok=True
    )
    assert found["scan contrast"] == pytest.approx(
        {"a": 0.0, "b": 0.5, "c": np.nan}, abs=1e-4, nan_ok=True
    )


def test_units_are_shown_by_their_first_image(cohort: Cohort) -> None:
    whole = Measured(present=np.ones(4, dtype=bool))
    found = first_pictures(cohort, "scan", whole)
    assert {unit: path.name for unit, path in found.items() if isinstance(path, Path)} == {
        "a:2": "0.png", "a:3": "1.png", "b:4": "2.png",
    }  # fmt: skip
    by_patient = replace(cohort, unit_id=cohort.patient_id)
    assert first_pictures(by_patient, "scan", whole)["a"] == cohort.root / "0.png"
    assert first_pictures(cohort, "absent", whole) == {}


def test_a_row_that_is_a_part_of_its_image_shows_that_part(cohort: Cohort, tmp_path: Path) -> None:
    points = {"x_px": ("4", "4", "12", "4"), "y_px": ("4", "4", "4", "4")}
    with Cache(tmp_path / "cache") as cache:
        measured = Patches(window_px=4, size=(4, 4)).read(
            replace(cohort, columns=points), name="scan", cache=cache
        )
        shown = first_pictures(cohort, "scan", measured)
        black, white = (shown[unit] for unit in ("a:2", "b:4"))
        assert callable(black)
        assert callable(white)
        assert np.unique(black()).tolist() == [51]
        assert np.unique(white()).tolist() == [255]
    assert "c:5" not in shown

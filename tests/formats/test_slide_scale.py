"""The pixel size is what the file says of tissue; a resolution for the printer says nothing."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tumorboard.formats.slide_scale import ome_mpp, per_unit, tiff_mpp

PIXELS = np.zeros((32, 32, 3), np.uint8)


def mpp_of(path: Path, **options: Any) -> float:
    tifffile.imwrite(path, PIXELS, photometric="rgb", **options)
    with tifffile.TiffFile(path) as file:
        return tiff_mpp(file)


@pytest.mark.parametrize(
    ("resolution", "unit", "mpp"),
    [
        ((40_000, 40_000), "centimeter", 0.25),
        ((50_800, 50_800), "inch", 0.5),
        ((72, 72), "inch", math.nan),
        ((96, 96), "inch", math.nan),
        ((300, 300), "inch", math.nan),
        ((1200, 1200), "inch", math.nan),
        ((28.35, 28.35), "centimeter", math.nan),
        ((1, 1), "none", math.nan),
        ((40_000, 40_000), "none", math.nan),
        ((40_000, 20_000), "centimeter", math.nan),
        ((40_000, 40_400), "centimeter", (0.25 + 10_000 / 40_400) / 2),
    ],
)
def test_resolution_tags(
    tmp_path: Path, resolution: tuple[float, float], unit: str, mpp: float
) -> None:
    found = mpp_of(tmp_path / "a.tif", resolution=resolution, resolutionunit=unit, metadata=None)
    np.testing.assert_allclose(found, mpp, rtol=1e-6)


def test_no_resolution_at_all_is_never_taken_for_forty_fold(tmp_path: Path) -> None:
    assert math.isnan(mpp_of(tmp_path / "a.tif", metadata=None))
    described = "Aperio Image Library v11\r\n32x32 |AppMag = 40"
    assert math.isnan(mpp_of(tmp_path / "a.tif", description=described, metadata=None))


def test_aperio_says_it_in_words(tmp_path: Path) -> None:
    described = "Aperio Image Library v11\r\n32x32 |AppMag = 20|MPP = 0.2528|Left = 25.69"
    found = mpp_of(
        tmp_path / "a.tif", description=described, metadata=None, resolution=(72, 72),
        resolutionunit="inch",
    )  # fmt: skip
    assert found == 0.2528


@pytest.mark.parametrize(
    ("unit", "size"), [("µm", 0.325), ("nm", 325), ("mm", 0.000325), (None, 0.325)]
)
def test_ome(tmp_path: Path, unit: str | None, size: float) -> None:
    metadata: dict[str, Any] = {"axes": "YXS", "PhysicalSizeX": size, "PhysicalSizeY": size}
    if unit:
        metadata |= {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}
    found = mpp_of(tmp_path / "a.ome.tif", ome=True, metadata=metadata)
    assert found == pytest.approx(0.325)
    assert math.isnan(mpp_of(tmp_path / "b.ome.tif", ome=True, metadata={"axes": "YXS"}))


def test_units_of_ome_that_are_no_length_of_tissue() -> None:
    element = '<Pixels PhysicalSizeX="1" PhysicalSizeXUnit="pixel" PhysicalSizeY="1"/>'
    assert math.isnan(ome_mpp(element))
    assert math.isnan(ome_mpp("no xml"))


def test_imagej_counts_pixels_per_its_unit(tmp_path: Path) -> None:
    options: dict[str, Any] = {"imagej": True, "resolution": (4.0, 4.0)}
    assert mpp_of(tmp_path / "a.tif", **options, metadata={"unit": "um"}) == pytest.approx(0.25)
    assert math.isnan(mpp_of(tmp_path / "b.tif", **options, metadata={"unit": "pixel"}))


def test_pixels_per_unit() -> None:
    assert per_unit(2.0, 2.0, 1.0) == 0.5
    assert math.isnan(per_unit(0.0, 2.0, 1.0))
    assert math.isnan(per_unit(math.nan, 2.0, 1.0))

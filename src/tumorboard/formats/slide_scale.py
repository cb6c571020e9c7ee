"""Micrometre per pixel, from what the file of a slide says; NaN where it does not say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

#: Micrometre per pixel that a microscope or a slide scanner can have written. A resolution for the
#: screen or the printer is far above it: 72 dpi are 353 micrometres per pixel, 300 dpi 85, and even
#: 2,400 dpi 10.6; a 1x objective on the usual camera gives less than 10.
MICROSCOPIC = (0.01, 10.0)

#: How far width and height of a pixel may differ before one number does not say it.
_SQUARE = 0.02
_MICROMETRE: Mapping[str, float] = {
    "nm": 1e-3, "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "\\u00b5m": 1.0,
    "mm": 1e3, "cm": 1e4, "inch": 25_400.0,
}  # fmt: skip
#: TIFF tag 296: what XResolution counts in.
_TIFF_UNITS: Mapping[int, str] = {2: "inch", 3: "cm"}
_PER_PIXEL = re.compile(r"(?:^|\|)\s*MPP\s*=\s*([0-9.]+)")
_OME_PIXELS = re.compile(r"<(?:\w+:)?Pixels\b[^>]*>")


def tiff_mpp(file: Any) -> float:
    """Micrometre per pixel of level 0 of an open `tifffile.TiffFile`.

    The first of these that is said: PhysicalSizeX of OME-XML, `MPP =` in the description of Aperio,
    the unit of ImageJ, the resolution tags. Resolution tags count only with a unit and within
    `MICROSCOPIC`: editors write 72 or 96 dpi into every picture, which says nothing of the tissue.

    Source:
        OME schema 2016-06, Pixels; TIFF 6.0 section 8 (XResolution, ResolutionUnit).
    """
    page = file.pages[0]
    description = page.description or ""
    if file.is_ome:
        return ome_mpp(file.ome_metadata or "")
    aperio = _PER_PIXEL.search(description)
    if description.startswith("Aperio") and aperio is not None:
        return checked(float(aperio[1]), float(aperio[1]))
    x, y = (_ratio(page.tags.valueof(tag)) for tag in (282, 283))
    if file.is_imagej:
        unit = _MICROMETRE.get(str((file.imagej_metadata or {}).get("unit", "")).lower())
        return per_unit(x, y, unit)
    unit = _TIFF_UNITS.get(int(page.tags.valueof(296, default=2)))
    return per_unit(x, y, _MICROMETRE[unit] if unit else None)


def ome_mpp(xml: str) -> float:
    """Micrometre per pixel by the first Pixels element of OME-XML; its unit defaults to µm."""
    element = _OME_PIXELS.search(xml)
    if element is None:
        return math.nan
    sizes: list[float] = []
    for axis in "XY":
        size = re.search(rf'\bPhysicalSize{axis}="([0-9.eE+-]+)"', element[0])
        unit = re.search(rf'\bPhysicalSize{axis}Unit="([^"]+)"', element[0])
        factor = _MICROMETRE.get(unit[1] if unit else "µm", math.nan)
        sizes.append(float(size[1]) * factor if size else math.nan)
    return checked(*sizes)


def per_unit(x: float, y: float, micrometre: float | None) -> float:
    """Micrometre per pixel from pixels per unit; NaN without a unit."""
    if micrometre is None or not (x > 0 and y > 0):
        return math.nan
    return checked(micrometre / x, micrometre / y)


def checked(x: float, y: float) -> float:
    """One number for both axes: NaN where pixels are not square or cannot be of a microscope."""
    low, high = MICROSCOPIC
    if not (low <= x <= high and low <= y <= high) or abs(x - y) > _SQUARE * max(x, y):
        return math.nan
    return (x + y) / 2


def _ratio(value: Any) -> float:
    """A rational TIFF tag (numerator, denominator); NaN where it is absent or not a number."""
    if not isinstance(value, tuple) or len(value) != 2 or not value[1]:
        return math.nan
    return float(value[0]) / float(value[1])

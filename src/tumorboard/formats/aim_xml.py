"""Annotation and Image Markup (AIM 4): where a radiologist drew, and on which image.

Coordinates of two dimensions are pixels of the image, with (0, 0) at the outer corner of the first
pixel, as in DICOM SR; those of three dimensions are mm in the patient (DICOM's axes: left,
posterior, superior).

Source:
    AIM Foundation Model 4.0 (Mongkolwat et al. 2014, Radiology 272:915); DICOM PS3.3 C.18.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.annotation_files.annotation_xml import parse_xml
from tumorboard.formats.annotations import number_of
from tumorboard.records import Floats

#: Files above it are no annotations of one patient.
MAX_BYTES = 20_000_000
_DRAWN = ("TwoDimensionSpatialCoordinate", "ThreeDimensionSpatialCoordinate")


@dataclass(frozen=True)
class AimMarkup:
    """One shape that was drawn.

    Args:
        kind: Such as "TwoDimensionPolyline".
        points: (points, 2) in pixels as (column, row), or (points, 3) in mm in DICOM's axes.
        image_uid: SOP instance that was drawn on; "" for shapes in the patient.
    """

    kind: str
    points: Floats
    image_uid: str = ""

    @property
    def center(self) -> Floats:
        """Middle of the shape: the first point of a circle, the area's of a closed line, else mean.

        The coordinates are those of `points`.
        """
        if self.kind.endswith("Circle"):  # its points are the centre and one on the rim
            return self.points[0]
        if self.kind.endswith("Polyline") and len(self.points) > 2 and self.points.shape[1] == 2:
            return _area_center(self.points)
        return np.asarray(self.points.mean(axis=0), dtype=np.float64)


@dataclass(frozen=True)
class AimFile:
    """What a file of annotations says of places.

    Args:
        markups: Shapes of the first annotation that has any.
        series_uids: Series that its annotations refer to.
        n_annotations: Annotations with shapes; those after the first are not used.
    """

    markups: tuple[AimMarkup, ...]
    series_uids: tuple[str, ...]
    n_annotations: int


def read_aim(path: Path) -> AimFile:
    """Read the shapes and references of an AIM 4 file; without shapes `markups` is empty.

    Raises:
        InputError: Too large, not XML, with a document type, not AIM 4, or a coordinate that is no
            number.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(
            f"{path.name}: {size:,} bytes; annotations of one patient have at most {MAX_BYTES:,}."
        )
    root = parse_xml(path)
    if not _name(root).startswith("ImageAnnotation"):
        raise InputError(
            f"{path.name}: the root element is {_name(root)!r}, expected ImageAnnotationCollection "
            "of AIM 4. Export the annotations as AIM 4."
        )
    annotations = list(_all(root, "ImageAnnotation"))
    drawn = [found for one in annotations if (found := _markups(one, path))]
    series = [
        uid.get("root", "")
        for one in _all(root, "imageSeries")
        for uid in one
        if _name(uid) == "instanceUid"
    ]
    return AimFile(
        drawn[0] if drawn else (), tuple(dict.fromkeys(filter(None, series))), len(drawn)
    )


def _markups(annotation: Element, path: Path) -> tuple[AimMarkup, ...]:
    found: list[AimMarkup] = []
    for entity in _all(annotation, "MarkupEntity"):
        points = [
            _point(point, path, n_dimensions=2 + number)
            for number, kind in enumerate(_DRAWN)
            for point in _all(entity, kind)
        ]
        if not points:
            continue
        if len({len(point) for point in points}) > 1:
            raise InputError(f"{path.name}: a shape mixes pixels of an image with mm.")
        image = next((e.get("root", "") for e in entity if _name(e) == "imageReferenceUid"), "")
        found.append(AimMarkup(_kind(entity), np.asarray(points, dtype=np.float64), image))
    return tuple(found)


def _point(element: Element, path: Path, *, n_dimensions: int) -> tuple[float, ...]:
    """Coordinates are children `<x value="1.5"/>`; some programs write attributes instead."""
    values = {_name(child): child.get("value", "") for child in element}
    where = _name(element)
    return tuple(
        number_of(values.get(axis, element.get(axis, "")), path=path, where=f"{where} {axis}")
        for axis in "xyz"[:n_dimensions]
    )


def _area_center(points: Floats) -> Floats:
    """Centre of the area inside of a closed line (shoelace formula); the mean where it has none."""
    following = np.roll(points, -1, axis=0)
    cross = points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]
    if abs(cross.sum()) < 1e-9:
        return np.asarray(points.mean(axis=0), dtype=np.float64)
    total = ((points + following) * cross[:, None]).sum(axis=0)
    return np.asarray(total / (3 * cross.sum()), dtype=np.float64)


def _kind(entity: Element) -> str:
    """Type of a shape; its attribute `xsi:type` is in the namespace of XML Schema."""
    types = [value for name, value in entity.items() if name.split(":")[-1].endswith("type")]
    return types[0].split(":")[-1] if types else ""


def _all(element: Element, name: str) -> Iterator[Element]:
    return (found for found in element.iter() if _name(found) == name)


def _name(element: Element) -> str:
    """Name without its prefix or namespace."""
    return element.tag.rsplit("}", 1)[-1].rsplit(":", 1)[-1]

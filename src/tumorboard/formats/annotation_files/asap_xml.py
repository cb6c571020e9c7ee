"""ASAP XML: annotations in groups, coordinates in pixels of the full resolution.

Source:
    ASAP (Computational Pathology Group, Radboud UMC), XML repository: Type is Dot, Polygon, Spline,
    Rectangle, PointSet or Measurement; PartOfGroup names the class, "None" is no group.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

from tumorboard.errors import InputError
from tumorboard.formats.annotation_files.annotation_xml import point_of
from tumorboard.formats.annotations import Annotation, AnnotationFile, box_around

_OUTLINES = ("Polygon", "Spline", "Rectangle")
_DOTS = ("Dot", "PointSet")


def read_asap_xml(root: Element, path: Path) -> AnnotationFile:
    """Annotations of an ASAP file; those without a group and measurements are listed as left out.

    Every point of a PointSet is a dot of its own.

    Raises:
        InputError: An unknown type, or no usable coordinates; says which annotation.
    """
    groups = [group.get("Name", "").strip() for group in root.iterfind("AnnotationGroups/Group")]
    found: list[Annotation] = []
    left_out: list[str] = []
    for i, element in enumerate(root.iterfind("Annotations/Annotation"), start=1):
        where = f"annotation {i}"
        kind, name = element.get("Type", ""), element.get("PartOfGroup", "None").strip()
        if kind == "Measurement" or name in ("", "None"):
            is_line = kind == "Measurement"
            left_out.append(f"{where} is a measurement" if is_line else f"{where} has no class")
            continue
        points = [point_of(e, path, where) for e in element.iterfind("Coordinates/Coordinate")]
        if kind not in (*_OUTLINES, *_DOTS) or not points:
            known = ", ".join((*_DOTS, *_OUTLINES))
            raise InputError(
                f"{path.name}, {where}: type {kind!r} with {len(points)} coordinates, expected "
                f"one of {known} with coordinates."
            )
        for outline in [[point] for point in points] if kind in _DOTS else [points]:
            found.append(Annotation(name, *box_around(outline), len(found) + 1))
    classes = tuple(dict.fromkeys(name for name in groups if name and name != "None"))
    return AnnotationFile(
        path, "ASAP XML", tuple(found), classes, is_pixels=True, left_out=tuple(left_out)
    )

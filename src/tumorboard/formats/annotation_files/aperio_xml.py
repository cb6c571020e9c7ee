"""ImageScope XML (Aperio, and HALO's export): layers of regions, pixels of the full resolution.

A layer is a class: its Name, else its attribute "Description", else its first attribute's value.

Source:
    Files of Aperio ImageScope 12 and of HALO: Region/@Type is a number (0 outline, 1 rectangle,
    2 ellipse, 3 arrow, 4 ruler, 5 pin) or, of HALO, a word; points are Vertex or V;
    NegativeROA="1" is an area to leave out.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

from tumorboard.errors import InputError
from tumorboard.formats.annotation_files.annotation_xml import point_of
from tumorboard.formats.annotations import Annotation, AnnotationFile, box_around

_NO_OUTLINES = {"3": "an arrow", "4": "a ruler", "arrow": "an arrow", "ruler": "a ruler"}
_PINS = ("5", "pin")


def read_aperio_xml(root: Element, path: Path) -> AnnotationFile:
    """Annotations of an ImageScope file.

    Layers without a name, rulers, arrows and negative areas are listed as left out.

    Raises:
        InputError: A region without coordinates; says which.
    """
    found: list[Annotation] = []
    classes: dict[str, None] = {}
    left_out: list[str] = []
    for i, layer in enumerate(root.iterfind("Annotation"), start=1):
        name = _class_of(layer)
        if name:
            classes[name] = None
        for k, region in enumerate(layer.iterfind("Regions/Region"), start=1):
            where = f"layer {i} region {k}"
            reason = _left_out(region) if name else "has no class: the layer has no name"
            if reason:
                left_out.append(f"{where} {reason}")
                continue
            points = [
                point_of(vertex, path, where)
                for vertices in region.iterfind("Vertices")
                for vertex in vertices
                if vertex.tag in ("Vertex", "V")
            ]
            if not points:
                raise InputError(f"{path.name}, {where}: has no vertices. Export it again.")
            if region.get("Type", "").strip().lower() in _PINS:
                points = points[:1]
            found.append(Annotation(name, *box_around(points), len(found) + 1))
    return AnnotationFile(
        path, "ImageScope XML", tuple(found), tuple(classes), is_pixels=True,
        left_out=tuple(left_out),
    )  # fmt: skip


def _class_of(layer: Element) -> str:
    attributes = list(layer.iterfind("Attributes/Attribute"))
    described = [a for a in attributes if a.get("Name", "").strip().lower() == "description"]
    values = [a.get("Value", "") for a in (*described, *attributes)]
    return next((text.strip() for text in (layer.get("Name", ""), *values) if text.strip()), "")


def _left_out(region: Element) -> str:
    if region.get("NegativeROA", "0").strip() == "1":
        return "is a negative area"
    kind = _NO_OUTLINES.get(region.get("Type", "0").strip().lower())
    return f"is {kind}" if kind else ""

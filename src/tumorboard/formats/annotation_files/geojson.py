"""GeoJSON as QuPath exports it: features with a geometry in pixels and a classification.

Source:
    RFC 7946 (GeoJSON); QuPath documentation, "Exporting annotations": coordinates are pixels of the
    full resolution, the class is properties.classification.name (names of a derived class).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from tumorboard.errors import InputError
from tumorboard.formats.annotations import Annotation, AnnotationFile, box_around, number_of

#: Depth of the coordinate lists of each geometry: a position is 0.
_DEPTH = {"Point": 0, "MultiPoint": 1, "Polygon": 2, "MultiPolygon": 3}
#: Geometries that are neither dot, box nor outline: lines of the ruler.
_LINES = ("LineString", "MultiLineString")


def is_geojson(content: object) -> bool:
    """Whether this JSON is a feature, a collection of them, or a list of them."""
    first = cast("list[object]", content)[:1] if isinstance(content, list) else [content]
    if isinstance(content, list) and not content:
        return True  # QuPath writes [] where nothing is annotated
    return isinstance(first[0], dict) and first[0].get("type") in ("FeatureCollection", "Feature")


def read_geojson(content: object, path: Path) -> AnnotationFile:
    """Annotations of a GeoJSON; features without a class and lines are listed as left out.

    Every position of a MultiPoint is a dot of its own; a MultiPolygon is one outline, as it is one
    object in QuPath. Only outer rings count: holes do not move the bounding box.

    Raises:
        InputError: Another form; says which feature.
    """
    found: list[Annotation] = []
    classes: dict[str, None] = {}
    left_out: list[str] = []
    for i, feature in enumerate(_features(content, path), start=1):
        where = f"feature {i}"
        if not isinstance(feature, dict) or cast("Any", feature).get("type") != "Feature":
            raise InputError(f"{path.name}, {where}: expected a GeoJSON Feature.")
        name = _class_of(feature)
        outlines = _outlines(feature.get("geometry"), path, where)
        if not name or outlines is None:
            left_out.append(f"{where} has no class" if not name else f"{where} is a line")
            continue
        classes[name] = None
        for points in outlines:
            found.append(Annotation(name, *box_around(points), len(found) + 1))
    return AnnotationFile(
        path, "GeoJSON", tuple(found), tuple(classes), is_pixels=True, left_out=tuple(left_out)
    )


def _features(content: object, path: Path) -> list[Any]:
    if isinstance(content, list):
        return cast("list[Any]", content)
    whole = cast("dict[str, Any]", content)
    if whole.get("type") == "Feature":
        return [whole]
    if not isinstance(whole.get("features"), list):
        raise InputError(f"{path.name}: a FeatureCollection without a list of features.")
    return whole["features"]


def _class_of(feature: dict[str, Any]) -> str:
    properties = feature.get("properties") or {}
    given: Any = properties.get("classification") if isinstance(properties, dict) else None
    if isinstance(given, dict):
        names: Any = cast("dict[str, Any]", given).get("names")
        # QuPath shows a derived class, such as "Tumor: Positive", with colons between its names.
        joined = ": ".join(map(str, names)) if isinstance(names, list) else ""
        given = cast("dict[str, Any]", given).get("name") or joined
    return given.strip() if isinstance(given, str) else ""


def _outlines(geometry: Any, path: Path, where: str) -> list[list[tuple[float, float]]] | None:
    """Points of each annotation of one geometry; None for lines."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind in _LINES:
        return None
    if kind not in _DEPTH:
        known = ", ".join(_DEPTH)
        raise InputError(f"{path.name}, {where}: geometry {kind!r}, expected {known}.")
    points = _positions(geometry.get("coordinates"), _DEPTH[kind], path, where)
    if not points:
        raise InputError(f"{path.name}, {where}: a {kind} without coordinates.")
    return [[point] for point in points] if kind == "MultiPoint" else [points]


def _positions(given: Any, depth: int, path: Path, where: str) -> list[tuple[float, float]]:
    if not isinstance(given, list):
        raise InputError(f"{path.name}, {where}: coordinates are not lists as their type asks for.")
    items = cast("list[Any]", given)
    if depth == 0:
        if len(items) < 2:
            raise InputError(f"{path.name}, {where}: a position with fewer than two numbers.")
        x, y = (number_of(value, path=path, where=where) for value in items[:2])
        return [(x, y)]
    if depth == 2:  # the first ring is the outer one
        items = items[:1]
    return [point for item in items for point in _positions(item, depth - 1, path, where)]

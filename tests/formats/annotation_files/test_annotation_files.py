"""Each format by a file as its program writes it; classes counted by hand; damage is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tumorboard.errors import InputError
from tumorboard.formats.annotation_files import read_annotation_file
from tumorboard.formats.annotations import Annotation, AnnotationFile

ASAP = """<?xml version="1.0"?>
<ASAP_Annotations>
 <Annotations>
  <Annotation Name="Annotation 0" Type="Dot" PartOfGroup="mitosis" Color="#F4FA58">
   <Coordinates><Coordinate Order="0" X="12.5" Y="40" /></Coordinates>
  </Annotation>
  <Annotation Name="Annotation 1" Type="Polygon" PartOfGroup="tumor" Color="#F4FA58">
   <Coordinates>
    <Coordinate Order="0" X="10" Y="20" /><Coordinate Order="1" X="30" Y="20" />
    <Coordinate Order="2" X="20" Y="60" />
   </Coordinates>
  </Annotation>
  <Annotation Name="Annotation 2" Type="PointSet" PartOfGroup="mitosis" Color="#F4FA58">
   <Coordinates>
    <Coordinate Order="0" X="1" Y="2" /><Coordinate Order="1" X="3" Y="4" />
   </Coordinates>
  </Annotation>
  <Annotation Name="Annotation 3" Type="Dot" PartOfGroup="None" Color="#F4FA58">
   <Coordinates><Coordinate Order="0" X="5" Y="5" /></Coordinates>
  </Annotation>
  <Annotation Name="Annotation 4" Type="Measurement" PartOfGroup="tumor" Color="#F4FA58">
   <Coordinates><Coordinate Order="0" X="5" Y="5" /></Coordinates>
  </Annotation>
 </Annotations>
 <AnnotationGroups>
  <Group Name="tumor" PartOfGroup="None" Color="#00ff00"><Attributes /></Group>
  <Group Name="necrosis" PartOfGroup="None" Color="#00ff00"><Attributes /></Group>
 </AnnotationGroups>
</ASAP_Annotations>
"""
IMAGESCOPE = """<Annotations MicronsPerPixel="0.25">
 <Annotation Id="1" Name="" Type="4">
  <Attributes><Attribute Name="Description" Id="0" Value="mitosis" /></Attributes>
  <Regions>
   <RegionAttributeHeaders />
   <Region Id="1" Type="5" NegativeROA="0">
    <Vertices><Vertex X="7" Y="8" Z="0" /><Vertex X="9" Y="9" Z="0" /></Vertices></Region>
   <Region Id="2" Type="2" NegativeROA="0">
    <Vertices><Vertex X="10" Y="20" Z="0" /><Vertex X="30" Y="50" Z="0" /></Vertices></Region>
   <Region Id="3" Type="4"><Vertices><Vertex X="1" Y="1" /></Vertices></Region>
  </Regions>
 </Annotation>
 <Annotation Id="2" Name="tumor">
  <Regions>
   <Region Type="Rectangle" NegativeROA="0">
    <Vertices><V X="0" Y="0" /><V X="4" Y="0" /><V X="4" Y="2" /><V X="0" Y="2" /></Vertices>
   </Region>
   <Region Type="0" NegativeROA="1"><Vertices><V X="1" Y="1" /></Vertices></Region>
  </Regions>
 </Annotation>
 <Annotation Id="3" Name="necrosis"><Regions /></Annotation>
 <Annotation Id="4" Name="">
  <Regions><Region Type="0"><Vertices><V X="1" Y="1" /></Vertices></Region></Regions>
 </Annotation>
</Annotations>
"""


def feature(kind: str, coordinates: Any, classification: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": "a",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"objectType": "annotation", "classification": classification},
    }


def square(left: float, top: float, side: float) -> list[list[float]]:
    right, bottom = left + side, top + side
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


FEATURES = [
    feature("Point", [10.5, 20.25], {"name": "mitosis", "color": [1, 2, 3]}),
    feature("MultiPoint", [[1, 2], [3, 4]], {"name": "tumor", "colorRGB": -65536}),
    # a hole, whose box must not count
    feature("Polygon", [square(100, 200, 40), square(0, 0, 500)], {"names": ["tumor", "Positive"]}),
    feature("MultiPolygon", [[square(0, 0, 10)], [square(90, 190, 10)]], {"name": "tumor"}),
    feature("Polygon", [square(0, 0, 10)], None),
    feature("LineString", [[0, 0], [5, 5]], {"name": "tumor"}),
]


def read(folder: Path, text: str, name: str = "a.txt") -> AnnotationFile:
    (folder / name).write_text(text, encoding="utf-8")
    return read_annotation_file(folder / name)


def test_plain_json_counts_every_class_the_empty_ones_too(tmp_path: Path) -> None:
    text = '\ufeff{"mitosis": [{"x": 0.25, "y": 0.5}], "lumen": [], "tumor": [{"x": 1, "y": 0}]}'
    found = read(tmp_path, text)
    assert found.counts == {"mitosis": 1, "lumen": 0, "tumor": 1}
    assert found.annotations == (
        Annotation("mitosis", 0.25, 0.5, None, None, 1),
        Annotation("tumor", 1.0, 0.0, None, None, 2),
    )
    assert not found.is_pixels
    box = read(tmp_path, '{"t": [{"x": 5, "y": 6, "width": 3, "height": 4}]}').annotations[0]
    assert (box.width, box.height) == (3.0, 4.0)


@pytest.mark.parametrize("form", ["collection", "list"])
def test_geojson_of_qupath(tmp_path: Path, form: str) -> None:
    content = {"type": "FeatureCollection", "features": FEATURES} if form != "list" else FEATURES
    found = read(tmp_path, json.dumps(content))
    assert found.kind == "GeoJSON"
    assert found.counts == {"mitosis": 1, "tumor": 3, "tumor: Positive": 1}
    assert [(a.x, a.y, a.width, a.height) for a in found.annotations] == [
        (10.5, 20.25, None, None), (1, 2, None, None), (3, 4, None, None),
        (120, 220, 40, 40), (50, 100, 100, 200),
    ]  # fmt: skip
    assert found.left_out == ("feature 5 has no class", "feature 6 is a line")
    assert read(tmp_path, "[]").annotations == ()
    assert read(tmp_path, json.dumps(FEATURES[0])).counts == {"mitosis": 1}


def test_asap(tmp_path: Path) -> None:
    found = read(tmp_path, ASAP)
    assert found.counts == {"tumor": 1, "necrosis": 0, "mitosis": 3}
    assert [(a.x, a.y, a.width, a.height) for a in found.annotations] == [
        (12.5, 40, None, None), (20, 40, 20, 40), (1, 2, None, None), (3, 4, None, None),
    ]  # fmt: skip
    assert found.left_out == ("annotation 4 has no class", "annotation 5 is a measurement")


def test_imagescope(tmp_path: Path) -> None:
    found = read(tmp_path, IMAGESCOPE)
    assert found.counts == {"mitosis": 2, "tumor": 1, "necrosis": 0}
    assert [(a.x, a.y, a.width, a.height) for a in found.annotations] == [
        (7, 8, None, None), (20, 35, 20, 30), (2, 1, 4, 2),
    ]  # fmt: skip
    assert found.left_out == (
        "layer 1 region 3 is a ruler",
        "layer 2 region 2 is a negative area",
        "layer 4 region 1 has no class: the layer has no name",
    )


def test_csv_with_boxes_dots_and_rows_without_a_class(tmp_path: Path) -> None:
    text = (
        "image,X,Y,class,width,height\na.png,1.5,2,mitosis,,\nb.png,3,4, tumor ,10,20\nb,5,6,,,\n"
    )
    found = read(tmp_path, text, "a.csv")
    assert found.annotations == (
        Annotation("mitosis", 1.5, 2.0, None, None, 2, "a.png"),
        Annotation("tumor", 3.0, 4.0, 10.0, 20.0, 3, "b.png"),
    )
    assert found.left_out == ("row 4: no class",)
    own = read(tmp_path, "x_px,y_px,class,width_px,height_px\n1,1,a,2,2\n", "own.csv")
    assert own.is_pixels
    assert own.annotations[0].width == 2


@pytest.mark.parametrize(
    "header", ["xmin,ymin,xmax,ymax", "X_min,Y_min,X_max,Y_max", "x1,y1,x2,y2"]
)
def test_boxes_of_a_csv_by_their_corners(tmp_path: Path, header: str) -> None:
    found = read(tmp_path, f"{header},class\n10,20,30,60,m\n", "a.csv")
    assert found.annotations == (Annotation("m", 20.0, 40.0, 20.0, 40.0, 2),)
    with pytest.raises(InputError, match="in row 3"):
        read(tmp_path, f"{header},class\n1,2,3,4,m\n3,2,1,4,m\n", "b.csv")
    with pytest.raises(InputError, match=r"no column x, y; expected .*the centre, also of a box"):
        read(tmp_path, "left,top,class\n1,2,m\n", "c.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ('{"mitosis": [{"x": 0.5, "y"', r"line 1, column \d+: not valid JSON .*cut short"),
        ('{"mitosis": [{"x": 0.5, "y": NaN}]}', "holds NaN"),
        (
            '{"mitosis": [{"x": true, "y": 1}]}',
            "mitosis 1, x: expected a finite number, found True",
        ),
        ('{"mitosis": [{"x": "a", "y": 1}]}', "mitosis 1, x: .* found 'a'"),
        ('{"mitosis": [{"y": 1}]}', r"mitosis 1: .*expected \{x, y\}"),
        ('{"mitosis": [], "mitosis": [{"x": 0, "y": 0}]}', "'mitosis' stands twice"),
        ('{"mitosis": 3}', "'mitosis' holds a int, expected a list"),
        ("[1, 2]", r"a JSON list, expected \{class"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"type": "Feature", "geometry": null}]', "feature 1: geometry None"),
        ('[{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1]}}]', "fewer than"),
        ("<html></html>", "XML of <html>, expected <ASAP_Annotations>"),
        (IMAGESCOPE[:300], "line 7, column .*not valid XML .*cut short"),
        (ASAP.replace('Y="40"', 'Y="4O"'), "annotation 1, Y: .* found '4O'"),
        (ASAP.replace('"Dot"', '"Cube"'), "annotation 1: type 'Cube'"),
        ("x,y\n1,2\n", "no column class; expected class and x, y"),
        ("x,y,class\n1,2,a\n1,,b\n", "row 3, column y: expected a finite number, found ''"),
        ("x,y,class\n1,inf,a\n", "row 2, column y: .* found 'inf'"),
        (
            "x,y,class,width,height\n1,2,a,3,\n",
            "a width without a height, or a negative one: row 2",
        ),
        ("x,y,class,image\n1,2,a,\n", "column image: no image in row 2"),
    ],
)
def test_damaged_files_say_what_and_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text, "slide.txt")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("slide.txt")


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]>',
        '<!DOCTYPE a SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_before_they_expand(
    tmp_path: Path, declaration: str, encoding: str
) -> None:
    body = ASAP.split("\n", 1)[1].replace('"mitosis"', '"&c;"')
    text = f'<?xml version="1.0" encoding="{encoding}"?>{declaration}{body}'
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match=r"a\.xml: holds a document type or entity"):
        read_annotation_file(tmp_path / "a.xml")


def test_content_counts_and_not_the_name(tmp_path: Path) -> None:
    kinds = {ASAP: "ASAP XML", IMAGESCOPE: "ImageScope XML", json.dumps(FEATURES): "GeoJSON",
             '{"a": []}': "plain JSON", "x,y,class\n1,2,a\n": "CSV"}  # fmt: skip
    assert [read(tmp_path, text, "same.txt").kind for text in kinds] == list(kinds.values())

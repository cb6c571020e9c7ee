from pathlib import Path

import pytest
from made_scans import aim_text

from tumorboard.errors import InputError
from tumorboard.formats import aim_xml
from tumorboard.formats.aim_xml import read_aim

L_SHAPE = [(0, 0), (4, 0), (4, 1), (1, 1), (1, 4), (0, 4)]


def write(folder: Path, text: str) -> Path:
    path = folder / "R01-001.xml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("kind", "points", "center"),
    [
        ("TwoDimensionPolyline", [(2, 2), (6, 2), (6, 4), (2, 4)], (4, 3)),
        # two rectangles, 4 x 1 and 1 x 3: the mean of the corners would be (1.67, 1.67)
        ("TwoDimensionPolyline", L_SHAPE, ((4 * 2 + 3 * 0.5) / 7, (4 * 0.5 + 3 * 2.5) / 7)),
        ("TwoDimensionPolyline", [(1, 1), (2, 2), (3, 3)], (2, 2)),
        ("TwoDimensionCircle", [(5.5, 6.5), (9, 6.5)], (5.5, 6.5)),
        ("TwoDimensionMultiPoint", [(1, 1), (3, 7)], (2, 4)),
        ("ThreeDimensionPoint", [(-30.5, 12, 900)], (-30.5, 12, 900)),
    ],
)
def test_center_of_a_shape(kind: str, points: list, center: tuple, tmp_path: Path) -> None:
    aim = read_aim(write(tmp_path, aim_text(points, kind=kind, image_uid="1.2", series_uid="1.3")))
    (markup,) = aim.markups
    assert markup.kind == kind
    assert tuple(markup.center) == pytest.approx(center)
    assert (markup.image_uid, aim.series_uids, aim.n_annotations) == ("1.2", ("1.3",), 1)


def test_order_of_the_corners_is_nothing_to_the_center(tmp_path: Path) -> None:
    (one,) = read_aim(write(tmp_path, aim_text(L_SHAPE))).markups
    (other,) = read_aim(write(tmp_path, aim_text(L_SHAPE[::-1]))).markups
    assert tuple(one.center) == pytest.approx(tuple(other.center))


def test_without_a_shape_the_series_is_still_known(tmp_path: Path) -> None:
    text = aim_text([(1, 1)], series_uid="1.3")
    start, end = text.index("<MarkupEntity "), text.index("</markupEntityCollection>")
    aim = read_aim(write(tmp_path, text[:start] + text[end:]))
    assert (aim.markups, aim.series_uids) == ((), ("1.3",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (aim_text([(1, 1)], head='<!DOCTYPE a [<!ENTITY b "c">]>'), "document type or entity"),
        (
            aim_text([(float("nan"), 1)]),
            r"TwoDimensionSpatialCoordinate x: expected a finite number",
        ),
        ("<annotations/>", "root element is 'annotations', expected ImageAnnotationCollection"),
        (aim_text([(1, 1)])[:-30], "not valid XML"),
    ],
)
def test_what_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_aim(write(tmp_path, text))


def test_a_huge_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aim_xml, "MAX_BYTES", 100)
    with pytest.raises(InputError, match=r"R01-001\.xml: [0-9,]+ bytes; .* at most 100"):
        read_aim(write(tmp_path, aim_text([(1, 1)])))

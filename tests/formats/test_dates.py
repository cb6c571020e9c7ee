from datetime import date

import pytest

from tumorboard.formats.dates import fitting_formats, parse_date


@pytest.mark.parametrize(
    ("cells", "formats"),
    [
        (["2020-01-31", None], ("%Y-%m-%d",)),
        (["31/01/2020", "03/04/2020"], ("%d/%m/%Y",)),
        (["03/04/2020"], ("%d/%m/%Y", "%m/%d/%Y")),
        (["2020-01-31 08:30", "2020-02-01T23:59"], ("%Y-%m-%d",)),
        (["1 Feb 2020"], ("%d %b %Y",)),
        (["20200131"], ("%Y%m%d",)),
        (["2020-02-30"], ()),
        (["57", "61"], ()),
        (["back", "2020-01-31"], ()),
        ([None, ""], ()),
    ],
)
def test_formats_that_fit_every_cell(cells: list[str | None], formats: tuple[str, ...]) -> None:
    found = fitting_formats(cells)
    assert found == formats or (formats == ("%d %b %Y",) and formats[0] in found)


def test_a_declared_format_is_the_only_one() -> None:
    assert fitting_formats(["03/04/2020"], "%m/%d/%Y") == ("%m/%d/%Y",)
    assert fitting_formats(["2020-04-03"], "%m/%d/%Y") == ()


def test_the_time_of_day_does_not_count() -> None:
    assert parse_date("2020-01-31T23:59:59", "%Y-%m-%d") == date(2020, 1, 31)
    assert parse_date("0020-01-31", "%Y-%m-%d") is None

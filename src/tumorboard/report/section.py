"""A section of the report: its heading, the sentence that leads it, and its HTML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Section:
    """One section of report.html.

    Args:
        anchor: Its id in the page and its word in the list of contents.
        title: Its heading.
        lead: One sentence that says what was found, in numbers.
        html: What follows, already escaped.
    """

    anchor: str
    title: str
    lead: str
    html: str


def environment() -> Environment:
    """The templates of this folder; every text of a run is escaped."""
    import json

    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["as_json"] = lambda value: json.dumps(
        value, indent=1, ensure_ascii=False, default=str
    )
    return made


def fill(template: str, **words: Any) -> str:
    """A template of this folder, such as `calibration.html`, with its words filled in.

    Wrap drawings of ours in `markupsafe.Markup`; everything else is escaped.
    """
    return environment().get_template(template).render(words)

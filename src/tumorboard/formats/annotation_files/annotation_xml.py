"""XML of annotations, read without document types and entities.

A document type is what entity expansion ("billion laughs") and external entities need; no program
that writes annotations writes one, so that a file with one is refused before anything is expanded.

Source:
    Python documentation, "XML vulnerabilities".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from tumorboard.errors import InputError
from tumorboard.formats.annotations import number_of


def parse_xml(path: Path) -> Element:
    """Root element of a file.

    Raises:
        InputError: Not well-formed, or with a document type or an entity.
    """

    def refuse(*_: Any) -> None:
        raise InputError(
            f"{path.name}: holds a document type or entity declaration, which annotations do not "
            "need and which can be an attack. Export the annotations again."
        )

    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise InputError(
            f"{path.name}, line {error.lineno}, column {error.offset + 1}: not valid XML "
            f"({reason}). Is the file cut short?"
        ) from None
    return builder.close()


def point_of(element: Element, path: Path, where: str) -> tuple[float, float]:
    """Attributes X and Y of an element as numbers."""
    x, y = (
        number_of(element.get(name, ""), path=path, where=f"{where}, {name}") for name in ("X", "Y")
    )
    return x, y

"""One file per format of annotations; which one a file is, its content says."""

from __future__ import annotations

from pathlib import Path

from tumorboard.errors import InputError
from tumorboard.formats.annotation_files.annotation_table import read_annotation_table
from tumorboard.formats.annotation_files.annotation_xml import parse_xml
from tumorboard.formats.annotation_files.aperio_xml import read_aperio_xml
from tumorboard.formats.annotation_files.asap_xml import read_asap_xml
from tumorboard.formats.annotation_files.geojson import is_geojson, read_geojson
from tumorboard.formats.annotation_files.plain_json import parse_json, read_plain_json
from tumorboard.formats.annotations import AnnotationFile
from tumorboard.formats.text_encoding import read_text

#: File names that are looked for; what is in them decides how they are read.
SUFFIXES = (".json", ".geojson", ".xml", ".csv", ".tsv", ".txt")

_READERS = {"ASAP_Annotations": read_asap_xml, "Annotations": read_aperio_xml}


def read_annotation_file(path: Path) -> AnnotationFile:
    """Read plain JSON (BreCaHAD), GeoJSON, ASAP XML, ImageScope XML or CSV.

    Raises:
        InputError: Damaged, or of another form; says what was found and where.
    """
    try:
        text = read_text(path)[0]
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror}).") from None
    first = text.lstrip("\ufeff \t\r\n")[:1]
    if not first:
        raise InputError(f"{path.name}: is empty. Export the annotations again.")
    if first in ("{", "["):
        content = parse_json(text, path)
        read = read_geojson if is_geojson(content) else read_plain_json
        return read(content, path)
    if first == "<":
        root = parse_xml(path)
        if root.tag not in _READERS:
            raise InputError(
                f"{path.name}: XML of <{root.tag[:40]}>, expected <ASAP_Annotations> of ASAP or "
                "<Annotations> of ImageScope."
            )
        return _READERS[root.tag](root, path)
    return read_annotation_table(path)

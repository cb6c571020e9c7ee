"""Plain JSON as BreCaHAD has it: {"mitosis": [{"x": 0.25, "y": 0.5}], "apoptosis": []}.

Source:
    Aksac et al. 2019, BreCaHAD: a dataset for breast cancer histopathological annotation and
    diagnosis, BMC Research Notes 12:82.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from tumorboard.errors import InputError
from tumorboard.formats.annotations import Annotation, AnnotationFile, number_of
from tumorboard.formats.messages import shown


def parse_json(text: str, path: Path) -> object:
    """JSON without surprises.

    Raises:
        InputError: Damaged, NaN or infinity, one key twice in an object, nested too deeply.
    """
    try:
        return json.loads(
            text.lstrip("\ufeff"), parse_constant=_refuse_constant, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(
            f"{path.name}, {place}: not valid JSON ({error.msg}). Is the file cut short?"
        ) from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"{path.name}: not usable JSON: {reason[:120]}.") from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"holds {name}, which is no number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {shown(twice)} stands twice in one object")
    return found


def read_plain_json(content: object, path: Path) -> AnnotationFile:
    """Annotations of {class: [{x, y}, ...]}; x and y are centres, with width and height of a box.

    Raises:
        InputError: Another form; says which class and which entry.
    """
    if not isinstance(content, dict):
        raise InputError(f"{path.name}: a JSON list, expected {{class: [{{x, y}}, ...]}}.")
    found: list[Annotation] = []
    classes: list[str] = []
    for key, entries in cast("dict[str, object]", content).items():
        name = key.strip()
        if not name or name in classes:
            raise InputError(f"{path.name}: class {shown(key)} is empty, or there twice.")
        if not isinstance(entries, list):
            kind = type(entries).__name__
            raise InputError(
                f"{path.name}: {shown(key)} holds a {kind}, expected a list of {{x, y}}."
            )
        classes.append(name)
        for i, entry in enumerate(cast("list[object]", entries), start=1):
            where = f"{name} {i}"
            found.append(_annotation(entry, name, len(found) + 1, path, where))
    return AnnotationFile(path, "plain JSON", tuple(found), tuple(classes))


def _annotation(entry: object, name: str, number: int, path: Path, where: str) -> Annotation:
    if not isinstance(entry, dict) or "x" not in entry or "y" not in entry:
        raise InputError(
            f"{path.name}, {where}: found {repr(cast('object', entry))[:40]}, expected {{x, y}}."
        )
    given = cast("dict[str, object]", entry)
    x, y = (number_of(given[key], path=path, where=f"{where}, {key}") for key in ("x", "y"))
    if "width" not in given and "height" not in given:
        return Annotation(name, x, y, None, None, number)
    sizes = [
        number_of(given.get(key), path=path, where=f"{where}, {key}") for key in ("width", "height")
    ]
    return Annotation(name, x, y, sizes[0], sizes[1], number)

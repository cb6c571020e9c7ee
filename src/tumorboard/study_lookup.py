"""Which keys a table of the study file has, for suggestions and for the reference."""

from __future__ import annotations

import inspect
from typing import Any, get_args, get_origin

from tumorboard.study_keys import Keys, StudyKeys


def table_of(path: tuple[str, ...]) -> type[Keys] | None:
    """The table at a path of the study file; None where a table's keys are not ours to name."""
    table: type[Keys] = StudyKeys
    rest = list(path)
    while rest:
        field = table.model_fields.get(rest.pop(0))
        annotation: Any = field.annotation if field is not None else None
        if get_origin(annotation) is dict and rest:  # the next part is a name the author chose
            rest.pop(0)
            annotation = get_args(annotation)[1]
        inner = [a for a in (annotation, *get_args(annotation)) if inspect.isclass(a)]
        tables = [a for a in inner if issubclass(a, Keys)]
        if not tables:
            return None
        table = tables[0]
    return table


def keys_at(path: tuple[str, ...]) -> tuple[str, ...]:
    """Keys of the table at a path of the study file, for suggestions."""
    table = table_of(path)
    return tuple(table.model_fields) if table is not None else ()

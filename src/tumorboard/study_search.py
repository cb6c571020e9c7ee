"""The search space of tuning: which keys may be searched, and ranges that are none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ValidationError

from tumorboard.errors import nearest
from tumorboard.study_faults import problems, show
from tumorboard.study_keys import SearchRange, StudyKeys

#: Keys that tuning may search: the rest would change the question, the patients or what is read.
SEARCHABLE = re.compile(
    r"training\..+|modalities\.[^.]+\.encoder\.[^.]+"
    r"|arms\.[^.]+\.(fusion|baseline|training|encoders)\..+"
)


def search_faults(keys: StudyKeys, arms: Sequence[str]) -> list[str]:
    """Sentences about the search space of tuning, apart from whether a key takes its ends."""
    sentences: list[str] = []
    named = {"modalities": list(keys.modalities), "arms": list(arms)}
    space = keys.tuning.space if keys.tuning != "none" else {}
    for key, table in space.items():
        where = f'tuning.space."{key}"'
        if SEARCHABLE.fullmatch(key) is None:
            sentences.append(
                f"{where}: cannot be tuned. Expected training.<key>, modalities.<name>.encoder"
                ".<key>, arms.<name>.fusion.<key> or arms.<name>.baseline.<key>."
            )
        table_name, name = key.split(".")[:2] if "." in key else (key, "")
        if table_name in named and name not in named[table_name]:
            sentences.append(
                f"{where}: {name!r} is not one of {table_name}. {nearest(name, named[table_name])}"
            )
        try:
            interval = SearchRange.model_validate(table)
        except ValidationError as error:
            known = tuple(SearchRange.model_fields)
            sentences += problems(
                error, where=where, known=lambda path, k=known: () if path else k, given=table
            )
            continue
        sentences += _range_faults(where, interval)
    return sentences


def _range_faults(where: str, interval: SearchRange) -> list[str]:
    low, high = interval.low, interval.high
    if interval.choices:
        if interval.model_fields_set != {"choices"}:
            return [f"{where}: choices and a range (low, high, log, step) contradict each other."]
        return []
    if isinstance(low, str) or isinstance(high, str):
        return [f"{where}: expected low and high, or choices = [...]."]
    if low >= high:
        return [f"{where}: found low {show(low)} and high {show(high)}, expected low below high."]
    if interval.log and low <= 0:
        return [f"{where}.low: found {show(low)}, expected a number above 0 where log = true."]
    return []

"""Columns that number people, so that several ids of a study belong to one of their values."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PERSON = re.compile(
    r"patient|subject|person|participant|individual|lesion|case|mrn|medical.?record|family|donor",
    re.IGNORECASE,
)
_ID = re.compile(r"(^|[^a-z])(id|ids|nr|no|number|barcode|code|key|pid|uid)$", re.IGNORECASE)
_PLACE = re.compile(
    r"institut|hospital|clinic|cent(er|re)|site|scanner|device|machine|manufact|vendor|doctor|"
    r"physician|reader|radiolog|surgeon|batch|plate|study|protocol|country|city|zip|postal|icd|"
    r"diagnos|stage|grade|type|label|class|date|time|year|age|count|n_|num_",
    re.IGNORECASE,
)


def people_joined(column: str, cells: Sequence[str | None], own: Sequence[str]) -> int:
    """How many people a column knows, where it joins ids; 0 where it does not, or is no id."""
    values = [cell.strip() if cell else "" for cell in cells]
    n_people, n_own = len(set(values)), len(set(own))
    if not all(values) or not 0.05 * n_own <= n_people < n_own or n_people < 5:
        return 0
    if not _names_people(column, values):
        return 0
    belongs: dict[str, str] = {}
    nested = all(
        belongs.setdefault(patient, value) == value
        for patient, value in zip(own, values, strict=True)
    )
    return n_people if nested else 0


def _names_people(column: str, values: Sequence[str]) -> bool:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column)
    is_person, is_id = bool(_PERSON.search(spaced)), bool(_ID.search(spaced))
    if _PLACE.search(_PERSON.sub("", spaced)):
        return False
    if is_person and (is_id or _PERSON.fullmatch(spaced)):
        return True
    shapes = {re.sub(r"\d+", "0", value) for value in values}
    looks_like_ids = len(shapes) <= 3 and all(
        re.search(r"\d{2}", value) and re.search(r"[A-Za-z]", value) for value in values
    )
    return looks_like_ids or (is_id and len(set(values)) > 0.2 * len(values))

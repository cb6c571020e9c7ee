"""What the study itself knows of a patient: the columns that hold a name or a number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tumorboard.transforms.deidentification.spans import Span

#: Parts of a name that are shorter are initials, and words of every note.
_SHORTEST = 3


def find_known(text: str, known: Sequence[str]) -> Iterable[Span]:
    """Every known identifier as a whole, in any case; the parts of a name where capitalised."""
    for value in {value.strip() for value in known}:
        parts = re.findall(r"\w+", value)
        if not parts or len(value) < _SHORTEST:
            continue
        is_number = any(character.isdigit() for character in value)
        category = "id" if is_number else "name"
        whole = r"[\s,.-]+".join(map(re.escape, parts))
        yield from _found(rf"(?<!\w){whole}(?!\w)", text, category, re.IGNORECASE)
        if not is_number:
            for part in {part for part in parts if len(part) >= _SHORTEST}:
                forms = {part.capitalize(), part.upper(), part if not part.islower() else ""}
                either = "|".join(map(re.escape, sorted(forms - {""})))
                yield from _found(rf"(?<!\w)(?:{either})(?!\w)", text, category, 0)


def _found(pattern: str, text: str, category: str, flags: int) -> Iterable[Span]:
    for match in re.finditer(pattern, text, flags):
        yield Span(match.start(), match.end(), category, f"[{category.upper()}]")

"""Faults of a study file as sentences: the key, what was found, what was expected, what to do."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from tumorboard.errors import StudyError, nearest

#: Path of a key inside a study file.
Path = tuple[str, ...]
T = TypeVar("T")

#: What a key of each of pydantic's error types wants, in words of the study file.
EXPECTED: Mapping[str, str] = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list in [ ]",
    "tuple_type": "a list in [ ]",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "string_too_short": "text of at least {min_length} letters",
    "string_pattern_mismatch": "text that matches {pattern}",
}


class Faults:
    """Collects sentences, so that a user mends a study file once."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def attempt(self, action: Callable[[], T]) -> T | None:
        """What `action` returns; None where it found the study at fault, which is remembered."""
        try:
            return action()
        except StudyError as error:
            self.extend(error.problems)
            return None

    def extend(self, sentences: Iterable[str]) -> None:
        """Remember sentences, each of them once."""
        self.sentences += [s for s in dict.fromkeys(sentences) if s not in self.sentences]

    def stop(self) -> None:
        """Raise what was collected.

        Raises:
            StudyError: Anything was collected.
        """
        if self.sentences:
            raise StudyError(self.sentences)


@dataclass(frozen=True)
class _Fault:
    """One pydantic error at its key; `union` is the key whose alternatives were tried, if any."""

    key: Path
    union: Path | None
    kind: str
    found: object
    expected: str
    suggestion: str = ""


def problems(
    error: ValidationError,
    *,
    where: str,
    known: Callable[[Path], Sequence[str]],
    given: Mapping[str, Any],
) -> list[str]:
    """One sentence per key at fault.

    Args:
        error: What pydantic found.
        where: Dotted path of the validated table in the study file; "" for the whole file.
        known: Gives the keys of the table at a path below `where`, to suggest the nearest.
        given: The validated table, to tell its keys from pydantic's names of alternatives.
    """
    sentences = [_sentence(fault, where, known) for fault in _merged(_faults(error, given))]
    return list(dict.fromkeys(sentences))


def faulty_keys(error: ValidationError, given: Mapping[str, Any]) -> list[tuple[Path, bool]]:
    """The keys at fault, each with whether it is missing."""
    return [(fault.key, fault.kind == "missing") for fault in _merged(_faults(error, given))]


def show(value: object, *, limit: int = 60) -> str:
    """A value as the study file writes it, cut to `limit` characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def dotted(*parts: str) -> str:
    """Parts of a path joined by dots, without the empty ones."""
    return ".".join(part for part in parts if part)


def _faults(error: ValidationError, given: Mapping[str, Any]) -> list[_Fault]:
    found: list[_Fault] = []
    for item in error.errors(include_url=False):
        kind = item["type"]
        if kind == "too_short" and len(item["input"]) >= item.get("ctx", {})["min_length"]:
            continue  # long enough: pydantic counts the entries without a fault of their own
        key, union = _locate(item["loc"], given, is_missing=kind == "missing")
        expected, suggestion = _expected(kind, item.get("msg", ""), item.get("ctx") or {}, item)
        found.append(_Fault(key, union, kind, item.get("input"), expected, suggestion))
    return found


def _locate(
    loc: Sequence[int | str], given: Mapping[str, Any], *, is_missing: bool
) -> tuple[Path, Path | None]:
    """Path of keys without the names of alternatives, and the path where the first one stood."""
    key: list[str] = []
    union: Path | None = None
    value: Any = given
    for position, part in enumerate(loc):
        if isinstance(value, Mapping) and part in value:
            value = cast("Mapping[Any, Any]", value)[part]
        elif is_missing and position == len(loc) - 1:
            value = None
        elif isinstance(value, list | tuple) and isinstance(part, int):
            value = cast("Sequence[Any]", value)[part]
        elif isinstance(value, str) and part == "name":  # a word, short for a table with that name
            pass
        else:
            union = tuple(key) if union is None else union
            continue
        key.append(str(part))
    return tuple(key), union


def _expected(
    kind: str, message: str, context: Mapping[str, Any], item: Mapping[str, Any]
) -> tuple[str, str]:
    """What was expected, and the nearest word where words were expected."""
    if kind == "literal_error":
        text = str(context["expected"])
        words = [word for word in text.split("'")[1::2] if word]
        found = item.get("input")
        close = difflib.get_close_matches(str(found), words, n=1, cutoff=0.7)
        suggestion = f'Did you mean "{close[0]}"?' if close and isinstance(found, str) else ""
        return text.replace("'", '"'), suggestion
    if kind in ("too_short", "too_long"):
        least = context.get("min_length", context.get("max_length"))
        side = "at least" if kind == "too_short" else "at most"
        return f"{side} {least} {'entry' if least == 1 else 'entries'}", ""
    if kind in EXPECTED:
        limits = {
            k: int(v) if isinstance(v, float) and v.is_integer() else v for k, v in context.items()
        }
        return EXPECTED[kind].format(**limits), ""
    return message.removeprefix("Value error, ").removeprefix("Input should be "), ""


def _merged(faults: Sequence[_Fault]) -> list[_Fault]:
    """One fault per key: alternatives of one key are joined, the deepest faults win."""
    merged: list[_Fault] = []
    for fault in faults:
        group = [f for f in faults if f.union == fault.union] if fault.union is not None else []
        deepest = max((len(f.key) for f in group), default=0)
        if group and len(fault.key) < deepest:
            continue
        same = [f for f in group if f.key == fault.key] or [fault]
        if fault is not same[0]:
            continue
        *most, last = dict.fromkeys(f.expected for f in same)
        expected = " or ".join([*(text.replace(" or ", ", ") for text in most), last])
        suggestion = next((f.suggestion for f in same if f.suggestion), "")
        merged.append(_Fault(fault.key, fault.union, fault.kind, fault.found, expected, suggestion))
    return merged


def _sentence(fault: _Fault, where: str, known: Callable[[Path], Sequence[str]]) -> str:
    key = dotted(where, *fault.key)
    if fault.kind == "extra_forbidden":
        words = known(fault.key[:-1])
        advice = nearest(fault.key[-1], words) if words else "It takes no keys."
        return f"{key}: unknown key. {advice}"
    if fault.kind == "missing" and fault.key[-1].isdigit():
        least = int(fault.key[-1]) + 1
        key = dotted(where, *fault.key[:-1])
        return f"{key}: found {show(fault.found)}, expected at least {least} entries."
    if fault.kind == "missing":
        return f"{key}: missing. Add this key."
    sentence = f"{key}: found {show(fault.found)}, expected {fault.expected}."
    return f"{sentence} {fault.suggestion}".strip()

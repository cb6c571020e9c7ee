"""ICD-9-CM and ICD-10(-CM) diagnosis codes: one spelling, their shape, and tables of prefixes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from tumorboard.errors import InputError, StudyError
from tumorboard.formats.messages import listed, shown

if TYPE_CHECKING:
    import polars

Version = Literal[9, 10]

#: The shapes that a code can have; a dot stands after the category, which is three characters,
#: four for the external causes (E codes) of ICD-9-CM. "70.32" has lost its leading zero.
_SHAPES: Mapping[int, re.Pattern[str]] = {
    9: re.compile(r"(\d{3}(\.?\d{1,2})?|V\d{2}(\.?\d{1,2})?|E\d{3}(\.?\d)?)\.?"),
    10: re.compile(r"[A-Z]\d[0-9AB](\.?[0-9A-Z]{1,4})?\.?"),
}


def normalise(code: str) -> str:
    """A code in capitals, without dots and blanks; leading zeros are kept."""
    return re.sub(r"[.\s]", "", code).upper()


def normalised(code: polars.Expr) -> polars.Expr:
    """`normalise` for a text column."""
    return code.str.replace_all(r"[.\s]", "").str.to_uppercase()


def is_plausible(code: str, version: int) -> bool:
    """Whether a code, with or without its dot, has a shape of its version."""
    return _SHAPES[version].fullmatch(code.strip().upper()) is not None


def implausible(codes: Iterable[tuple[str, int]]) -> list[str]:
    """Codes that cannot be codes of their version, each once, as messages show them."""
    faults = {pair for pair in codes if not is_plausible(*pair)}
    return [f"{shown(code)} (ICD-{version})" for code, version in sorted(faults)]


def versions_of(prefix: str) -> tuple[Version, ...]:
    """Which versions have codes that begin so: "174" ICD-9, "C50" ICD-10, "9:V10" what it says.

    V exists in both; so does E from E800 in ICD-9-CM (external causes) and up to E90 in ICD-10
    (endocrine diseases), and E000 to E030, ICD-9-CM's activities since 2009.

    Raises:
        InputError: No code begins like this.
    """
    stated, _, text = prefix.rpartition(":")
    code = normalise(text)
    if stated.strip() in {"9", "10"} and code.isalnum():
        return (9,) if stated.strip() == "9" else (10,)
    if stated or not re.fullmatch(r"(\d|[A-Z]\d|[A-Z]$)[0-9A-Z]*", code):
        raise InputError(
            f"ICD prefix: found {shown(prefix)}, expected the beginning of a code such as "
            '"174", "C50" or "9:V10.3".'
        )
    if re.match(r"V|E([89]|$)|E0([012]|30?$|$)", code):
        return (9, 10)
    return (9,) if code[0].isdigit() else (10,)


def begins_with(
    code: polars.Expr, version: polars.Expr, prefixes: Sequence[str], *, held: Iterable[int]
) -> polars.Expr:
    """True where a code begins with one of the prefixes; both may have dots or not.

    Args:
        code: Text column of codes.
        version: Column of 9 or 10.
        prefixes: Such as "174", "C50", "9:V10.3".
        held: The versions that the table holds. A prefix of both versions means the one that is
            there.

    Raises:
        InputError: See `versions_of`.
        StudyError: The table holds both versions, and prefixes fit both; each is named.
    """
    import polars as pl

    there = set(held)
    asked = {prefix: versions_of(prefix) for prefix in prefixes}
    if there >= {9, 10} and (both := [prefix for prefix, v in asked.items() if len(v) > 1]):
        raise StudyError(
            [
                f'cohort.icd: "{prefix}" begins codes of ICD-9 and of ICD-10, which mean different '
                f'things, and the table holds both. Write "9:{prefix}" or "10:{prefix}", or both.'
                for prefix in both
            ]
        )
    plain = normalised(code)
    tests = [
        version.is_in(list(versions)) & plain.str.starts_with(normalise(prefix.split(":")[-1]))
        for prefix, versions in asked.items()
    ]
    return pl.any_horizontal(tests) if tests else pl.lit(value=False)


def expand(text: str) -> tuple[str, ...]:
    """The prefixes of a table as papers print it: "410 425.4-425.9 V56" and so on.

    A range covers all categories or subdivisions of its ends' length; "=278.0" is that code alone,
    without its subdivisions, and keeps its sign.

    Raises:
        InputError: A range whose ends differ in more than their digits.
    """
    prefixes: list[str] = []
    for item in text.split():
        low, _, high = item.partition("-")
        first, last = normalise(low), normalise(high or low)
        stem = re.sub(r"\d+$", "", first)
        if first == last:
            prefixes.append(first)
            continue
        digits = len(first) - len(stem)
        if len(first) != len(last) or not last.startswith(stem):
            raise InputError(
                f"ICD range: found {item!r}, expected two ends of one length and kind."
            )
        numbers = range(int(first[len(stem) :]), int(last[len(stem) :]) + 1)
        prefixes += [f"{stem}{number:0{digits}d}" for number in numbers]
    return tuple(prefixes)


@dataclass(frozen=True)
class CodeTable:
    """Categories of diagnoses with the codes of each; a code may be in several.

    Args:
        column: Beginning of the column names, such as "charlson".
        icd9: Category -> its ICD-9-CM codes, as `expand` reads them.
        icd10: Category -> its ICD-10 codes; the same categories in the same order.
    """

    column: str
    icd9: Mapping[str, str]
    icd10: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns in the published order."""
        return tuple(f"{self.column}_{name}" for name in self.icd9)

    @cached_property
    def _bits(self) -> dict[int, dict[str, int]]:
        """Version -> prefix (or "=" and a whole code) -> its categories, one bit each."""
        bits: dict[int, dict[str, int]] = {9: {}, 10: {}}
        for version, table in ((9, self.icd9), (10, self.icd10)):
            for number, name in enumerate(self.icd9):
                for prefix in expand(table[name]):
                    bits[version][prefix] = bits[version].get(prefix, 0) | 1 << number
        return bits

    def categories(self, code: str, version: int) -> int:
        """The categories of one code: bit i is column i.

        Raises:
            InputError: A version other than 9 and 10.
        """
        if version not in self._bits:
            raise InputError(f"ICD version: found {version}, expected 9 or 10.")
        bits, plain = self._bits[version], normalise(code)
        found = bits.get("=" + plain, 0)
        for length in range(3, len(plain) + 1):
            found |= bits.get(plain[:length], 0)
        return found

    def names(self, code: str, version: int) -> list[str]:
        """Short names of the categories of one code.

        Raises:
            InputError: See `categories`.
        """
        found = self.categories(code, version)
        return [name for i, name in enumerate(self.icd9) if found >> i & 1]


def check_versions(versions: Iterable[object]) -> None:
    """Check that a column of versions holds 9 and 10 only.

    Raises:
        InputError: Other values, listed.
    """
    others = sorted({str(version) for version in versions if version not in (9, 10)})
    if others:
        raise InputError(
            f"ICD version of diagnoses: found {listed(others)}, expected 9 or 10. "
            "Mend the column icd_version."
        )

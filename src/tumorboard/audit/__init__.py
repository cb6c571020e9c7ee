"""One file per check of a study before training; each gives findings with their evidence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tumorboard import registry
from tumorboard.cohorts.joining import RECORD_OF
from tumorboard.modalities import Measured, MeasuredPictures
from tumorboard.modalities.table import MeasuredTable
from tumorboard.records import Cohort, Finding, Floats, Ints, Outcomes
from tumorboard.study import Study
from tumorboard.study_keys import outcome_columns
from tumorboard.transforms.near_duplicates import is_blank


@dataclass(frozen=True)
class Person:
    """One patient id of one cohort.

    Args:
        cohort: Name of the cohort; "" where there is only one.
        patient_id: The id.
    """

    cohort: str
    patient_id: str

    def __str__(self) -> str:
        """The id, after its cohort where there are several."""
        return f"{self.cohort}: {self.patient_id}" if self.cohort else self.patient_id


@dataclass(frozen=True)
class SeenImages:
    """The images of one modality over all cohorts.

    Args:
        digest: One per image in the order of the rows, equal where the pixels are identical.
        picture: (images, 64, 64) grey.
        holders: Who has the image, and in which file.
    """

    digest: tuple[str, ...]
    picture: NDArray[np.float16]
    holders: tuple[tuple[tuple[Person, str], ...], ...]

    def identical(self) -> list[tuple[list[tuple[Person, str]], bool]]:
        """Groups of files with identical pixels, and whether these are blank."""
        blank = is_blank(self.picture)
        groups: dict[str, list[tuple[Person, str]]] = {}
        is_empty: dict[str, bool] = {}
        for number, digest in enumerate(self.digest):
            groups.setdefault(digest, []).extend(self.holders[number])
            is_empty[digest] = bool(blank[number])
        return [(group, is_empty[d]) for d, group in groups.items() if len(group) > 1]


@dataclass(frozen=True)
class SeenRows:
    """The table rows of one or more modalities over all cohorts, where any has a value.

    Args:
        modality: Name of the modality; several are joined by "+".
        names: Columns, the numeric ones first.
        codes: One array (rows,) per column: equal where values are, -1 where missing.
        numbers: (rows, numeric columns) NaN where missing.
        person: Whose row it is.
        line: Line of the row in its table.
    """

    modality: str
    names: tuple[str, ...]
    codes: tuple[Ints, ...]
    numbers: Floats
    person: tuple[Person, ...]
    line: tuple[int, ...]

    @property
    def owner(self) -> Ints:
        """(rows,) a number per person."""
        number = {person: i for i, person in enumerate(dict.fromkeys(self.person))}
        return np.asarray([number[person] for person in self.person], dtype=np.int64)


@dataclass(frozen=True)
class Audited:
    """What the checks look at: the study and the patients that will be analysed.

    Args:
        study: The study.
        cohort: Its rows.
        outcomes: Their outcomes.
        measured: Modality -> its measurements.
        others: Other cohorts of the study by name, such as external ones, with their measurements;
            who is in two cohorts is found only through them.
        found: Every patient of the source before any was left out; None where that is not known.
    """

    study: Study
    cohort: Cohort
    outcomes: Outcomes
    measured: Mapping[str, Measured]
    others: Mapping[str, tuple[Cohort, Mapping[str, Measured]]] = field(
        default_factory=dict[str, tuple[Cohort, Mapping[str, Measured]]]
    )
    found: Cohort | None = None

    @property
    def cohorts(self) -> tuple[tuple[str, Cohort, Mapping[str, Measured]], ...]:
        """Every cohort with its name and measurements: the one that is analysed, then the others.

        The first one's name is "" where no other needs telling apart from it.
        """
        first = self.cohort.name if self.others else ""
        rest = ((name, cohort, measured) for name, (cohort, measured) in self.others.items())
        return ((first, self.cohort, self.measured), *rest)

    def people(self, rows: Sequence[tuple[int, int]]) -> tuple[Person, ...]:
        """Whose row it is, for pairs (number of the cohort, row)."""
        ids = [(name, cohort.patient_id) for name, cohort, _ in self.cohorts]
        return tuple(Person(ids[c][0], ids[c][1][row]) for c, row in rows)

    def images(self) -> Mapping[str, SeenImages]:
        """Image modality -> its images over all cohorts.

        Raises:
            InputError: An image was changed or removed during the run.
        """
        found: dict[str, SeenImages] = {}
        for modality in self.measured:
            parts = [
                _seen_images(name, cohort, measured[modality])
                for name, cohort, measured in self.cohorts
                if isinstance(measured.get(modality), MeasuredPictures)
            ]
            if parts:
                found[modality] = SeenImages(
                    tuple(digest for part in parts for digest in part.digest),
                    np.concatenate([part.picture for part in parts]),
                    tuple(holder for part in parts for holder in part.holders),
                )
        return found

    def rows(self) -> list[SeenRows]:
        """Rows of each table modality; then of all of them side by side, where there are several.

        Only modalities that every cohort has; none where records were dealt out at random, the
        same one to several patients.
        """
        if self.is_paired_at_random:
            return []
        cohorts = self.cohorts
        names = [
            name for name in self.measured
            if all(isinstance(measured.get(name), MeasuredTable) for _, _, measured in cohorts)
        ]  # fmt: skip
        views = [(name,) for name in names] + ([tuple(names)] if len(names) > 1 else [])
        return [_seen_rows(self, view) for view in views]

    @property
    def is_paired_at_random(self) -> bool:
        """Whether the rows hold records of other people (`[evaluation] pairing = "simulated"`)."""
        return RECORD_OF in self.cohort.columns

    @property
    def predictors(self) -> Mapping[str, str]:
        """Column of the cohort table -> the modality that takes it as a predictor."""
        found: dict[str, str] = {}
        for name, settings in self.study.modalities.items():
            kind = registry.load("modalities", str(settings["kind"]))
            for column in kind(**registry.arguments(kind, settings)).columns:
                if column in self.cohort.columns:
                    found.setdefault(column, name)
        return found

    @property
    def own_columns(self) -> frozenset[str]:
        """Columns that are the patient's number, the outcome, the centre or the index date."""
        keys = self.study.keys
        cohort = keys.cohort
        named = outcome_columns(keys.task)
        return frozenset({cohort.patient_id, cohort.institution, cohort.index_date, *named})


class Check(ABC):
    """One check. It never changes the study and never looks at a model."""

    @abstractmethod
    def find(self, audited: Audited) -> list[Finding]:
        """Findings of this check; an empty list where all is well."""


def run_checks(audited: Audited) -> list[Finding]:
    """Findings of every check, errors first."""
    order = {"error": 0, "warning": 1, "note": 2}
    findings: list[Finding] = []
    for name in registry.names("audit"):
        findings += _check(name).find(audited)
    return sorted(findings, key=lambda finding: (order[finding.severity], finding.code))


def _check(name: str) -> Check:
    return registry.load("audit", name)()


def _seen_images(name: str, cohort: Cohort, measured: Measured) -> SeenImages:
    if not isinstance(measured, MeasuredPictures):
        raise TypeError(f"an image modality was given {type(measured).__name__}")
    prints, sources = measured.fingerprints(), measured.sources
    holders: list[dict[tuple[Person, str], None]] = [{} for _ in sources]
    for row, numbers in enumerate(measured.index):
        paths = cohort.files[measured.name][row]
        for number in numbers[numbers >= 0]:
            # Equal files are one image, so its own path may be another patient's.
            path = paths[0] if len(paths) == 1 else sources[number]
            file = path.relative_to(cohort.root) if path.is_relative_to(cohort.root) else path
            holders[number][Person(name, cohort.patient_id[row]), file.as_posix()] = None
    order = list(dict.fromkeys(measured.index[measured.index >= 0].tolist()))  # that of the rows
    return SeenImages(
        tuple(prints.digest[number] for number in order),
        prints.picture[order],
        tuple(tuple(holders[number]) for number in order),
    )


def _seen_rows(audited: Audited, modalities: Sequence[str]) -> SeenRows:
    tables: list[list[MeasuredTable]] = []
    for _, _, measured in audited.cohorts:
        entries = [measured[name] for name in modalities]
        tables.append([entry for entry in entries if isinstance(entry, MeasuredTable)])
    rows = [
        (c, row)
        for c, entries in enumerate(tables)
        for row in np.flatnonzero(np.any([entry.present for entry in entries], axis=0)).tolist()
    ]
    numeric = list(dict.fromkeys(name for entry in tables[0] for name in entry.numbers))
    others = dict.fromkeys(name for entry in tables[0] for name in entry.categories)
    categorical = [name for name in others if name not in numeric]
    merged = [{n: v for entry in entries for n, v in entry.numbers.items()} for entries in tables]
    words = [{n: v for entry in entries for n, v in entry.categories.items()} for entries in tables]
    numbers = np.asarray([[merged[c][name][row] for name in numeric] for c, row in rows])
    numbers = numbers.reshape(len(rows), len(numeric))
    codes = [_codes(numbers[:, j]) for j in range(len(numeric))]
    for name in categorical:
        cells = [words[c][name][row] for c, row in rows]
        known = {cell: i for i, cell in enumerate(dict.fromkeys(c for c in cells if c))}
        codes.append(np.asarray([known.get(c, -1) if c else -1 for c in cells], dtype=np.int64))
    lines = [cohort.line for _, cohort, _ in audited.cohorts]
    return SeenRows(
        modality="+".join(modalities),
        names=(*numeric, *categorical),
        codes=tuple(codes),
        numbers=numbers,
        person=audited.people(rows),
        line=tuple(lines[c][row] for c, row in rows),
    )


def _codes(values: Floats) -> Ints:
    _, code = np.unique(values, return_inverse=True)
    return np.where(np.isnan(values), -1, code.astype(np.int64))


def blocking(findings: Sequence[Finding], accept: Sequence[str]) -> list[Finding]:
    """Findings of severity error that the study does not accept."""
    return [f for f in findings if f.severity == "error" and f.code not in accept]

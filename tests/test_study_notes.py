"""Notes read twice: both modalities take the same identifiers out, or the study is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tumorboard.errors import StudyError
from tumorboard.study import Study

HEAD = """
[study]
name = "twice"
[cohort]
table = "patients.csv"
patient_id = "id"
[task]
target = "outcome"
"""


def load(report: str, facts: str) -> Study:
    text = (
        f'{HEAD}[modalities.report]\nkind = "notes"\nfeatures = "tfidf"\n{report}\n'
        f'[modalities.facts]\nkind = "clinical_factors"\n{facts}\n'
        '[arms]\nreport = {modalities = ["report"], baseline = "logistic_regression"}\n'
    )
    return Study.from_tables(tomllib.loads(text), path=Path("study.toml"))


@pytest.mark.parametrize("source", ['column = "note"', 'files = "notes/{id}.txt"'])
def test_identifiers_that_only_one_of_two_readers_removes_are_refused(source: str) -> None:
    named = f'{source}\nknown_identifiers = ["surname"]'
    key, value = (part.strip().strip('"') for part in source.split("="))

    with pytest.raises(StudyError) as caught:
        load(named, source)

    assert list(caught.value.problems) == [
        f"modalities.facts.known_identifiers: reads the {key} {value!r} as modalities.report does, "
        'but other identifiers are removed there. Write known_identifiers = ["surname"] in both.'
    ]
    with pytest.raises(StudyError, match=r'\["mrn", "surname"\] in both'):
        load(named, f'{source}\nknown_identifiers = ["mrn"]')


def test_the_same_identifiers_other_notes_and_raw_notes_are_allowed() -> None:
    named = 'column = "note"\nknown_identifiers = ["surname", "mrn"]'

    load(named, 'column = "note"\nknown_identifiers = ["mrn", "surname"]')
    load(named, 'column = "letter"')
    load('column = "note"\ndeidentify = false', named)

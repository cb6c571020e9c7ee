"""Notes read twice: both modalities take the same identifiers out, or the study is refused."""

from __future__ import annotations

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


def load(folder: Path, report: str, facts: str) -> Study:
    text = (
        f'{HEAD}[modalities.report]\nkind = "notes"\nfeatures = "tfidf"\n{report}\n'
        f'[modalities.facts]\nkind = "clinical_factors"\n{facts}\n'
        '[arms]\nreport = {modalities = ["report"], baseline = "logistic_regression"}\n'
    )
    (folder / "study.toml").write_text(text)
    return Study.load(folder / "study.toml")


@pytest.mark.parametrize("source", ['column = "note"', 'files = "notes/{id}.txt"'])
def test_identifiers_that_only_one_of_two_readers_removes_are_refused(
    tmp_path: Path, source: str
) -> None:
    named = f'{source}\nknown_identifiers = ["surname"]'
    key, value = (part.strip().strip('"') for part in source.split("="))

    with pytest.raises(StudyError) as caught:
        load(tmp_path, named, source)

    assert list(caught.value.problems) == [
        f"modalities.facts.known_identifiers: reads the {key} {value!r} as modalities.report does, "
        'but other identifiers are removed there. Write known_identifiers = ["surname"] in both.'
    ]
    with pytest.raises(StudyError, match=r'\["mrn", "surname"\] in both'):
        load(tmp_path, named, f'{source}\nknown_identifiers = ["mrn"]')


def test_the_same_identifiers_other_notes_and_raw_notes_are_allowed(tmp_path: Path) -> None:
    named = 'column = "note"\nknown_identifiers = ["surname", "mrn"]'

    load(tmp_path, named, 'column = "note"\nknown_identifiers = ["mrn", "surname"]')
    load(tmp_path, named, 'column = "letter"')
    load(tmp_path, 'column = "note"\ndeidentify = false', named)


def test_a_model_from_before_the_rule_is_opened(tmp_path: Path) -> None:
    named = 'column = "note"\nknown_identifiers = ["surname"]'
    tables = load(tmp_path, named, named).as_tables()
    tables["modalities"]["facts"]["known_identifiers"] = []
    assert Study.from_tables(tables, path=tmp_path / "model.json").arms

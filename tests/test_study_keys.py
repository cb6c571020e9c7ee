"""Types and defaults of every key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from tumorboard.study_faults import problems
from tumorboard.study_keys import Keys, StudyKeys
from tumorboard.study_lookup import keys_at, table_of
from tumorboard.study_words import LOWER_IS_BETTER, METRICS_OF, READ_BY

GOOD: dict[str, Any] = {
    "study": {"name": "x"},
    "cohort": {},
    "task": {"target": "outcome"},
    "modalities": {"record": {"kind": "table"}},
}


def sentences(table: str, key: str, value: object) -> list[str]:
    given = {**GOOD, table: {**GOOD.get(table, {}), key: value}}
    try:
        StudyKeys.model_validate(given)
    except ValidationError as error:
        return problems(error, where="", known=keys_at, given=given)
    return []


@pytest.mark.parametrize(
    ("table", "key", "value", "expected"),
    [
        ("study", "seed", True, "found true, expected a whole number."),
        ("study", "seed", 1.0, "found 1.0, expected a whole number."),
        ("study", "seed", "7", 'found "7", expected a whole number.'),
        ("study", "seed", 2**32, "found 4294967296, expected a number below 4294967296."),
        ("study", "name", "a/b", None),
        ("study", "question", 5, "found 5, expected text in quotes."),
        ("cohort", "patient_id", 7, "found 7, expected text in quotes."),
        ("cohort", "missing", "NA", 'found "NA", expected a list in [ ].'),
        ("cohort", "require", "record", 'found "record", expected a list in [ ].'),
        ("task", "unit", "image", 'found "image", expected "patient", "row" or "annotation".'),
        ("task", "classes", 2, "found 2, expected a table or a list in [ ]."),
        ("task", "event_value", 1.5, "found 1.5, expected text in quotes or a whole number."),
        ("training", "epochs", 0, "found 0, expected a number of at least 1."),
        ("training", "batch_size", 1, "found 1, expected a number of at least 2."),
        ("training", "modality_dropout", 1.0, "found 1.0, expected a number below 1."),
        ("training", "gradient_clip", -1, "found -1, expected a number of at least 0."),
        ("training", "augment", "yes", 'found "yes", expected true or false.'),
        ("training", "augment", 1, "found 1, expected true or false."),
        ("training", "optimizer", 3, "found 3, expected a table."),
        ("training", "sampler", "weigthed", None),
        ("evaluation", "folds", 1, "found 1, expected a number of at least 2."),
        ("evaluation", "bootstrap", 50, "found 50, expected a number of at least 100."),
        ("evaluation", "validation", 0, "found 0, expected a number above 0."),
        ("evaluation", "validation", float("nan"), None),
        ("evaluation", "primary", "fused", 'found "fused", expected a table or "none".'),
        ("runtime", "device", "gpu", 'found "gpu", expected "auto", "cpu", "cuda" or "mps".'),
        ("runtime", "workers", -1, "found -1, expected a number of at least 0."),
        ("tuning", "trials", 0, None),
        ("arms", "a", ["record"], 'found ["record"], expected a table.'),
        ("modalities", "record", "table", 'found "table", expected a table.'),
    ],
)
def test_wrong_value(table: str, key: str, value: object, expected: str | None) -> None:
    found = sentences(table, key, value)
    assert found
    assert all(line.startswith(table) for line in found)
    if expected is not None:
        assert found == [f"{table}.{key}: {expected}"]


@pytest.mark.parametrize(
    ("optimizer", "sentence"),
    [
        (
            {"learning_rate": float("inf")},
            "training.optimizer.learning_rate: found Infinity, expected a finite number.",
        ),
        (
            {"learning_rate": "1e-4"},
            'training.optimizer.learning_rate: found "1e-4", expected a number.',
        ),
        (
            {"lr": 1e-3},
            "training.optimizer.lr: unknown key. Known: encoder_learning_rate, "
            "learning_rate, momentum, name, weight_decay.",
        ),
        (
            "adamww",
            'training.optimizer.name: found "adamww", expected "adam", "adamw" or "sgd". '
            'Did you mean "adamw"?',
        ),
    ],
)
def test_optimizer(optimizer: object, sentence: str) -> None:
    assert sentences("training", "optimizer", optimizer) == [sentence]


def test_a_whole_number_is_a_number() -> None:
    assert sentences("training", "gradient_clip", 1) == []


def _tables(table: type[Keys], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, field in table.model_fields.items():
        yield (*path, key), field
        inner = table_of((*path, key))
        if inner is not None:
            yield from _tables(inner, (*path, key))


def test_no_default_is_null() -> None:
    nulls = [
        path
        for path, field in _tables(StudyKeys)
        if not field.is_required() and field.default is None
    ]
    assert nulls == []


def test_metric_names_agree_with_the_metrics_a_key_takes() -> None:
    for metric in (metric for metrics in METRICS_OF.values() for metric in metrics):
        value = {"arm": "a", "reference": "b", "metric": metric}
        assert sentences("evaluation", "primary", value) == []
        assert sentences("training", "stop", {"metric": metric}) == []


def test_what_is_better_when_smaller_is_a_metric_or_the_loss() -> None:
    known = {metric for metrics in METRICS_OF.values() for metric in metrics}
    assert set(LOWER_IS_BETTER) <= {*known, "loss"}


@pytest.mark.parametrize("key", [*READ_BY, *(choice for choice, _ in READ_BY.values())])
def test_keys_that_rules_name_exist(key: str) -> None:
    *path, last = key.split(".")
    assert last in keys_at(tuple(path))


def test_keys_below_a_name_that_the_author_chose() -> None:
    assert "fusion" in keys_at(("arms", "anything"))
    assert keys_at(("modalities", "ct")) == ()
    assert keys_at(("no_such_table",)) == ()

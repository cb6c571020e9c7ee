from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.prediction.predictions import Predictions
from tumorboard.verbs.explained_units import explained_units

CLASSES = ("tumor", "stroma", "mitosis")


def _predictions(truth: list[int], called: list[int], *, known: bool = True) -> Predictions:
    """Ten patches to a patient."""
    n = len(truth)
    return Predictions(
        patient_id=tuple(f"C{i // 10}" for i in range(n)),
        unit_id=tuple(f"C{i // 10}:{i}" for i in range(n)),
        modalities=("patch",) * n,
        probabilities=np.eye(3)[called],
        classes=CLASSES,
        label=tuple(CLASSES[k] for k in called),
        threshold=float("nan"),
        sets=(),
        refer=(),
        outcome_name="class" if known else "none",
        outcome=tuple(CLASSES[k] if known and k >= 0 else "" for k in truth),
        rejections=(),
        notes=(),
    )


def _explained(
    predictions: Predictions, *named: str, per_class: int = 2
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return explained_units(
        predictions, named, Path("t.csv"), per_class=per_class, word="annotation",
        rng=np.random.default_rng(0),
    )  # fmt: skip


TRUTH = [0] * 60 + [1] * 38 + [2] * 2
CALLED = [0] * 59 + [1] + [1] * 38 + [0] * 2


def test_of_many_units_some_of_every_class_right_and_wrong_are_chosen() -> None:
    units, said = _explained(_predictions(TRUTH, CALLED))
    rows = [int(unit.split(":")[1]) for unit in units]
    assert rows == sorted(rows)
    assert Counter(TRUTH[row] for row in rows) == {0: 2, 1: 2, 2: 2}
    assert 59 in rows  # the one tumour that is called stroma
    (sentence,) = said
    assert sentence.startswith("6 of 100 annotations are explained one by one: at most 2 of each")
    assert sentence.endswith(f"with --patients ID, a name such as {units[0]}.")


def test_units_without_an_outcome_are_chosen_by_their_call() -> None:
    units, _ = _explained(_predictions(TRUTH, CALLED, known=False))
    rows = [int(unit.split(":")[1]) for unit in units]
    assert Counter(CALLED[row] for row in rows) == {0: 2, 1: 2}


def test_few_units_are_all_explained() -> None:
    few = _predictions(TRUTH[:8], CALLED[:8])
    assert _explained(few) == (few.unit_id, ())
    assert len(_explained(_predictions(TRUTH[:9], CALLED[:9]))[0]) == 2


def test_a_named_patient_has_some_of_its_units_and_a_named_unit_itself() -> None:
    predictions = _predictions(TRUTH, CALLED)
    units, said = _explained(predictions, "C9", "C0:3")
    assert units[0] == "C0:3"
    assert [unit.split(":")[0] for unit in units[1:]] == ["C9"] * 4  # two stroma, two mitoses
    assert said[0].startswith("5 of 11 annotations")
    named = [f"C3:{i}" for i in range(30, 40)]
    assert _explained(predictions, *named) == (tuple(named), ())


def test_names_that_nobody_has_are_refused() -> None:
    predictions = _predictions(TRUTH, CALLED)
    with pytest.raises(InputError, match=r"--patients C99: not among the patients of t.csv"):
        _explained(predictions, "C99")
    with pytest.raises(InputError, match=r"t.csv: no patient that can be predicted"):
        _explained(_predictions([], []))

"""Clinical factors as columns: what is missing, what training decides, other notes put in."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.language_server import LanguageServer
from tumorboard.modalities import row_weights
from tumorboard.modalities.clinical_factors import ClinicalFactors, MeasuredFactors
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.models.baselines.logistic_regression import LogisticRegression
from tumorboard.models.baselines.random_forest import RandomForest
from tumorboard.records import Cohort, FittedState

NOTES = (
    "A 20 mm mass in the left breast. ER positive. Palpable lump.",
    "A 4 cm mass in the right breast. ER negative. No palpable lump.",
    "A 30 mm mass in the left breast. ER positive. Mother had breast cancer.",
    "Seen today.",
    None,
    "A 12 mm mass in the right breast, suspicious for lymphoma. ER equivocal.",
)
ROWS = np.arange(6)


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    ids = tuple(f"P{i}" for i in range(6))
    return Cohort(
        name="notes", patient_id=ids, unit_id=ids, columns={"note": NOTES}, files={},
        line=tuple(range(2, 8)), table=tmp_path / "patients.csv", root=tmp_path,
    )  # fmt: skip


def measure(cohort: Cohort, **more: object) -> tuple[ClinicalFactors, MeasuredFactors]:
    modality = ClinicalFactors(column="note", **{"min_patients": 2, **more})  # type: ignore[arg-type]
    with Cache(cohort.root / "cache") as cache:
        return modality, modality.read(cohort, name="facts", cache=cache)


def fit(modality: ClinicalFactors, measured: MeasuredFactors, rows: np.ndarray = ROWS) -> list[str]:
    weight = row_weights(measured.patient_id, rows)
    return list(modality.fit(measured, rows, weight=weight).names)


def test_columns_are_those_of_enough_training_patients(cohort: Cohort) -> None:
    modality, measured = measure(cohort)
    assert measured.present.tolist() == [True, True, True, True, False, True]
    names = fit(modality, measured)
    assert "size_mm" in names
    assert "side=left" in names
    assert "er=positive" in names
    assert "palpable_lump=no" in names
    assert not any(name.startswith(("family_history", "histology")) for name in names)
    one = fit(modality, measured, np.asarray([0, 2]))
    assert "side=right" not in one
    assert not any(name.startswith("palpable_lump") for name in one)


def test_not_mentioned_is_missing_never_negative(cohort: Cohort) -> None:
    modality, measured = measure(cohort, scaling="none")
    names = fit(modality, measured)
    values = modality.unimputed(measured, ROWS)
    np.testing.assert_array_equal(
        values[:, names.index("size_mm")], [20, 40, 30, np.nan, np.nan, 12]
    )
    lump = values[:, names.index("palpable_lump=no")]
    np.testing.assert_array_equal(lump, [0, 1, np.nan, np.nan, np.nan, np.nan])
    arrays = modality.arrays(measured, ROWS)
    assert np.isfinite(arrays).all()
    assert arrays[3, names.index("size_mm missing")] == 1
    assert "1 note states no clinical factor." in modality.notes(measured, ROWS)


def test_other_notes_have_other_factors(cohort: Cohort) -> None:
    modality, measured = measure(cohort, scaling="none")
    names = fit(modality, measured)
    assert isinstance(measured, MeasuredNotes)
    other = dataclasses.replace(measured, texts=measured.texts[::-1])
    before = modality.unimputed(measured, ROWS)
    after = modality.unimputed(other, ROWS)
    np.testing.assert_array_equal(after, before[::-1])
    silent = dataclasses.replace(measured, texts=("",) * 6)
    assert np.isnan(modality.unimputed(silent, ROWS)[:, names.index("er=positive")]).all()


def test_uncertain_and_kinds_by_setting(cohort: Cohort) -> None:
    modality, measured = measure(cohort, min_patients=1, factors=("histology",))
    assert fit(modality, measured)[0] == "histology=possible lymphoma"
    modality, measured = measure(cohort, min_patients=1, factors=("histology",), uncertain="stated")
    assert fit(modality, measured)[0] == "histology=lymphoma"
    modality, measured = measure(
        cohort, min_patients=1, factors=("histology",), uncertain="left_out"
    )
    with pytest.raises(InputError, match="no clinical factor stands in the notes of 1 training"):
        fit(modality, measured)


def test_a_saved_state_gives_the_same_arrays(cohort: Cohort) -> None:
    modality, measured = measure(cohort)
    names = fit(modality, measured)
    again, _ = measure(cohort)
    assert list(again.restore(modality.state()).names) == names
    np.testing.assert_array_equal(again.arrays(measured, ROWS), modality.arrays(measured, ROWS))
    assert again.origins == modality.origins
    with pytest.raises(InputError, match="does not match its study"):
        again.restore(FittedState({}))


def test_notes_come_from_one_place() -> None:
    with pytest.raises(StudyError, match="exactly one of"):
        ClinicalFactors()
    with pytest.raises(StudyError, match="at least one kind"):
        ClinicalFactors(column="note", factors=())


@pytest.mark.parametrize("baseline", [LogisticRegression(), RandomForest(trees=20)])
def test_baselines_tell_a_side_from_them(
    cohort: Cohort, baseline: LogisticRegression | RandomForest
) -> None:
    modality, measured = measure(cohort)
    fit(modality, measured)
    rows = np.asarray([0, 1, 2, 5])
    x, is_right = modality.arrays(measured, rows), np.asarray([0, 1, 0, 1])
    many = np.repeat(np.arange(4), 8)
    baseline.fit(x[many], is_right[many], weight=np.ones(32), n_classes=2, seed=0)
    assert ((baseline.predict(x)[:, 1] > 0.5) == is_right).all()


def test_a_language_model_is_asked_and_what_it_drops_is_counted(
    cohort: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers are fixed; `test_language_server` talks to a server."""
    asked: list[str] = []

    def answer(_self: LanguageServer, _system: str, user: str, *, schema: object) -> str:
        asked.append(user)
        fact = {"kind": "symptom", "name": "lump", "value": "lump", "quote": "lump"}
        return json.dumps({"factors": [fact]})

    monkeypatch.setattr(LanguageServer, "ask", answer)
    modality, measured = measure(cohort, llm={"address": "http://localhost:1/v1", "model": "m"})
    assert "lump=yes" in fit(modality, measured)
    assert len(asked) == 5
    notes = modality.notes(measured, ROWS)
    assert any("3 answers of the language model dropped" in sentence for sentence in notes)
    with pytest.raises(StudyError, match=r"llm\.model: Field required"):
        measure(cohort, llm={"address": "http://localhost:1/v1"})

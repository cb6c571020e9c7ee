"""What must hold for every model, checked on a cohort: the model's own `check_model`."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tumorboard.errors import TumorboardError
from tumorboard.prediction.model import Model
from tumorboard.prediction.predictions import Predictions
from tumorboard.records import Floats

#: Largest difference of a probability between two ways to ask for the same prediction.
TOLERANCE = 1e-5
_RENAMED = "renamed "

Table = list[dict[str, str]]


def check_model(model: Model, table: Path, *, data: Path) -> list[str]:
    """Sentences about what does not hold for this model on these patients; empty where all does.

    Checked: a second prediction equals the first and does not change the model; saving and opening
    it changes nothing; the order of patients, their ids and their company do not matter; a patient
    who occurs twice gets one score; probabilities lie in 0..1 and sum to 1; every modality may be
    absent.

    Args:
        model: The model.
        table: CSV table (UTF-8, comma) of patients with their modalities.
        data: Folder that file names start from.
    """
    with table.open(encoding="utf-8-sig", newline="") as handle:
        rows: Table = list(csv.DictReader(handle))
    patient_id = model.fitted.study.keys.cohort.patient_id
    first = model.predict(table, data=data)
    before = _weights(model)
    sentences = _probabilities_add_up(first)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def ask(changed: Sequence[dict[str, str]], other: Model = model) -> Predictions:
            return other.predict(_write(folder / "patients.csv", changed), data=data)

        model.fitted.save(folder / "saved")
        reversed_rows = ask(rows[::-1])
        renamed = ask([{**row, patient_id: _RENAMED + row[patient_id]} for row in rows])
        some = list(dict.fromkeys(first.patient_id))[:5]
        alone = {
            patient: ask([row for row in rows if row[patient_id].strip() == patient])
            for patient in some
        }
        cases: dict[str, Callable[[], float]] = {
            "a second prediction differs": lambda: _gap(first, ask(rows)),
            "a saved and opened model differs": lambda: _gap(
                first, ask(rows, Model.open(folder / "saved"))
            ),
            "the order of the rows matters": lambda: _gap(first, reversed_rows),
            "the patient ids matter": lambda: _gap(first, renamed, prefix=_RENAMED),
            "a patient alone differs from the same patient among others": lambda: max(
                _gap(_only(first, patient), predictions) for patient, predictions in alone.items()
            ),
            "a patient entered twice gets two scores": lambda: _gap(first, ask([*rows, *rows])),
        }
        for sentence, gap in cases.items():
            size = gap()
            if not size <= TOLERANCE:
                sentences.append(f"{sentence}: a probability moves by {size:.2g}")
        sentences += _absent_modalities(model, rows, ask)
    if not np.array_equal(before, _weights(model)):
        sentences.append("predicting changes the model's weights")
    return sentences


def _probabilities_add_up(predictions: Predictions) -> list[str]:
    p = predictions.probabilities
    if not np.isfinite(p).all() or p.min() < 0 or p.max() > 1:
        return ["a probability is not a number in 0..1"]
    if np.abs(p.sum(axis=1) - 1).max() > TOLERANCE:
        return ["the probabilities of a patient do not sum to 1"]
    return []


def _absent_modalities(
    model: Model, rows: Table, ask: Callable[[Sequence[dict[str, str]]], Predictions]
) -> list[str]:
    """Take each modality away, with the study's own code for a missing cell."""
    sentences: list[str] = []
    modalities = model.fitted.modalities
    missing = str(model.fitted.study.source["missing"][0])
    for name, modality in modalities.items():
        fields = [part.partition("}")[0] for part in modality.pattern.split("{")[1:]]
        columns = {*modality.columns, *fields} - {model.fitted.study.keys.cohort.patient_id}
        if len(modalities) == 1 or not columns:
            continue
        try:
            predictions = ask([{**row, **dict.fromkeys(columns, missing)} for row in rows])
        except TumorboardError as error:
            sentences.append(f"without {name} the model fails: {error}")
            continue
        sentences += [f"without {name}: {s}" for s in _probabilities_add_up(predictions)]
        if any(name in present.split("+") for present in predictions.modalities):
            sentences.append(f"{name} is said to be present where it was taken away")
    return sentences


def _gap(a: Predictions, b: Predictions, *, prefix: str = "") -> float:
    """Largest difference of a probability over the units of both; infinite where units differ."""
    theirs = dict(zip(b.unit_id, b.probabilities, strict=True))
    wanted = [prefix + unit for unit in a.unit_id]
    if set(wanted) != set(theirs):
        return float("inf")
    other: Floats = np.stack([theirs[unit] for unit in wanted])
    return float(np.abs(a.probabilities - other).max())


def _only(predictions: Predictions, patient: str) -> Predictions:
    from dataclasses import replace

    keep = [i for i, other in enumerate(predictions.patient_id) if other == patient]
    return replace(
        predictions,
        unit_id=tuple(predictions.unit_id[i] for i in keep),
        probabilities=predictions.probabilities[keep],
    )


def _weights(model: Model) -> Floats:
    network = model.fitted.network
    if network is None:
        return np.zeros(0)
    values = [t.double().sum().item() for t in network.state_dict().values()]
    return np.asarray(values, dtype=np.float64)


def _write(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path

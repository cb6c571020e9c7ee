"""Notes and a record in one study: fitted, saved, opened, explained by what was kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_language_models import make
from small_study import make_prepared

from tumorboard.models import kept_embeddings
from tumorboard.models.encoders.language_model import LanguageModel
from tumorboard.records import Cohort, Part, Split
from tumorboard.study import Study
from tumorboard.training.batches import Rows
from tumorboard.training.estimate import estimate_seconds
from tumorboard.training.fit import fit_arm
from tumorboard.training.fitted import FittedArm
from tumorboard.training.prepare import Prepared

N_PATIENTS = 24


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path / "cache"))
    kept_embeddings.MEMORY.clear()
    yield
    kept_embeddings.MEMORY.clear()


def make_study(folder: Path, encoder: dict[str, Any]) -> Study:
    return Study.from_tables(
        {
            "study": {"name": "notes", "seed": 1},
            "cohort": {"table": "patients.csv"},
            "task": {"target": "diagnosis", "positive": "malignant"},
            "modalities": {
                "note": {
                    "kind": "notes", "column": "note", "min_patients": 2, "encoder": encoder,
                },
                "record": {
                    "kind": "table", "numeric": ["age"], "encoder": {"name": "mlp", "widths": [4]},
                },
            },
            "arms": {
                "note": {"modalities": ["note"]},
                "fused": {"modalities": ["note", "record"], "fusion": "gated"},
            },
            "training": {
                "epochs": 8, "batch_size": 8, "modality_dropout": 0.2,
                "optimizer": {"learning_rate": 1e-2, "encoder_learning_rate": 1e-2},
            },
            "runtime": {"precision": "bf16", "device": "cpu"},
        },
        path=folder / "study.toml",
    )  # fmt: skip


def make_cohort(folder: Path) -> Cohort:
    """A mass on the left is malignant, whatever the rest says; every sixth note is missing."""
    notes: list[str | None] = []
    for i in range(N_PATIENTS):
        side = "left" if i % 2 else "right"
        notes.append(f"Mass of 3 mm in the {side} lobe." + " No mass." * (i % 4) if i % 6 else None)
    ids = tuple(f"P{i}" for i in range(N_PATIENTS))
    return Cohort(
        name="notes", patient_id=ids, unit_id=ids,
        columns={
            "diagnosis": ("benign", "malignant") * (N_PATIENTS // 2),
            "age": tuple(str(40 + i % 7) for i in range(N_PATIENTS)),
            "note": tuple(notes),
        },
        files={}, line=tuple(range(2, N_PATIENTS + 2)), table=folder / "patients.csv", root=folder,
    )  # fmt: skip


def make_split(cohort: Cohort) -> Split:
    parts: dict[str, Part] = {
        patient: "train" if i < 14 else "validation" if i < 18 else "test"
        for i, patient in enumerate(cohort.patients)
    }
    return Split(1, 1, parts)


def encoder_table(kind: str, tmp_path: Path) -> dict[str, Any]:
    if kind == "word_vectors":
        return {"name": "word_vectors", "size": 16, "forget": 0.0, "dropout": 0.0}
    folder = make(tmp_path / "model", "modernbert")
    return {"name": "language_model", "model": str(folder), "tune": kind, "max_tokens": 64,
            "overlap": 8, "dropout": 0.0}  # fmt: skip


def prepared_in(folder: Path, encoder: dict[str, Any]) -> tuple[Study, Prepared, Split]:
    study, cohort = make_study(folder, encoder), make_cohort(folder)
    return study, make_prepared(study, cohort, folder), make_split(cohort)


@pytest.mark.parametrize("kind", ["word_vectors", "frozen", "lora", "full"])
def test_fit_save_open_and_predict(kind: str, tmp_path: Path) -> None:
    study, prepared, split = prepared_in(tmp_path, encoder_table(kind, tmp_path))
    arm = study.arms["fused"]
    fit = fit_arm(study, prepared, split, arm, checkpoint=tmp_path / "c.ckpt")
    rows = split.rows(prepared.cohort, "test")
    before = fit.fitted.predict(prepared.measured, rows)
    alone = fit.fitted.predict(prepared.measured, rows, batch_size=1)
    np.testing.assert_allclose(alone, before, atol=5e-3)
    fit.fitted.save(tmp_path / "fitted")
    kept_embeddings.MEMORY.clear()
    opened = FittedArm.open(tmp_path / "fitted")
    np.testing.assert_allclose(opened.predict(prepared.measured, rows), before, atol=1e-5)
    text = json.dumps(json.loads((tmp_path / "fitted" / "model.json").read_text()))
    assert "lobe." not in text  # words of a vocabulary may be there; no note is


def test_word_vectors_find_the_side(tmp_path: Path) -> None:
    study, prepared, split = prepared_in(tmp_path, encoder_table("word_vectors", tmp_path))
    fit = fit_arm(study, prepared, split, study.arms["note"], checkpoint=tmp_path / "c.ckpt")
    rows = split.rows(prepared.cohort, "test")
    rows = rows[prepared.present(("note",))[rows, 0]]
    said = fit.fitted.predict(prepared.measured, rows)[:, 1]
    target = prepared.outcomes.target[rows]
    assert said[target == 1].min() > said[target == 0].max()


def test_a_frozen_model_reads_each_note_once_in_all_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    inner = LanguageModel._read_frozen

    def counted(self: LanguageModel, texts: list[str], part: Any) -> Any:
        read.extend(texts)
        return inner(self, texts, part)

    monkeypatch.setattr(LanguageModel, "_read_frozen", counted)
    study, prepared, split = prepared_in(tmp_path, encoder_table("frozen", tmp_path))
    for arm in ("note", "fused"):
        fit_arm(study, prepared, split, study.arms[arm], checkpoint=tmp_path / f"{arm}.ckpt")
    assert len(read) == len(set(read)) <= N_PATIENTS
    assert estimate_seconds(study, prepared, [split])["note"] > 0


def test_rows_of_texts_travel_as_bytes(tmp_path: Path) -> None:
    study, prepared, split = prepared_in(tmp_path, encoder_table("word_vectors", tmp_path))
    fit = fit_arm(study, prepared, split, study.arms["note"], checkpoint=tmp_path / "c.ckpt")
    data = Rows(
        fit.fitted.modalities, prepared.measured, prepared.outcomes.target, np.ones(N_PATIENTS)
    )
    batch = data[[1, 0, 3]].inputs["note"]
    assert batch.dtype == torch.uint8
    finished = fit.fitted.modalities["note"].finish(batch, generator=None)
    assert finished.dtype == torch.uint8

"""Words of long notes that an encoder does not read are counted, kept and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from small_study import make_prepared
from test_notes_in_training import N_PATIENTS, make_cohort, make_split, make_study

from tumorboard.prediction.model import Model, ReadPatients
from tumorboard.report.limits import limits
from tumorboard.training.fit import fit_arm
from tumorboard.training.plan import training_notes
from tumorboard.training.unread_notes import unread_notes


def test_unread_words_stand_in_the_model_and_beside_a_prediction(tmp_path: Path) -> None:
    # "mass of 3 mm in the left lobe" has 8 words, each "no mass" two more; every sixth note missing
    encoder = {"name": "word_vectors", "size": 8, "max_words": 10}
    study, cohort = make_study(tmp_path, encoder), make_cohort(tmp_path)
    prepared, split = make_prepared(study, cohort, tmp_path), make_split(cohort)
    fitted = fit_arm(
        study, prepared, split, study.arms["note"], checkpoint=tmp_path / "c.ckpt"
    ).fitted
    own = [i for i in range(N_PATIENTS) if i % 6]
    left = [max(0, 8 + 2 * (i % 4) - 10) for i in own]
    said = (
        f"note: {sum(n > 0 for n in left)} of {len(own)} notes: {sum(left)} words behind the last "
        "that the encoder reads were not read (max_words).",
    )
    every = np.arange(N_PATIENTS, dtype=np.int64)
    assert unread_notes(fitted, prepared.measured, every) == said
    assert training_notes(prepared, split, fitted)["unread"] == list(said)
    patients = ReadPatients(cohort, prepared.measured, every, "none", ("",) * N_PATIENTS, ())
    assert said[0] in Model(fitted, tmp_path).input_notes(patients)
    assert unread_notes(fitted, prepared.measured, every[:2]) == ()
    assert said[0] in limits(
        {}, {}, (), n_patients=9, n_events=9, n_rejected=0, n_comparisons=0, unread=said
    )

"""The value of the next test against counts by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tumorboard.evaluation.next_test import entropy, expected_reduction, next_test_document
from tumorboard.evaluation.probe_table import ProbeTable, join_probes, untouched
from tumorboard.study_keys import Threshold


def test_entropy_in_bits() -> None:
    p = np.asarray([[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]])
    assert entropy(p) == pytest.approx([1.0, 0.0, 0.811278], abs=1e-6)
    assert entropy(np.full((1, 4), 0.25)) == pytest.approx([2.0])


def test_the_nearest_donors_count() -> None:
    before = np.asarray([[1 - p, p] for p in np.linspace(0, 1, 11)])
    reduction = np.arange(11.0)
    found = expected_reduction(np.asarray([0.5, 0.5]), before, reduction, neighbours=3)
    assert found == pytest.approx((4 + 5 + 6) / 3)
    assert np.isnan(expected_reduction(np.asarray([0.5, 0.5]), before[:9], reduction[:9]))


def made(make_table, *, n: int = 24):
    """With the record alone everybody is at 0.5; the image makes those surer who have it."""
    target = np.arange(n) % 2
    after = np.where(target == 1, 0.9, 0.2)
    after[:4] = 1 - after[:4]  # four go wrong
    whole = replace(make_table(target, after), modalities=np.full(n, "image+record"))
    shown = replace(make_table(target, np.full(n, 0.5)), modalities=np.full(n, "record"))
    alone = replace(make_table([1, 0], [0.5, 0.6], prefix="alone"), modalities=np.full(2, "record"))
    probes = join_probes(
        [
            untouched(whole, np.full(n, "")),
            untouched(alone, np.full(2, "")),
            ProbeTable(shown, np.full(n, "missing_modality"), np.ones(n), np.full(n, "")),
        ]
    )
    return probes, target, after


def test_average_value_and_changed_decisions_by_hand(make_table) -> None:
    probes, target, after = made(make_table)
    document = next_test_document(
        probes.predictions, probes, threshold=Threshold(rule="fixed", at=0.5)
    )
    (test,) = document["arms"]["a"]["tests"]
    assert (test["shown"], test["added"], test["n_patients"]) == ("record", "image", 24)
    reduction = 1 - entropy(np.stack([1 - after, after], axis=1))
    assert test["reduction"]["value"] == pytest.approx(reduction.mean())
    truth = np.where(target == 1, after, 1 - after)
    assert test["log_loss"]["value"] == pytest.approx((1 + np.log2(truth)).mean())
    # at 0.5 everybody is called positive; whoever gets 0.2 or 0.1 changes
    changed = after < 0.5
    assert test["changed"]["value"] == pytest.approx(changed.mean())
    assert test["to_right"]["value"] == pytest.approx((changed & (target == 0)).mean())
    assert test["to_wrong"]["value"] == pytest.approx((changed & (target == 1)).mean())
    (group,) = test["by_probability"]
    assert group["n_patients"] == 24


def test_a_patient_who_lacks_the_image_expects_what_others_got(make_table) -> None:
    probes, _, after = made(make_table)
    document = next_test_document(probes.predictions, probes, threshold=Threshold(rule="fixed"))
    patients = document["arms"]["a"]["patients"]
    assert {p["patient_id"] for p in patients} == {"alone0", "alone1"}
    expected = (1 - entropy(np.stack([1 - after, after], axis=1))).mean()  # all 24 are donors
    for patient in patients:
        assert patient["best"] == "image"
        assert patient["expected"] == {"image": pytest.approx(expected)}


def test_the_patient_is_never_the_own_donor(make_table) -> None:
    """A patient with two units, one of which lacks the image, learns nothing from the other."""
    probes, _, _ = made(make_table)
    own = probes.predictions
    same = np.where(own.patient_id == "alone0", "p0", own.patient_id)
    moved = replace(probes, predictions=replace(own, patient_id=same))
    document = next_test_document(moved.predictions, moved, threshold=Threshold(rule="fixed"))
    of_p0 = next(p for p in document["arms"]["a"]["patients"] if p["patient_id"] == "p0")
    after = probes.of("a", "none").predictions.probabilities[1:24]  # without p0's own
    assert of_p0["expected"]["image"] == pytest.approx((1 - entropy(after)).mean())


def test_an_arm_with_one_modality_has_no_next_test(make_table) -> None:
    table = make_table([0, 1], [0.2, 0.8])
    document = next_test_document(
        table, untouched(table, np.full(2, "")), threshold=Threshold(rule="fixed")
    )
    assert document["arms"] == {}

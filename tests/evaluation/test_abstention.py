"""Prediction sets measured on test patients, referral, and refusals."""

from typing import Any

import numpy as np
import pytest

from tumorboard.evaluation.abstention import abstention_document
from tumorboard.evaluation.evidence import read_evidence, write_evidence
from tumorboard.evaluation.prediction_table import concatenate


def drawn(make_table, n, seed, **more):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.8, 1.2, size=n)
    return make_table(rng.random(n) < p, p, prefix=f"{seed}-", **more)


def document(table, **more):
    words: dict[str, Any] = {"coverage": 0.9, "thresholds": {}, **more}
    return abstention_document(table, rng=np.random.default_rng(0), **words)


def study(make_table, n=400):
    return concatenate(
        [
            drawn(make_table, n, 10 * fold + (part == "test"), fold=fold, part=part)
            for fold in (1, 2)
            for part in ("validation", "test")
        ]
    )


@pytest.mark.parametrize("by", ["all", "class"])
def test_coverage_is_measured_over_all_classes_and_groups(make_table, by, tmp_path):
    table = study(make_table)
    groups = {p: ("odd", "even")[int(p[-1]) % 2] for p in table.patient_id.tolist()}
    groups |= {p: "rare" for p in table.patient_id[table.part == "test"][:5].tolist()}
    found = document(table, by=by, subgroups={"parity": groups}, refer_below=0.6)
    sets = found["arms"]["a"]["sets"]
    assert sets["all"]["value"] == pytest.approx(0.9, abs=0.03)
    assert sets["all"]["ci_low"] < sets["all"]["value"] < sets["all"]["ci_high"]
    assert sum(sets["shares"].values()) == pytest.approx(1)
    assert set(sets["subgroups"]["parity"]) == {"odd", "even"}
    if by == "class":
        assert all(abs(held["value"] - 0.9) < 0.04 for held in sets["classes"].values())
    referral = found["arms"]["a"]["referral"]
    assert referral["kept"]["accuracy"]["value"] > referral["referred"]["accuracy"]["value"]
    errors = referral["kept"]["n_errors"] + referral["referred"]["n_errors"]
    test = table.take(table.part == "test")
    assert errors == np.sum((test.probabilities[:, 1] >= 0.5) != (test.outcome == 1))
    write_evidence(tmp_path, "abstention", found)
    held = read_evidence(tmp_path, "abstention")
    assert held is not None
    assert held["by"] == by


def test_each_model_uses_its_own_validation_patients(make_table):
    sure = drawn(make_table, 50, 1, part="validation")
    unsure = make_table(np.zeros(50), np.full(50, 0.95), fold=2, part="validation", prefix="u")
    tests = [drawn(make_table, 40, 5 + f, fold=f) for f in (1, 2)]
    found = document(concatenate([sure, unsure, *tests]))["arms"]["a"]["sets"]
    # the second model was wrong and sure about everybody: nearly all its sets hold both classes
    assert found["shares"]["several"] > 0.4


def test_probability_rule_alone_by_hand(make_table):
    table = make_table([0, 1, 1, 0, 1], [0.1, 0.55, 0.9, 0.6, 0.3])
    found = document(table, coverage=None, refer_below=0.65)
    arm = found["arms"]["a"]
    assert arm["sets"] is None
    assert arm["referral"]["n_referred"] == 2
    assert arm["referral"]["kept"]["accuracy"]["value"] == pytest.approx(2 / 3)
    assert arm["referral"]["kept"]["sensitivity"]["value"] == 0.5
    assert np.isnan(arm["referral"]["kept"]["accuracy"]["ci_low"])
    assert document(table, coverage=None)["arms"]["a"]["referral"] is None


def test_too_few_validation_patients_are_said_and_every_unit_is_referred(make_table):
    table = concatenate([drawn(make_table, 5, 1, part="validation"), drawn(make_table, 30, 2)])
    arm = document(table)["arms"]["a"]
    assert "5 validation patients, and 9 are needed" in arm["remarks"][0]["text"]
    assert arm["remarks"][0]["n_models"] == arm["n_models"] == 1
    assert arm["sets"]["all"]["value"] == arm["referral"]["share"] == 1.0
    assert arm["referral"]["kept"]["n_patients"] == 0
    assert np.isnan(arm["referral"]["kept"]["accuracy"]["value"])
    no_validation = document(drawn(make_table, 30, 2))["arms"]["a"]
    assert no_validation["referral"]["share"] == 1.0


def test_repeats_count_patients_once(make_table):
    tables = [
        drawn(make_table, 60, s, repeat=r, part=part)
        for r in (1, 2)
        for s, part in ((1, "validation"), (2, "test"))
    ]
    arm = document(concatenate(tables))["arms"]["a"]
    assert arm["n_patients"] == arm["sets"]["all"]["n_patients"] == 60
    assert arm["referral"]["n_referred"] == pytest.approx(60 * arm["referral"]["share"])


def test_three_classes(make_table):
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], size=200)
    target = np.array([rng.choice(3, p=row) for row in p])
    table = concatenate(
        [make_table(target, p, part="validation"), make_table(target, p, prefix="t")]
    )
    arm = document(table, by="class")["arms"]["a"]
    assert list(arm["sets"]["classes"]) == ["x", "y", "z"]
    assert "sensitivity" not in arm["referral"]["kept"]


def test_a_call_that_its_own_set_excludes_is_referred(make_table):
    validation = make_table([0] * 20 + [1] * 20, [0.05] * 20 + [0.9] * 20, part="validation")
    # all sets are {benign} below 0.1 and {malignant} above 0.9; a threshold of 0.02 calls 0.04
    # malignant, which its own set excludes
    table = concatenate([validation, make_table([0, 0, 1], [0.01, 0.04, 0.95], prefix="t")])
    assert document(table)["arms"]["a"]["referral"]["n_referred"] == 0
    low = document(table, thresholds={("a", 1, 1): 0.02})["arms"]["a"]
    assert low["sets"]["shares"]["one"] == 1
    assert low["referral"]["n_referred"] == 1
    assert low["referral"]["kept"]["n_errors"] == 0

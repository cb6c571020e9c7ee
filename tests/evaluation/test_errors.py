from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from tumorboard.evaluation.errors import errors_document
from tumorboard.evaluation.tables import concatenate
from tumorboard.study_keys import Threshold


def document(table, *, columns=None, numbers=None):
    return errors_document(
        table, "a", threshold=Threshold(rule="fixed"), columns=columns or {},
        numbers=numbers or {}, rng=np.random.default_rng(0),
    )  # fmt: skip


def by_patient(values):
    return {f"p{i}": value for i, value in enumerate(values)}


def with_errors(make_table, *, n=80, seed=0):
    """Malignant patients with a small lesion are missed; benign ones are all called rightly."""
    rng = np.random.default_rng(seed)
    target = np.arange(n) % 2
    size_mm = rng.uniform(3, 30, size=n)
    p = np.where(target == 1, np.where(size_mm < 12, 0.2, 0.8), 0.1) + rng.uniform(0, 0.05, n)
    return make_table(target, p), target, size_mm, p


def test_errors_are_named_counted_and_sorted_by_confidence(make_table):
    target = [1, 1, 0, 0, 1]
    table = concatenate(
        [
            make_table(target, [0.1, 0.4, 0.9, 0.2, 0.9], repeat=1),
            make_table(target, [0.3, 0.6, 0.9, 0.2, 0.4], repeat=2),
            make_table(target, [0.2, 0.4, 0.3, 0.2, 0.8], repeat=3),
        ]
    )
    found = document(table)
    assert found["kinds"] == {"false negative": 2, "false positive": 1}
    assert [e["unit_id"] for e in found["errors"]] == ["p0", "p2", "p1"]
    first, second, third = found["errors"]
    assert (first["n_wrong"], second["n_wrong"], third["n_wrong"]) == (3, 2, 2)
    assert first["probability"] == pytest.approx(0.2)
    assert first["certainty"] == pytest.approx(0.8)
    assert second["certainty"] == pytest.approx(0.7)
    assert (found["n_units"], found["n_wrong"]) == (5, 3)
    assert all("not tested" in each["note"] for each in found["comparisons"])


def test_what_misses_share_is_found_among_patients_of_the_same_class(make_table):
    table, target, size_mm, p = with_errors(make_table)
    rng = np.random.default_rng(4)
    sex = rng.choice(["f", "m"], size=80)
    found = document(
        table, columns={"sex": by_patient(sex)}, numbers={"size_mm": by_patient(size_mm)}
    )
    misses, alarms = found["comparisons"]
    assert (misses["kind"], misses["n_wrong"]) == ("false negatives", int((p[1::2] < 0.5).sum()))
    assert "not tested" in alarms["note"]
    by_name = {test["column"]: test for test in misses["tests"]}
    missed, caught = (target == 1) & (p < 0.5), (target == 1) & (p >= 0.5)
    expected = cast(Any, stats.mannwhitneyu(size_mm[missed], size_mm[caught])).pvalue
    assert by_name["size_mm"]["p_value"] == pytest.approx(expected, abs=1e-6)
    assert by_name["size_mm"]["effect"] == 0.0  # every missed lesion is smaller
    counts = [[(sex[side] == s).sum() for s in "fm"] for side in (missed, caught)]
    fisher = cast(Any, stats.fisher_exact(counts)).pvalue
    assert by_name["sex"]["p_value"] == pytest.approx(fisher, abs=1e-6)
    raw = [test["p_value"] for test in misses["tests"]]
    holm = np.asarray(multipletests(raw, method="holm")[1])
    assert [test["p_value_holm"] for test in misses["tests"]] == pytest.approx(list(holm))
    assert found["n_tests"] == 2


def test_missing_modalities_and_missing_numbers_are_tested(make_table):
    table, _, size_mm, _ = with_errors(make_table)
    modalities = np.where((size_mm < 12) & (np.arange(80) % 2 == 1), "record", "image+record")
    table = replace(table, modalities=modalities)
    age = np.where(np.arange(80) % 5 == 0, np.nan, 60.0 + np.arange(80))
    misses = document(table, numbers={"age": by_patient(age)})["comparisons"][0]
    tests = {test["column"]: test for test in misses["tests"]}
    assert set(tests) == {"image present", "age", "age missing"}
    assert tests["image present"]["wrong"] == {"no": misses["n_wrong"], "yes": 0}
    assert tests["image present"]["p_value_holm"] < 0.001
    assert tests["age"]["n_missing"] == int(np.isnan(age[1::2]).sum())


def test_a_patient_with_several_units_is_tested_once(make_table):
    rng = np.random.default_rng(3)
    patient = np.repeat(np.arange(30), 4)
    target = np.repeat(np.arange(30) % 2, 4)
    table = make_table(target, rng.random(120), patient=patient)
    found = document(table, columns={"site": by_patient(["x", "y"] * 15)})
    assert found["n_units"] == 120
    for each in found["comparisons"]:
        assert each["n_wrong"] + each["n_right"] == 15


def test_several_classes_name_what_was_called_instead(make_table):
    p = np.tile(np.eye(3)[[1, 1, 2, 0]] * 0.8 + 0.0667, (6, 1))
    target = np.tile([0, 1, 2, 1], 6)
    found = document(make_table(target, p), columns={"n": by_patient(["u", "v"] * 12)})
    assert found["kinds"] == {"x, called y": 6, "y, called x": 6}
    (each,) = found["comparisons"]
    assert (each["kind"], each["n_wrong"], each["n_right"]) == ("wrong", 12, 12)
    assert each["tests"][0]["type"] == "category"


def test_an_arm_without_errors_has_nothing_to_share(make_table):
    found = document(make_table([0, 1] * 10, [0.1, 0.9] * 10))
    assert (found["errors"], found["n_tests"]) == ([], 0)


def test_a_modality_that_is_missing_is_tested_once(make_table):
    table, _, size_mm, _ = with_errors(make_table)
    lacks = np.arange(80) % 5 == 0
    table = replace(table, modalities=np.where(lacks, "record", "us+record"))
    of_image = by_patient(np.where(lacks, np.nan, size_mm))
    numbers = {
        "us brightness": of_image, "us contrast": of_image, "crp": of_image,
        "us sharpness": by_patient(np.where(np.arange(80) % 3, size_mm, np.nan)),
    }  # fmt: skip
    found = document(table, numbers=numbers)["comparisons"][0]
    names = sorted(test["column"] for test in found["tests"] if "us" in test["column"])
    # the image is not there: one test; a number that is missing for its own reason: another
    assert names == [
        "us brightness", "us contrast", "us present", "us sharpness", "us sharpness missing",
    ]  # fmt: skip
    assert "crp missing" in {test["column"] for test in found["tests"]}
    alone = replace(table, modalities=np.full(80, "record"))
    tests = document(alone, numbers=numbers)["comparisons"][0]["tests"]
    missing = [t["column"] for t in tests if t["column"].endswith("missing")]
    assert sorted(missing) == ["crp missing", "us brightness missing", "us sharpness missing"]

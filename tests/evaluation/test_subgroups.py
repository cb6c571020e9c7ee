from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from tumorboard.evaluation.subgroups import subgroups_document
from tumorboard.evaluation.tables import concatenate
from tumorboard.study_keys import Primary, Threshold


def arms(make_table, *, n=240, folds=2, helped=None):
    """Arm b is better than a, only for the patients `helped` where they are given."""
    rng = np.random.default_rng(5)
    target = rng.integers(0, 2, size=n)
    fold = rng.permutation(n) % folds + 1
    tables = []
    for name in ("a", "b"):
        strength = np.full(n, 0.4)
        if name == "b":
            strength[np.ones(n, dtype=bool) if helped is None else helped] = 3.0
        p = stats.norm.cdf(rng.normal(size=n) + strength * (target - 0.5))
        for f in range(1, folds + 1):
            rows = np.flatnonzero(fold == f)
            tables.append(make_table(target[rows], p[rows], arm=name, fold=f, patient=rows))
    joined = concatenate(tables)
    return replace(joined, unit_id=joined.patient_id)


def document(table, columns, *, cuts=None, arm="b"):
    return subgroups_document(
        table, columns, primary=Primary(arm=arm, reference="a"), threshold=Threshold(rule="fixed"),
        cuts=cuts,
    )  # fmt: skip


def column(n, values):
    return {f"p{i}": value for i, value in zip(range(n), values, strict=True)}


def test_metrics_of_a_group_are_those_of_its_patients_alone(make_table):
    table = arms(make_table)
    sex = column(240, ["f" if i % 3 else "m" for i in range(240)])
    (found,) = document(table, {"sex": sex})["columns"]
    men = next(group for group in found["groups"] if group["group"] == "m")
    side = table.take((table.arm == "b") & np.asarray([sex[p] == "m" for p in table.patient_id]))
    each = [
        roc_auc_score(part.outcome, part.probabilities[:, 1])
        for part in (side.take(side.fold == fold) for fold in (1, 2))
    ]
    shown = men["arms"]["b"]
    assert shown["auroc"]["value"] == pytest.approx(np.mean(each), abs=1e-9)
    positive = side.outcome == 1
    called = side.probabilities[:, 1] >= 0.5
    assert shown["sensitivity"]["value"] == pytest.approx(called[positive].mean(), abs=1e-9)
    low, high = stats.binomtest(int(called[positive].sum()), int(positive.sum())).proportion_ci(
        method="wilson"
    )
    assert (shown["sensitivity"]["ci_low"], shown["sensitivity"]["ci_high"]) == pytest.approx(
        (low, high), abs=1e-6
    )
    assert (men["n_patients"], men["n_events"]) == (80, int(positive.sum()))
    assert found["largest"] == "f"


def test_small_groups_are_refused_without_a_number(make_table):
    values = ["rare"] * 9 + ["just"] * 10 + ["many"] * 221
    (found,) = document(arms(make_table), {"site": column(240, values)})["columns"]
    groups = {group["group"]: group for group in found["groups"]}
    assert groups["rare"] == {
        "group": "rare", "refused": True, "n_patients": "1 to 9", "n_events": None, "arms": {},
        "gain": {}, "n_gain": None,
    }  # fmt: skip
    assert groups["just"]["n_patients"] == 10
    assert {row["group"] for row in found["differences"]} == {"just"}


def test_missing_values_are_a_group_of_their_own(make_table):
    values = column(240, ["x"] * 200 + [""] * 20 + ["several values"] * 20)
    del values["p0"]
    (found,) = document(arms(make_table), {"site": values})["columns"]
    assert {g["group"]: g["n_patients"] for g in found["groups"]} == {
        "x": 199, "missing": 21, "several values": 20,
    }  # fmt: skip
    assert found["n_differing"] == 20


def test_differences_are_adjusted_over_all_columns(make_table):
    rng = np.random.default_rng(2)
    columns = {name: column(240, rng.choice(["x", "y", "z"], size=240).tolist()) for name in "abc"}
    found = document(arms(make_table), columns)["columns"]
    rows = [
        row for each in found for row in each["differences"]
        if (row["arm"], row["metric"]) == ("b", "brier")
    ]  # fmt: skip
    assert len(rows) == 6
    expected = np.asarray(multipletests([row["p_value"] for row in rows], method="holm")[1])
    assert [row["p_value_holm"] for row in rows] == pytest.approx(list(expected), abs=1e-6)


def test_whom_the_arm_helps_is_an_interaction(make_table):
    helped = np.arange(240) % 2 == 0
    sites = column(240, ["north" if h else "south" for h in helped])
    (found,) = document(arms(make_table, helped=helped), {"site": sites})["columns"]
    gain = {group["group"]: group["gain"]["auroc"] for group in found["groups"]}
    assert gain["north"]["ci_low"] > 0.1
    assert gain["south"]["ci_low"] < 0 < gain["south"]["ci_high"]
    (row,) = [row for row in found["interactions"] if row["metric"] == "auroc"]
    sign = 1 if row["group"] == "north" else -1
    assert sign * row["difference"] == pytest.approx(
        gain["north"]["difference"] - gain["south"]["difference"], abs=1e-12
    )
    assert row["p_value_holm"] < 0.01


def test_no_difference_is_found_where_there_is_none(make_table):
    rng = np.random.default_rng(0)
    table = arms(make_table, n=400)
    columns = {f"c{i}": column(400, rng.choice(["x", "y"], 400).tolist()) for i in range(60)}
    found = document(table, columns)["columns"]
    rows = [r for each in found for r in each["differences"] if r["arm"] == "b"]
    below = np.mean([r["p_value"] < 0.05 for r in rows if r["metric"] == "auroc"])
    assert below < 0.15  # 3 of 60 expected, 8 or fewer in 99 % of the cases


def test_several_classes_single_arm_and_one_class_groups(make_table):
    rng = np.random.default_rng(1)
    target = np.arange(90) % 3
    logits = rng.normal(size=(90, 3)) + np.eye(3)[target]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    table = make_table(target, p, arm="a")
    groups = column(90, ["x" if k == 0 else "y" for k in target])
    found = document(table, {"site": groups}, arm="a")
    assert found["metrics"] == ["auroc", "accuracy", "brier"]
    one_class = found["columns"][0]["groups"][0]
    assert np.isnan(one_class["arms"]["a"]["auroc"]["value"])
    assert one_class["arms"]["a"]["accuracy"]["value"] > 0
    assert found["columns"][0]["interactions"] == []

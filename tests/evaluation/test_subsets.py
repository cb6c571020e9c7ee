"""Every subset of modalities: who counts where, and calibration against statsmodels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tumorboard.evaluation.probe_table import ProbeTable, join_probes, untouched
from tumorboard.evaluation.subsets import recalibration, subsets_document
from tumorboard.study_keys import Threshold


def made(make_table):
    """Forty patients with both modalities, eight with the record alone; the record knows less."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 48)
    both = make_table(target, (0.5 + 0.3 * (target - 0.5) + rng.normal(0, 0.1, 48)).clip(0, 1))
    names = np.asarray(["image+record"] * 40 + ["record"] * 8)
    clean = replace(both, modalities=names)
    less = make_table(target, (0.5 + 0.1 * (target - 0.5) + rng.normal(0, 0.2, 48)).clip(0, 1))
    parts = [untouched(clean, np.full(48, ""))]
    for name in ("record", "image"):
        shown = replace(less, modalities=np.full(48, name)).take(np.arange(40))
        parts.append(
            ProbeTable(shown, np.full(40, "missing_modality"), np.ones(40), np.full(40, ""))
        )
    return clean, join_probes(parts)


def test_shown_counts_whoever_has_the_subset_and_present_whoever_has_nothing_else(
    make_table,
) -> None:
    clean, probes = made(make_table)
    arm = subsets_document(clean, probes, threshold=Threshold(rule="fixed"))["arms"]["a"]
    assert arm["modalities"] == ["image", "record"]
    shown = {entry["modalities"]: entry for entry in arm["shown"]}
    assert list(shown) == ["image+record", "image", "record"]
    assert {name: e["n_patients"] for name, e in shown.items()} == {
        "image+record": 40, "image": 40, "record": 48,
    }  # fmt: skip
    present = {entry["modalities"]: entry for entry in arm["present"]}
    assert {name: e["n_patients"] for name, e in present.items()} == {
        "image+record": 40, "record": 8,
    }  # fmt: skip
    assert present["record"]["is_refused"]
    assert present["record"]["metrics"] == {}
    assert "drop" not in shown["image+record"]


def test_the_loss_is_paired_on_the_same_patients(make_table) -> None:
    clean, probes = made(make_table)
    arm = subsets_document(clean, probes, threshold=Threshold(rule="fixed"))["arms"]["a"]
    whole, image, _ = arm["shown"]
    lost = image["drop"]["auroc"]
    assert lost["value"] == pytest.approx(
        whole["metrics"]["auroc"]["value"] - image["metrics"]["auroc"]["value"]
    )
    assert lost["ci_low"] < lost["value"] < lost["ci_high"]


def test_without_probes_there_is_what_was_at_hand(make_table) -> None:
    clean, _ = made(make_table)
    arm = subsets_document(clean, None, threshold=Threshold())["arms"]["a"]
    assert arm["shown"] == []
    assert [e["modalities"] for e in arm["present"]] == ["image+record", "record"]


def test_several_classes_have_no_slope(make_table) -> None:
    target = np.arange(30) % 3
    table = make_table(target, np.random.default_rng(0).dirichlet([1, 1, 1], 30))
    (entry,) = subsets_document(table, None, threshold=Threshold())["arms"]["a"]["present"]
    assert entry["calibration"] is None
    assert set(entry["metrics"]) == {"auroc", "accuracy", "brier"}


def test_recalibration_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(4)
    logit = rng.normal(0, 1.5, 400)
    positive = rng.random(400) < 1 / (1 + np.exp(-(0.3 + 0.6 * logit)))
    found = recalibration(positive, 1 / (1 + np.exp(-logit)), np.arange(400))
    free = sm.GLM(positive.astype(float), sm.add_constant(logit), sm.families.Binomial()).fit()
    fixed = sm.GLM(
        positive.astype(float), np.ones((400, 1)), sm.families.Binomial(), offset=logit
    ).fit()
    assert found["slope"]["value"] == pytest.approx(float(free.params[1]), abs=1e-6)
    assert found["intercept"]["value"] == pytest.approx(float(fixed.params[0]), abs=1e-6)
    robust = sm.GLM(positive.astype(float), sm.add_constant(logit), sm.families.Binomial()).fit(
        cov_type="HC0"
    )
    width = found["slope"]["ci_high"] - found["slope"]["ci_low"]
    expected = 2 * 1.959964 * float(robust.bse[1]) * np.sqrt(400 / 399)
    assert width == pytest.approx(expected, rel=1e-4)

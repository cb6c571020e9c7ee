"""Curves over strengths against hand counts and against the bootstrap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tumorboard.evaluation.bootstrap import bootstrap
from tumorboard.evaluation.degradation import crossing, degradation_document, scored_units
from tumorboard.evaluation.prediction_table import concatenate
from tumorboard.evaluation.probe_table import ProbeTable, join_probes, untouched
from tumorboard.evaluation.statistic import ArmStatistic
from tumorboard.study_keys import Primary, Threshold

STRENGTHS = (0.1, 0.2, 0.4)


def made(make_table, *, n: int = 120, folds: int = 2):
    """An arm that loses what it knows with the strength, and a reference that no probe touches."""
    rng = np.random.default_rng(1)
    target = rng.integers(0, 2, n)
    signal = target + rng.normal(0, 0.7, n)
    noise = rng.normal(0, 6, n)

    def of(arm: str, strength: float, *, part: str = "test"):
        p = 1 / (1 + np.exp(-2 * (signal - 0.5 + strength * noise)))
        size = n // folds
        return concatenate(
            [
                make_table(target[i : i + size], p[i : i + size], arm=arm, fold=1 + i // size,
                           part=part, prefix=f"{part}{i}-")
                for i in range(0, n, size)
            ]
        )  # fmt: skip

    flat = 0.5 + 0.1 * (target - 0.5) + rng.normal(0, 0.05, n)
    reference = replace(
        of("record", 0), probabilities=np.stack([1 - flat, flat], axis=1).clip(0, 1)
    )
    clean = concatenate([of("fused", 0), reference])
    tables = [untouched(clean, np.full(clean.n_rows, ""))]
    for s in STRENGTHS:
        tables.append(
            ProbeTable(of("fused", s), np.full(n, "noise"), np.full(n, s), np.full(n, ""))
        )
    return join_probes(tables), clean


def test_a_noise_sensitive_arm_falls_monotonously_and_crosses_the_reference(make_table) -> None:
    probes, clean = made(make_table)
    document = degradation_document(
        probes, clean, threshold=Threshold(rule="fixed"),
        primary=Primary(arm="fused", reference="record"), units={"noise": "sd"},
    )  # fmt: skip
    noise = document["probes"]["noise"]
    assert noise["unit"] == "sd"
    assert list(noise["arms"]) == ["fused"]
    auroc = noise["arms"]["fused"]["metrics"]["auroc"]
    assert auroc["value"] == sorted(auroc["value"], reverse=True)
    assert auroc["drop"][0] == 0
    assert auroc["drop"] == pytest.approx([auroc["value"][0] - v for v in auroc["value"]])
    assert all(
        low < drop < high
        for low, drop, high in zip(
            auroc["drop_low"][1:], auroc["drop"][1:], auroc["drop_high"][1:], strict=True
        )
    )
    brier = noise["arms"]["fused"]["metrics"]["brier"]
    assert brier["drop"][-1] == pytest.approx(brier["value"][-1] - brier["value"][0])
    assert brier["drop"][-1] > 0, "a higher Brier score is worse"
    against = noise["against"]
    assert not against["is_reference_degraded"]
    first, last = against["difference"][0], against["difference"][-1]
    assert first == pytest.approx(auroc["value"][0] - (auroc["value"][-1] - last))


def test_the_interval_of_the_fall_is_that_of_the_paired_bootstrap(make_table) -> None:
    probes, clean = made(make_table)
    document = degradation_document(probes, clean, threshold=Threshold(rule="fixed"))
    values = document["probes"]["noise"]["arms"]["fused"]["metrics"]
    units = scored_units(probes, "fused", "noise", {})
    for metric in ("auroc", "brier", "balanced_accuracy"):
        was, now = (ArmStatistic(units[s], (metric,)) for s in (0.0, 0.4))
        drawn = bootstrap(
            lambda w, a=was, b=now: a(w) - b(w), n_patients=len(units[0.0].patients),
            n_replicates=2000, rng=np.random.default_rng(0),
        )[:, 0]  # fmt: skip
        width = values[metric]["drop_high"][-1] - values[metric]["drop_low"][-1]
        assert width == pytest.approx(2 * 1.96 * np.nanstd(drawn), rel=0.1)


def test_where_a_line_reaches_a_level() -> None:
    assert crossing([0, 1, 2], np.asarray([0, 0.02, 0.06]), 0.05) == pytest.approx(1.75)
    assert np.isnan(crossing([0, 1], np.asarray([0, 0.02]), 0.05))
    assert crossing([0, 1], np.asarray([0.1, 0.2]), 0.05) == 0
    assert crossing([0, 1, 2], np.asarray([0, np.nan, 0.06]), 0.05) == 2


def test_under_ten_patients_there_is_no_interval(make_table) -> None:
    clean = make_table([0, 1] * 4, np.linspace(0.1, 0.9, 8))
    worse = make_table([0, 1] * 4, np.linspace(0.9, 0.1, 8))
    probes = join_probes(
        [
            untouched(clean, np.full(8, "")),
            ProbeTable(worse, np.full(8, "blur"), np.full(8, 0.1), np.full(8, "")),
        ]
    )
    document = degradation_document(probes, clean, threshold=Threshold(rule="fixed"))
    auroc = document["probes"]["blur"]["arms"]["a"]["metrics"]["auroc"]
    assert np.isnan(auroc["ci_low"]).all()
    assert np.isnan(auroc["drop_low"]).all()
    assert auroc["value"] == pytest.approx([0.625, 0.375])


def test_several_classes_have_curves(make_table) -> None:
    rng = np.random.default_rng(0)
    target = np.arange(60) % 3
    p = rng.dirichlet([1, 1, 1], 60)
    clean = make_table(target, 0.5 * p + 0.5 * np.eye(3)[target])
    worse = make_table(target, p)
    probes = join_probes(
        [
            untouched(clean, np.full(60, "")),
            ProbeTable(worse, np.full(60, "blur"), np.full(60, 0.1), np.full(60, "")),
        ]
    )
    document = degradation_document(probes, clean, threshold=Threshold())
    assert document["metrics"] == ["auroc", "accuracy", "brier"]
    assert document["probes"]["blur"]["arms"]["a"]["metrics"]["accuracy"]["drop"][1] > 0


def test_hidden_modalities_are_no_curve(make_table) -> None:
    table = make_table([0, 1] * 6, np.linspace(0, 1, 12))
    probes = join_probes(
        [
            untouched(table, np.full(12, "")),
            ProbeTable(table, np.full(12, "missing_modality"), np.ones(12), np.full(12, "")),
        ]
    )
    assert degradation_document(probes, table, threshold=Threshold())["probes"] == {}

"""The known truth of stage and survival, by counting and by other estimators."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tumorboard.formats.ajcc_staging import stage_group
from tumorboard.records import Floats
from tumorboard.transforms import simulated_lung_cancer as cancer

MODEL = cancer.LungCancerModel(censored=0.6)
N = 20_000


@pytest.fixture(scope="module")
def signals() -> Floats:
    return np.random.default_rng(0).standard_normal((N, len(cancer.SIGNALS)))


def test_shares_of_stages_are_as_stated(signals: Floats) -> None:
    stage = MODEL.stage(signals, np.random.default_rng(1).random(N))
    assert np.bincount(stage) / N == pytest.approx(cancer.STAGE_SHARES, abs=0.012)


@pytest.mark.parametrize("censored", [0.2, 0.6, 0.9])
def test_share_of_censored_patients_is_as_stated(signals: Floats, censored: float) -> None:
    model = cancer.LungCancerModel(censored=censored)
    days, event = model.follow_up(signals, np.random.default_rng(2).random((N, 2)))
    assert 1 - event.mean() == pytest.approx(censored, abs=0.012)
    assert days.max() <= cancer.FOLLOW_UP_DAYS[1]


def test_hazard_ratios_are_those_of_cox_regression(signals: Floats) -> None:
    from statsmodels.duration.hazard_regression import PHReg

    days, event = MODEL.follow_up(signals, np.random.default_rng(2).random((N, 2)))
    part = slice(0, 4_000)
    fit = PHReg(days[part], signals[part], status=event[part]).fit(disp=0)
    expected = cancer.effects(cancer.HAZARD_EFFECTS)
    assert np.abs((fit.params - expected) / fit.bse).max() < 4


def test_probabilities_are_calibrated_whatever_is_known(signals: Floats) -> None:
    """Among patients who are given a probability, that share has the stage."""
    rng = np.random.default_rng(3)
    stage = MODEL.stage(signals, rng.random(N))
    noise = np.full((N, len(cancer.SIGNALS)), np.inf)
    noise[:, 0], noise[:, 2], noise[: N // 2, 3] = 0.0, 0.5, 1.0
    shown = signals + np.sqrt(np.where(np.isinf(noise), 0, noise)) * rng.standard_normal(
        noise.shape
    )
    record = cancer.show_record(signals[:, 5], rng.standard_normal((N, 4)))
    missing = rng.random((N, 4)) < 0.3
    beliefs = cancer.believe([(shown, noise)], cancer.frailty_of_record(record, missing))
    p = MODEL.stage_probability(beliefs)
    assert p.sum(axis=1) == pytest.approx(np.ones(N))
    for k in range(4):
        for rows in np.array_split(np.argsort(p[:, k]), 8):
            seen, said = np.mean(stage[rows] == k), p[rows, k].mean()
            assert seen == pytest.approx(said, abs=4 * np.sqrt(0.25 / len(rows)))


def test_two_channels_tell_as_much_as_their_average(signals: Floats) -> None:
    noise = np.full((N, len(cancer.SIGNALS)), 1.0)
    prior = np.exp(-(cancer.GRID**2) / 2)
    frailty = np.broadcast_to(prior / prior.sum(), (N, len(cancer.GRID)))
    rng = np.random.default_rng(4)
    a, b = (signals + rng.standard_normal(signals.shape) for _ in range(2))
    both = cancer.believe([(a, noise), (b, noise)], frailty)
    mean = cancer.believe([((a + b) / 2, noise / 2)], frailty)
    assert both.mean == pytest.approx(mean.mean)
    assert both.variance == pytest.approx(mean.variance)


def test_who_sees_all_ranks_as_the_signals_do(signals: Floats) -> None:
    frailty = cancer.frailty_known(signals[:, 5])
    beliefs = cancer.believe([(signals, np.zeros_like(signals))], frailty)
    found = MODEL.expected_log_hazard(beliefs)
    assert found == pytest.approx(signals @ cancer.effects(cancer.HAZARD_EFFECTS), abs=1e-6)
    stage = MODEL.stage(signals, np.random.default_rng(1).random(N))
    severity = signals @ cancer.effects(cancer.STAGE_EFFECTS)
    p = MODEL.stage_probability(beliefs)
    assert roc_auc_score(stage == 0, p[:, 0]) == pytest.approx(
        roc_auc_score(stage == 0, -severity), abs=1e-3
    )


def test_harrell_c_by_hand() -> None:
    days, event = np.asarray([1.0, 2, 3, 4]), np.asarray([True, False, True, True])
    # pairs: 1-2, 1-3, 1-4, 3-4; the score has 1-2 right, 1-3 tied, 1-4 right, 3-4 wrong
    score = np.asarray([3.0, 1.0, 3.0, 3.5])
    score[3] = 2.0
    assert cancer.harrell_c(days, event, score) == pytest.approx(3.5 / 4)
    score[3] = 4.0
    assert cancer.harrell_c(days, event, score) == pytest.approx(1.5 / 4)


def test_t_n_and_m_spell_the_stage() -> None:
    merged = {"IA": "I", "IB": "I", "IIA": "II", "IIB": "II"}
    rng = np.random.default_rng(6)
    for stage, name in enumerate(cancer.STAGES):
        for _ in range(40):
            t, n, m = cancer.tnm_of(stage, float(rng.uniform(12, 49.9)), float(rng.random()))
            found = stage_group(t, n, m)
            assert merged.get(str(found), found) == name

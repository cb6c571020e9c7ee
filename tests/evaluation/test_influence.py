from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from tumorboard.evaluation.auroc import auroc_components, delong_test
from tumorboard.evaluation.bootstrap import bootstrap
from tumorboard.evaluation.influence import influences, of_patients
from tumorboard.evaluation.statistic import ArmStatistic, ScoredUnits
from tumorboard.evaluation.tables import concatenate


def scored(make_table, *, n=400, repeats=2, folds=2, strength=1.0, seed=3, units_per_patient=1):
    rng = np.random.default_rng(seed)
    patient = np.arange(n) // units_per_patient
    target = rng.integers(0, 2, size=n)
    base = rng.normal(size=n) + strength * target
    tables = []
    for repeat in range(1, repeats + 1):
        fold = (rng.permutation(patient.max() + 1) % folds + 1)[patient]
        p = stats.norm.cdf(base + 0.3 * rng.normal(size=n))
        for f in range(1, folds + 1):
            rows = np.flatnonzero(fold == f)
            part = make_table(target[rows], p[rows], repeat=repeat, fold=f, patient=patient[rows])
            tables.append(replace(part, unit_id=np.asarray([f"u{i}" for i in rows])))
    return ScoredUnits.of(concatenate(tables), {})


def test_values_are_those_of_the_table_of_arms(make_table):
    units = scored(make_table)
    names = ("auroc", "sensitivity", "specificity", "brier")
    values = ArmStatistic(units, names)(np.ones((1, len(units.patients))))[0]
    found = influences(units)
    assert [found[name].value for name in names] == pytest.approx(values.tolist(), abs=1e-12)
    gap = (units.target == 1) - units.probabilities[:, 1]
    assert found["observed_minus_expected"].value == pytest.approx(gap.mean(), abs=1e-12)


@pytest.mark.parametrize("units_per_patient", [1, 4])
def test_the_spread_is_that_of_the_patient_bootstrap(make_table, units_per_patient):
    units = scored(make_table, units_per_patient=units_per_patient)
    names = ("auroc", "sensitivity", "specificity", "brier")
    drawn = bootstrap(
        ArmStatistic(units, names), n_patients=len(units.patients), n_replicates=2000,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    found = influences(units)
    for k, name in enumerate(names):
        assert np.sqrt(found[name].variance) == pytest.approx(drawn[:, k].std(ddof=1), rel=0.1)


def test_a_paired_difference_of_one_split_is_near_delongs(make_table):
    first = scored(make_table, repeats=1, folds=1)
    second = scored(make_table, repeats=1, folds=1, strength=1.0, seed=3)
    second = replace(second, probabilities=second.probabilities**2)  # another order of calls
    rng = np.random.default_rng(1)
    noisy = np.clip(second.probabilities[:, 1] + rng.normal(0, 0.2, 400), 0, 1)
    second = replace(second, probabilities=np.stack([1 - noisy, noisy], axis=1))
    difference = influences(first)["auroc"].minus(influences(second)["auroc"])
    sides = [
        auroc_components(s.target == 1, s.probabilities[:, 1], s.patient, 400)
        for s in (first, second)
    ]
    assert difference.test()[2] == pytest.approx(delong_test(*sides), abs=0.002)


def test_what_has_no_spread_has_no_interval(make_table):
    perfect = ScoredUnits.of(make_table([0, 1] * 10, [0.2, 0.8] * 10), {})
    found = influences(perfect)
    assert found["sensitivity"].value == 1.0
    assert np.isnan(found["sensitivity"].test()).all()
    one_class = influences(ScoredUnits.of(make_table([0] * 10, np.linspace(0, 1, 10)), {}))
    assert np.isnan([one_class["auroc"].value, one_class["sensitivity"].value]).all()
    assert one_class["specificity"].value == pytest.approx(0.5)


def test_units_of_some_patients_are_counted_anew(make_table):
    units = scored(make_table, n=40, repeats=1, folds=1)
    members = np.arange(40) % 3 == 0
    part = of_patients(units, members)
    assert set(part.patients) == {units.patients[i] for i in np.flatnonzero(members)}
    rows = members[units.patient]
    expected = roc_auc_score(units.target[rows] == 1, units.probabilities[rows, 1])
    assert influences(part)["auroc"].value == pytest.approx(expected)

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tumorboard.errors import InputError, StudyError
from tumorboard.evaluation.auroc import auroc_components, delong_test, paired_auroc_interval
from tumorboard.evaluation.classification import score
from tumorboard.evaluation.comparison import (
    compare_all,
    compare_arms,
    corrected_resampled_t,
    holm,
)
from tumorboard.evaluation.tables import concatenate
from tumorboard.study_keys import Primary, Threshold


def compare(table, metric="auroc", *, n_bootstrap=200, arm="b", reference="a"):
    return compare_arms(
        table, arm, reference, metric, thresholds={}, n_bootstrap=n_bootstrap,
        rng=np.random.default_rng(0),
    )  # fmt: skip


def arms(make_table, *, n=60, repeats=1, folds=1, names=("a", "b"), signal=(0.3, 1.2), drop=()):
    """Arms scored on the same folds; `drop` are patients that the second arm lacks."""
    rng = np.random.default_rng(11)
    target = np.arange(n) % 2
    tables = []
    for repeat in range(1, repeats + 1):
        fold = rng.permutation(n) % folds + 1
        for name, strength in zip(names, signal, strict=True):
            p = stats.norm.cdf(rng.normal(size=n) + strength * (target - 0.5))
            for f in range(1, folds + 1):
                rows = np.flatnonzero(fold == f)
                if name != names[0]:
                    rows = np.setdiff1d(rows, drop)
                table = make_table(
                    target[rows], p[rows], arm=name, repeat=repeat, fold=f, patient=rows
                )
                tables.append(table)

    joined = concatenate(tables)
    return replace(joined, unit_id=joined.patient_id)


def test_corrected_t_by_hand():
    differences = np.array([0.02, 0.04, 0.06, 0.01, 0.07])
    # mean 0.04, variance 0.00065; (1/5 + 0.2/0.8) * 0.00065 = 0.0002925; t(4, 0.975) = 2.776445
    low, high, p = corrected_resampled_t(differences, test_to_train=0.25)
    error = np.sqrt(0.0002925)
    assert (low, high) == pytest.approx(
        (0.04 - 2.776445 * error, 0.04 + 2.776445 * error), abs=1e-7
    )
    assert p == pytest.approx(2 * stats.t.sf(0.04 / error, 4), abs=1e-12)
    # without the correction it is the paired t-test
    assert corrected_resampled_t(differences, test_to_train=0.0)[2] == pytest.approx(
        stats.ttest_1samp(differences, 0)[1], abs=1e-12
    )


def test_folds_and_repeats_use_the_corrected_t_on_their_differences(make_table):
    table = arms(make_table, n=80, repeats=2, folds=4)
    found = compare(table)
    each = []
    for repeat in (1, 2):
        for fold in (1, 2, 3, 4):
            values = []
            for name in ("b", "a"):
                rows = (table.arm == name) & (table.repeat == repeat) & (table.fold == fold)
                part = table.take(rows)
                values.append(
                    score("auroc", target=part.outcome, probabilities=part.probabilities,
                          weight=np.ones(part.n_rows))
                )  # fmt: skip
            each.append(values[0] - values[1])
    low, high, p = corrected_resampled_t(np.array(each), test_to_train=20 / 60)
    assert (found.difference, found.ci_low, found.ci_high, found.p_value) == pytest.approx(
        (np.mean(each), low, high, p), abs=1e-12
    )
    assert found.test == "corrected resampled t-test, 8 folds"
    assert found.n_patients == 80


def test_validation_patients_were_not_trained_on(make_table):
    table = arms(make_table, n=80, folds=4)
    validation = []
    for fold in (1, 2, 3, 4):
        others = np.flatnonzero((table.arm == "b") & (table.fold != fold))[:10]
        part = table.take(others)
        validation.append(
            make_table(part.outcome, part.probabilities, arm="b", fold=fold, part="validation",
                       prefix="", patient=[str(p) for p in part.patient_id])
        )  # fmt: skip
    without, found = compare(table), compare(concatenate([table, *validation]))
    assert found.difference == without.difference
    width = (found.ci_high - found.ci_low) / (without.ci_high - without.ci_low)
    assert width == pytest.approx(np.sqrt((1 / 4 + 20 / 50) / (1 / 4 + 20 / 60)))


def test_sizes_of_the_splits_count_where_they_are_known(make_table):
    # 200 patients at 70/15/15 in 5 repeats: the table has the tested patients of all, no others
    table = arms(make_table, n=30, repeats=5)
    estimated = compare(table)
    sizes = {(repeat, 1): {"train": 140, "test": 30} for repeat in range(1, 6)}
    found = compare_arms(
        table, "b", "a", "auroc", thresholds={}, n_bootstrap=10, rng=np.random.default_rng(0),
        sizes=sizes,
    )  # fmt: skip
    whole = compare_all(
        table, Primary(arm="b", reference="a"), threshold=Threshold(), n_bootstrap=10,
        rng=np.random.default_rng(0), sizes=sizes,
    )  # fmt: skip
    each = []
    for repeat in range(1, 6):
        part = table.take(table.repeat == repeat)
        each.append(compare(part).difference)
    expected = corrected_resampled_t(np.array(each), test_to_train=30 / 140)
    assert (found.ci_low, found.ci_high, found.p_value) == pytest.approx(expected, abs=1e-12)
    assert (whole[0].ci_low, whole[0].ci_high) == (found.ci_low, found.ci_high)
    assert estimated.ci_high - estimated.ci_low > found.ci_high - found.ci_low
    with pytest.raises(InputError, match=r"repeat 2, fold 1: the study has no such split"):
        compare_arms(
            table, "b", "a", "auroc", thresholds={}, n_bootstrap=10,
            rng=np.random.default_rng(0), sizes={(1, 1): sizes[1, 1]},
        )  # fmt: skip


def test_single_folds_of_any_number_are_paired_in_every_repeat(make_table):
    table = arms(make_table, n=40, repeats=2)
    one, two = table.of_arm("a"), table.of_arm("b")
    assert compare(concatenate([replace(one, fold=one.fold + 1), two])) == compare(table)
    swapped = replace(two, fold=two.repeat), replace(one, fold=3 - one.repeat)
    assert compare(concatenate(swapped)) == compare(table)


def test_one_split_joins_the_intervals_of_both_aurocs_with_delongs_p_value(make_table):
    table = arms(make_table)
    found = compare(table)
    sides = [table.of_arm(name) for name in ("b", "a")]
    order = [np.argsort(side.patient_id) for side in sides]
    target = sides[0].outcome[order[0]] == 1
    scores = [s.probabilities[o, 1] for s, o in zip(sides, order, strict=True)]
    first, second = (auroc_components(target, s, np.arange(60), 60) for s in scores)
    assert found.p_value == pytest.approx(delong_test(first, second), abs=1e-12)
    assert found.difference == pytest.approx(first.value - second.value, abs=1e-12)
    n_smaller = min(int(target.sum()), int((~target).sum()))
    expected = paired_auroc_interval(first, second, n_smaller_class=n_smaller)
    assert (found.ci_low, found.ci_high) == pytest.approx(expected, abs=1e-12)
    assert found.test == "paired logit-DeLong interval; p-value of DeLong's test"


def test_one_split_pairs_the_bootstrap_of_other_metrics(make_table):
    table = arms(make_table)
    found = compare(table, "brier", n_bootstrap=300)
    losses = []
    for side in (table.of_arm("b"), table.of_arm("a")):
        order = np.argsort(side.patient_id)
        losses.append((side.probabilities[order, 1] - side.outcome[order]) ** 2)
    rng = np.random.default_rng(0)
    drawn = [float(np.mean((losses[0] - losses[1])[rng.integers(60, size=60)])) for _ in range(300)]
    assert (found.ci_low, found.ci_high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]))


@pytest.mark.parametrize("metric", ["brier", "accuracy"])
def test_other_metrics_of_one_split_have_the_bootstraps_p_value(make_table, metric):
    found = compare(arms(make_table, signal=(0.0, 3.0)), metric)
    assert found.difference < 0 if metric == "brier" else found.difference > 0
    assert found.p_value == pytest.approx(2 / 201)  # no replicate on the other side
    back = compare(arms(make_table, signal=(0.0, 3.0)), metric, arm="a", reference="b")
    assert back.difference == pytest.approx(-found.difference)


def test_only_patients_in_common_are_compared(make_table):
    everybody = arms(make_table)
    fewer = arms(make_table, drop=np.arange(0, 60, 6))
    found = compare(fewer)
    kept = ~np.isin(everybody.patient_id, [f"p{i}" for i in range(0, 60, 6)])
    assert found.n_patients == 50
    assert found.difference == pytest.approx(compare(everybody.take(kept)).difference)
    assert compare(everybody).n_patients == 60


def test_a_table_without_folds_is_paired_with_the_folds_of_the_other(make_table):
    table = arms(make_table, folds=3)
    one, two = table.of_arm("a"), table.of_arm("b")
    assert compare(concatenate([replace(one, fold=np.ones(60, dtype=np.int64)), two])) == compare(
        table
    )
    with pytest.raises(InputError, match="tested in different folds"):
        compare(concatenate([one, replace(two, fold=4 - two.fold)]))


def test_identical_and_spreadless_arms_claim_nothing(make_table):
    target = np.arange(20) % 2
    perfect = 0.2 + 0.6 * target
    same = concatenate([make_table(target, perfect, arm=name) for name in ("a", "b")])
    found = compare(same)
    assert (found.difference, found.ci_low, found.ci_high, found.p_value) == (0, 0, 0, 1)
    assert found.test == "none: the predictions are identical"
    other = concatenate(
        [make_table(target, perfect, arm="a"), make_table(target, 0.1 + 0.8 * target, arm="b")]
    )
    found = compare(other)
    assert found.difference == 0
    assert np.isnan([found.ci_low, found.ci_high, found.p_value]).all()


def test_under_ten_patients_there_is_no_interval(make_table):
    found = compare(arms(make_table, n=9))
    assert np.isnan([found.ci_low, found.ci_high, found.p_value]).all()
    assert not np.isnan(found.difference)
    assert found.test == "none: under 10 patients"


def test_folds_of_one_class_are_left_out_and_said(make_table):
    rng = np.random.default_rng(0)
    tables = []
    for name in ("a", "b"):
        for fold, target in ((1, [0, 1] * 4), (2, [0, 1] * 4), (3, [0] * 4)):
            tables.append(
                make_table(target, rng.random(len(target)), arm=name, fold=fold, prefix=f"f{fold}-")
            )
    found = compare(concatenate(tables))
    assert found.test == (
        "corrected resampled t-test, 2 folds (1 where auroc is undefined left out); too few folds "
        "for an informative interval, which ends at the largest possible difference"
    )
    assert found.n_patients == 20


def test_primary_comparison_comes_first_and_holm_is_applied(make_table):
    table = arms(make_table, names=("a", "b", "c"), signal=(0.5, 0.6, 2.0))
    found = compare_all(
        table, Primary(arm="c", reference="a"), threshold=Threshold(), n_bootstrap=100,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert [(c.arm, c.reference) for c in found] == [("c", "a"), ("b", "a")]
    assert [c.p_value_holm for c in found] == holm([c.p_value for c in found])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    adjusted = holm([0.5, float("nan"), 0.02])
    assert adjusted[::2] == pytest.approx([0.5, 0.04])
    assert np.isnan(adjusted[1])


def test_faults_are_named(make_table):
    one = make_table([0, 1], [0.2, 0.8])
    with pytest.raises(InputError, match=r"'b' and 'a' have no test patient with an outcome in co"):
        compare(concatenate([one, make_table([0, 1], [0.2, 0.8], arm="b", prefix="q")]))
    with pytest.raises(InputError, match=r"unit 'p0', patient 'p0'.*disagree on its outcome"):
        compare(concatenate([one, make_table([1, 1], [0.2, 0.8], arm="b")]))
    with pytest.raises(InputError, match=r"'c' is not an arm of the predictions\. Known: a"):
        compare(one, arm="c")
    with pytest.raises(StudyError, match=r"'auc' is not a metric\. Did you mean 'auroc'"):
        compare(one, "auc")


def test_two_folds_give_no_interval_beyond_what_can_be(make_table):
    found = compare(arms(make_table, n=20, folds=2, signal=(0.0, 3.0)))
    t_low, t_high, _ = corrected_resampled_t(np.array([0.1, 0.4]), test_to_train=1.0)
    assert t_low < -1
    assert t_high > 1
    assert -1.0 <= found.ci_low < found.difference < found.ci_high <= 1.0

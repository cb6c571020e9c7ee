import numpy as np
import pytest
from sklearn import metrics as sk

from tumorboard.errors import InputError
from tumorboard.evaluation.bootstrap import resample
from tumorboard.evaluation.classification import evaluate_arm, evaluate_arms, score
from tumorboard.evaluation.estimates import wilson_interval
from tumorboard.evaluation.statistic import ArmStatistic, ScoredUnits, all_names
from tumorboard.evaluation.tables import concatenate
from tumorboard.study_keys import METRICS, Threshold

TARGET = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
POSITIVE = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.3, 0.5, 0.6, 0.8, 0.9, 0.95])


def evaluate(table, *, thresholds=None, n_bootstrap=200, positive="none"):
    return evaluate_arm(
        table, positive=positive, thresholds=thresholds or {}, n_bootstrap=n_bootstrap,
        rng=np.random.default_rng(1),
    )  # fmt: skip


def random_arm(make_table, *, n=60, repeats=1, folds=1, seed=0, classes=2, arm="a"):
    rng = np.random.default_rng(seed)
    target = np.arange(n) % classes
    tables = []
    for repeat in range(1, repeats + 1):
        raw = rng.random((n, classes)) + 0.3 * np.eye(classes)[target]
        p = raw / raw.sum(axis=1, keepdims=True)
        fold = rng.permutation(n) % folds + 1
        for f in range(1, folds + 1):
            rows = np.flatnonzero(fold == f)
            one = make_table(target[rows], p[rows], repeat=repeat, fold=f, patient=rows, arm=arm)
            tables.append(one)
    return concatenate(tables)


def test_confusion_cells_and_what_follows_are_counted_by_hand(make_table):
    found = evaluate(make_table(TARGET, POSITIVE))
    cells = {n: e.value for n, e in found.items() if n.startswith("confusion")}
    assert cells == {
        "confusion_benign_benign": 4, "confusion_benign_malignant": 2,
        "confusion_malignant_benign": 1, "confusion_malignant_malignant": 5,
    }  # fmt: skip
    assert found["sensitivity"].value == pytest.approx(5 / 6)
    assert found["specificity"].value == pytest.approx(4 / 6)
    assert found["ppv"].value == pytest.approx(5 / 7)
    assert found["npv"].value == pytest.approx(4 / 5)
    assert found["f1"].value == pytest.approx(10 / 13)
    assert found["prevalence"].value == 0.5
    assert found["scaled_brier"].value == pytest.approx(1 - found["brier"].value / 0.25)
    assert (found["auroc"].n_patients, found["auroc"].n_events) == (12, 6)
    assert (found["ppv"].ci_low, found["ppv"].ci_high) == pytest.approx(wilson_interval(5 / 7, 7))
    assert found["ppv"].method == "Wilson, 7 patients"


def test_wilson_by_a_published_example():
    # Newcombe, Stat Med 1998; 17: 857-872, table I: 81 of 263 gives 0.2553 to 0.3662
    assert wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)  # 0 of 20, the same


def test_every_metric_has_a_value_and_the_interval_of_its_method(make_table):
    found = evaluate(random_arm(make_table, folds=3))
    assert set(METRICS) < set(found)
    assert set(found) - set(all_names(("benign", "malignant"))) == {
        f"{name}_bootstrap" for name in ("auroc", "sensitivity", "specificity", "ppv", "npv")
    }
    for name, estimate in found.items():
        assert estimate.ci_low <= estimate.value <= estimate.ci_high, name
    assert found["auroc"].method == "logit-DeLong; mean of 3 models"
    assert found["auroc_bootstrap"].method == "patient bootstrap, 200 replicates"


def test_rank_metrics_stay_within_the_model_that_scored(make_table):
    # each model ranks its patients perfectly, on its own scale
    first = make_table([0, 0, 0, 1, 1, 1], [0.1, 0.11, 0.12, 0.2, 0.21, 0.22], fold=1, prefix="a")
    second = make_table([0, 0, 0, 1, 1, 1], [0.7, 0.71, 0.72, 0.9, 0.91, 0.92], fold=2, prefix="b")
    found = evaluate(concatenate([first, second]))
    assert found["auroc"].value == found["auprc"].value == 1
    assert found["auroc"].ci_low == pytest.approx(0.025 ** (1 / 6))
    assert found["brier"].value == pytest.approx(
        np.mean(
            np.r_[(first.outcome - first.probabilities[:, 1]) ** 2,
                  (second.outcome - second.probabilities[:, 1]) ** 2]
        )
    )  # fmt: skip


def test_decisions_use_the_threshold_of_their_own_model(make_table):
    one = make_table(TARGET, POSITIVE, fold=1, prefix="a")
    two = make_table(TARGET, POSITIVE, fold=2, prefix="b")
    found = evaluate(concatenate([one, two]), thresholds={("a", 1, 1): 0.0, ("a", 1, 2): 0.85})
    assert found["sensitivity"].value == pytest.approx((6 + 2) / 12)
    assert found["specificity"].value == pytest.approx((0 + 6) / 12)


def test_repeats_are_averaged_and_do_not_narrow_the_interval(make_table):
    once = make_table(TARGET, POSITIVE)
    again = concatenate([make_table(TARGET, POSITIVE, repeat=r) for r in (1, 2, 3)])
    single, repeated = evaluate(once), evaluate(again)
    for name in ("auroc", "auroc_bootstrap", "brier", "sensitivity", "f1"):
        assert repeated[name].value == pytest.approx(single[name].value), name
        assert repeated[name].ci_low == pytest.approx(single[name].ci_low), name
        assert repeated[name].ci_high == pytest.approx(single[name].ci_high), name
    assert repeated["auroc"].n_patients == 12
    assert repeated["confusion_malignant_malignant"].value == 5


def test_a_fold_of_one_class_is_left_out_of_rank_metrics_and_said(make_table):
    both = make_table(TARGET, POSITIVE, fold=1, prefix="a")
    one = make_table([0, 0, 0], [0.9, 0.9, 0.9], fold=2, prefix="b")
    found = evaluate(concatenate([both, one]))
    assert found["auroc"].value == pytest.approx(sk.roc_auc_score(TARGET, POSITIVE))
    assert "1 folds without every class left out" in found["auroc"].method
    assert found["auroc"].n_patients == 15
    assert found["accuracy"].value == pytest.approx(9 / 15)


def test_under_ten_patients_intervals_are_empty(make_table):
    # ten units of nine patients
    nine = make_table(TARGET[1:11], POSITIVE[1:11], patient=[0, 0, 1, 2, 3, 4, 5, 6, 7, 8])
    ten = make_table(TARGET[1:11], POSITIVE[1:11])
    assert all(np.isnan([e.ci_low, e.ci_high]).all() for e in evaluate(nine).values())
    assert {e.method for e in evaluate(nine).values()} == {"under 10 patients"}
    assert evaluate(nine)["accuracy"].value == evaluate(ten)["accuracy"].value
    assert not np.isnan(evaluate(ten)["auroc"].ci_low)


def test_what_is_undefined_stays_nan_with_an_empty_interval(make_table):
    found = evaluate(make_table(TARGET, np.full(12, 0.2)))
    for name in ("ppv", "ppv_bootstrap", "mcc"):
        assert np.isnan([found[name].value, found[name].ci_low, found[name].ci_high]).all(), name
    assert found["sensitivity"].value == 0
    assert found["sensitivity"].ci_high == pytest.approx(wilson_interval(0, 6)[1])
    assert np.isnan(found["sensitivity_bootstrap"].ci_low)
    assert found["sensitivity_bootstrap"].method.endswith("every replicate is equal")


def test_bootstrap_of_the_statistic_equals_evaluating_the_resampled_patients(make_table):
    table = random_arm(make_table, n=30, repeats=2, folds=2, seed=3)
    units = ScoredUnits.of(table, {})
    names = ("auroc", "auprc", "accuracy", "f1", "mcc", "brier", "log_loss")
    weights = resample(30, 5, np.random.default_rng(0))
    found = ArmStatistic(units, names)(weights)
    for weight, values in zip(weights, found, strict=True):
        for name, value in zip(names, values, strict=True):
            by_repeat = []
            for repeat in (1, 2):
                in_repeat = np.flatnonzero(units.repeat == repeat)
                folds = [units.of_model(repeat, 1), units.of_model(repeat, 2)]
                groups = folds if name in ("auroc", "auprc") else [in_repeat]
                drawn = [np.repeat(g, weight[units.patient[g]].astype(int)) for g in groups]
                each = [
                    score(name, target=units.target[d], probabilities=units.probabilities[d],
                          weight=np.ones(len(d)))
                    for d in drawn
                ]  # fmt: skip
                by_repeat.append(np.mean(each))
            assert value == pytest.approx(np.mean(by_repeat), abs=1e-12), name


def test_three_classes_have_macro_and_class_metrics(make_table):
    table = random_arm(make_table, n=90, folds=2, classes=3)
    found = evaluate(table)
    called = table.probabilities.argmax(axis=1)
    for k, name in enumerate("xyz"):
        assert found[f"sensitivity_{name}"].value == pytest.approx(
            sk.recall_score(table.outcome == k, called == k)
        )
        assert found[f"ppv_{name}"].value == pytest.approx(
            sk.precision_score(table.outcome == k, called == k)
        )
        assert found[f"auroc_{name}"].n_events == 30
        assert found[f"auroc_{name}"].ci_low < found[f"auroc_{name}"].value
    each = [found[f"auroc_{name}"].value for name in "xyz"]
    assert found["auroc"].value == pytest.approx(np.mean(each))
    folds = [table.take(table.fold == f) for f in (1, 2)]
    assert found["auroc"].value == pytest.approx(
        np.mean([sk.roc_auc_score(f.outcome, f.probabilities, multi_class="ovr") for f in folds])
    )
    assert found["confusion_x_y"].value == ((table.outcome == 0) & (called == 1)).sum()
    assert set(METRICS) < set(found)


def test_the_positive_class_can_be_the_first(make_table):
    table = make_table(TARGET, POSITIVE)
    turned, straight = evaluate(table, positive="benign"), evaluate(table)
    assert turned["auroc"].value == pytest.approx(straight["auroc"].value)
    # the unit at exactly 0.5 is called positive either way round
    assert turned["sensitivity"].value == pytest.approx(straight["specificity"].value)
    assert turned["confusion_malignant_benign"].value == 2


def test_arms_of_the_same_patients_share_their_resamples(make_table):
    one = random_arm(make_table)
    two = random_arm(make_table, arm="b")
    validation = make_table(TARGET, POSITIVE / 2, part="validation", prefix="v")
    found = evaluate_arms(
        concatenate([one, two, validation]), threshold=Threshold(), n_bootstrap=50,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert found["a"]["auroc_bootstrap"] == found["b"]["auroc_bootstrap"]
    # the threshold of arm a is Youden's on its validation part: (0.35 + 0.4) / 2
    called = one.probabilities[:, 1] >= 0.375
    assert found["a"]["sensitivity"].value == called[one.outcome == 1].mean()
    assert found["b"]["sensitivity"].value != found["a"]["sensitivity"].value


def test_without_a_known_outcome_nothing_is_evaluated(make_table):
    with pytest.raises(InputError, match=r"arm 'a': no row of part test has an outcome in Class"):
        evaluate(make_table([-1, -1], [0.5, 0.5]))

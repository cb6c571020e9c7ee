import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from tumorboard.evaluation.tables import concatenate
from tumorboard.evaluation.thresholds import choose_threshold, choose_thresholds
from tumorboard.study_keys import Threshold

PROBABILITY = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
TARGET = np.array([0, 0, 1, 0, 0, 1, 1, 1], dtype=bool)


def choose(**rule):
    return choose_threshold(Threshold(**rule), TARGET, PROBABILITY, np.ones(8))


def test_rules_by_hand():
    assert choose(rule="youden") == pytest.approx(0.65)  # 3 of 4 found, no false alarm
    assert choose(rule="sensitivity", at_least=1.0) == pytest.approx(0.25)
    assert choose(rule="sensitivity", at_least=0.75) == pytest.approx(0.65)
    assert choose(rule="precision", at_least=0.6) == pytest.approx(0.25)  # 4 of 6
    assert choose(rule="precision", at_least=0.9) == pytest.approx(0.65)
    assert choose(rule="fixed", at=0.37) == 0.37
    # a miss at ten times the cost: 2 false alarms are cheaper than 1 miss
    assert choose(rule="cost", false_negative_cost=10.0) == pytest.approx(0.25)
    assert choose(rule="cost", false_positive_cost=10.0) == pytest.approx(0.65)


def test_weights_count():
    weight = np.where(PROBABILITY == 0.3, 9.0, 1.0)
    assert choose_threshold(Threshold(rule="youden"), TARGET, PROBABILITY, weight) == pytest.approx(
        0.25
    )


def test_a_precision_out_of_reach_takes_the_highest():
    target = np.array([1, 0, 1, 0], dtype=bool)
    probability = np.array([0.9, 0.95, 0.5, 0.4])
    rule = Threshold(rule="precision", at_least=0.9)
    # 2 of 3 at 0.5 and above is the best that there is
    assert choose_threshold(rule, target, probability, np.ones(4)) == pytest.approx(0.45)


def test_without_the_classes_that_a_rule_needs_it_is_one_half():
    for rule in ("youden", "sensitivity", "cost"):
        absent = np.zeros(3, dtype=bool)
        assert choose_threshold(Threshold(rule=rule), absent, PROBABILITY[:3], np.ones(3)) == 0.5


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=25).filter(
        lambda rows: 0 < sum(y for y, _ in rows) < len(rows)
    )
)
def test_youden_reaches_the_best_point_of_the_roc_curve(rows):
    target = np.asarray([y for y, _ in rows])
    probability = np.asarray([p for _, p in rows])
    chosen = choose_threshold(Threshold(), target, probability, np.ones(len(rows)))
    called = probability >= chosen
    reached = called[target].mean() - called[~target].mean()
    fpr, tpr, _ = roc_curve(target, probability)
    assert reached == pytest.approx((tpr - fpr).max(), abs=1e-9)


def test_each_model_has_its_own_threshold_from_its_validation_part(make_table):
    validation = make_table(TARGET, PROBABILITY, part="validation", prefix="v")
    other = make_table(TARGET, PROBABILITY**2, part="validation", fold=2, prefix="w")
    tests = [make_table(TARGET, PROBABILITY, fold=f, prefix=f"t{f}") for f in (1, 2, 3)]
    chosen, notes = choose_thresholds(concatenate([validation, other, *tests]), Threshold())
    assert chosen == pytest.approx(
        {("a", 1, 1): 0.65, ("a", 1, 2): (0.36 + 0.49) / 2, ("a", 1, 3): 0.5}
    )
    assert notes == (
        "The threshold of arm a is 0.5 in 1 of its models: no validation patients of the classes "
        "that the rule 'youden' needs.",
    )


def test_each_validation_unit_weighs_one_whoever_it_belongs_to(make_table):
    target = np.array([0, 0, 1, 1, 1, 0, 0, 0])
    probability = np.array([0.1, 0.2, 0.3, 0.35, 0.8, 0.4, 0.45, 0.5])
    # units: 0.25 finds 3 of 3 with 3 of 5 alarms (0.4), 0.65 finds 1 of 3 with none (0.33);
    # by patient the two lesions of one patient are worth one and 0.65 finds half (0.5)
    patient = [0, 1, 2, 2, 3, 4, 5, 6]
    chosen, _ = choose_thresholds(
        make_table(target, probability, part="validation", patient=patient), Threshold()
    )
    assert chosen == pytest.approx({("a", 1, 1): 0.25})
    weight = np.array([1, 1, 0.5, 0.5, 1, 1, 1, 1])
    by_patient = choose_threshold(Threshold(), target == 1, probability, weight)
    assert by_patient == pytest.approx(0.65)


def test_a_precision_that_no_threshold_reaches_is_said(make_table):
    # the highest probability belongs to a negative: 2 of 3 is the best precision
    poor = make_table([1, 0, 1, 0], [0.9, 0.95, 0.5, 0.4], part="validation")
    rule = Threshold(rule="precision", at_least=0.9)
    chosen, notes = choose_thresholds(poor, rule)
    assert chosen == pytest.approx({("a", 1, 1): 0.45})
    assert notes == (
        "No threshold of arm a reaches a precision of 0.9 on the validation patients in 1 of its "
        "models: the one with the highest precision is used.",
    )
    assert choose_thresholds(poor, Threshold(rule="precision", at_least=0.6))[1] == ()
    assert choose_thresholds(poor, Threshold(rule="sensitivity", at_least=1.0))[1] == ()

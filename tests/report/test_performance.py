import math

import numpy as np

from tumorboard.records import Estimate
from tumorboard.report.number_format import interval, number, p_value
from tumorboard.report.performance import (
    ClassCount,
    arms_table,
    class_tables,
    confusion_matrices,
    describe_arms,
    is_rare,
)


def _estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.1, 20, 8, "Wilson")


def test_numbers_have_a_true_minus_and_never_nan() -> None:
    assert number(-0.12345) == "\N{MINUS SIGN}0.123"
    assert number(0.5, signed=True) == "+0.500"
    assert number(math.nan) == "\N{EN DASH}"
    assert interval(math.nan, 0.3) == ""
    assert interval(-0.1, 0.3, signed=True) == "\N{MINUS SIGN}0.100 to +0.300"
    assert p_value(1e-9) == "< 0.001"


def test_arms_table_has_only_metrics_that_were_measured() -> None:
    metrics = {"a": {"auroc": _estimate(0.8)}, "b": {"brier": _estimate(0.2)}}
    table = arms_table(metrics, arms=["a", "b"], n_classes=2, describes={"a": "record: mlp"})
    assert table.columns == ("AUROC", "Brier")
    assert [cell.value for cell in table.rows[0].cells] == ["0.800", "\N{EN DASH}"]
    assert table.rows[0].cells[0].interval == "0.700 to 0.900"
    assert (table.rows[1].n_patients, table.rows[1].n_events) == (20, 8)


def test_the_rarest_class_leads_and_says_what_a_coin_reaches() -> None:
    metrics = {
        "a": {f"{m}_{k}": _estimate(0.7) for m in ("sensitivity", "auroc", "auprc") for k in "xyz"}
    }
    counts = {
        "x": ClassCount(9000, 9500, 40),
        "y": ClassCount(400, 9500, 17),
        "z": ClassCount(100, 9500, 8),
    }
    assert class_tables(metrics, arms=["a"], counts=dict(list(counts.items())[:2])) == []
    tables = class_tables(metrics, arms=["a"], counts=counts, unit="annotation")
    assert [(table.title, table.is_rare, table.has_few_patients) for table in tables] == [
        ("z", True, True),
        ("y", True, False),
        ("x", False, False),
    ]
    assert tables[0].columns == ("Sensitivity", "AUPRC", "AUROC")  # what can be lost comes first
    assert tables[0].about == (
        "100 of 9,500 annotations (1.1 %), of 8 patients; the AUPRC of a coin is 0.011"
    )


def test_classes_of_patients_are_counted_once() -> None:
    assert ClassCount(30, 90, 30).about("patient") == (
        "30 of 90 patients (33.3 %); the AUPRC of a coin is 0.333"
    )
    assert not is_rare(ClassCount(30, 90, 30))
    assert not is_rare(ClassCount(30, 90, 9))  # few patients is another thing
    assert is_rare(ClassCount(8, 90, 8))


def test_several_classes_begin_with_what_a_large_class_cannot_lead() -> None:
    names = ("accuracy", "auroc", "macro_f1", "balanced_accuracy", "auprc")
    metrics = {"a": {name: _estimate(0.8) for name in names}}
    table = arms_table(metrics, arms=["a"], n_classes=3, describes={})
    assert table.columns == ("Macro F1", "Balanced accuracy", "AUPRC", "AUROC", "Accuracy")


def test_confusion_cells_by_truth_then_call() -> None:
    names = [("benign", "benign"), ("benign", "sick"), ("sick", "benign"), ("sick", "sick")]
    cells = {f"confusion_{t}_{p}": _estimate(float(i)) for i, (t, p) in enumerate(names)}
    found = confusion_matrices({"a": cells, "b": {}}, arms=["a", "b"], classes=("benign", "sick"))
    assert list(found) == ["a"]
    np.testing.assert_array_equal(found["a"], [[0, 1], [2, 3]])


def test_arms_are_described_in_words() -> None:
    arms = {
        "fused": {
            "modalities": ["ct", "record"],
            "fusion": {"name": "late_average"},
            "baseline": "none",
            "encoders": {"ct": {"name": "resnet", "depth": 50}, "record": {"name": "mlp"}},
        },
        "trees": {
            "modalities": ["record"],
            "baseline": {"name": "random_forest"},
            "fusion": "none",
        },
    }
    assert describe_arms({"arms": arms}) == {
        "fused": "ct + record: resnet-50, mlp; fusion late average",
        "trees": "record: random forest (baseline)",
    }

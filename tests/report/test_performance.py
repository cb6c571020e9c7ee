import math

import numpy as np

from tumorboard.records import Estimate
from tumorboard.report.performance import (
    arms_table,
    class_tables,
    confusion_matrices,
    describe_arms,
    interval,
    number,
    p_value,
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


def test_class_tables_only_for_more_than_two_classes() -> None:
    metrics = {"a": {"sensitivity_x": _estimate(0.7), "ppv_y": _estimate(0.6)}}
    assert class_tables(metrics, arms=["a"], classes=("x", "y")) == []
    tables = class_tables(metrics, arms=["a"], classes=("x", "y", "z"))
    assert [(table.title, table.columns) for table in tables] == [
        ("x", ("Sensitivity",)),
        ("y", ("PPV",)),
    ]


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

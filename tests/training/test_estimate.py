from small_study import make_study

from tumorboard.records import Split
from tumorboard.study import Study
from tumorboard.training.estimate import duration, estimate_seconds
from tumorboard.training.prepare import Prepared


def test_the_estimate_grows_with_epochs_and_folds(
    small: tuple[Study, Prepared, Split],
) -> None:
    _, prepared, split = small
    few = make_study(prepared.cohort.root, training={"epochs": 10})
    many = make_study(prepared.cohort.root, training={"epochs": 10_000})
    short = estimate_seconds(few, prepared, [split])
    assert set(short) == {"record", "fused", "late", "logistic"}
    assert estimate_seconds(many, prepared, [split])["fused"] > 20 * short["fused"]
    assert estimate_seconds(few, prepared, [split] * 3)["logistic"] == 3 * short["logistic"]


def test_durations_are_said_as_a_person_says_them() -> None:
    assert [duration(s) for s in (0.2, 61, 600, 9000)] == [
        "1 seconds", "61 seconds", "10 minutes", "2.5 hours",
    ]  # fmt: skip

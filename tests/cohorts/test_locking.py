import numpy as np
import pytest

from tumorboard.cohorts.locking import lock_patients, patient_mark
from tumorboard.errors import StudyError


def test_locked_patients_do_not_depend_on_seed_or_order_and_are_stratified() -> None:
    ids = [f"p{i}" for i in range(100)]
    strata = np.asarray([int(i < 20) for i in range(100)])
    locked = lock_patients(ids, strata, share=0.15, name="study")
    assert len(locked) == 3 + 12
    assert sum(int(p[1:]) < 20 for p in locked) == 3
    order = np.random.default_rng(0).permutation(100)
    again = lock_patients([ids[i] for i in order], strata[order], share=0.15, name="study")
    assert again == locked
    assert lock_patients(ids, strata, share=0.15, name="another") != locked
    marks = frozenset(patient_mark("study", p) for p in locked)
    grown, more = [*ids, *(f"q{i}" for i in range(200))], np.repeat(0, 200)
    strata_grown = np.concatenate([strata, more])
    without = lock_patients(grown, strata_grown, share=0.03, name="study")
    assert not locked <= without  # newcomers would push some of them out
    assert locked <= lock_patients(grown, strata_grown, share=0.03, name="study", known=marks)
    with pytest.raises(StudyError, match=r"class with 4 patients leaves 2 for the folds"):
        lock_patients(ids[:14], np.asarray([1] * 4 + [0] * 10), share=0.5, name="study")

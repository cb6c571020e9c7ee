from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tumorboard.errors import InputError, StudyError
from tumorboard.records import Cohort
from tumorboard.study_keys import Loss, TaskTable
from tumorboard.tasks.classification import Classification


def cohort(labels: Sequence[str | None], ids: list[str] | None = None) -> Cohort:
    patients = tuple(ids or [f"P{i}" for i in range(len(labels))])
    return Cohort(
        name="t", patient_id=patients, unit_id=patients, columns={"dx": tuple(labels)}, files={},
        line=tuple(range(2, len(labels) + 2)), table=Path("t.csv"), root=Path(),
    )  # fmt: skip


def task(**keys: object) -> Classification:
    return Classification(TaskTable.model_validate({"target": "dx", **keys}))


def test_the_positive_class_comes_last() -> None:
    outcomes = task(positive="benign").read(cohort(["malignant", "benign", "malignant"]))
    assert outcomes.classes == ("malignant", "benign")
    assert outcomes.target.tolist() == [0, 1, 0]
    assert outcomes.columns == {"dx": ("malignant", "benign", "malignant")}


def test_everything_but_the_positive_label_is_other() -> None:
    outcomes = task(positive="malignant").read(cohort(["benign", "normal", "malignant"]))
    assert outcomes.classes == ("other", "malignant")
    assert outcomes.counts == {"benign": 1, "malignant": 1, "normal": 1}
    assert outcomes.values == {"benign": "other", "normal": "other", "malignant": "malignant"}


def test_a_missing_label_is_left_out_and_counted_never_class_0() -> None:
    outcomes = task().read(cohort(["a", None, "b", None]))
    assert outcomes.kept.tolist() == [True, False, True, False]
    assert [(s.reason, s.n_patients, s.n_rows) for s in outcomes.flow] == [("dx missing", 2, 2)]


def test_classes_group_and_select_labels() -> None:
    grouped = task(classes={"early": ["I", "II"], "late": ["IV"]})
    outcomes = grouped.read(cohort(["I", "II", "III", "IV"]))
    assert outcomes.classes == ("early", "late")
    assert outcomes.kept.tolist() == [True, True, False, True]
    assert outcomes.flow[0].reason == "dx not among the classes"
    assert task(classes=["IV", "I"]).read(cohort(["I", "II", "IV"])).classes == ("IV", "I")


def test_rows_of_one_patient_must_agree() -> None:
    labels, ids = ["a", "b", "a"], ["P1", "P1", "P2"]
    with pytest.raises(
        InputError, match=r"patient P1: 'a' in row 2, 'b' in row 3.*rows = .*task.unit"
    ):
        task().read(cohort(labels, ids))
    assert task(unit="row").read(cohort(labels, ids)).kept.all()


def test_faults_name_the_remedy() -> None:
    with pytest.raises(StudyError, match=r"'malignent' does not occur.*Did you mean 'malignant'"):
        task(positive="malignent").read(cohort(["benign", "malignant"]))
    with pytest.raises(InputError, match=r"no column 'dx' .*"):
        Classification(TaskTable(target="dx")).read(
            Cohort("t", ("a",), ("a",), {"dy": ("x",)}, {}, (2,), Path("t.csv"), Path())
        )
    with pytest.raises(InputError, match="expected two or more classes"):
        task().read(cohort(["a", "a"]))
    with pytest.raises(StudyError, match="'V' does not occur"):
        task(classes={"early": ["I"], "late": ["V"]}).read(cohort(["I", "II"]))


def test_a_model_refuses_labels_it_does_not_know() -> None:
    known = {"benign": "benign", "malignant": "malignant"}
    with pytest.raises(
        InputError, match=r"holds 'unclear' \(first in row 3, patient P1\), but the"
    ):
        task().read(cohort(["benign", "unclear"]), values=known)
    alone = task().read(cohort(["malignant"]), values=known)
    assert alone.classes == ("benign", "malignant")
    assert alone.target.tolist() == [1]


def test_labels_that_the_study_left_out_are_left_out_of_other_cohorts_as_well() -> None:
    study, known = task(classes=["a", "b"]), {"a": "a", "b": "b"}
    outcomes = study.read(cohort(["a", "c", "b"]), values=known)
    assert outcomes.kept.tolist() == [True, False, True]
    assert [(s.reason, s.n_rows) for s in outcomes.flow] == [("dx not among the classes", 1)]
    with pytest.raises(InputError, match="Recode the labels"):  # none is known: another spelling
        study.read(cohort(["A", "B"]), values=known)


def test_class_weights_by_hand() -> None:
    target, weight = torch.tensor([0, 0, 0, 1]), torch.ones(4)
    balanced = task().class_weights(
        target, weight, loss=Loss(class_weights="balanced"), n_outputs=2
    )
    np.testing.assert_allclose(balanced.numpy(), [2 / 3, 2.0], rtol=1e-6)
    beta = 0.9
    effective = task().class_weights(
        target, weight, loss=Loss(class_weights="effective_number", beta=beta), n_outputs=2
    )
    ratio = ((1 - beta) / (1 - beta**3)) / ((1 - beta) / (1 - beta))
    assert float(effective[0] / effective[1]) == pytest.approx(ratio, rel=1e-6)


def test_focal_loss_is_cross_entropy_times_the_missing_chance() -> None:
    outputs, target = torch.tensor([[0.2, 1.4], [2.0, -1.0]]), torch.tensor([1, 1])
    keys = {"class_weights": torch.ones(2)}
    entropy = task().loss(outputs, target, loss=Loss(), **keys)
    focal = task().loss(outputs, target, loss=Loss(name="focal", gamma=2.0), **keys)
    chance = torch.exp(-entropy)
    torch.testing.assert_close(focal, (1 - chance) ** 2 * entropy)
    torch.testing.assert_close(
        entropy, torch.nn.CrossEntropyLoss(reduction="none")(outputs, target)
    )


def test_a_misspelt_label_is_no_class_of_its_own() -> None:
    with pytest.raises(InputError, match="'Malignant' and 'malignant', which differ only in case"):
        task(positive="malignant").read(cohort(["benign", "Malignant", "malignant"]))

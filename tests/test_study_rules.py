"""Keys that contradict each other, and keys that wait for a part: the sentence of each."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tumorboard.errors import StudyError
from tumorboard.study import Study

HEAD = """
[study]
name = "rules"
[cohort]
table = "patients.csv"
patient_id = "id"
institution = "hospital"
"""
TASK = '[task]\ntarget = "outcome"\n'
PARTS = """
[modalities.record]
kind = "table"
numeric = ["age"]
[modalities.scan]
kind = "image"
files = "{file}"
"""


def load(text: str) -> Study:
    return Study.from_tables(tomllib.loads(text), path=Path("study.toml"))


def faults(text: str) -> list[str]:
    with pytest.raises(StudyError) as caught:
        load(text)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            "[evaluation]\nholdout = [0.7, 0.15, 0.15]\nfolds = 5\n",
            "evaluation.folds: contradicts evaluation.holdout. Keep one of the two.",
        ),
        (
            "[evaluation]\nholdout = [0.7, 0.15, 0.15]\nvalidation = 0.2\n",
            "evaluation.validation: contradicts evaluation.holdout, whose second share it is. "
            "Keep one of the two.",
        ),
        (
            "[evaluation]\nholdout = [0.7, 0.2]\n",
            "evaluation.holdout: found [0.7, 0.2], expected three shares above 0 (train, "
            "validation, test) that sum to 1, such as [0.70, 0.15, 0.15].",
        ),
        (
            "[evaluation]\nholdout = [0.85, 0.0, 0.15]\n",
            "evaluation.holdout: found [0.85, 0.0, 0.15], expected three shares above 0 (train, "
            "validation, test) that sum to 1, such as [0.70, 0.15, 0.15].",
        ),
        (
            "[evaluation]\nthreshold = {at = 0.5}\n",
            'evaluation.threshold.at: is read only where evaluation.threshold.rule is "fixed", but '
            'it is "youden". Remove one of the two.',
        ),
        (
            '[evaluation]\nthreshold = {rule = "fixed", at_least = 0.9}\n',
            "evaluation.threshold.at_least: is read only where evaluation.threshold.rule is "
            '"sensitivity" or "precision", but it is "fixed". Remove one of the two.',
        ),
        (
            "[training]\noptimizer = {momentum = 0.5}\n",
            'training.optimizer.momentum: is read only where training.optimizer.name is "sgd", but '
            'it is "adamw". Remove one of the two.',
        ),
        (
            '[arms]\na = {modalities = ["scan"], training = {loss = {gamma = 1.0}}}\n',
            "arms.a.training.loss.gamma: is read only where arms.a.training.loss.name is "
            '"focal" or "dice_focal", but it is "cross_entropy". Remove one of the two.',
        ),
        (
            '[evaluation]\nprimary = {arm = "scan", reference = "recrd"}\n',
            "evaluation.primary.reference: 'recrd' is not an arm of this study. "
            "Did you mean 'record'?",
        ),
        (
            '[evaluation]\nprimary = {arm = "scan", reference = "scan"}\n',
            "evaluation.primary: compares 'scan' with itself. Name another reference.",
        ),
        (
            '[audit]\naccept = ["label-prox"]\n',
            "audit.accept: 'label-prox' is not a finding of the audit. Did you mean 'label-proxy'?",
        ),
        (
            '[arms]\na = {modalities = ["scan"], fusion = "gated"}\n',
            "arms.a.fusion: one modality cannot be fused. Remove this key.",
        ),
        (
            '[arms]\nA = {modalities = ["scan"]}\na = {modalities = ["record"]}\n',
            "arms.a: differs from 'A' in capitals only, and names a folder. Choose another name.",
        ),
        (
            '[arms]\n"a b" = {modalities = ["scan"]}\n',
            'arms.a b: found "a b", expected letters, digits, _ and - only, starting with a letter '
            "or a digit, such as breast-2024.",
        ),
    ],
)
def test_contradiction(keys: str, sentence: str) -> None:
    assert faults(HEAD + TASK + PARTS + keys) == [sentence]


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        (
            '[task]\npositive = "yes"\n',
            'task.target: missing. Name the column of the cohort table of which task.positive = "'
            'yes" is a label.',
        ),
        ("[task]\n", "task.target: missing. Name the column of the cohort table."),
        (
            '[task]\ntarget = ["a", "b"]\n',
            'task.target: found ["a", "b"], expected one column for a classification.',
        ),
        (
            '[task]\ntarget = "outcome"\npositive = "malign"\nclasses = ["benign", "malignant"]\n',
            "task.positive: 'malign' is not one of task.classes. Did you mean 'malignant'?",
        ),
        (
            '[task]\ntarget = "outcome"\nclasses = ["benign"]\n',
            'task.classes: found ["benign"], expected at least 2 classes.',
        ),
        (
            '[task]\ntarget = "stage"\nclasses = {early = ["I", "II"], late = ["II", "III"]}\n',
            "task.classes: the label 'II' is named twice. Keep one.",
        ),
        (
            '[task]\ntarget = "id"\n',
            "task.target: 'id' is also cohort.patient_id. Name the outcome's own column.",
        ),
        (
            '[task]\ntarget = "hospital"\n',
            "task.target: 'hospital' is also cohort.institution. Name the outcome's own column.",
        ),
        (
            '[task]\ntarget = "outcome"\nunit = "annotation"\n',
            "task.unit: annotation belongs to sources of annotations, and 'folder' "
            "is none. Use patient or row.",
        ),
        (
            '[task]\nkind = "clasification"\n',
            "task.kind: 'clasification' is not a known task. Did you mean 'classification'?",
        ),
        (
            '[task]\ntarget = "outcome"\nmask = "mask/{patient_id}"\n',
            "task.mask: belongs to the task segmentation, and this study's is classification. "
            "Remove this key.",
        ),
        (
            '[task]\nkind = "survival"\ntime = "days"\ntime_unit = "days"\nevent = "died"\n'
            'event_value = "1"\n[training.stop]\nmetric = "integrated_brier"\n',
            "training.stop.metric: 'integrated_brier' needs predicted survival, which the head cox "
            "has after training alone. Use c_index, or the head discrete_time.",
        ),
    ],
)
def test_task(task: str, sentence: str) -> None:
    assert faults(HEAD + task + PARTS) == [sentence]


def test_only_questions_that_answer_numbers_are_asked_of_numbers() -> None:
    task = '[task]\nkind = "regression"\ntarget = "size"\n'
    record = '[modalities.record]\nkind = "table"\nnumeric = ["age"]\n'
    genes = '[modalities.rna]\nkind = "expression"\ntable = "rna.csv"\nscale = "tpm"\n'
    asked = [
        load(HEAD + text).keys.evaluation.explain
        for text in (task + record, task + record + genes,
                     task + record + '[evaluation]\nexplain = []\n', TASK + record)
    ]  # fmt: skip
    assert asked[:3] == [
        ["permutation_importance"], ["permutation_importance", "gene_attribution"], [],
    ]  # fmt: skip
    assert {"grad_cam", "tree_shap"} <= set(asked[3])


@pytest.mark.parametrize(
    ("column", "role"),
    [
        ("outcome", "the outcome (task.target)"),
        ("id", "the patient's number (cohort.patient_id)"),
        ("hospital", "the institution (cohort.institution)"),
    ],
)
@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_predictor_that_gives_the_answer_away(column: str, role: str, kind: str) -> None:
    other = "categorical" if kind == "numeric" else "numeric"
    parts = f'[modalities.record]\nkind = "table"\n{other} = ["age"]\n{kind} = ["{column}"]\n'
    assert faults(HEAD + TASK + parts) == [
        f"modalities.record.{kind}: {column!r} is {role} and cannot be a predictor. Remove it."
    ]


def test_folds_by_institution_need_its_column_and_no_other_folds() -> None:
    by = '[evaluation]\nfolds_by = "institution"\n'
    named = HEAD + TASK + PARTS
    study = load(named + by)
    assert study.keys.evaluation.folds_by == "institution"
    # a run and its models keep the resolved study, and read it again
    assert load(study.to_toml()).as_tables() == study.as_tables()
    without = HEAD.replace('institution = "hospital"\n', "")
    assert faults(without + TASK + PARTS + by) == [
        'evaluation.folds_by: "institution" needs cohort.institution, the column that names it.'
    ]
    for key, value in (("folds", "5"), ("repeats", "2"), ("holdout", "[0.7, 0.15, 0.15]")):
        (sentence,) = faults(f"{named}{by}{key} = {value}\n")
        assert sentence.startswith(f"evaluation.{key}: contradicts evaluation.folds_by")


SPACE = "[tuning]\nspace = "


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        (
            '{"training.optimizer.learning_rat" = {low = 1e-5, high = 1e-2}}',
            "tuning.space: training.optimizer.learning_rat: unknown key. "
            "Did you mean 'learning_rate'?",
        ),
        (
            '{"training.modality_dropout" = {low = 0.0, high = 1.5}}',
            "tuning.space: training.modality_dropout: found 1.5, expected a number below 1.",
        ),
        (
            '{"training.epochs" = {low = 1.5, high = 4}}',
            "tuning.space: training.epochs: found 1.5, expected a whole number.",
        ),
        (
            '{"modalities.scan.encoder.depth" = {choices = [18, 19]}}',
            "tuning.space: modalities.scan.encoder.depth: found 19, expected 18, 34 or 50.",
        ),
        (
            '{"modalities.scn.encoder.depth" = {choices = [18]}}',
            "tuning.space.\"modalities.scn.encoder.depth\": 'scn' is not one of modalities. "
            "Did you mean 'scan'?",
        ),
        (
            '{"evaluation.folds" = {low = 2, high = 5}}',
            'tuning.space."evaluation.folds": cannot be tuned. Expected training.<key>, '
            "modalities.<name>.encoder.<key>, arms.<name>.fusion.<key> or "
            "arms.<name>.baseline.<key>.",
        ),
        (
            '{"training.optimizer.learning_rate" = {low = 1e-2, high = 1e-5}}',
            'tuning.space."training.optimizer.learning_rate": found low 0.01 and high 1e-05, '
            "expected low below high.",
        ),
        (
            '{"training.optimizer.weight_decay" = {low = 0.0, high = 1e-5, log = true}}',
            'tuning.space."training.optimizer.weight_decay".low: found 0.0, expected a number '
            "above 0 where log = true.",
        ),
        (
            '{"training.batch_size" = {low = 8}}',
            'tuning.space."training.batch_size": expected low and high, or choices = [...].',
        ),
        (
            '{"training.batch_size" = {choices = [8, 16], low = 2}}',
            'tuning.space."training.batch_size": choices and a range (low, high, log, step) '
            "contradict each other.",
        ),
        (
            '{"training.batch_size" = {lo = 8, high = 16}}',
            "tuning.space.\"training.batch_size\".lo: unknown key. Did you mean 'low'?",
        ),
        ("{}", "tuning.space: found {}, expected at least 1 entry."),
    ],
)
def test_search_space(space: str, sentence: str) -> None:
    assert faults(HEAD + TASK + PARTS + SPACE + space) == [sentence]


def test_search_space_that_can_be_searched() -> None:
    study = load(
        HEAD
        + TASK
        + PARTS
        + '[arms]\nfused = {modalities = ["scan", "record"], fusion = "gated"}\n'
        + SPACE
        + '{"training.optimizer.learning_rate" = {low = 1e-5, high = 1e-2, log = true}, '
        '"modalities.scan.encoder.depth" = {choices = [18, 34]}, '
        '"training.optimizer.name" = {choices = ["sgd", "adamw"]}, '
        '"arms.fused.fusion.size" = {low = 16, high = 64, step = 16}}'
    )
    assert study.keys.tuning != "none"
    assert len(study.keys.tuning.space) == 4


def test_every_key_of_the_second_example_is_known() -> None:
    """Only sentences about keys of other tasks may come back; no key may be unknown."""
    text = (Path(__file__).parent / "examples" / "more_keys.toml").read_text(encoding="utf-8")
    found = faults(text)
    assert found
    assert [line for line in found if "belongs to the task" not in line] == []

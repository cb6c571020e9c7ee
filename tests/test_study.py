"""The study file as a whole: the design's example, defaults, round trip, every fault at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tumorboard.errors import InputError, StudyError
from tumorboard.study import Study

EXAMPLE = Path(__file__).parent / "examples" / "whole.toml"

SMALL = """
[study]
name = "small"
[cohort]
table = "patients.csv"
[task]
target = "outcome"
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


def test_whole_example_of_the_design_loads() -> None:
    study = Study.load(EXAMPLE)
    assert study.name == "breast-ultrasound"
    assert study.seed == 7
    assert list(study.arms) == ["record", "ultrasound", "fused", "late", "logistic"]
    assert study.arms["fused"].fusion is not None
    assert study.arms["fused"].fusion["name"] == "gated"
    assert study.arms["fused"].encoders["ultrasound"]["depth"] == 18
    assert study.arms["logistic"].baseline is not None
    assert study.arms["logistic"].encoders == {}
    assert (study.primary.arm, study.primary.reference) == ("fused", "record")
    assert study.keys.tuning != "none"


def test_round_trip_gives_the_same_study(tmp_path: Path) -> None:
    study = Study.load(EXAMPLE)
    (tmp_path / "study.toml").write_text(study.to_toml(), encoding="utf-8")
    again = Study.load(tmp_path / "study.toml")
    assert again.as_tables() == study.as_tables()
    assert again.arms == study.arms
    assert again.to_toml() == study.to_toml()


@pytest.mark.parametrize(
    "extra",
    [
        "[evaluation]\nholdout = [0.70, 0.15, 0.15]\n",
        '[evaluation]\nthreshold = {rule = "fixed", at = 0.3}\n',
        '[evaluation]\nthreshold = {rule = "cost", false_negative_cost = 5.0}\n',
        '[training]\noptimizer = {name = "sgd", momentum = 0.8}\nschedule = "cosine"\n',
        '[training]\nloss = {name = "focal", gamma = 1.0, class_weights = "effective_number"}\n',
        '[arms]\nonly = {modalities = ["record"]}\n',
        '[arms]\na = {modalities = ["scan"], training = {optimizer = "sgd", epochs = 1}}\n'
        'b = {modalities = ["scan"], encoders = {scan = "small_cnn"}}\n',
    ],
)
def test_round_trip_of_every_choice(extra: str) -> None:
    study = load(SMALL + extra)
    assert load(study.to_toml()).as_tables() == study.as_tables()


def test_resolved_study_states_every_default_and_no_null() -> None:
    tables = load(SMALL).as_tables()
    assert tables["training"]["epochs"] == 60
    assert tables["training"]["optimizer"]["learning_rate"] == 1e-4
    assert tables["evaluation"]["validation"] == 0.15
    assert tables["runtime"]["precision"] == "auto"
    assert tables["modalities"]["record"]["encoder"]["name"] == "mlp"
    assert tables["modalities"]["scan"]["encoder"]["name"] == "resnet"
    assert tables["modalities"]["scan"]["encoder"]["weights"] == "none"
    assert tables["evaluation"]["primary"] == {
        "arm": "fused", "reference": "record", "metric": "auroc",
    }  # fmt: skip
    nulls = [path for path, value in _leaves(tables) if value is None]
    assert nulls == []


def _leaves(table: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        here = f"{path}.{key}"
        found += _leaves(value, here) if isinstance(value, dict) else [(here, value)]
    return found


def test_settings_that_nothing_reads_are_not_stated() -> None:
    tables = load(SMALL).as_tables()
    assert "momentum" not in tables["training"]["optimizer"]
    assert "at" not in tables["evaluation"]["threshold"]
    tables = load(SMALL + "[evaluation]\nholdout = [0.7, 0.15, 0.15]\n").as_tables()
    assert "folds" not in tables["evaluation"]


def test_arms_left_out_are_each_alone_fused_late_and_logistic() -> None:
    study = load(SMALL)
    assert list(study.arms) == ["record", "scan", "fused", "late", "logistic"]
    assert study.arms["late"].fusion is not None
    assert study.arms["late"].fusion["name"] == "late_average"
    assert study.arms["logistic"].modalities == ("record",)


def test_arm_training_is_the_study_training_with_its_own_keys_over_it() -> None:
    study = load(
        SMALL
        + '[arms.long]\nmodalities = ["scan"]\ntraining = {epochs = 100, optimizer = "sgd"}\n'
        + "[training]\noptimizer = {learning_rate = 0.01}\nbatch_size = 8\n"
    )
    training = study.arms["long"].training
    assert (training.epochs, training.batch_size) == (100, 8)
    # a word names the optimizer and leaves the study's learning rate as it is
    assert (training.optimizer.name, training.optimizer.learning_rate) == ("sgd", 0.01)


MANY_FAULTS = """
[study]
name = "many faults"
seed = -1
[cohort]
tabel = "patients.csv"
table = "patients.csv"
missing = "none"
require = ["scann"]
[task]
target = 3
unit = "lesion"
[modalities.scan]
kind = "image"
files = "{file}"
siez = [64, 64]
encoder = {name = "resnet", depth = 19}
[modalities.ct]
kind = "notse"
[arms]
a = {modalities = ["scan"], basline = "logistic_regression"}
b = {modalities = ["scan", "recrd"], fusion = "gatd"}
[training]
epochs = 6.0
optimizer = "adm"
schedule = {name = "step", facter = 0.1}
[evaluation]
primary = {arm = "c", reference = "a"}
metric = "auroc"
[runtme]
device = "cpu"
"""


def test_every_fault_of_every_table_is_reported_at_once() -> None:
    found = faults(MANY_FAULTS)
    wanted = [
        'study.name: found "many faults", expected letters, digits, _ and - only',
        "study.seed: found -1, expected a number of at least 0.",
        "cohort.tabel: unknown key. Did you mean 'table'?",
        'cohort.missing: found "none", expected a list in [ ].',
        "cohort.require: 'scann' is not a modality of this study. Did you mean 'scan'?",
        "task.target: found 3, expected text in quotes or a list in [ ].",
        'task.unit: found "lesion", expected "patient", "row" or "annotation".',
        "modalities.scan.siez: unknown key. Did you mean 'size'?",
        "modalities.scan.encoder.depth: found 19, expected 18, 34 or 50.",
        "modalities.ct.kind: 'notse' is not a known modality. Did you mean 'notes'?",
        "arms.a.basline: unknown key. Did you mean 'baseline'?",
        "arms.b.modalities: 'recrd' is not a modality of this study. Known: ct, scan.",
        "arms.b.fusion: 'gatd' is not a known fusion. Did you mean 'gated'?",
        "training.epochs: found 6.0, expected a whole number.",
        'training.optimizer.name: found "adm", expected "adam", "adamw" or "sgd". '
        'Did you mean "adam"?',
        "training.schedule.facter: unknown key. Did you mean 'factor'?",
        "evaluation.primary.arm: 'c' is not an arm of this study.",
        "evaluation.metric: unknown key.",
        "runtme: unknown key. Did you mean 'runtime'?",
    ]
    for sentence in wanted:
        assert any(line.startswith(sentence) for line in found), sentence
    assert len(found) == len(wanted), "\n".join(found)


def test_absent_tables_are_named() -> None:
    assert faults("") == [
        "study: missing. Add this key.",
        "cohort: missing. Add this key.",
        "task: missing. Add this key.",
        "modalities: missing. Add this key.",
    ]


def test_a_fault_does_not_hide_behind_a_table_of_the_wrong_type() -> None:
    found = faults(SMALL + "[training]\nepohcs = 3\n[evaluation]\nthreshold = 3\n")
    assert found == [
        "training.epohcs: unknown key. Did you mean 'epochs'?",
        "evaluation.threshold: found 3, expected a table.",
    ]


def test_study_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such study file. Write one with `tumorboard init"):
        Study.load(tmp_path / "absent.toml")
    with pytest.raises(InputError, match="is a folder; expected a study file"):
        Study.load(tmp_path)


def test_component_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_lab").mkdir()
    (tmp_path / "my_lab" / "doubling.py").write_text(FOREIGN_FUSION, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    arms = '[arms]\nours = {modalities = ["record", "scan"], fusion = '
    study = load(SMALL + arms + '{name = "my_lab.doubling", factor = 3.0}}\n')
    assert study.arms["ours"].fusion == {"name": "my_lab.doubling", "factor": 3.0}
    found = faults(SMALL + arms + '{name = "my_lab.doubling", factr = 3.0}}\n')
    assert found == ["arms.ours.fusion.factr: unknown key. Did you mean 'factor'?"]


FOREIGN_FUSION = '''
"""A fusion of somebody else."""
import torch
from tumorboard.models.fusion import Fused, Fusion


class Doubling(Fusion):
    """Sum of the embeddings, times a factor."""

    level = "feature"

    def __init__(self, names, sizes, *, factor: float = 2.0):
        super().__init__(names, sizes)
        self.factor = factor
        self.output_size = sizes[0]

    def forward(self, embeddings, present):
        return Fused(self.factor * torch.stack(list(embeddings)).sum(0))
'''

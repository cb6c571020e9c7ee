import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tumorboard.errors import InputError
from tumorboard.evaluation.classification import evaluate_arms
from tumorboard.evaluation.comparison import compare_all
from tumorboard.evaluation.results import (
    read_comparison,
    read_metrics,
    write_comparison,
    write_metrics,
)
from tumorboard.evaluation.run import Run
from tumorboard.evaluation.tables import concatenate, write_predictions
from tumorboard.study_keys import Primary, Threshold

STUDY = """
[study]
name = "demo"
[cohort]
patient_id = "CaseID"
[task]
target = "Classification"
[modalities.ultrasound]
kind = "image"
[modalities.record]
kind = "table"
[arms.a]
modalities = ["record"]
[arms.b]
modalities = ["ultrasound", "record"]
"""


@pytest.fixture
def folder(tmp_path, make_table):
    rng = np.random.default_rng(0)
    target = np.arange(40) % 2
    table = concatenate(
        [
            make_table(target, np.clip(0.4 * target + 0.6 * rng.random(40), 0, 1), arm=arm)
            for arm in ("a", "b")
        ]
    )
    settings: dict[str, Any] = {"threshold": Threshold(), "n_bootstrap": 50, "rng": rng}
    metrics = evaluate_arms(table, **settings)
    compared = compare_all(table, Primary(arm="b", reference="a"), **settings)
    (tmp_path / "study.toml").write_text(STUDY)
    write_predictions(tmp_path / "predictions.csv", table)
    write_metrics(tmp_path / "metrics.json", metrics)
    write_comparison(tmp_path / "comparison.json", compared)
    return tmp_path


def test_a_run_gives_back_what_was_written(folder):
    run = Run(folder)
    assert run.predictions.arms == ("a", "b")
    assert run.metrics["a"]["auroc"].n_patients == 40
    assert run.comparison[0].arm == "b"
    assert run.answer.endswith("in 40 patients.")
    assert "adding the ultrasound image to the record" in run.answer.lower()


def test_nan_is_written_as_null_and_read_as_nan(folder, tmp_path):
    metrics = read_metrics(folder / "metrics.json")
    nothing = {"a": {"ppv": replace(metrics["a"]["ppv"], value=float("nan"))}}
    write_metrics(tmp_path / "nan.json", nothing)
    written = json.loads((tmp_path / "nan.json").read_text())
    assert written["a"]["ppv"]["value"] is None
    assert set(written["a"]["ppv"]) >= {"value", "ci_low", "ci_high", "n_patients", "n_events"}
    assert np.isnan(read_metrics(tmp_path / "nan.json")["a"]["ppv"].value)


def test_comparison_has_the_agreed_keys(folder):
    written = json.loads((folder / "comparison.json").read_text())[0]
    assert list(written) == [
        "arm", "reference", "metric", "difference", "ci_low", "ci_high", "p_value", "test",
        "n_patients", "p_value_holm",
    ]  # fmt: skip
    del written["p_value_holm"]  # a key with a default may be absent
    (folder / "comparison.json").write_text(json.dumps([written]))
    assert np.isnan(read_comparison(folder / "comparison.json")[0].p_value_holm)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "comparison.json: not what an evaluation writes"),
        ("{}", "not a list of comparisons"),
        ("[1]", "found 1 in place of a table"),
        ('[{"arm": "a"}]', "missing 8 required positional arguments"),
        ('[{"n_patients": "many"}]', "n_patients is 'many', expected a number or null"),
        ('[{"p": 0.5}]', "unknown key 'p'"),
    ],
)
def test_a_damaged_file_is_named(folder, content, message):
    (folder / "comparison.json").write_text(content)
    with pytest.raises(InputError, match=message):
        _ = Run(folder).answer


def test_what_is_not_a_finished_run_is_refused(folder, tmp_path_factory):
    (folder / "metrics.json").unlink()
    with pytest.raises(InputError, match=r"not finished \(it has no metrics.json\).*resume it"):
        Run(folder)
    with pytest.raises(InputError, match=r"not a run \(it has no study.toml"):
        Run(tmp_path_factory.mktemp("empty"))
    with pytest.raises(InputError, match="no such folder"):
        Run(folder / "absent")

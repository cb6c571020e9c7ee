"""The section of a regression: sentences, table and figure."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.regression import regression_document
from tumorboard.records import Estimate
from tumorboard.report.numbers_contents import NumbersContents
from tumorboard.report.regression import section

MODALITIES = {"ct": {"kind": "volume"}, "rna": {"kind": "expression"}}
MEMBERS = {"both <1>": ["ct", "rna"], "ct": ["ct"], "rna": ["rna"]}


def estimate(value: float, reach: float = 0.1) -> Estimate:
    return Estimate(value, value - reach, value + reach, 60, 0)


def made_table(n: int, targets: tuple[str, ...]) -> OutcomeTable:
    rng = np.random.default_rng(1)
    ids = np.asarray([f"P{i:03d}" for i in range(n)])
    arms = list(MEMBERS)
    truth = rng.normal(size=(n, len(targets)))
    said = [0.5 * truth + 0.3 * rng.normal(size=truth.shape) + k / 10 for k in range(len(arms))]
    rows = len(arms) * n
    return OutcomeTable(
        patient_id=np.tile(ids, len(arms)), unit_id=np.tile(ids, len(arms)),
        arm=np.repeat(arms, n), repeat=np.ones(rows, dtype=np.int64),
        fold=np.ones(rows, dtype=np.int64), part=np.full(rows, "test"),
        modalities=np.repeat(["+".join(m) for m in MEMBERS.values()], n),
        outcome=np.tile(truth, (len(arms), 1)), outcome_names=targets,
        predictions=np.concatenate(said),
        prediction_names=tuple(f"predicted_{name}" for name in targets),
    )  # fmt: skip


def make_contents(
    folder: Path, target: str | list[str], metrics: dict[str, dict[str, Estimate]], n: int = 60
) -> NumbersContents:
    names = [target] if isinstance(target, str) else target
    plain = tuple(name.removeprefix("gene_set:") for name in names)
    write_evidence(folder, "regression", regression_document(made_table(n, plain)))
    study = {
        "task": {"target": target}, "modalities": MODALITIES,
        "arms": {arm: {"modalities": members} for arm, members in MEMBERS.items()},
    }  # fmt: skip
    made = SimpleNamespace(folder=folder, arms=tuple(metrics), metrics=metrics, study=study)
    return cast("NumbersContents", made)


def test_gene_sets_say_how_much_the_image_carries(tmp_path: Path) -> None:
    several = {
        "r2": estimate(0.2), "r2_HYPOXIA": estimate(0.31), "r2_TGFB": estimate(-0.05),
        "r2_EMT": estimate(0.05), "mae_HYPOXIA": estimate(0.4), "spearman_HYPOXIA": estimate(0.6),
    }  # fmt: skip
    contents = make_contents(
        tmp_path, ["gene_set:HYPOXIA", "gene_set:TGFB", "gene_set:EMT"],
        dict.fromkeys(MEMBERS, several),
    )  # fmt: skip
    made = section(contents)
    assert made is not None
    assert made.lead == (
        "How much of HYPOXIA the image carries: R² of ct is 0.310 (0.210 to 0.410): 31 % of its "
        "variance."
    )
    for name, said in (("TGFB", "\N{MINUS SIGN}0.050"), ("EMT", "0.050")):
        assert f"How much of {name} the image carries: R² of ct is {said} (" in made.html
    assert made.html.count("no evidence that it carries any") == 2
    assert "R² of rna" not in made.html  # it sees no picture
    assert "R² of both" not in made.html
    assert "<td>0.400<small>0.300 to 0.500</small></td>" in made.html
    assert "both &lt;1&gt;" in made.html
    assert made.html.count("<h3>") == 3
    assert (tmp_path / "figures" / "regression.png").is_file()


def test_an_arm_trained_with_genes_is_judged_on_the_image_alone(tmp_path: Path) -> None:
    contents = make_contents(
        tmp_path, "gene_set:HYPOXIA", {key: {"r2": estimate(0.3)} for key in MEMBERS}
    )
    shown = [
        {"modalities": name, "is_learned": name != "rna", "metrics": {"r2": {
            "value": 0.4, "ci_low": 0.2, "ci_high": 0.6}}}
        for name in ("ct+rna", "ct", "rna")
    ]  # fmt: skip
    write_evidence(tmp_path, "subsets", {"arms": {"both <1>": {"shown": shown}}})
    made = section(contents)
    assert made is not None
    assert made.html.count("<li>") == 1
    assert (
        "both &lt;1&gt;, trained with more and shown ct alone: R² of HYPOXIA is 0.400 (0.200 to "
        "0.600): 40 % of variance."
    ) in made.html


def test_few_patients_say_nothing_and_others_have_no_sentence(tmp_path: Path) -> None:
    few = Estimate(0.5, np.nan, np.nan, 7, 0, "none")
    made = section(make_contents(tmp_path, "gene_set:A", {"ct": {"r2": few}}, n=7))
    assert made is not None
    assert "of 7 patients: too few for an interval" in made.lead
    made = section(make_contents(tmp_path, "age", {"ct": {"r2": estimate(0.5)}}))
    assert made is not None
    assert made.lead.startswith("R² of ct in age is 0.500 (0.400 to 0.600); observed values rise")
    assert "carries" not in made.html


@pytest.mark.parametrize("value", [np.nan, 1.0])
def test_predictions_that_are_all_alike_can_be_shown(tmp_path: Path, value: float) -> None:
    contents = make_contents(tmp_path, "age", {"ct": {"r2": estimate(np.nan)}})
    points: list[Any] = [] if np.isnan(value) else [[1.0, 1.0]]
    entry = {"slope": np.nan, "intercept": np.nan, "groups": [], "points": points}
    write_evidence(tmp_path, "regression", {"targets": ["age"], "arms": {"ct": {"age": entry}}})
    made = section(contents)
    assert made is not None
    assert ("<figure" in made.html) == bool(points)
    assert "nan" not in made.html


def test_no_section_without_a_regression(tmp_path: Path) -> None:
    made = SimpleNamespace(folder=tmp_path, arms=("ct",), metrics={}, study={})
    assert section(cast("NumbersContents", made)) is None


def test_an_arm_trained_with_genes_is_judged_on_every_set(tmp_path: Path) -> None:
    contents = make_contents(
        tmp_path, ["gene_set:HYPOXIA", "gene_set:EMT"],
        {key: {"r2": estimate(0.3)} for key in MEMBERS},
    )  # fmt: skip
    metrics = {
        "r2": {"value": 0.2, "ci_low": 0.1, "ci_high": 0.3},
        "r2_HYPOXIA": {"value": 0.4, "ci_low": 0.2, "ci_high": 0.6},
        "r2_EMT": {"value": 0.0, "ci_low": -0.1, "ci_high": 0.1},
    }
    shown = [{"modalities": "ct", "is_learned": True, "metrics": metrics}]
    write_evidence(tmp_path, "subsets", {"arms": {"both <1>": {"shown": shown}}})
    made = section(contents)
    assert made is not None
    assert "alone: R² of HYPOXIA is 0.400 (0.200 to 0.600): 40 % of variance." in made.html
    assert "alone: R² of EMT is 0.000 (\N{MINUS SIGN}0.100 to 0.100): no evidence." in made.html

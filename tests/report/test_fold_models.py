"""Every fold's model on the page: matrices, spread, and whether it carries over."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tumorboard.evaluation.evidence import read_evidence, write_evidence
from tumorboard.evaluation.fold_models import fold_models_document
from tumorboard.report.carry_over import CarryOver, carried, carry_over_figure, spread
from tumorboard.report.contents import read_classes
from tumorboard.report.fold_confusion import MAX_MODELS, fold_confusion_figure
from tumorboard.report.fold_models import section
from tumorboard.report.held_out import external_section
from tumorboard.report.outside_models import outside_models


def model(fold: int, score: float, matrix: list[list[int]] | None = None) -> dict[str, Any]:
    return {
        "repeat": 1, "fold": fold, "n_patients": 9, "n_units": 9,
        "scores": {"auroc": score, "macro_f1": score - 0.1, "brier": 1 - score},
        "confusion": matrix or [[4, 1], [2, 2]],
    }  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, make_run: Any) -> Any:
    """Two arms, two repeats of three folds."""
    folder = tmp_path_factory.mktemp("folds")
    return make_run(folder, n_patients=60, n_folds=3, arms=("fused", "record"))


@pytest.fixture
def own_run(run: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run.folder, tmp_path / "run"))


def with_folds(folder: Path, run: Any) -> None:
    write_evidence(folder, "fold_models", fold_models_document(run.table, {}))


def external(values: list[float]) -> dict[str, Any]:
    return {
        "n_patients": 9, "n_units": 9, "outcome": {}, "comparison": None,
        "arms": {"fused": {"ensemble": {}, "models": {}}},
        "fold_models": {
            "classes": ["benign", "malignant"], "metrics": ["auroc"],
            "arms": {"fused": [model(k, v) for k, v in enumerate(values, start=1)]},
        },
    }  # fmt: skip


def test_panels_show_counts_and_the_score_of_each_fold() -> None:
    models = [model(1, 0.75), model(2, 0.5, [[3, 0], [0, 1]])]
    figure = fold_confusion_figure(models, ["benign", "malignant"], metric="auroc")
    assert [t.get_text() for t in figure.axes[0].texts] == ["4", "1", "2", "2"]
    places = {t.get_text(): t.get_position() for t in figure.axes[0].texts if t.get_text() == "1"}
    assert places["1"] == (1, 0)  # called malignant, truly benign
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        "fold 1\nAUROC 0.75",
        "fold 2\nAUROC 0.50",
    ]
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top  # the first true class is the upper row


def test_no_figure_has_more_panels_than_fit() -> None:
    figure = fold_confusion_figure(
        [model(k, 0.5) for k in range(1, 31)], ["benign", "malignant"], metric="auroc"
    )
    assert len(figure.axes) == MAX_MODELS


def test_the_section_gives_mean_and_deviation_over_models(run: Any, own_run: Path) -> None:
    assert section(read_classes(own_run)) is None
    with_folds(own_run, run)
    contents = read_classes(own_run)
    made = section(contents)
    assert made is not None
    document = read_evidence(own_run, "fold_models")
    assert document is not None
    values = [entry["scores"]["auroc"] for entry in document["arms"][contents.arms[0]]]
    assert len(values) == 6
    assert (
        f"mean {np.mean(values):.3f}, standard deviation {np.std(values, ddof=1):.3f}" in made.lead
    )
    assert f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}" in made.html
    assert (own_run / "figures" / "confusion_folds_fused.svg").is_file()


def test_the_matrices_of_a_repeat_add_up_to_the_study(run: Any) -> None:
    found = fold_models_document(run.table, {})["arms"]["fused"]
    test = run.table.take((run.table.part == "test") & (run.table.arm == "fused"))
    for repeat in (1, 2):
        added = np.sum([m["confusion"] for m in found if m["repeat"] == repeat], axis=0)
        rows = test.take(test.repeat == repeat)
        assert added.sum(axis=1).tolist() == np.bincount(rows.outcome, minlength=2).tolist()


def test_a_model_below_the_diagonal_does_not_carry_over() -> None:
    inside = {"fused": [model(1, 0.8), model(2, 0.7), model(3, 0.6)]}
    outside = {"north": {"fused": [model(1, 0.7), model(2, 0.7), model(4, 0.1)]}}
    (pair,) = carried(inside, outside, arms=["fused", "record"], metrics=["auroc"])
    assert pair.inside.tolist() == [0.8, 0.7]  # models 3 and 4 have one score each
    assert pair.outside.tolist() == [0.7, 0.7]
    assert pair.n_worse == 1
    assert pair.row()["difference"] == "−0.050"  # noqa: RUF001 - a true minus sign
    assert pair.row()["worse"] == "1 of 2"
    loss = CarryOver("fused", "north", "brier", np.asarray([0.2, 0.3]), np.asarray([0.3, 0.2]))
    assert loss.n_worse == 1
    assert spread(np.asarray([0.2, 0.4])) == pytest.approx(0.2 / np.sqrt(2))


def test_the_drawing_has_the_diagonal_and_one_mark_per_model() -> None:
    inside = {"fused": [model(1, 0.8), model(2, 0.7)], "record": [model(1, 0.5)]}
    outside = {"north": {"fused": [model(1, 0.6), model(2, 0.9)], "record": [model(1, 0.4)]}}
    pairs = carried(inside, outside, arms=["fused", "record"], metrics=["auroc", "brier"])
    figure = carry_over_figure(pairs, arms=["fused", "record"])
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["AUROC", "Brier"]
    axis = figure.axes[0]
    marks = [line for line in axis.lines if line.get_marker() not in ("None", "", None)]
    drawn = {
        (float(x), float(y)) for line in marks for x, y in np.asarray(line.get_xydata()).tolist()
    }
    assert {(0.8, 0.6), (0.7, 0.9), (0.5, 0.4)} <= drawn
    (diagonal,) = [line for line in axis.lines if line not in marks]
    assert np.ptp(np.asarray(diagonal.get_xydata()), axis=1).tolist() == [0, 0]
    below, above = figure.axes[0].texts[0], figure.axes[1].texts[0]
    assert below.get_position()[1] < 0.5 < above.get_position()[1]


def test_the_page_says_which_models_do_worse_outside(run: Any, own_run: Path) -> None:
    with_folds(own_run, run)
    contents = read_classes(own_run)
    cohorts = {"north <x>": external([0.1, 0.1, 0.999])}
    write_evidence(own_run, "external", {"cohorts": cohorts})
    made = external_section(contents)
    assert made is not None
    assert "2 score worse on the cohort north" in made.lead
    assert "below it the model does not carry over" in made.html
    assert "north &lt;x&gt;" in made.html
    assert "<x>" not in made.html
    assert (own_run / "figures" / "carry_over.svg").is_file()
    assert (own_run / "figures" / "confusion_north-x-_fused.svg").is_file()


def test_a_run_of_an_older_form_has_no_plot(run: Any, own_run: Path) -> None:
    with_folds(own_run, run)
    old = {key: value for key, value in external([0.5]).items() if key != "fold_models"}
    assert outside_models(read_classes(own_run), {"north": old}) is None

"""Studies that leave a figure out: no network has no training curve, no gap has no missing bars."""

from pathlib import Path

from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.simulate import simulate


def test_baselines_alone_on_a_complete_table_are_reported(tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    simulate(
        "image_table", patients=40, seed=3, out=cohort,
        settings={"size": [16, 16], "missing_values": 0.0, "missing_images": 0.0},
    )  # fmt: skip
    run = evaluate(
        cohort / "study.toml", out=tmp_path / "run",
        overrides=[
            "evaluation.folds=2", "evaluation.repeats=1", "evaluation.bootstrap=100",
            'arms={a={modalities=["record"], baseline="logistic_regression"}, '
            'b={modalities=["record"], baseline="random_forest"}}',
            'evaluation.primary={arm="b", reference="a"}',
        ],
    )  # fmt: skip
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert run.answer in page
    assert not list((run.folder / "figures").glob("training.*"))
    assert not list((run.folder / "figures").glob("missing.*"))

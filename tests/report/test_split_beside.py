from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.results import read_metrics
from tumorboard.evaluation.split_beside import split_beside_document
from tumorboard.report.contents import read_classes
from tumorboard.report.split_beside import section


def test_section_shows_both_splits_and_warns(make_run, tmp_path) -> None:
    run = make_run(tmp_path, n_patients=60, n_repeats=1, n_folds=2)
    assert section(read_classes(run.folder)) is None
    metrics = read_metrics(run.folder / "metrics.json")
    flattered = {arm: {**metrics[arm], "auroc": metrics[arm]["accuracy"]} for arm in metrics}
    document = split_beside_document(
        metrics, flattered, n_units=400, n_patients=60, n_classes=2, unit="patch", patient="case"
    )
    write_evidence(run.folder, "split_beside", document)
    made = section(read_classes(run.folder))
    assert made is not None
    assert made.title == "Split by patch beside split by case"
    assert made.lead == document["sentence"]
    assert "never to be quoted alone" in made.html
    difference = document["arms"]["fused"]["auroc"]["difference"]
    assert f"{difference:+.3f}".replace("-", "\N{MINUS SIGN}") in made.html
    assert (run.folder / "figures" / "split_beside.png").is_file()
    assert made.html.count("<svg") == 1

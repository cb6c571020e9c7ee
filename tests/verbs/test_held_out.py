"""The locked test set and external cohorts, from the study file to the report."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tumorboard.audit import Audited
from tumorboard.errors import InputError, StudyError
from tumorboard.verbs import evaluate as verb
from tumorboard.verbs.check import check
from tumorboard.verbs.evaluate import evaluate
from tumorboard.verbs.fit import fit
from tumorboard.verbs.simulate import simulate

ARMS = """
[arms]
logistic = {modalities = ["record"], baseline = "logistic_regression"}
forest = {modalities = ["record"], baseline = "random_forest"}
"""
KEYS = (
    "evaluation.folds=2", "evaluation.bootstrap=100", "evaluation.locked_test=0.25",
    'evaluation.external={elsewhere="other/patients.csv"}', "evaluation.repeats=2",
    'evaluation.primary={arm="forest", reference="logistic", metric="auroc"}',
    "evaluation.explain=[]",
)  # fmt: skip


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("held") / "cohort"
    simulate("image_table", patients=80, seed=5, out=folder)
    simulate("image_table", patients=40, seed=6, out=folder / "other")
    other = folder / "other" / "patients.csv"
    other.write_text(re.sub(r"(?m)^P", "Q", other.read_text()).replace("Qatient", "patient"))
    text = (folder / "study.toml").read_text().replace("folds = 5\nrepeats = 2\n", "")
    (folder / "study.toml").write_text(
        re.sub(r"\[arms\].*?(?=\n\[training)", ARMS, text, flags=re.S)
    )
    return folder


@pytest.fixture(scope="module")
def run(cohort: Path) -> Path:
    evaluate(cohort / "study.toml", out=cohort / "run", overrides=KEYS)
    return cohort / "run"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def ledger(cohort: Path) -> list[dict[str, object]]:
    lines = (cohort / "study.ledger.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_no_fold_sees_a_locked_patient(run: Path) -> None:
    splits = rows_of(run / "splits.csv")
    locked = {row["patient_id"] for row in splits if row["part"] == "locked"}
    assert len(locked) == 20
    assert not locked & {row["patient_id"] for row in splits if row["part"] != "locked"}
    assert not locked & {row["patient_id"] for row in rows_of(run / "predictions.csv")}
    assert {row["patient_id"] for row in rows_of(run / "locked_test.csv")} == locked


def test_each_arm_is_scored_once_and_the_look_is_recorded(cohort: Path, run: Path) -> None:
    looks = ledger(cohort)
    assert [look["arm"] for look in looks] == ["logistic", "forest"]
    evidence = json.loads((run / "evidence" / "locked_test.json").read_text())
    value = evidence["arms"]["forest"]["ensemble"]["auroc"]["value"]
    table = [
        row for row in rows_of(run / "locked_test.csv")
        if row["arm"] == "forest" and row["model"] == "ensemble"
    ]  # fmt: skip
    truth = [row["diagnosis"] == "malignant" for row in table]
    assert value == pytest.approx(roc_auc_score(truth, [float(r["p_malignant"]) for r in table]))
    assert looks[1]["metrics"]["auroc"]["value"] == value  # pyright: ignore[reportIndexIssue]


def test_the_ensemble_is_the_mean_of_the_fold_models(run: Path) -> None:
    table = [row for row in rows_of(run / "external.csv") if row["arm"] == "forest"]
    one = table[0]["patient_id"]
    own = {row["model"]: float(row["p_malignant"]) for row in table if row["patient_id"] == one}
    assert sorted(own) == ["1-1", "1-2", "2-1", "2-2", "ensemble"]
    models = [p for name, p in own.items() if name != "ensemble"]
    assert own["ensemble"] == pytest.approx(np.mean(models))


def test_resuming_and_repeating_do_not_look_again(cohort: Path, run: Path) -> None:
    before = (cohort / "study.ledger.jsonl").read_bytes()
    evaluate(cohort / "study.toml", out=run, overrides=KEYS)
    assert (cohort / "study.ledger.jsonl").read_bytes() == before
    evaluate(cohort / "study.toml", out=cohort / "again", overrides=KEYS)
    assert (cohort / "study.ledger.jsonl").read_bytes() == before
    evidence = json.loads((cohort / "again" / "evidence" / "locked_test.json").read_text())
    assert evidence["from_ledger"] is True
    assert not (cohort / "again" / "locked_test.csv").exists()
    page = (cohort / "again" / "report.html").read_text()
    assert "the patients were not looked at again" in page


def test_a_second_model_is_a_second_look_at_the_same_patients(cohort: Path, run: Path) -> None:
    before = ledger(cohort)
    evaluate(cohort / "study.toml", out=cohort / "seed", overrides=(*KEYS, "study.seed=99"))
    after = ledger(cohort)
    assert len(after) == len(before) + 2
    assert {look["patients"] for look in after} == {before[0]["patients"]}
    page = (cohort / "seed" / "report.html").read_text()
    assert "an arm of this study was looked at 2 times" in page
    assert "Choices made after an earlier look" in page


def test_a_trial_run_is_no_look_and_spares_the_locked_patients(cohort: Path, run: Path) -> None:
    before = (cohort / "study.ledger.jsonl").read_bytes()
    evaluate(cohort / "study.toml", out=cohort / "fast", overrides=KEYS, fast=True)
    assert (cohort / "study.ledger.jsonl").read_bytes() == before
    locked = {r["patient_id"] for r in rows_of(run / "splits.csv") if r["part"] == "locked"}
    assert not locked & {row["patient_id"] for row in rows_of(cohort / "fast" / "splits.csv")}


def test_a_set_that_was_looked_at_is_not_opened_by_asking_for_none(
    cohort: Path, run: Path, tmp_path: Path
) -> None:
    opened = (*KEYS, "evaluation.locked_test=0.0")
    with pytest.raises(StudyError, match=r"is 0, but study.ledger.jsonl records \d+ looks"):
        evaluate(cohort / "study.toml", out=tmp_path / "run", overrides=opened)


def test_outcomes_of_locked_patients_are_not_described(run: Path) -> None:
    table = json.loads((run / "table1.json").read_text())
    assert table["n_patients"] == 60


def test_a_fitted_model_leaves_the_locked_patients_out(cohort: Path, tmp_path: Path) -> None:
    model = fit(cohort / "study.toml", out=tmp_path / "model", overrides=KEYS, arm="logistic")
    notes = model.fitted.notes or {}
    assert notes["train"]["patients"] + notes["validation"]["patients"] == 60


def test_a_broken_ledger_stops_before_any_training(cohort: Path, run: Path, tmp_path: Path) -> None:
    path = cohort / "study.ledger.jsonl"
    good = path.read_text()
    try:
        path.write_text(good.replace('"number": 1', '"number": 7', 1))
        with pytest.raises(InputError, match="cannot be trusted"):
            evaluate(cohort / "study.toml", out=tmp_path / "run", overrides=KEYS)
    finally:
        path.write_text(good)
    assert not (tmp_path / "run" / "models").exists()


def test_the_report_sets_inside_against_outside(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert "External cohorts" in page
    assert "elsewhere: 40 patients" in page
    assert (run / "figures" / "external.svg").is_file()


def test_an_external_cohort_must_be_there_and_speak_the_same_labels(
    cohort: Path, tmp_path: Path
) -> None:
    absent = (*KEYS, 'evaluation.external={x="absent.csv"}')
    with pytest.raises(InputError, match=r"absent.csv: no such table \(evaluation.external.x\)"):
        evaluate(cohort / "study.toml", out=tmp_path / "a", overrides=absent)
    table = cohort / "other" / "strange.csv"
    table.write_text((cohort / "other" / "patients.csv").read_text().replace("malignant", "bad"))
    strange = (*KEYS, 'evaluation.external={x="other/strange.csv"}')
    with pytest.raises((InputError, StudyError), match="'bad'"):
        evaluate(cohort / "study.toml", out=tmp_path / "b", overrides=strange)


def test_leaving_one_institution_out_has_one_fold_for_each(cohort: Path, tmp_path: Path) -> None:
    left_out = ("locked", "external", "repeats", "folds")
    keys = [k for k in KEYS if not any(word in k for word in left_out)]
    other = cohort / "institutions.toml"  # the ledger of study.toml does not concern it
    other.write_text((cohort / "study.toml").read_text())
    evaluate(other, out=tmp_path / "run", overrides=(*keys, 'evaluation.folds_by="institution"'))
    homes = {row["patient_id"]: row["institution"] for row in rows_of(cohort / "patients.csv")}
    folds: dict[str, set[str]] = {}
    for row in rows_of(tmp_path / "run" / "splits.csv"):
        if row["part"] == "test":
            folds.setdefault(row["fold"], set()).add(homes[row["patient_id"]])
    assert [folds[f] for f in sorted(folds)] == [{name} for name in sorted(set(homes.values()))]


def test_people_of_the_study_are_not_scored_as_external(cohort: Path, tmp_path: Path) -> None:
    inside = rows_of(cohort / "patients.csv")
    outside = rows_of(cohort / "other" / "patients.csv")
    ids = list(dict.fromkeys(row["patient_id"] for row in inside))[:6]
    again = [
        {**row, "patient_id": f"R{row['patient_id']}", "image": ""}
        for row in inside
        if row["patient_id"] in ids
    ]
    with (cohort / "other" / "mixed.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(inside[0]))
        writer.writeheader()
        writer.writerows([*outside, *again])
    study = cohort / "mixed.toml"
    study.write_text((cohort / "study.toml").read_text())
    keys = [k for k in KEYS if "locked" not in k and "external" not in k]
    mixed = (*keys, 'evaluation.external={elsewhere="other/mixed.csv"}')
    with pytest.raises(StudyError, match="patient-overlap"):
        evaluate(study, out=tmp_path / "a", overrides=mixed)
    codes = ["patient-overlap", "duplicate-image", "duplicate-row"]
    accepted = (*mixed, f"audit.accept={json.dumps(codes)}")
    evaluate(study, out=tmp_path / "b", overrides=accepted)
    (document,) = json.loads((tmp_path / "b" / "evidence" / "external.json").read_text())[
        "cohorts"
    ].values()
    assert document["n_shared"] == 6
    assert document["n_patients"] == 40
    assert not {row["patient_id"] for row in rows_of(tmp_path / "b" / "external.csv")} & {
        f"R{patient}" for patient in ids
    }
    assert (
        "6 patients of this cohort are in the study as well"
        in (tmp_path / "b" / "report.html").read_text()
    )


def test_no_check_reads_the_outcome_of_a_locked_patient(
    cohort: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Audited] = []
    monkeypatch.setattr(verb, "run_checks", lambda audited: seen.append(audited) or [])
    check(cohort / "study.toml", overrides=KEYS, estimate_time=False)
    locked = {r["patient_id"] for r in rows_of(run / "splits.csv") if r["part"] == "locked"}
    (audited,) = seen
    pairs = zip(audited.cohort.patient_id, audited.outcomes.kept.tolist(), strict=True)
    assert {patient for patient, is_kept in pairs if not is_kept} == locked


SCORES = """
[study]
name = "scores"
seed = 1
[cohort]
table = "patients.csv"
[task]
kind = "regression"
target = "gene_set:SET"
gene_sets = "sets.gmt"
expression = "rna"
[modalities.record]
kind = "table"
numeric = ["age"]
[modalities.noise]
kind = "table"
numeric = ["weight"]
[modalities.rna]
kind = "expression"
table = "rna.csv"
scale = "log2_tpm"
[arms]
age = {modalities = ["record"], baseline = "ridge"}
noise = {modalities = ["noise"], baseline = "ridge"}
[evaluation]
folds = 2
bootstrap = 100
primary = {arm = "age", reference = "noise", metric = "r2"}
explain = []
probes = []
locked_test = 0.25
external = {elsewhere = "other/patients.csv"}
"""
KERATINS = tuple(f"KRT{k}" for k in (1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14))


def write_scored(folder: Path, n: int, name: str, genes: tuple[str, ...]) -> None:
    """Patients whose age tells the first six genes."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(n)
    age, weight = rng.normal(60, 10, n).round(1), rng.normal(70, 10, n).round(1)
    rises = np.asarray([1.0 if gene in KERATINS[:6] else -1.0 for gene in genes])
    values = 5 + rises * (age[:, None] - 60) / 20 + rng.normal(0, 0.3, (n, len(genes)))
    table = [f"{name}{i},{a},{w}" for i, (a, w) in enumerate(zip(age, weight, strict=True))]
    (folder / "patients.csv").write_text("\n".join(["patient_id,age,weight", *table]) + "\n")
    rows = [f"{name}{i}," + ",".join(map(repr, own.tolist())) for i, own in enumerate(values)]
    (folder / "rna.csv").write_text("\n".join(["id," + ",".join(genes), *rows]) + "\n")


def test_scores_of_gene_sets_are_known_of_patients_that_no_fold_has_seen(tmp_path: Path) -> None:
    write_scored(tmp_path / "c", 60, "P", KERATINS)
    write_scored(tmp_path / "c" / "other", 20, "Q", KERATINS[::-1])
    (tmp_path / "c" / "sets.gmt").write_text("SET\tx\t" + "\t".join(KERATINS[:6]) + "\n")
    (tmp_path / "c" / "study.toml").write_text(SCORES)
    run = tmp_path / "run"
    evaluate(tmp_path / "c" / "study.toml", out=run)
    locked = json.loads((run / "evidence" / "locked_test.json").read_text())
    external = json.loads((run / "evidence" / "external.json").read_text())
    for document, n in ((locked, 15), (external["cohorts"]["elsewhere"], 20)):
        assert document["outcome"] == {"known": n}
        assert document["arms"]["age"]["ensemble"]["r2"]["value"] > 0.8
        assert document["comparison"]["difference"] > 0.5
    (tmp_path / "c" / "other" / "rna.csv").unlink()
    with pytest.raises(InputError, match="nobody has rna, which the targets are computed from"):
        evaluate(tmp_path / "c" / "study.toml", out=tmp_path / "again")

import csv
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import pytest
import tomli_w

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.report.checklist_item import STATUSES, fill_in
from tumorboard.report.checklists import section, write_checklists
from tumorboard.report.claim import CLAIM
from tumorboard.report.class_facts import ClassFacts
from tumorboard.report.contents import read_classes
from tumorboard.report.limits import STATEMENTS
from tumorboard.report.tripod_ai import TRIPOD_AI
from tumorboard.study_keys import Report


@pytest.fixture
def folder(run: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run.folder, tmp_path / "run"))


def _change(folder: Path, **tables: dict[str, Any]) -> None:
    path = folder / "study.toml"
    study = tomllib.loads(path.read_text("utf-8"))
    for name, table in tables.items():
        study[name] = {**study.get(name, {}), **table}
    path.write_text(tomli_w.dumps(study), "utf-8")


def _answers(folder: Path) -> dict[str, tuple[str, str]]:
    facts = ClassFacts(read_classes(folder))
    return {
        f"{prefix}{row.item.number}": (row.answer.status, row.answer.text)
        for prefix, checklist in (("T", TRIPOD_AI), ("C", CLAIM))
        for row in fill_in(checklist, facts)
    }


def test_every_item_of_tripod_ai_is_there() -> None:
    """27 items, 52 with their parts (Collins et al., BMJ 2024)."""
    parts = {
        3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef", 20: "abc",
        23: "ab", 27: "abc",
    }  # fmt: skip
    expected = [f"{n}{part}" for n in range(1, 28) for part in parts.get(n, [""])]
    assert [item.number for item in TRIPOD_AI.items] == expected
    assert len(expected) == 52
    assert {item.applies for item in TRIPOD_AI.items} == {"D", "E", "D;E"}
    development = {"9a", "12a", "12b", "12c", "15", "22", "27a", "27b"}
    evaluation = {"12f", "12g", "20c", "24"}
    assert {i.number for i in TRIPOD_AI.items if i.applies == "D"} == development
    assert {i.number for i in TRIPOD_AI.items if i.applies == "E"} == evaluation


def test_every_item_of_claim_is_there() -> None:
    assert [item.number for item in CLAIM.items] == [str(n) for n in range(1, 45)]


def test_every_item_has_one_status_and_a_text(folder: Path) -> None:
    answers = _answers(folder)
    assert len(answers) == 52 + 44
    for number, (status, text) in answers.items():
        assert status in STATUSES, number
        assert text.strip(), number
        assert text == text.strip(), number


def test_text_comes_from_the_run(folder: Path) -> None:
    answers = _answers(folder)
    contents = read_classes(folder)
    auroc = contents.metrics["fused"]["auroc"]
    status, text = answers["T23a"]
    assert status == "reported"
    assert f"AUROC {auroc.value:.3f} (95 % interval {auroc.ci_low:.3f} to" in text
    assert "180 patients analysed of 192 found" in answers["C35"][1]
    assert "torch 2.13.0" in answers["C23"][1]
    assert "5-fold cross-validation by patient, 2 repeats" in answers["T12a"][1]
    _change(folder, evaluation={"folds_by": "institution"})
    by_institution = _answers(folder)["T12a"][1]
    assert by_institution.startswith("Leave-one-institution-out: 5 institutions")


def test_what_only_the_author_knows_is_missing_until_written(folder: Path) -> None:
    before = _answers(folder)
    assert before["T17"] == (
        "missing",
        "The author must write [report] ethics in the study file.",
    )
    _change(folder, report={"ethics": "Approved as 17/2024.", "outcome": "By histology."})
    after = _answers(folder)
    assert after["T17"] == ("reported", "Approved as 17/2024.")
    assert after["T8a"][0] == "reported"
    assert after["T8a"][1].endswith("By histology.")
    changed = {number for number in before if before[number] != after[number]}
    assert changed == {"T17", "T8a", "C14", "C15"}


def test_all_statements_leave_only_evidence_to_add(folder: Path) -> None:
    assert set(STATEMENTS) == set(Report.model_fields)
    stop = {"metric": "auroc", "patience": 5, "keep": "best"}
    _change(folder, report=dict.fromkeys(Report.model_fields, "Said."), training={"stop": stop})
    missing = {n for n, (status, _) in _answers(folder).items() if status == "missing"}
    assert missing == {"T14", "C30", "C31", "C33"}


def test_evidence_changes_the_status(folder: Path) -> None:
    before = _answers(folder)
    assert before["T16"][0] == "not applicable"
    assert before["T14"][0] == "missing"
    write_evidence(folder, "subgroups", {"sex": {}})
    write_evidence(folder, "external", {})
    _change(folder, evaluation={"external": {"elsewhere": "other.csv"}})
    after = _answers(folder)
    assert after["T14"] == (
        "reported",
        "Performance per subgroup, with counts and intervals: see report.html; every number is in "
        "evidence/subgroups.json.",
    )
    assert after["T16"][0] == "missing"
    assert after["C33"][0] == "reported"


def test_no_images_no_image_items(folder: Path) -> None:
    assert _answers(folder)["C13"][0] == "missing"
    study = tomllib.loads((folder / "study.toml").read_text("utf-8"))
    study["modalities"]["ultrasound"]["kind"] = "table"
    (folder / "study.toml").write_text(tomli_w.dumps(study), "utf-8")
    assert _answers(folder)["C13"][0] == "not applicable"


def test_word_and_csv_hold_every_item(folder: Path) -> None:
    _change(folder, report={"ethics": "=1+1 <b>& \x0b done"}, study={"name": "breast"})
    document, table = write_checklists(folder)
    opened = docx.Document(str(document))
    assert [p.text for p in opened.paragraphs if p.style and p.style.name == "Heading 1"] == [
        "TRIPOD+AI 2024", "CLAIM 2024",
    ]  # fmt: skip
    answers = _answers(folder)
    for made, checklist, prefix in zip(opened.tables, (TRIPOD_AI, CLAIM), "TC", strict=True):
        rows = [[cell.text for cell in row.cells] for row in made.rows]
        assert rows[0] == ["item", "section", "applies to", "what is asked", "status", "text"]
        assert [row[0] for row in rows[1:]] == [item.number for item in checklist.items]
        assert [row[4] for row in rows[1:]] == [
            answers[prefix + item.number][0] for item in checklist.items
        ]
    assert "=1+1 <b>&  done" in [row.cells[5].text for row in opened.tables[0].rows]
    with table.open(encoding="utf-8", newline="") as handle:
        written = list(csv.DictReader(handle))
    assert len(written) == 96
    assert [row["text"][0] for row in written if "1+1" in row["text"]] == ["'"]


def test_section_counts_and_escapes(folder: Path, make_run: Callable[..., Any]) -> None:
    _change(folder, report={"ethics": "<script>alert(1)</script>"})
    made = section(read_classes(folder))
    found = re.findall(r"of (\d+) items, (\d+) reported, (\d+) missing, (\d+) not", made.lead)
    assert [sum(map(int, row[1:])) for row in found] == [52, 44] == [int(r[0]) for r in found]
    assert "<script>" not in made.html
    assert "&lt;script&gt;alert(1)" in made.html


def test_a_run_without_networks_or_images(make_run: Callable[..., Any], tmp_path: Path) -> None:
    run = make_run(tmp_path / "three", n_patients=60, classes=("a", "b", "c"), n_repeats=1)
    answers = _answers(run.folder)
    assert all(status in STATUSES for status, _ in answers.values())
    assert answers["T12g"][1].startswith("A probability per class")


def test_explanations_and_institutions_are_found_where_they_are(folder: Path) -> None:
    (folder / "explanations").mkdir()
    assert _answers(folder)["C31"][0] == "missing"
    (folder / "explanations" / "importance.csv").write_text("a\n", "utf-8")
    assert _answers(folder)["C31"][0] == "reported"
    _change(folder, cohort={"institution": "hospital"})
    write_evidence(folder, "subgroups", {"columns": []})
    assert _answers(folder)["T23b"][0] == "missing"
    _change(folder, evaluation={"subgroups": ["hospital"]})
    assert _answers(folder)["T23b"][0] == "reported"

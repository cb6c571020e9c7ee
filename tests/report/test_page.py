import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tumorboard.errors import InputError
from tumorboard.evaluation.run import Run
from tumorboard.records import Finding
from tumorboard.report.page import grouped
from tumorboard.report.write import write_report

FIGURES = ("answer", "flow", "missing", "roc", "precision_recall", "confusion", "training")


class _Reader(HTMLParser):
    """Text, ids, addresses and unclosed elements of a page."""

    VOID = frozenset({"meta", "input", "br", "link", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "action", "data"):
                self.addresses.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] not in ("style", "script", "title"):
            self.text.append(data.strip())


def _read(page: Path) -> _Reader:
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def page(run) -> Path:
    return write_report(run.folder)


def test_first_line_is_the_answer(page: Path, run) -> None:
    first = _read(page).text[0]
    assert first == Run(run.folder).answer
    difference = run.comparison[0]["difference"]
    assert f"{difference:+.2f}" in first


def test_numbers_are_those_of_the_run(page: Path, run) -> None:
    text = page.read_text(encoding="utf-8")
    for arm in run.metrics:
        estimate = run.metrics[arm]["auroc"]
        cell = (
            rf"{estimate['value']:.3f}<small>{estimate['ci_low']:.3f} to {estimate['ci_high']:.3f}"
        )
        assert cell in text
    row = run.comparison[0]
    assert f"+{row['ci_low']:.3f} to +{row['ci_high']:.3f}" in text
    assert "0.012" in text


def test_patients_have_their_mean_probability(page: Path, run) -> None:
    table = run.table
    rows = (table.patient_id == "case007") & (table.arm == "fused") & (table.part == "test")
    mean = table.probabilities[rows, 1].mean()
    text = page.read_text(encoding="utf-8")
    found = re.search(
        r'<th scope="row">case007</th><td class="word">\w+</td><td[^>]*>([0-9.]+)', text
    )
    assert found is not None
    assert found.group(1) == f"{mean:.3f}"


def test_opens_without_a_network(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert all(address.startswith("#") for address in _read(page).addresses)
    assert re.search(r"https?://|@import|url\((?!#)", text) is None
    assert "default-src 'none'" in text


def test_ids_are_unique_and_links_lead_somewhere(page: Path) -> None:
    reader = _read(page)
    assert len(reader.ids) == len(set(reader.ids))
    assert {a[1:] for a in reader.addresses} <= set(reader.ids)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_svg_and_png(page: Path, name: str) -> None:
    folder = page.parent / "figures"
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    svg = (folder / f"{name}.svg").read_text(encoding="utf-8")
    assert svg.rstrip().endswith("</svg>")
    assert "<dc:date>" not in svg
    assert "<text" not in svg  # paths look the same where the font is absent


def test_says_what_it_must(page: Path) -> None:
    text = " ".join(_read(page).text)
    for sentence in (
        "Research software, not a medical device.",
        "Women with a breast mass referred for biopsy",
        "not reported",
        "One cohort, no external test",
        "Trained from scratch: resnet (ultrasound)",
        "near-duplicate-image",
        "179 used",
        "corrected resampled t",
        "2.13.0",
        "locked_test = 0.0",
    ):
        assert sentence in text


def test_the_same_run_gives_the_same_bytes(page: Path, run) -> None:
    files = [page, *sorted((run.folder / "figures").iterdir())]
    before = {path: path.read_bytes() for path in files}
    write_report(run.folder)
    assert {path: path.read_bytes() for path in files} == before


def test_names_are_shown_as_text(tmp_path: Path, make_run) -> None:
    evil = "<script>alert(1)</script>"
    written = make_run(
        tmp_path, n_patients=90, n_repeats=1, n_folds=2, arms=("record", "fused"),
        first_patient=evil, classes=("<b>benign</b>", "$malignant$ & worse"),
    )  # fmt: skip
    text = write_report(written.folder).read_text(encoding="utf-8")
    assert evil not in text
    assert "<b>benign" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "$malignant$ &amp; worse" in text


def test_several_classes(tmp_path: Path, make_run) -> None:
    classes = ("normal", "benign", "malignant")
    written = make_run(
        tmp_path, n_patients=120, n_repeats=1, n_folds=3, arms=("record", "fused"), classes=classes
    )
    page = write_report(written.folder)
    text = " ".join(_read(page).text)
    for name in classes:
        assert f"{name} against the rest" in text
    assert text.index("against the rest") < text.index("All classes together")  # classes lead
    assert text.index("Macro F1") < text.index("Accuracy")
    test = written.table.take((written.table.part == "test") & (written.table.arm == "fused"))
    each = [
        roc_auc_score(test.outcome[rows] == k, test.probabilities[rows, k])
        for fold in (1, 2, 3)
        for rows in [test.fold == fold]
        for k in range(3)
    ]
    assert f"{np.mean(each):.3f}" in text


def test_an_unfinished_run_is_named(tmp_path: Path, make_run) -> None:
    written = make_run(tmp_path, n_patients=60, n_repeats=1, n_folds=2, arms=("record", "fused"))
    (written.folder / "cohort.json").unlink()
    with pytest.raises(InputError, match=r"cohort\.json: absent, so the run is not complete"):
        write_report(written.folder)
    (written.folder / "cohort.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"cohort\.json: damaged"):
        write_report(written.folder)


def test_a_run_without_the_optional_files(tmp_path: Path, make_run) -> None:
    written = make_run(tmp_path, n_patients=60, n_repeats=1, n_folds=2, arms=("record", "fused"))
    for name in ("table1.json", "environment.json", "manifest.csv", "audit.json"):
        (written.folder / name).unlink()
    metrics = json.loads((written.folder / "metrics.json").read_text(encoding="utf-8"))
    metrics["fused"]["auroc"].update(value=None, ci_low=None, ci_high=None)
    (written.folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    text = " ".join(_read(write_report(written.folder)).text)
    for section in ("Table 1: the patients", "Versions and machine"):
        assert f"{section} Not recorded in this run." in text
    assert "The audit found nothing to report." in text
    assert re.search(r"\bnan\b", text) is None


def test_accepted_errors_of_the_audit_mark_the_page(tmp_path: Path, make_run) -> None:
    written = make_run(tmp_path, n_patients=60, n_repeats=1, n_folds=2, arms=("record", "fused"))
    finding = {
        "code": "label-proxy", "severity": "error", "message": "BIRADS alone has AUROC 0.99",
        "patients": [], "evidence": {"column": "BIRADS"},
    }  # fmt: skip
    (written.folder / "audit.json").write_text(json.dumps([finding]), encoding="utf-8")
    study = (written.folder / "study.toml").read_text(encoding="utf-8")
    study = study.replace("accept = []", 'accept = ["label-proxy"]')
    (written.folder / "study.toml").write_text(study, encoding="utf-8")
    text = " ".join(_read(write_report(written.folder)).text)
    assert "The audit found errors that the author accepted: label-proxy." in text
    assert "accepted by the author" in text


def test_small_classes_are_one_line_of_the_audit() -> None:
    small = [
        Finding("small-class", "warning", name, ("p1", name), {"class": name, "n_patients": n})
        for name, n in (("mitosis", 3), ("tumour", 8))
    ]
    other = Finding("too-few-events", "warning", "few", (), {})
    first, last = grouped([small[0], other, small[1]])
    assert "2 classes" in first.message
    assert "mitosis 3, tumour 8" in first.message
    assert first.patients == ("p1", "mitosis", "tumour")
    assert last is other
    assert grouped([small[0], other]) == [small[0], other]
    joined = [replace(found, severity="note") for found in small]
    assert grouped(joined) == joined

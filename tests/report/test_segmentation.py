"""The page of a segmentation says what its evidence says."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_masks import write_mask_run

from tumorboard.evaluation.evidence import read_evidence, write_evidence
from tumorboard.evaluation.run import Run
from tumorboard.report import segmentation, segmentation_checks
from tumorboard.report.checklist_item import fill_in
from tumorboard.report.claim import CLAIM
from tumorboard.report.contents import read_contents
from tumorboard.report.numbers_contents import NumbersContents
from tumorboard.report.run_facts import facts_of
from tumorboard.report.tripod_ai import TRIPOD_AI
from tumorboard.report.write import write_report

MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mask_run(tmp_path_factory.mktemp("masks"))


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return write_report(run).read_text(encoding="utf-8")


@pytest.fixture
def contents(run: Path) -> NumbersContents:
    found = read_contents(run)
    assert isinstance(found, NumbersContents)
    return found


def test_the_first_line_answers_whether_notes_help(run: Path) -> None:
    assert re.fullmatch(
        r"Adding the notes to the mri image changes Dice by \+0\.0\d \(95 % interval \+0\.0\d to "
        r"\+0\.0\d\) in 39 patients\. Means: 0\.\d\d with dynamic_attention, 0\.\d\d with image\. "
        r"With a shuffled note the gain vanishes \(-0\.0\d, 95 % interval -0\.0\d to "
        r"[-+]0\.0\d\)\.",
        Run(run).answer,
    )


def test_a_gain_that_stays_is_said_in_the_first_line(tmp_path: Path) -> None:
    gains = {"image": 0.0, "dynamic_attention": 0.06, "dynamic_attention-shuffled": 0.06}
    kept = write_mask_run(tmp_path / "kept", gallery=False, gains=gains)
    assert "the content of the note is not what helps" in Run(kept).answer
    none = write_mask_run(
        tmp_path / "none", gallery=False, noise=0.2,
        gains={"image": 0.0, "dynamic_attention": 0.0, "dynamic_attention-shuffled": 0.0},
    )  # fmt: skip
    assert Run(none).answer.startswith("There is no evidence that adding the notes")
    assert "With a shuffled note the difference is" in Run(none).answer


def test_other_notes_are_no_arms_of_the_page(
    page: str, contents: NumbersContents, run: Path
) -> None:
    arms = ("dynamic_attention", "image", "concatenation", "static_weights")
    assert contents.arms == arms
    assert {row.arm for row in contents.differences} == set(arms) - {"image"}
    answer = (run / "figures" / "answer.svg").read_text(encoding="utf-8")
    assert "concatenation" in answer
    assert "shuffled" not in answer
    assert "dynamic_attention-shuffled" in Run(run).metrics


def test_other_notes_without_a_part_of_their_own_stay_arms(run: Path, tmp_path: Path) -> None:
    """Those of the reference arm; and an arm of the study that is only called like a control."""
    copy = shutil.copytree(run, tmp_path / "run")
    document = read_evidence(copy, "segmentation")
    assert document is not None
    kept = [entry for entry in document["controls"] if entry["control"] != "shuffled"]
    write_evidence(copy, "segmentation", {**document, "controls": kept})
    found = read_contents(copy)
    assert found.arms[-1] == "dynamic_attention-shuffled"
    assert "dynamic_attention-silent" not in found.arms


def test_every_section_and_figure_is_on_the_page(page: str, run: Path) -> None:
    sections = ("note-controls", "fusions", "masks", "paired-tests", "difficulty",
                "predicted-dice", "volumes", "lesions", "cases")  # fmt: skip
    for anchor in sections:
        assert f'<section id="{anchor}">' in page
        assert f'href="#{anchor}"' in page
    for name in ("answer", "controls", "fusions", "p_values", "guesses", "volumes"):
        assert (run / "figures" / f"{name}.png").is_file()
    assert page.count("data:image/png;base64,") == 6
    assert "One reference mask per case" in page
    assert "voxel size" not in page
    assert "HD95, mm" in page
    assert "39 patients; 1 excluded because both masks are empty" in page
    assert "Normalised surface distance" in page
    assert "nan" not in re.sub(r"data:[^\"]+|<svg.*?</svg>", "", page, flags=re.DOTALL)
    for name in ("tripod_ai.md", "claim.md"):
        assert any(run.rglob(name)) or any(run.rglob("checklists*"))


def test_controls_tests_and_difficulty(contents: NumbersContents) -> None:
    controls = segmentation_checks.controls_section(contents)
    assert controls is not None
    assert controls.html.count("gain vanishes") == 3
    assert "gain vanishes, and it harms" in controls.html  # the note that contradicts
    assert f"{MINUS}" in controls.lead
    tests = segmentation_checks.tests_section(contents)
    assert tests is not None
    assert "paired t-tests against image are below 0.05 after Holm" in tests.lead
    assert tests.html.count("<tr") == 15  # a head and fourteen metrics
    difficulty = segmentation_checks.difficulty_section(contents)
    assert difficulty is not None
    assert "smallest third" in difficulty.lead
    assert "By grade" in difficulty.html
    volumes = segmentation_checks.volumes_section(contents)
    assert volumes is not None
    assert "about 95 of 100 patients lie between" in volumes.lead
    guesses = segmentation_checks.guesses_section(contents)
    assert guesses is not None
    assert "predicts its own Dice with a mean absolute error of 0.0" in guesses.lead


def test_the_section_on_other_notes_begins_with_the_primary_arm(
    tmp_path: Path, contents: NumbersContents
) -> None:
    document = read_evidence(contents.folder, "segmentation") or {}
    another = [{**entry, "arm": "concatenation"} for entry in document["controls"]]
    changed = {**document, "controls": [*another, *document["controls"]]}
    write_evidence(tmp_path, "segmentation", changed)
    shown = segmentation_checks.controls_section(replace(contents, folder=tmp_path))
    assert shown is not None
    assert shown.lead.startswith("Against the reference dynamic_attention gains")


def test_notes_that_could_not_be_contradicted_are_counted(
    tmp_path: Path, contents: NumbersContents
) -> None:
    document = read_evidence(contents.folder, "segmentation")
    for found, words in (
        ({"dynamic_attention": (3, 40)}, "stays as it is: 3 of 40 notes."),
        ({"a": (3, 40), "b": (3, 40)}, "stays as it is: 3 of 40 notes."),
        ({"a": (3, 40), "b": (0, 9)}, "stays as it is: 3 of 40 notes (a), 0 of 9 notes (b)."),
        ({}, "cannot be contradicted and stays as it is. Intervals"),
    ):
        write_evidence(tmp_path, "segmentation", {**(document or {}), "uncontradicted": found})
        shown = segmentation_checks.controls_section(replace(contents, folder=tmp_path))
        assert shown is not None
        assert words in shown.html


def test_means_over_different_patients_say_how_many(
    tmp_path: Path, contents: NumbersContents, page: str
) -> None:
    assert "except those without the label whom both rightly leave empty" in page
    before = segmentation.fusions_section(contents)
    assert before is not None
    assert "; n " not in before.html
    document = read_evidence(contents.folder, "segmentation") or {}
    document["arms"]["image"]["metrics"]["dice"]["n"] = 40  # it invents one where there is none
    write_evidence(tmp_path, "segmentation", document)
    after = segmentation.fusions_section(replace(contents, folder=tmp_path))
    assert after is not None
    assert after.html.count("; n 39<") == 3
    assert after.html.count("; n 40<") == 1
    assert "n: patients behind a mean" in after.html
    assert after.lead.endswith("The means are of 39 to 40 patients, not all of the same ones.")


def test_runs_without_controls_or_guesses_have_no_such_section(
    tmp_path: Path, contents: NumbersContents
) -> None:
    document = read_evidence(contents.folder, "segmentation")
    assert document is not None
    write_evidence(tmp_path, "segmentation",
                   {**document, "controls": [], "predicted_dice": {}, "tests": [],
                    "difficulty": [], "volumes": {}, "worst": []})  # fmt: skip
    bare = replace(contents, folder=tmp_path)
    assert segmentation_checks.controls_section(bare) is None
    assert segmentation_checks.guesses_section(bare) is None
    assert segmentation_checks.tests_section(bare) is None
    assert segmentation_checks.difficulty_section(bare) is None
    assert segmentation_checks.volumes_section(bare) is None
    assert segmentation.cases_section(bare) is None
    other = replace(contents, folder=tmp_path / "other")
    assert segmentation.masks_section(other) is None
    assert segmentation.fusions_section(other) is None


def test_labels_in_voxels_have_tables_of_their_own(tmp_path: Path) -> None:
    run = write_mask_run(
        tmp_path, gallery=False, labels=("core", "rim"), units=("px", "px"),
        gains={"image": 0.0, "dynamic_attention": 0.05},
    )  # fmt: skip
    contents = read_contents(run)
    assert isinstance(contents, NumbersContents)
    masks = segmentation.masks_section(contents)
    assert masks is not None
    assert "<h3>core</h3>" in masks.html
    assert "<h3>rim</h3>" in masks.html
    assert "HD95, px" in masks.html
    facts = facts_of(contents)
    assert any("pixels or voxels (px)" in sentence for sentence in facts.limits)
    assert "distances and volumes are in px" in facts.outcome()
    assert facts.target() == "masks of core, rim"


def test_checklists_speak_of_masks(contents: NumbersContents) -> None:
    facts = facts_of(contents)
    assert "dynamic_attention: Dice 0.8" in facts.performance()
    assert "HD95, mm" in facts.measures()
    assert "mask" in facts.output()
    filled = [fill_in(checklist, facts) for checklist in (CLAIM, TRIPOD_AI)]
    text = str(filled)
    assert "Reference masks of tumour" in text
    assert "ten cases with the lowest Dice" in text
    assert "risk score" not in text


def test_one_arm_has_a_page_without_comparisons(tmp_path: Path) -> None:
    run = write_mask_run(tmp_path, gallery=False, n=12, gains={"image": 0.0})
    page = write_report(run).read_text(encoding="utf-8")
    assert "nothing to compare it with" in page
    assert '<section id="difficulty">' in page
    assert '<section id="paired-tests">' not in page
    assert "Every group has fewer than 10 patients" in page

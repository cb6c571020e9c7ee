from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_cohort import make_audited, patients, severities

from tumorboard.audit.label_in_text import LabelInText
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.records import Finding
from tumorboard.transforms.outcome_words import mentions, outcome_words

SEEDS = range(3)
N = 120


def find(texts: list[str], **settings: object) -> list[Finding]:
    columns, _ = patients(N, seed=int(settings.pop("seed", 0)))  # type: ignore[call-overload]
    return LabelInText().find(
        make_audited({**columns, "note": texts}, categorical=["note"], **settings)  # type: ignore[arg-type]
    )


def notes(how: str, seed: int) -> list[str]:
    columns, malignant = patients(N, seed=seed)
    rng = np.random.default_rng(seed)
    filler = [
        f"{rng.integers(5, 40)} mm mass, {rng.choice(['left', 'right'])} side." for _ in range(N)
    ]
    said: dict[str, list[str]] = {
        "label": [f"Final: {str(label).upper()} lesion." for label in columns["diagnosis"]],
        "a fifth": [
            f"Later {label}." if i % 5 == 0 else "" for i, label in enumerate(columns["diagnosis"])
        ],
        "denied": np.where(
            malignant, "Signs of malignancy.", "No evidence of malignancy."
        ).tolist(),
        "noun": np.where(malignant, "Malignancy was confirmed.", "").tolist(),
        "asked": ["Rule out malignancy."] * N,
        "at random": list(rng.choice(["mother had a malignant tumour", "benign cyst before"], N)),
        "nothing": [""] * N,
        "part of a word": ["premalignantoid change"] * N,
    }
    return [f"{text} {own}" for text, own in zip(filler, said[how], strict=True)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("how", ["label", "a fifth", "denied", "noun"])
def test_a_text_that_says_the_outcome_is_a_warning(how: str, seed: int) -> None:
    (finding,) = find(notes(how, seed), seed=seed)
    assert (finding.code, finding.severity) == ("label-in-text", "warning")
    assert finding.evidence["column"] == "note"
    if how == "a fifth":
        assert finding.patients == tuple(f"P{i:04d}" for i in range(0, N, 5))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("how", ["asked", "at random", "nothing", "part of a word"])
def test_texts_that_do_not(how: str, seed: int) -> None:
    assert find(notes(how, seed), seed=seed) == []


def test_a_column_that_is_no_predictor_is_a_note() -> None:
    columns, _ = patients(N)
    columns |= {"note": notes("label", 0), "age": list(range(N))}
    found = LabelInText().find(make_audited(columns, numeric=["age"]))
    assert len(found) == 1
    assert severities(found) == set()


def test_an_example_is_quoted_without_identifiers() -> None:
    columns, _ = patients(N)
    texts = [f"{label}, told Dr. Roe on 03/14/2019" for label in columns["diagnosis"]]
    (finding,) = find(texts)
    assert "such as" in finding.message
    assert "Dr. [NAME]" in finding.message
    assert "Roe" not in finding.message
    assert "03/14" not in finding.message


def test_notes_in_files(tmp_path: Path) -> None:
    columns, _ = patients(N)
    files = []
    for i, text in enumerate(notes("label", 0)):
        files.append(tmp_path / f"{i}.txt")
        files[-1].write_text(text, encoding="utf-8")
    (finding,) = LabelInText().find(make_audited(columns, files=files, root=tmp_path))
    assert finding.message.startswith("The notes of scan say the outcome in words")


def test_words_of_an_outcome_with_numbers_for_labels() -> None:
    words = outcome_words("malignant", {"0": "0", "1": "1"}, ("0", "1"))
    said = mentions(["a malignant mass", "not malignant", "malignant: 0", "clear", None], words)
    assert [m.tokens for m in said] == [{"1+"}, {"1-"}, {"0+", "1+"}, set(), set()]


@pytest.mark.parametrize(
    ("text", "stated"),
    [("pT2a N0", {1}), ("Stage T1.", {0}), ("T12 vertebra", set()), ("AT2", set()),
     ("T1 and T2", {0, 1})],
)  # fmt: skip
def test_tumour_stages_are_words(text: str, stated: set[int]) -> None:
    words = outcome_words("t_stage", {"T1": "T1", "T2": "T2"}, ("T1", "T2"))
    assert mentions([text], words)[0].stated == stated


def test_roman_numbers_count_beside_their_name_only() -> None:
    words = outcome_words("stage", {"I": "I", "II": "II"}, ("I", "II"))
    said = mentions(["I saw her", "stage II disease", "Stage: I"], words)
    assert [m.stated for m in said] == [set(), {1}, {0}]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_outcome_in_other_words(seed: int) -> None:
    _, malignant = patients(N, seed=seed)
    rng = np.random.default_rng(seed)
    texts = [
        f"Seen for {rng.choice(['a lump', 'local pain'])} of {rng.integers(5, 40)} mm. "
        f"{'Invasive ductal carcinoma.' if m and rng.random() < 0.9 else 'Next visit later.'}"
        for m in malignant
    ]
    (finding,) = find(texts, seed=seed)
    assert finding.severity == "warning"
    assert "carcinoma" in str(finding.evidence["phrase"])
    assert finding.evidence["n_of_class"] == finding.evidence["n_with_phrase"]
    # what is told of four in ten only is a good sign, not the outcome
    weak = [
        text if rng.random() < 0.6 else "Seen for itching, next visit in two weeks."
        for text in texts
    ]
    assert find(weak, seed=seed) == []


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("n", [30, N])
def test_many_words_at_random_tell_nothing(seed: int, n: int) -> None:
    columns, _ = patients(n, seed=seed)
    rng = np.random.default_rng(seed)
    words = [f"word{chr(97 + k % 26)}{chr(97 + k // 26)}" for k in range(400)]
    texts = [" ".join(rng.choice(words, 150)) for _ in range(n)]
    audited = make_audited({**columns, "note": texts}, categorical=["note"])
    assert LabelInText().find(audited) == []


def of_notes(texts: list[str], *, seed: int) -> list[Finding]:
    """What is found in notes that a model reads, whose column says the label."""
    columns, _ = patients(N, seed=seed)
    said = [f"Final {label} lesion." for label in columns["diagnosis"]]
    audited = make_audited({**columns, "note": said}, categorical=["note"])
    read = MeasuredNotes(
        present=np.asarray([bool(text) for text in texts]), texts=tuple(texts), name="report",
        patient_id=audited.cohort.patient_id, column="note",
    )  # fmt: skip
    return LabelInText().find(replace(audited, measured={"report": read}))


@pytest.mark.parametrize("seed", SEEDS)
def test_notes_are_judged_as_a_model_reads_them(seed: int) -> None:
    (finding,) = of_notes(notes("label", seed), seed=seed)

    assert finding.severity == "warning"
    assert finding.message.startswith("The notes of report say the outcome in words")
    assert finding.evidence["modality"] == "report"
    assert "such as" not in finding.message  # no text of a note in a report
    assert of_notes(notes("nothing", seed), seed=seed) == []  # scrubbed


def test_a_phrase_of_notes_that_tells_the_class() -> None:
    _, malignant = patients(N, seed=0)
    said = np.where(malignant, "ductal carcinoma, many words", "fibrous tissue, many words")

    (finding,) = of_notes(said.tolist(), seed=0)

    assert finding.evidence["phrase"] in ("ductal carcinoma", "fibrous tissue")
    assert finding.evidence["modality"] == "report"

"""Texts that say the outcome in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from tumorboard.audit import Audited, Check
from tumorboard.errors import InputError
from tumorboard.formats.messages import shown
from tumorboard.formats.text_encoding import read_text
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.records import Finding
from tumorboard.transforms.deidentification import deidentify
from tumorboard.transforms.note_matches import is_free_text
from tumorboard.transforms.outcome_words import Mentions, mentions, outcome_words
from tumorboard.transforms.patient_columns import Patients, numbers_of, patients_of
from tumorboard.transforms.separation import by_category
from tumorboard.transforms.telling_phrases import phrases_of, telling_phrase

#: AUROC of what texts say of the classes from which they give the outcome away.
AUROC = 0.70
#: Share of the texts naming one class that name the patient's own.
AGREEMENT = 0.90
#: Fewer patients whose text names a class prove nothing.
FEWEST_PATIENTS = 10
#: AUROC of one phrase alone from which it is the outcome in other words.
PHRASE_AUROC = 0.90
#: Chance of such an agreement without any relation.
CHANCE = 0.01
_QUOTED = 60


class LabelInText(Check):
    """label-in-text: a note or a text column that says the outcome in words.

    Class names, labels and the words of the target are looked for as whole words in any case;
    a mention after "no", "without", "rule out" and the like is kept apart. A warning where at least
    10 patients' texts name a class, and the mentions tell the class with AUROC 0.70 or more
    (cross-fitted), or texts that name one class name the patient's own in at least nine of ten
    patients; each where chance would hardly do it (p < 0.01). Where the class is not named, a word
    or two words on end of free texts that tell it by themselves with AUROC 0.90 or more
    ("carcinoma") are the outcome in other words (p < 0.01 times the phrases looked at). Notes are
    looked at as models read them: cleaned, and after statements were scrubbed.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One warning per predictor that says it, one note per text column that is no predictor."""
        patients = patients_of(audited.cohort, audited.outcomes)
        if not patients.is_comparable:
            return []
        words = outcome_words(
            next(iter(audited.outcomes.columns), ""), audited.outcomes.values, patients.classes
        )
        findings: list[Finding] = []
        predictors = audited.predictors
        notes = [own for own in audited.measured.values() if isinstance(own, MeasuredNotes)]
        left_out = audited.own_columns | {own.column for own in notes}
        for column, cells in audited.cohort.columns.items():
            if column in left_out or not _is_text(cells):
                continue
            evidence = _said(mentions(cells, words), cells, patients)
            if evidence is None and is_free_text(cells):
                findings += _by_phrase(column, predictors.get(column, ""), cells, patients)
            if evidence is not None:
                findings.append(_finding(column, predictors.get(column, ""), evidence))
        for modality, texts in _texts_of(audited, notes).items():
            evidence = _said(mentions(texts, words), texts, patients) if any(texts) else None
            if evidence is not None:
                findings.append(_finding("", modality, {**evidence, "example": ""}))
            elif any(texts):
                findings += _by_phrase("", modality, texts, patients)
        return findings


def _texts_of(audited: Audited, notes: Sequence[MeasuredNotes]) -> dict[str, Sequence[str | None]]:
    """Modality -> its notes as models read them; of others their .txt files."""
    read: dict[str, Sequence[str | None]] = {
        own.name: [text or None for text in own.texts] for own in notes
    }
    for modality, files in audited.cohort.files.items():
        if modality not in read:
            read[modality] = [_read(paths) for paths in files]
    return read


def _is_text(cells: Sequence[str | None]) -> bool:
    """Words beside each other; a bare label in a cell of its own is a matter of label-proxy."""
    given = {cell.strip() for cell in cells if cell is not None and cell.strip()}
    return numbers_of(cells) is None and any(re.search(r"\w\W+\w", cell) for cell in given)


def _read(paths: Sequence[Path]) -> str | None:
    """Text of a row's .txt files; a file that cannot be decoded is rejected by its modality."""
    texts: list[str] = []
    for path in paths:
        if path.suffix.lower() == ".txt" and path.is_file():
            try:
                texts.append(read_text(path)[0])
            except InputError:
                continue
    return "\n".join(texts) or None


def _said(
    found: Sequence[Mentions], texts: Sequence[str | None], patients: Patients
) -> dict[str, object] | None:
    """What the texts say of the outcome; None where they do not give it away."""
    tokens = patients.unions([mention.tokens for mention in found])
    stated = patients.unions([map(str, mention.stated) for mention in found])
    naming = sum(bool(own) for own in tokens)
    if naming < FEWEST_PATIENTS:
        return None
    told = by_category(
        [own or frozenset({"nothing"}) for own in tokens],
        patients.target,
        n_classes=len(patients.classes),
    )
    n_one, n_right, p_agree = _agreement(stated, patients)
    by_mentions = told.auroc >= AUROC and told.p_value < CHANCE
    by_agreement = n_one >= FEWEST_PATIENTS and n_right >= AGREEMENT * n_one and p_agree < CHANCE
    if not (by_mentions or by_agreement):
        return None
    right = [
        patient
        for patient, own, k in zip(patients.patient_id, stated, patients.target, strict=True)
        if own == frozenset({str(int(k))})
    ]
    saying = [text or "" for text, mention in zip(texts, found, strict=True) if mention.tokens]
    # a whole report may hold more than the study may show: only short cells are quoted
    example = deidentify(min(saying, key=len)).text
    return {
        "auroc": round(told.auroc, 4),
        "class": patients.classes[told.label],
        "n_naming": naming,
        "n_naming_one_class": n_one,
        "n_naming_their_own": n_right,
        "n_patients": len(patients.patient_id),
        "patients": right,
        "example": f" (such as {shown(example)})" if len(example) <= _QUOTED else "",
    }


def _agreement(stated: Sequence[frozenset[str]], patients: Patients) -> tuple[int, int, float]:
    """Patients whose text names one class, those whose own it is, and the chance of so many."""
    from scipy.stats import binom

    pairs = [
        (int(next(iter(own))), int(k))
        for own, k in zip(stated, patients.target, strict=True)
        if len(own) == 1
    ]
    if not pairs:
        return 0, 0, 1.0
    shares = np.bincount(patients.target, minlength=len(patients.classes)) / len(patients.target)
    n_right = sum(said == k for said, k in pairs)
    expected = float(np.mean([shares[said] for said, _ in pairs]))
    return len(pairs), n_right, float(binom.sf(n_right - 1, len(pairs), expected))


def _by_phrase(
    column: str, modality: str, texts: Sequence[str | None], patients: Patients
) -> list[Finding]:
    """A finding where one phrase tells a class by itself."""
    tokens = patients.unions([phrases_of(text or "") for text in texts])
    found = telling_phrase(
        tokens, patients.target, n_classes=len(patients.classes), fewest=FEWEST_PATIENTS
    )
    if found is None or found.auroc < PHRASE_AUROC or found.p_value >= CHANCE:
        return []
    name = patients.classes[found.label]
    where = f"Column {column!r}" if column else f"The notes of {modality}"
    told = (
        f"{found.phrase!r} stands in the texts of {found.n_with} of {found.n_patients} patients, "
        f"{found.n_of_class} of them {name!r}, and alone reaches AUROC {found.auroc:.3f}"
    )
    evidence: dict[str, object] = {
        "column": column, "modality": modality, "phrase": found.phrase, "class": name,
        "auroc": round(found.auroc, 4), "p_value": found.p_value, "n_with_phrase": found.n_with,
        "n_of_class": found.n_of_class, "n_patients": found.n_patients,
    }  # fmt: skip
    if not modality:
        text = f"{where} is no predictor, and rightly so: {told}."
        return [Finding("label-in-text", "note", text, evidence=evidence)]
    verb = "says" if column else "say"
    text = (
        f"{where} {verb} the outcome in other words: {told}. If that is known only with the "
        "outcome, cut these sentences, or leave it out."
    )
    holders = zip(patients.patient_id, found.has.tolist(), strict=True)
    ids = tuple(dict.fromkeys(patient for patient, has in holders if has))
    return [Finding("label-in-text", "warning", text, patients=ids, evidence=evidence)]


def _finding(column: str, modality: str, evidence: dict[str, object]) -> Finding:
    ids = tuple(str(patient) for patient in cast("list[str]", evidence.pop("patients")))
    example = evidence.pop("example")
    told = (
        f"texts of {evidence['n_naming']} of {evidence['n_patients']} patients mention a class, "
        f"{len(ids)} plainly and rightly; mentions alone reach AUROC {evidence['auroc']:.3f}"
        f"{example}"
    )
    evidence = {"column": column, "modality": modality, **evidence}
    where = f"Column {column!r}" if column else f"The notes of {modality}"
    if not modality:
        text = f"{where} is no predictor, and rightly so: {told}."
        return Finding("label-in-text", "note", text, evidence=evidence)
    verb = "says" if column else "say"
    text = f"{where} {verb} the outcome in words: {told}. Cut these sentences, or leave it out."
    return Finding("label-in-text", "warning", text, patients=ids, evidence=evidence)

"""One image under two patients."""

from __future__ import annotations

from tumorboard.audit import Audited, Check, Person
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Finding


class DuplicateImage(Check):
    """duplicate-image: images with identical pixels under two patients, whatever the files are.

    Within one patient, and where the image is blank, this is a note. Pixels are compared as they
    are prepared for the encoder.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One finding per modality and severity, with every group of identical images."""
        findings: list[Finding] = []
        for modality, images in audited.images().items():
            across: list[list[tuple[Person, str]]] = []
            within: list[list[tuple[Person, str]]] = []
            blank: list[list[tuple[Person, str]]] = []
            for group, shows_nothing in images.identical():
                people = {person for person, _ in group}
                where = blank if shows_nothing else across if len(people) > 1 else within
                where.append(group)
            findings += _across(modality, across) + _within(modality, within)
            findings += _blank(modality, blank)
        return findings


def _across(modality: str, groups: list[list[tuple[Person, str]]]) -> list[Finding]:
    if not groups:
        return []
    shown = [" = ".join(f"{file} ({person})" for person, file in group[:3]) for group in groups]
    return [
        _finding(
            modality,
            groups,
            "error",
            f"{modality}: {counted(len(groups), 'image')} with identical pixels under several "
            f"patients: {listed(shown)}. Give one person one patient id, or remove the image from "
            "the patient it does not belong to.",
        )
    ]


def _within(modality: str, groups: list[list[tuple[Person, str]]]) -> list[Finding]:
    if not groups:
        return []
    shown = [" = ".join(file for _, file in group[:3]) + f" ({group[0][0]})" for group in groups]
    return [
        _finding(
            modality,
            groups,
            "note",
            f"{modality}: {counted(len(groups), 'image')} that one patient has under several file "
            f"names: {listed(shown)}. A copy adds nothing; remove it.",
        )
    ]


def _blank(modality: str, groups: list[list[tuple[Person, str]]]) -> list[Finding]:
    if not groups:
        return []
    shown = [f"{file} ({person})" for person, file in groups[0][:10]]
    return [
        _finding(
            modality,
            groups,
            "note",
            f"{modality}: {counted(sum(map(len, groups)), 'file')} that are blank and identical: "
            f"{listed(shown)}. Remove them, so that the modality counts as missing there.",
        )
    ]


def _finding(
    modality: str, groups: list[list[tuple[Person, str]]], severity: str, message: str
) -> Finding:
    people = dict.fromkeys(person.patient_id for group in groups for person, _ in group)
    return Finding(
        code="duplicate-image",
        severity="error" if severity == "error" else "note",
        message=message,
        patients=tuple(people),
        evidence={
            "modality": modality,
            "n_groups": len(groups),
            "groups": [
                [{"cohort": p.cohort, "patient_id": p.patient_id, "file": f} for p, f in group]
                for group in groups
            ],
        },
    )

"""A hospital or a scanner that tells the outcome, so that a model may learn where, not what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from tumorboard.audit import Audited, Check
from tumorboard.formats.image_metadata import read_metadata
from tumorboard.formats.messages import counted
from tumorboard.records import Finding
from tumorboard.transforms.association import association_p_value
from tumorboard.transforms.patient_columns import Patients, patients_of
from tumorboard.transforms.separation import Separation, by_category

#: AUROC of the centre for the outcome from which it may pass for a predictor.
AUROC = 0.70
#: Chance of the association, times the number of centres and devices looked at.
CHANCE = 0.01
_NAMES = re.compile(
    r"institution|hospital|clinic(?!al)|(^|[^a-z])(cent(er|re)|site)([_ ]?(id|name|code|nr|no))?$|"
    r"scanner|manufacturer|vendor|(^|[^a-z])(device|machine)|affiliation|tissue.?source",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"tumou?r|lesion|anatom|body|biops|metasta|mm$|[xyz]$", re.IGNORECASE)


class InstitutionConfounded(Check):
    """institution-confounded: the centre or the scanner predicts the outcome.

    Looked at are `[cohort] institution`, columns named after a hospital, centre, scanner or
    manufacturer, and the device and hospital that image files name. A warning where outcome and
    centre are associated (chi-square, by permutation in sparse tables; p times the number looked at
    below 0.01) and the centre tells a class with a cross-fitted AUROC of 0.70 or more.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One warning per centre or device that tells the outcome."""
        patients = patients_of(audited.cohort, audited.outcomes)
        if not patients.is_comparable:
            return []
        places = {what: patients.unions(rows) for what, rows in _places(audited).items()}
        places = {what: own for what, own in places.items() if _is_place(own)}
        findings: list[Finding] = []
        for what, own in places.items():
            p_value = association_p_value(own, patients.target) * len(places)
            told = by_category(own, patients.target, n_classes=len(patients.classes))
            if p_value < CHANCE and told.auroc >= AUROC:
                findings.append(_finding(what, own, told, p_value, patients))
        return findings


def _places(audited: Audited) -> dict[str, Sequence[Sequence[str]]]:
    """What may be a place -> the place of each row."""
    cohort = audited.cohort
    declared = audited.study.keys.cohort.institution
    own = audited.own_columns - {declared}
    places: dict[str, Sequence[Sequence[str]]] = {}
    for column, cells in cohort.columns.items():
        is_named = bool(_NAMES.search(column)) and not _ELSEWHERE.search(column)
        if column == declared or (is_named and column not in own):
            places[f"column {column!r}"] = [(cell.strip(),) if cell else () for cell in cells]
    for modality, files in cohort.files.items():
        headers = [read_metadata(paths[0]) if paths else None for paths in files]
        places[f"device in the files of {modality}"] = [
            (h.device,) if h and h.device else () for h in headers
        ]
        places[f"hospital in the files of {modality}"] = [
            (h.institution,) if h and h.institution else () for h in headers
        ]
    return places


def _is_place(own: Sequence[frozenset[str]]) -> bool:
    """Several places, each with several patients on average; a number per patient is none."""
    given = [place for place in own if place]
    return 2 <= len(set(given)) <= max(2, len(given) / 4)


def _finding(
    what: str,
    own: Sequence[frozenset[str]],
    told: Separation,
    p_value: float,
    patients: Patients,
) -> Finding:
    counts = _counts(own, patients)
    label = patients.classes[told.label]
    ordered = sorted(counts.items(), key=lambda item: -sum(item[1].values()))
    named = ", ".join(
        f"{place} {by.get(label, 0)} of {sum(by.values())}" for place, by in ordered[:5]
    )
    more = f" and {len(ordered) - 5} more" if len(ordered) > 5 else ""
    return Finding(
        "institution-confounded",
        "warning",
        f"The {what} tells {label!r} with AUROC {told.auroc:.3f} in "
        f"{counted(told.n_patients, 'patient')} ({label!r} in {named}{more}; p = {p_value:.2g}). A "
        "model may learn the place instead of the disease: balance the classes over places, or "
        'test on places that it has not seen (evaluation.folds_by = "institution").',
        evidence={
            "of": what, "auroc": round(told.auroc, 4), "class": label, "p_value": p_value,
            "n_patients": told.n_patients, "counts": counts,
        },
    )  # fmt: skip


def _counts(own: Sequence[frozenset[str]], patients: Patients) -> Mapping[str, Mapping[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for place, k in zip(own, np.asarray(patients.target).tolist(), strict=True):
        by = counts.setdefault(" and ".join(sorted(place)) or "not known", {})
        by[patients.classes[k]] = by.get(patients.classes[k], 0) + 1
    return counts

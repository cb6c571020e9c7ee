"""One picture under two patients, in two versions."""

from __future__ import annotations

import numpy as np

from tumorboard.audit import Audited, Check, SeenImages
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Finding, Ints
from tumorboard.transforms.linked import linked_groups
from tumorboard.transforms.near_duplicates import Match, find_matches


class NearDuplicateImage(Check):
    """near-duplicate-image: a changed copy of another patient's image.

    Recompressed, resized, of other brightness or contrast, mirrored or turned by 90, 180 or 270
    degrees. Candidates are found by hashing and verified on the pixels; a picture so smooth that
    two patients' could not be told apart is not reported. Identical images are duplicate-image.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One warning per modality, with every pair."""
        findings: list[Finding] = []
        for modality, images in audited.images().items():
            one_of_each, owner = _distinct(images)
            matches = [
                (match, one_of_each[match.first], one_of_each[match.second])
                for match in find_matches(images.picture[one_of_each], owner)
            ]
            if matches:
                findings.append(_finding(modality, images, matches))
        return findings


def _distinct(images: SeenImages) -> tuple[Ints, Ints]:
    """One image per digest with its holder; holders who share an image count as one."""
    first: dict[str, int] = {}
    for number, digest in enumerate(images.digest):
        first.setdefault(digest, number)
    links = [[("image", digest)] for digest in first]
    for number, digest in enumerate(images.digest):
        links += [[("image", digest), str(person)] for person, _ in images.holders[number]]
    owner_of = {item: number for number, group in enumerate(linked_groups(links)) for item in group}
    owner = [owner_of[("image", digest)] for digest in first]
    return np.asarray(list(first.values()), np.int64), np.asarray(owner, np.int64)


def _finding(modality: str, images: SeenImages, matches: list[tuple[Match, int, int]]) -> Finding:
    shown: list[str] = []
    pairs: list[dict[str, object]] = []
    people: dict[str, None] = {}
    for match, first, second in matches:
        sides = [images.holders[first][0], images.holders[second][0]]
        shown.append(
            " ~ ".join(f"{file} ({person})" for person, file in sides) + f" {match.orientation}"
        )
        people |= dict.fromkeys(person.patient_id for person, _ in sides)
        pairs.append(
            {
                "images": [
                    {"cohort": person.cohort, "patient_id": person.patient_id, "file": file}
                    for person, file in sides
                ],
                "orientation": match.orientation,
                "distance": round(1 - match.correlation, 4),
                "detail_agreement": round(match.agreement, 3),
            }
        )
    return Finding(
        code="near-duplicate-image",
        severity="warning",
        message=f"{modality}: {counted(len(matches), 'pair')} of images of different patients that "
        f"look like copies of one picture: {listed(shown)}. Look at them; give one person one "
        "patient id, or remove the copy.",
        patients=tuple(people),
        evidence={"modality": modality, "n_pairs": len(pairs), "pairs": pairs},
    )

"""One person under two patient ids, or in two cohorts."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations

import numpy as np

from tumorboard.audit import Audited, Check, Person, SeenRows
from tumorboard.formats.messages import counted, listed
from tumorboard.records import Finding, Ints
from tumorboard.transforms.chance_matches import CHANCE_PAIRS, chance_of, shared_rows
from tumorboard.transforms.further_matches import further_matches
from tumorboard.transforms.linked import linked_groups
from tumorboard.transforms.patient_columns import ordered_codes
from tumorboard.transforms.person_columns import people_joined

#: Ids that differ only in spelling are one person where chance would give as many equal rows as
#: there are with less than this probability.
CHANCE_OF_EQUAL_ROWS = 0.001
#: An id spelled in more ways than this is no id (all blanks, all zeros).
_MOST_SPELLINGS = 5

#: Two people -> what they share, in words with its details.
Links = dict[tuple[Person, ...], list[dict[str, object]]]


class PatientOverlap(Check):
    """patient-overlap: one person under two patient ids or in two cohorts.

    They share an image with identical pixels, a row of predictors beyond chance, equal predictors
    with further columns of the cohort table (dates, texts, numbers; never the outcome) that are
    together beyond chance, or an id that differs only in case, spaces or leading zeros (in another
    cohort: not at all) together with equal rows that chance would hardly give.
    """

    def find(self, audited: Audited) -> list[Finding]:
        """One error with every person that has several ids."""
        links: Links = defaultdict(list)
        for modality, images in audited.images().items():
            for holders, is_blank in images.identical():
                people = tuple(dict.fromkeys(person for person, _ in holders))
                if len(people) > 1 and not is_blank:
                    files = [file for _, file in holders]
                    links[people].append({"what": "image", "modality": modality, "files": files})
        for rows in audited.rows():
            for entry in shared_rows(rows.codes, rows.owner, below=CHANCE_PAIRS):
                people = tuple(dict.fromkeys(rows.person[i] for i in entry.rows))
                links[people].append({"what": "row", "modality": rows.modality})
        for people, columns in _by_further_columns(audited).items():
            if people not in links:
                links[people].append({"what": " and ".join(columns), "columns": list(columns)})
        if views := audited.rows():
            for people in _same_id(audited, views[-1]):
                links[people].append({"what": "id", "modality": views[-1].modality})
        return [_finding(links)] if links else []


def _by_further_columns(audited: Audited) -> dict[tuple[Person, ...], tuple[str, ...]]:
    """Pairs with equal predictors, and the further columns that betray them.

    Columns that number people say that ids are images or visits: split-not-by-patient tells.
    Records that were dealt out at random betray nobody.
    """
    if audited.is_paired_at_random:
        return {}
    left_out = {*audited.own_columns, *audited.predictors}
    left_out -= {audited.study.keys.cohort.index_date}
    columns = {
        name: cells for name, cells in audited.cohort.columns.items()
        if name not in left_out and not people_joined(name, cells, audited.cohort.patient_id)
    }  # fmt: skip
    where = [(c, i) for c, (_, own, _) in enumerate(audited.cohorts) for i in range(len(own.line))]
    people = audited.people(where)
    views = audited.rows()
    codes: list[Ints] = []
    if views:
        lines = [own.line for _, own, _ in audited.cohorts]
        row_of = {(people[k], lines[c][i]): k for k, (c, i) in enumerate(where)}
        kept = [row_of[key] for key in zip(views[-1].person, views[-1].line, strict=True)]
        where, people = [where[k] for k in kept], tuple(people[k] for k in kept)
        codes = list(views[-1].codes)
    further = {
        name: ordered_codes(
            [audited.cohorts[c][1].columns.get(name, (None,) * (i + 1))[i] for c, i in where]
        )
        for name in columns
    }
    number = {person: i for i, person in enumerate(dict.fromkeys(people))}
    owner = np.asarray([number[person] for person in people], dtype=np.int64)
    found = further_matches(codes, further, owner, below=CHANCE_PAIRS)
    return {(people[m.first], people[m.second]): m.columns for m in found}


def _same_id(audited: Audited, rows: SeenRows) -> list[tuple[Person, Person]]:
    """Pairs of ids that are spelled alike and whose rows agree, where chance does not explain it.

    Of m pairs spelled alike, k have an equal row. Were they different people, each would have one
    with probability q (transforms/chance_matches.py), and k or more of m with the upper tail of
    Binomial(m, q).
    """
    from scipy.stats import binom

    rows_of: defaultdict[Person, dict[tuple[int, ...], int]] = defaultdict(dict)
    for i, values in enumerate(zip(*(column.tolist() for column in rows.codes), strict=True)):
        if any(code >= 0 for code in values):
            rows_of[rows.person[i]].setdefault(values, i)
    n_alike = 0
    equal: list[tuple[Person, Person]] = []
    numbers: list[int] = []
    for spellings in _alike(audited).values():
        for first, second in combinations(spellings, 2):
            n_alike += 1
            shared = [i for values, i in rows_of[first].items() if values in rows_of[second]]
            if shared:
                equal.append((first, second))
                numbers.append(shared[0])
    if not equal:
        return []
    q = float(chance_of(rows.codes, rows.owner, numbers).mean())
    tail = float(binom.sf(len(equal) - 1, n_alike, q))
    return equal if tail < CHANCE_OF_EQUAL_ROWS else []


def _alike(audited: Audited) -> Mapping[str, tuple[Person, ...]]:
    """Ids of different people that are one without case, spaces and leading zeros."""
    found: defaultdict[str, dict[Person, None]] = defaultdict(dict)
    for name, cohort, _ in audited.cohorts:
        for patient in cohort.patients:
            found[_plain(patient)][Person(name, patient)] = None
    return {
        text: tuple(people) for text, people in found.items() if 1 < len(people) <= _MOST_SPELLINGS
    }


def _plain(patient_id: str) -> str:
    text = unicodedata.normalize("NFKC", patient_id).casefold()
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"\s+", "", text))


def _finding(links: Links) -> Finding:
    groups = linked_groups(links)
    reasons: defaultdict[Person, list[dict[str, object]]] = defaultdict(list)
    for people, because in links.items():
        reasons[people[0]] += [
            {"patients": [str(person) for person in people], **reason} for reason in because
        ]
    shown: list[str] = []
    for group in groups:
        what = dict.fromkeys(str(r["what"]) for person in group for r in reasons[person])
        shown.append(" = ".join(str(p) for p in group[:3]) + f" (same {', same '.join(what)})")
    return Finding(
        code="patient-overlap",
        severity="error",
        message=f"{counted(len(groups), 'person', 'people')} under several patient ids or in "
        f"several cohorts: {listed(shown)}. Give each person one patient id in one cohort, or "
        "remove the copies.",
        patients=tuple(dict.fromkeys(p.patient_id for group in groups for p in group)),
        evidence={
            "n_groups": len(groups),
            "groups": [
                {
                    "patients": [{"cohort": p.cohort, "patient_id": p.patient_id} for p in group],
                    "because": [reason for person in group for reason in reasons[person]],
                }
                for group in groups
            ],
        },
    )

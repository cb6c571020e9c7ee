"""Gene sets among the genes that moved the answers most, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.number_format import p_value
from tumorboard.report.run_contents import RunContents
from tumorboard.report.section import Section, fill
from tumorboard.report.shown import real

#: Most sets of one arm, most genes of one set, and the false discovery rate that counts as found.
_N_SETS, _N_GENES, _FOUND = 15, 8, 0.05


def section(contents: RunContents) -> Section | None:
    """The section of the report; None without evidence `enrichment`."""
    document = read_evidence(contents.folder, "enrichment")
    if document is None or not document["arms"]:
        return None
    arms = {arm: document["arms"][arm] for arm in contents.arms if arm in document["arms"]}
    return Section(
        anchor="enrichment",
        title="Which pathways the genes belong to",
        lead=_lead(document, arms),
        html=fill(
            "enrichment.html",
            source=document["source"],
            n_top=document["n_top"],
            arms=[_arm(arm, found) for arm, found in arms.items()],
        ),
    )


def _lead(document: Mapping[str, Any], arms: Mapping[str, Any]) -> str:
    """What the first arm's top genes are enriched in, or that it is nothing."""
    if not arms:
        return "No arm of this report was asked which genes moved its answers."
    arm, found = next(iter(arms.items()))
    sets = found["sets"]
    hits = [each for each in sets if real(each["q_value"]) <= _FOUND]
    which = f"the {document['n_top']} genes that moved {arm} most"
    if not sets:
        return f"No gene set of {document['source']} has enough genes that {arm} could see."
    if not hits:
        return (
            f"None of {len(sets)} gene sets is over-represented among {which} (smallest false "
            f"discovery rate {_rate(sets[0]['q_value'])})."
        )
    first = hits[0]
    return (
        f"{len(hits)} of {len(sets)} gene sets are over-represented among {which} (false "
        f"discovery rate at most {_FOUND:g}): first {_words(first['name'])}, {first['n_overlap']} "
        f"genes where {first['expected']:.1f} were expected."
    )


def _arm(arm: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "arm": arm,
        "n_genes": found["n_genes"],
        "n_any": found["n_any"],
        "n_folds": found["n_folds"],
        "n_sets": len(found["sets"]),
        "rows": [_row(each) for each in found["sets"][:_N_SETS]],
    }


def _row(each: Mapping[str, Any]) -> dict[str, Any]:
    genes = list(each["genes"])
    odds = real(each["odds"])
    is_whole = each["n_overlap"] == each["n_set"] and odds != odds
    return {
        "name": _words(each["name"]),
        "overlap": f"{each['n_overlap']} of {each['n_set']}",
        "expected": f"{each['expected']:.1f}",
        "odds": "all" if is_whole else "" if odds != odds else f"{odds:.1f}",
        "p": p_value(real(each["p_value"])),
        "q": _rate(each["q_value"]),
        "is_found": real(each["q_value"]) <= _FOUND,
        "score": "" if each["score"] is None else f"{each['score']:.2f}",
        "score_q": "" if each["score_q"] is None else _rate(each["score_q"]),
        "genes": ", ".join(genes[:_N_GENES]),
        "n_more": max(0, len(genes) - _N_GENES),
    }


def _rate(value: float | None) -> str:
    rate = real(value)
    return "under 0.001" if rate < 0.001 else f"{rate:.3f}" if rate < 0.1 else f"{rate:.2f}"


def _words(name: str) -> str:
    """HALLMARK_HYPOXIA as a page can break it."""
    return name.replace("_", " ")

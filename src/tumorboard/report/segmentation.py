"""Segmentations: what the masks hold, how notes enter, lesions, and cases as pictures."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tumorboard.evaluation.evidence import read_evidence
from tumorboard.report.heat_maps import data_uri
from tumorboard.report.mask_gallery import GalleryCase, read_gallery
from tumorboard.report.number_format import Cell, metric_name, number
from tumorboard.report.numbers_contents import NumbersContents
from tumorboard.report.section import Section
from tumorboard.report.segmentation_figures import paired_figure
from tumorboard.report.segmentation_parts import (
    Part,
    Row,
    difference_cell,
    mean_cell,
    quarters_cell,
    section_of,
    with_patients,
)
from tumorboard.report.shown import real
from tumorboard.report.style import save

#: Metrics of overlap and borders in the tables of this section; units come with the run.
_WORDS = ("dice", "iou", "nsd", "hd95_mm", "hd95_px", "volume_error_ml", "volume_error_px")
_LESIONS = ("lesion_sensitivity", "lesion_precision", "lesion_f1", "false_lesions")
_STATUS_WORDS = ("in both masks", "missed", "invented", "in neither")
#: Said where arms have means over different patients.
_UNEVEN = (
    " n: patients behind a mean. A patient without the label is left out of the mean of an arm "
    "that rightly finds nothing, and counts as worst for one that invents it: such means are of "
    "different patients. The difference counts the first arm with full marks there."
)
_GALLERY = (("worst", "The lowest Dice"), ("median", "In the middle"), ("best", "The highest Dice"))


def document_of(contents: NumbersContents) -> dict[str, Any] | None:
    """Evidence `segmentation`; None for every other task."""
    return read_evidence(contents.folder, "segmentation")


def masks_section(contents: NumbersContents) -> Section | None:
    """Medians and quartiles, what the masks hold, and each label on its own."""
    document = document_of(contents)
    if document is None:
        return None
    arms = _arms(contents, document)
    lead = _status_lead(contents.arms[0], document)
    parts = [_medians(document, arms), _statuses(document, arms)]
    if len(document["labels"]) > 1:
        parts += [_of_label(document, arms, str(label)) for label in document["labels"]]
    return section_of("masks", "Masks, patient by patient", lead, parts)


def _arms(contents: NumbersContents, document: Mapping[str, Any]) -> list[str]:
    """Arms of the evidence in the page's order, controls last."""
    known = [arm for arm in contents.arms if arm in document["arms"]]
    return sorted(known, key=lambda arm: bool(document["arms"][arm]["is_control"]))


def _status_lead(arm: str, document: Mapping[str, Any]) -> str:
    dice = document["arms"][arm]["metrics"]["dice"]
    counts = document["arms"][arm]["statuses"]
    said = "; ".join(
        f"{label} missed altogether in {found['missed']} and invented in {found['invented']} of "
        f"{sum(found.values())} predictions"
        for label, found in counts.items()
    )
    return (
        f"Half of the patients have a Dice of at least {number(real(dice['median']))} with {arm} "
        f"({dice['n']} patients; {dice['n_excluded']} excluded because both masks are empty). "
        f"{said[:1].upper()}{said[1:]}."
    )


def _present(document: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    first = next(iter(document["arms"].values()))["metrics"]
    return [name for name in names if name in first]


def _medians(document: Mapping[str, Any], arms: Sequence[str]) -> Part:
    names = _present(document, (*_WORDS, "sensitivity", "precision"))
    rows = [
        Row(
            arm, [
                *(quarters_cell(document["arms"][arm]["metrics"][name]) for name in names),
                Cell(str(document["arms"][arm]["metrics"]["dice"]["n"]),
                     f"{document['arms'][arm]['metrics']['dice']['n_excluded']} excluded"),
            ],
            is_primary=i == 0,
        )
        for i, arm in enumerate(arms)
    ]  # fmt: skip
    return Part(
        heading="Medians",
        head=["arm", *(metric_name(name) for name in names), "patients"],
        rows=rows,
        note="Median over patients; small: first and third quartile. Means with their intervals "
        "are in the table of arms. Excluded: both masks empty, where overlap does not apply.",
    )


def _statuses(document: Mapping[str, Any], arms: Sequence[str]) -> Part:
    rows = [
        Row(arm, [Cell(str(n)) for n in found.values()], small=str(label), is_primary=i == 0)
        for i, arm in enumerate(arms)
        for label, found in document["arms"][arm]["statuses"].items()
    ]
    return Part(
        heading="What the masks hold",
        head=["arm, label", *_STATUS_WORDS],
        rows=rows,
        note="Predictions of cases, one per repeat. Missed: the reference has the label and the "
        "prediction is empty; it counts with Dice 0, surface distance score 0 and the image's "
        "diagonal as the Hausdorff distance. Invented: Dice 0 and the diagonal as well. In "
        "neither: excluded from every mean of overlap.",
    )


def _of_label(document: Mapping[str, Any], arms: Sequence[str], label: str) -> Part:
    first = next(iter(document["arms"].values()))["metrics"]
    names = [
        name for name in first
        if f"_{label}" in name and name.startswith(("dice", "iou", "nsd", "hd95"))
    ]  # fmt: skip
    rows = [
        Row(
            arm, [mean_cell(document["arms"][arm]["metrics"][name]) for name in names],
            is_primary=i == 0,
        )
        for i, arm in enumerate(arms)
    ]  # fmt: skip
    return Part(
        heading=label,
        head=["arm", *(metric_name(name).partition(",")[0] for name in names)],
        rows=rows,
        note="Means over patients; small: 95 % interval.",
    )


def fusions_section(contents: NumbersContents) -> Section | None:
    """Ways of letting notes into the segmenter, side by side."""
    document = document_of(contents)
    if document is None:
        return None
    arms = [a for a in _arms(contents, document) if not document["arms"][a]["is_control"]]
    reference, metric = document["primary"]["reference"], str(document["metric"])
    against = {row.arm: row for row in contents.differences if row.reference == reference}
    names = _present(document, _WORDS)
    counts = {name: {document["arms"][a]["metrics"][name]["n"] for a in arms} for name in names}
    uneven = {name for name, own in counts.items() if len(own) > 1}
    rows: list[Row] = []
    for i, arm in enumerate(arms):
        own = document["arms"][arm]
        gap = vars(against[arm]) if arm in against else None
        cells = _mean_cells(own["metrics"], names, uneven)
        rows.append(Row(arm, [*cells, difference_cell(gap)], own["fusion"], is_primary=i == 0))
    values = {arm: document["arms"][arm]["by_patient"] for arm in arms}
    figure = paired_figure(values, metric=metric_name(metric), every=contents.arms)
    word = metric_name(metric)
    leader = max(arms, key=lambda a: real(document["arms"][a]["metrics"][metric]["mean"]))
    if metric.startswith(("hd95", "volume_error")):
        leader = min(arms, key=lambda a: real(document["arms"][a]["metrics"][metric]["mean"]))
    best = real(document["arms"][leader]["metrics"][metric]["mean"])
    lead = f"{leader} has the best mean {word} of {len(arms)} arms: {number(best)}."
    if metric in uneven:
        low, high = min(counts[metric]), max(counts[metric])
        lead += f" The means are of {low} to {high} patients, not all of the same ones."
    part = Part(
        name="fusions",
        svg=save(figure, contents.folder / "figures", "fusions"),
        caption=f"{word} of every patient in every arm; grey lines join a patient's values. Box: "
        "first to third quartile; thick: median.",
        head=["arm", *(metric_name(name) for name in names), f"{word} − {reference}"],  # noqa: RUF001
        rows=rows,
        note="Means over patients; small: 95 % interval. The difference is the one of the table of "
        f"comparisons.{_UNEVEN if uneven else ''} The best of several arms is partly the luckiest.",
    )
    return section_of("fusions", "Ways of fusion", lead, [part])


def _mean_cells(
    metrics: Mapping[str, Any], names: Sequence[str], uneven: Collection[str]
) -> list[Cell]:
    """Means of one arm; with their patients where those of another arm are others."""
    cells = {name: mean_cell(metrics[name]) for name in names}
    return [
        with_patients(cell, int(metrics[name]["n"])) if name in uneven else cell
        for name, cell in cells.items()
    ]


def lesions_section(contents: NumbersContents) -> Section | None:
    """Whether lesions are found, one by one."""
    document = document_of(contents)
    names = _present(document, _LESIONS) if document else []
    if document is None or not names:
        return None
    arms = _arms(contents, document)
    rows = [
        Row(
            arm, [mean_cell(document["arms"][arm]["metrics"][name]) for name in names],
            is_primary=i == 0,
        )
        for i, arm in enumerate(arms)
    ]  # fmt: skip
    first = document["arms"][arms[0]]["metrics"]
    found, false = (real(first[n]["mean"]) for n in ("lesion_sensitivity", "false_lesions"))
    lead = (
        f"{arms[0]} finds {100 * found:.0f} % of a patient's lesions, and marks "
        f"{number(false, digits=2)} places per case that are none."
    )
    part = Part(
        head=["arm", *(metric_name(name) for name in names)],
        rows=rows,
        note="Means over patients; small: 95 % interval. F1 here is of the detection of lesions; "
        "the F1 of voxels is Dice.",
    )
    return section_of("lesions", "Lesions found", lead, [part])


def cases_section(contents: NumbersContents) -> Section | None:
    """The worst cases as a table, and cases as pictures."""
    document = document_of(contents)
    if document is None or not document["worst"]:
        return None
    arm, reference = (document["primary"][name] for name in ("arm", "reference"))
    unit = str(document["volume"])
    rows = [
        Row(
            str(case["case"]),
            [
                Cell(number(real(case[name]), digits=digits))
                for name, digits in (
                    ("dice", 3), ("reference_dice", 3), ("predicted_dice", 3),
                    ("reference_volume", 1), ("volume", 1),
                )
            ],
            small="" if case["patient"] == case["case"] else f"patient {case['patient']}",
        )
        for case in document["worst"]
    ]  # fmt: skip
    table = Part(
        heading=f"The {len(rows)} cases with the lowest Dice",
        head=["case", f"Dice, {arm}", f"Dice, {reference}", "Dice it predicted",
              f"reference, {unit}", f"prediction, {unit}"],
        rows=rows,
    )  # fmt: skip
    worst = document["worst"][0]
    lead = f"The lowest Dice of {arm} is {number(real(worst['dice']))}, of {worst['case']}."
    drawn = read_gallery(contents.folder / "figures" / "cases" / str(arm))
    pictures = [_pictures(drawn, kind, title) for kind, title in (*_GALLERY, ("", "Cases"))]
    parts = [part for part in pictures if part.pictures]
    if parts:
        legend = Part(
            note=f"Outlines on the image: reference light blue, solid; {arm} orange, dashed."
        )
        parts = [legend, *parts]
    return section_of("cases", "Worst, middle and best cases", lead, [*parts, table])


def _pictures(drawn: Sequence[GalleryCase], kind: str, title: str) -> Part:
    shown = [
        {
            "address": data_uri(case.path.read_bytes()),
            "title": f"{case.case_id}, Dice {number(case.dice)}",
        }
        for case in drawn
        if case.kind == kind
    ]
    return Part(heading=title if shown else "", pictures=shown)

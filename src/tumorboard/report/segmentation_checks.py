"""What stands behind a segmentation's answer: other notes, tests, difficulty, guesses, volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tumorboard.evaluation.difference import lower_is_better
from tumorboard.report.number_format import Cell, interval, metric_name, number, p_value
from tumorboard.report.numbers_contents import NumbersContents
from tumorboard.report.section import Section
from tumorboard.report.segmentation import document_of
from tumorboard.report.segmentation_figures import (
    controls_figure,
    guess_figure,
    p_value_figure,
    volume_figure,
)
from tumorboard.report.segmentation_parts import (
    Part,
    Row,
    difference_cell,
    mean_cell,
    section_of,
    uncontradicted_words,
)
from tumorboard.report.shown import cell, real
from tumorboard.report.style import save

_VERDICTS = {
    "vanishes": "gain vanishes",
    "partly": "part of the gain stays",
    "stays": "gain stays",
    "unclear": "cannot be told",
    "no gain": "no gain to explain",
}
_CONTROL_WORDS = {
    "silent": "no note",
    "shuffled": "another patient's note",
    "contradicting": "a note that contradicts",
}
#: Panels of volumes.
_MOST_PANELS = 6


def controls_section(contents: NumbersContents) -> Section | None:
    """The same models with other notes put in."""
    document = document_of(contents)
    if document is None or not document["controls"]:
        return None
    reference, word = str(document["primary"]["reference"]), metric_name(str(document["metric"]))
    rows: list[Row] = []
    for entry in document["controls"]:
        rows.append(
            Row(
                f"{entry['arm']}, {_CONTROL_WORDS[entry['control']]}",
                [
                    Cell(number(real(entry["truthful"]))),
                    Cell(number(real(entry["with_control"]))),
                    difference_cell(entry["difference"]),
                    Cell(p_value(real(entry["difference"]["p_value"]))),
                    difference_cell(entry["gain_with_control"]),
                    Cell(_verdict(entry)),
                ],
                is_primary=entry["arm"] == contents.arms[0],
            )
        )
    arms = [str(entry["arm"]) for entry in document["controls"]]
    arm = contents.arms[0] if contents.arms[0] in arms else arms[0]
    own = [entry for entry in document["controls"] if entry["arm"] == arm]
    drawn = [(f"{arm}, own note", own[0]["gain"])]
    drawn += [(_CONTROL_WORDS[entry["control"]], entry["gain_with_control"]) for entry in own]
    part = Part(
        name="controls",
        svg=save(controls_figure(drawn, metric=word), contents.folder / "figures", "controls"),
        caption=f"Difference in {word} between {arm} and {reference}: with each patient's own "
        "note, and with other notes put in at prediction. Nothing was retrained. Lines: 95 % "
        "intervals.",
        head=["arm, note", "own note", "this note", "own − this", "p",  # noqa: RUF001
              f"this − {reference}", "verdict"],  # noqa: RUF001
        rows=rows, note="If the content of the note is what helps, its gain must vanish with "
        "another patient's note. “Vanishes”: own note better than the other, whose gain is not "
        f"shown. {uncontradicted_words(document.get('uncontradicted', {}))} Intervals "
        "and p as for arms, not adjusted. Other metrics of them: metrics.json.",
    )  # fmt: skip
    return section_of("note-controls", "Other notes put in", _control_lead(own), [part])


def _verdict(entry: Mapping[str, Any]) -> str:
    """What becomes of the gain, and whether the other note does harm."""
    gain = entry["gain_with_control"]
    low, high = real(gain["ci_low"]), real(gain["ci_high"])
    is_worse = low > 0 if lower_is_better(str(entry["metric"])) else high < 0
    said = _VERDICTS[str(entry["verdict"])]
    return f"{said}, and it harms" if is_worse else said


def _control_lead(own: Sequence[Mapping[str, Any]]) -> str:
    said = "; ".join(
        f"{_CONTROL_WORDS[entry['control']]} "
        f"{number(real(entry['gain_with_control']['difference']), signed=True)}"
        for entry in own
    )
    first = number(real(own[0]["gain"]["difference"]), signed=True)
    return f"Against the reference {own[0]['arm']} gains {first} with the patient's note; {said}."


def tests_section(contents: NumbersContents) -> Section | None:
    """Ordinary paired tests, metric by metric."""
    document = document_of(contents)
    rows = [row for row in (document or {"tests": []})["tests"] if row["n"]]
    if document is None or not rows:
        return None
    reference = str(document["primary"]["reference"])
    parts: list[Part] = []
    if any(row["t_p_holm"] is not None for row in rows):
        drawn = save(
            p_value_figure(rows, arms=contents.arms), contents.folder / "figures", "p_values"
        )
        caption = (
            f"Paired t-tests against {reference}, patient by patient; p adjusted over the arms of "
            "a metric. Dashed: 0.05."
        )
        parts.append(Part(name="p_values", svg=drawn, caption=caption))
    arms = [a for a in contents.arms if any(row["arm"] == a for row in rows)]
    parts.append(
        Part(
            head=["metric", *arms],
            rows=_test_rows(rows, arms),
            note=f"Mean difference from {reference}; small: p of the paired t-test / of Wilcoxon's "
            "signed-rank test, both adjusted over the arms of a metric (Holm); not tested "
            "where no pair differs, or under 10 patients. A patient's cases are averaged first: "
            "one patient is one pair. The tests take the fitted models as given. Folds share "
            "training patients, which they ignore and the corrected test of the table of "
            "comparisons does not: read that one for the answer.",
        )
    )
    n_small = sum(1 for row in rows if real(row["t_p_holm"]) < 0.05)
    lead = f"{n_small} of {len(rows)} paired t-tests against {reference} are below 0.05 after Holm."
    return section_of("paired-tests", "Paired tests", lead, parts)


def _test_rows(rows: Sequence[Mapping[str, Any]], arms: Sequence[str]) -> list[Row]:
    """A row per metric, a cell per arm."""
    found = {(str(row["metric"]), str(row["arm"])): row for row in rows}
    return [
        Row(metric_name(metric), [_test_cell(found.get((metric, arm))) for arm in arms])
        for metric in dict.fromkeys(metric for metric, _ in found)
    ]


def _test_cell(row: Mapping[str, Any] | None) -> Cell:
    if row is None:
        return Cell(number(float("nan")))
    value = real(row["difference"])
    if row["t_p"] is None:
        return Cell(number(value, signed=True), f"not tested, {row['n']} patients")
    p = [p_value(real(row[name])) for name in ("t_p_holm", "wilcoxon_p_holm")]
    return Cell(number(value, digits=3 if abs(value) >= 0.001 else 4, signed=True),
                f"p {p[0]} / {p[1]}, {row['n']} patients")  # fmt: skip


def difficulty_section(contents: NumbersContents) -> Section | None:
    """Easy and hard patients."""
    document = document_of(contents)
    if document is None or not document["difficulty"]:
        return None
    word = metric_name(str(document["metric"]))
    arms = [a for a in contents.arms if a in document["arms"]]
    arms = [a for a in arms if not document["arms"][a]["is_control"]]
    arm, reference = contents.arms[0], str(document["primary"]["reference"])
    gain = [] if arm == reference else [f"{arm} − {reference}"]  # noqa: RUF001
    parts: list[Part] = []
    for way in document["difficulty"]:
        rows = [
            Row(
                str(group["name"]),
                [
                    *(mean_cell(group["arms"].get(a), value="value") for a in arms),
                    *(difference_cell(group["difference"], value="value") for _ in gain),
                    Cell(str(group["n_patients"]), "" if group["arms"] else "too few to report"),
                ],
            )
            for group in way["groups"]
        ]
        parts.append(
            Part(
                heading=f"By {way['by']}",
                head=[word, *arms, *gain, "patients"],
                rows=rows,
                note=f"{way['note'][:1].upper()}{way['note'][1:]}",
            )
        )
    parts.append(
        Part(
            note="Small: 95 % interval, by resampling patients. Groups of fewer than 10 patients "
            "are not reported. Uncertainty is that of the primary arm's own probabilities."
        )
    )
    return section_of("difficulty", "By difficulty", _difficulty_lead(document, arm, word), parts)


def _difficulty_lead(document: Mapping[str, Any], arm: str, word: str) -> str:
    first = document["difficulty"][0]
    shown = [group for group in first["groups"] if arm in group["arms"]]
    if not shown:
        return "Every group has fewer than 10 patients: nothing is reported."
    said = ", ".join(
        f"{number(real(group['arms'][arm]['value']))} in the {group['name']}" for group in shown
    )
    return f"{word} of {arm} by {first['by']}: {said}."


def guesses_section(contents: NumbersContents) -> Section | None:
    """The Dice that the model guessed."""
    document = document_of(contents)
    arms = [a for a in contents.arms if document and a in document["predicted_dice"]]
    if document is None or not arms:
        return None
    found = document["predicted_dice"]
    names = ("pearson", "spearman", "mae")
    rows = [
        Row(
            arm,
            [
                *(cell(found[arm]["metrics"][name]) for name in names),
                Cell(number(real(found[arm]["bias"]), signed=True)),
                Cell(str(found[arm]["n"])),
            ],
            is_primary=i == 0,
        )
        for i, arm in enumerate(arms)
    ]
    drawn = save(guess_figure(arms[0], found[arms[0]]), contents.folder / "figures", "guesses")
    part = Part(
        name="guesses", svg=drawn,
        caption="Left: the Dice that the model predicted of its own mask against the Dice it "
        "reached; joined marks: equally many patients by predicted Dice; dotted: right. Right: "
        "mean Dice where only the patients with the highest predicted Dice are kept.",
        head=["arm", *(metric_name(name) for name in names), "predicted − reached", "patients"],  # noqa: RUF001
        rows=rows, note="Small: 95 % interval, by resampling patients.",
    )  # fmt: skip
    mae = found[arms[0]]["metrics"]["mae"]
    lead = (
        f"{arms[0]} predicts its own Dice with a mean absolute error of "
        f"{number(real(mae['value']))} and a correlation of "
        f"{number(real(found[arms[0]]['metrics']['pearson']['value']), digits=2)}."
    )
    return section_of("predicted-dice", "Predicted Dice", lead, [part])


def volumes_section(contents: NumbersContents) -> Section | None:
    """Predicted and reference volumes."""
    document = document_of(contents)
    arms = [a for a in contents.arms if document and a in document["volumes"]]
    if document is None or not arms:
        return None
    unit = str(document["volume"])
    listed = [(arm, str(label), document["volumes"][arm][label]) for arm in arms
              for label in document["labels"]]  # fmt: skip
    listed = [entry for entry in listed if entry[2]["n"] > 1]
    if not listed:
        return None
    rows = [
        Row(
            arm,
            [
                Cell(label),
                cell(found["bias"], digits=2, signed=True),
                Cell(interval(real(found["low"]), real(found["high"]), digits=2, signed=True)),
                Cell(str(found["n"])),
            ],
            is_primary=arm == arms[0],
        )
        for arm, label, found in listed
    ]
    drawn = [
        (f"{label}, {arm}" if len(document["labels"]) > 1 else arm, found)
        for arm, label, found in listed
        if arm in arms[:2]
    ][:_MOST_PANELS]
    figure = volume_figure(drawn, unit=unit)
    part = Part(
        name="volumes", svg=save(figure, contents.folder / "figures", "volumes"),
        caption="Bland and Altman: difference of predicted and reference volume against their "
        "mean, a mark per patient. Solid: mean difference; dashed: limits of agreement, 1.96 "
        "standard deviations.",
        head=["arm", "label", f"mean difference, {unit}", f"limits of agreement, {unit}",
              "patients"],
        rows=rows, note="Patients without the label in either mask are left out. Small: 95 % "
        "interval.",
    )  # fmt: skip
    _, label, first = listed[0]
    bias = number(real(first["bias"]["value"]), digits=1, signed=True)
    low, high = (number(real(first[end]), digits=1, signed=True) for end in ("low", "high"))
    lead = (
        f"{arms[0]} measures {label} {bias} {unit} off on average; about 95 of 100 patients lie "
        f"between {low} and {high} {unit}."
    )
    return section_of("volumes", "Volumes", lead, [part])

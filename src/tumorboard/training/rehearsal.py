"""Every part of a study built once, so that a setting that cannot work is known before training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tumorboard import registry
from tumorboard.errors import StudyError, TumorboardError, nearest
from tumorboard.formats.messages import counted
from tumorboard.records import ArraySpec, Split, Structure
from tumorboard.study import Arm, Study
from tumorboard.training.device import choose_device
from tumorboard.training.fit import fit_modality, prepared_task
from tumorboard.training.fitted import asked_of
from tumorboard.training.networks import new_network, new_segmenter
from tumorboard.training.prepare import Prepared
from tumorboard.training.segmentation_rows import window_of
from tumorboard.training.signatures import with_signatures

#: Kinds of modality that learn the words of training patients.
_OF_WORDS = ("notes", "clinical_factors")


def rehearse(study: Study, prepared: Prepared, split: Split) -> list[str]:
    """Sentences for every setting that would stop the study once it trains; empty if it can.

    The device is asked for, every modality is fitted on the training patients of one split, every
    arm's network is built and takes up its pretrained weights, every baseline is made.

    Args:
        study: The study.
        prepared: Its patients.
        split: The split that modalities are fitted on.
    """
    faults: list[str] = []
    try:
        prepared = with_signatures(study, prepared, split)
    except TumorboardError as error:
        return list(error.problems)
    _attempt(lambda: choose_device(study.keys.runtime.device), faults)
    faults += absent_columns(study, prepared)
    specs: dict[str, ArraySpec] = {}
    arms = study.arms.values()
    for name in dict.fromkeys(name for arm in arms for name in arm.modalities):
        asked = frozenset[Structure]().union(*(asked_of(arm, name) for arm in arms))

        def fit(name: str = name, asked: frozenset[Structure] = asked) -> None:
            specs[name] = fit_modality(study, prepared, split, name, asked=asked)[1]

        _attempt(fit, faults)
    for arm in arms:
        if all(name in specs for name in arm.modalities):
            _attempt(
                lambda arm=arm: _build(study, prepared, split, arm, specs),
                faults,
                f"arm {arm.name}",
            )
    return list(dict.fromkeys(faults))


def without_words(study: Study, prepared: Prepared, splits: Sequence[Split]) -> list[str]:
    """Sentences for splits whose training notes hold too little for what reads them.

    Each fold has words of its own; a fold that has too few would stop a study half-way.

    Args:
        study: The study.
        prepared: Its patients.
        splits: Every split that is trained on.
    """
    arms = study.arms.values()
    names = dict.fromkeys(name for arm in arms for name in arm.modalities)
    found: dict[str, list[Split]] = {}
    for name in (n for n in names if study.modalities[n]["kind"] in _OF_WORDS):
        asked = frozenset[Structure]().union(*(asked_of(arm, name) for arm in arms))
        for split in splits:
            try:
                fit_modality(study, prepared, split, name, asked=asked)
            except TumorboardError as error:
                for sentence in error.problems:
                    found.setdefault(sentence, []).append(split)
    n = counted(len(splits), "split")
    return [f"{text} ({len(own)} of {n})" for text, own in found.items()]


def refuse_without_words(study: Study, prepared: Prepared, splits: Sequence[Split]) -> None:
    """Stop before the first fit where a later one could not be made; see `without_words`.

    Raises:
        StudyError: Training notes of a split hold too little.
    """
    if faults := without_words(study, prepared, splits):
        raise StudyError(faults)


def absent_columns(study: Study, prepared: Prepared) -> list[str]:
    """Sentences for columns that the study names and the cohort table has not."""
    keys = study.keys
    asked = [
        ("cohort.institution", keys.cohort.institution),
        ("cohort.index_date", keys.cohort.index_date),
        *(("audit.derived", column) for column in keys.audit.derived),
        *(("evaluation.subgroups", column) for column in keys.evaluation.subgroups),
    ]
    known = prepared.cohort.columns
    return [
        f"{key}: {prepared.cohort.table.name} has no column {column!r}. "
        f"{nearest(column, list(known))}"
        for key, column in asked
        if column != "none" and column not in known
    ]


def _build(
    study: Study, prepared: Prepared, split: Split, arm: Arm, specs: dict[str, ArraySpec]
) -> None:
    if arm.baseline is not None:
        settings = {key: value for key, value in arm.baseline.items() if key != "name"}
        registry.load("models.baselines", str(arm.baseline["name"]))(**settings)
        return
    task = prepared_task(study, prepared, split.rows(prepared.cohort, "train"))
    n_outputs = task.n_outputs(prepared.outcomes.classes)
    own = {name: specs[name] for name in arm.modalities}
    if arm.segmented:
        window = window_of(arm, prepared, split.rows(prepared.cohort, "train"))
        new_segmenter(arm, own, n_outputs, window).load_pretrained()
        return
    new_network(arm, own, n_outputs, task.link).load_pretrained()


def _attempt(action: Callable[[], object], faults: list[str], where: str = "") -> None:
    try:
        action()
    except TumorboardError as error:
        faults += [f"{where}: {line}" if where else line for line in error.problems]

"""Every part of a study built once, so that a setting that cannot work is known before training."""

from __future__ import annotations

from collections.abc import Callable

from tumorboard import registry
from tumorboard.errors import TumorboardError, nearest
from tumorboard.records import ArraySpec, Split
from tumorboard.study import Arm, Study
from tumorboard.training.fit import choose_device, fit_modalities, new_network
from tumorboard.training.prepare import Prepared, build_task


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
    _attempt(lambda: choose_device(study.keys.runtime.device), faults)
    faults += absent_columns(study, prepared)
    specs: dict[str, ArraySpec] = {}
    names = dict.fromkeys(name for arm in study.arms.values() for name in arm.modalities)
    for name in names:
        _attempt(
            lambda name=name: specs.update(fit_modalities(study, prepared, split, (name,))[1]),
            faults,
        )
    for arm in study.arms.values():
        if all(name in specs for name in arm.modalities):
            _attempt(lambda arm=arm: _build(study, prepared, arm, specs), faults, f"arm {arm.name}")
    return list(dict.fromkeys(faults))


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


def _build(study: Study, prepared: Prepared, arm: Arm, specs: dict[str, ArraySpec]) -> None:
    if arm.baseline is not None:
        settings = {key: value for key, value in arm.baseline.items() if key != "name"}
        registry.load("models.baselines", str(arm.baseline["name"]))(**settings)
        return
    task = build_task(study.keys.task)
    n_outputs = task.n_outputs(prepared.outcomes.classes)
    own = {name: specs[name] for name in arm.modalities}
    new_network(arm, own, n_outputs, task.link).load_pretrained()


def _attempt(action: Callable[[], object], faults: list[str], where: str = "") -> None:
    try:
        action()
    except TumorboardError as error:
        faults += [f"{where}: {line}" if where else line for line in error.problems]

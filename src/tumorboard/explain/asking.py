"""Every explainer asked the same way: of the fold models of a run, or of one model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorboard import registry
from tumorboard.evaluation.chosen_cases import choose_cases
from tumorboard.evaluation.explanation_table import (
    FOLDER,
    SUMMARY,
    Answer,
    AttributionRow,
    Explanations,
    ImportanceRow,
    join_explanations,
    write_explanations,
)
from tumorboard.evaluation.statistic import decide
from tumorboard.evaluation.tables import PredictionTable, read_predictions
from tumorboard.explain import (
    Asked,
    Attributions,
    Explainer,
    Importance,
    target_names,
    why_refused,
)
from tumorboard.modalities import Measured
from tumorboard.prediction.kept_maps import Origin, keep_maps
from tumorboard.records import Cohort, Ints, Outcomes, Split
from tumorboard.study import Study
from tumorboard.training.batches import derive_seed
from tumorboard.training.fitted import FittedArm
from tumorboard.training.plan import fit_folder
from tumorboard.training.prepare import Prepared
from tumorboard.training.signatures import with_signatures

#: Most rows that one importance is measured on, and most training rows that stand for "not known":
#: bounds of the time, drawn at random.
MAX_ROWS, MAX_BACKGROUND = 256, 100


@dataclass(frozen=True)
class Subject:
    """A fitted arm with the rows that every explainer is asked about.

    Args:
        fitted: The fitted arm.
        cohort: The cohort.
        outcomes: Its outcomes; None where they are not known.
        measured: Modality -> measurements of the cohort.
        cases: Rows that are explained one by one.
        called: (cases,) class that each is called.
        every: Rows that importances are measured on.
        background: Rows that stand for "not known".
        repeat: Of the fitted model; 0 for one that belongs to no fold.
        fold: Of the fitted model; 0 for one that belongs to no fold.
        seed: Of everything that is random.
    """

    fitted: FittedArm
    cohort: Cohort
    outcomes: Outcomes | None
    measured: Mapping[str, Measured]
    cases: Ints
    called: Ints
    every: Ints
    background: Ints
    repeat: int
    fold: int
    seed: int


def answer(subject: Subject, explainers: Mapping[str, Explainer], folder: Path) -> Explanations:
    """Ask every explainer about one fitted arm; maps are kept below `folder`, tables are returned.

    Of two classes the positive one is explained; of several the one that each case is called. Of
    numbers each is explained, over all patients: none is explained one by one.
    """
    found: list[Explanations] = []
    for name, explainer in explainers.items():
        refused = why_refused(name, explainer, subject.fitted)
        if refused:
            one = Answer(subject.fitted.arm.name, name, explainer.question, refused)
            found.append(Explanations((one,), (), (), ()))
            continue
        for target, rows in _asked(subject, explainer).items():
            asked = Asked(
                fitted=subject.fitted,
                cohort=subject.cohort,
                outcomes=subject.outcomes,
                measured=subject.measured,
                rows=rows,
                background=subject.background,
                target=target,
                rng=np.random.default_rng(derive_seed(subject.seed, name, target)),
            )
            found.append(_kept(subject, asked, name, explainer, folder))
    return join_explanations(found)


def _asked(subject: Subject, explainer: Explainer) -> dict[int, Ints]:
    """Class, or number -> rows that it is explained for."""
    n_classes = len(subject.fitted.classes)
    if not n_classes:
        n_targets = len(target_names(subject.fitted)) if len(subject.every) else 0
        return dict.fromkeys(range(n_targets), subject.every)
    if explainer.asks_all or n_classes == 2:
        rows = subject.every if explainer.asks_all else subject.cases
        return {n_classes - 1: rows} if len(rows) else {}
    groups = {int(k): subject.cases[subject.called == k] for k in np.unique(subject.called)}
    return groups


def _kept(
    subject: Subject, asked: Asked, name: str, explainer: Explainer, folder: Path
) -> Explanations:
    """What one explainer says about one class, as tables."""
    fitted = asked.fitted
    explanation = explainer.explain(asked)
    arm, target = fitted.arm.name, target_names(fitted)[asked.target]
    origin = Origin(arm, name, subject.repeat, subject.fold, asked.target, target)
    heat_maps = []
    remarks = list(explanation.remarks)
    for maps in explanation.heat_maps:
        rows, said = keep_maps(
            folder / arm,
            origin,
            asked.cohort,
            name=maps.modality,
            rows=maps.rows,
            maps=maps.maps,
            inputs=maps.inputs,
            modality=fitted.modalities[maps.modality],
            windows=maps.windows,
            affines=maps.affines,
        )
        heat_maps += rows
        remarks += said
    checks = {
        key: (None if np.isnan(value) else float(value),)
        for key, value in (explanation.checks or {}).items()
    }
    one = Answer(
        arm, name, explainer.question, "", len(asked.rows), checks, tuple(remarks),
        caption=explainer.caption,
    )  # fmt: skip
    return Explanations(
        (one,),
        tuple(heat_maps),
        _attribution_rows(explanation.attributions, origin, asked),
        _importance_rows(explanation.importance, origin),
    )


def _attribution_rows(
    found: Attributions | None, origin: Origin, asked: Asked
) -> tuple[AttributionRow, ...]:
    if found is None:
        return ()
    names = list(zip(found.modalities, found.features, strict=True))
    return tuple(
        AttributionRow(
            arm=origin.arm, explainer=origin.explainer, repeat=origin.repeat, fold=origin.fold,
            patient_id=asked.cohort.patient_id[row], unit_id=asked.cohort.unit_id[row],
            target=origin.target_name, modality=modality, feature=feature,
            shown=found.shown[i][k], value=float(found.values[i, k]), base=float(found.base[i]),
            output=float(found.output[i]), scale=found.scale,
        )
        for i, row in enumerate(asked.rows.tolist())
        for k, (modality, feature) in enumerate(names)
        if not np.isnan(found.values[i, k])
    )  # fmt: skip


def _importance_rows(found: Importance | None, origin: Origin) -> tuple[ImportanceRow, ...]:
    if found is None:
        return ()
    return tuple(
        ImportanceRow(
            arm=origin.arm, explainer=origin.explainer, repeat=origin.repeat, fold=origin.fold,
            modality=modality, feature=feature, drop=float(found.drop[k]),
            ci_low=float(found.ci_low[k]), ci_high=float(found.ci_high[k]), metric=found.metric,
        )
        for k, (modality, feature) in enumerate(zip(found.modalities, found.features, strict=True))
    )  # fmt: skip


def run_explainers(
    study: Study,
    prepared: Prepared,
    splits: Sequence[Split],
    run: Path,
    *,
    device: str = "cpu",
    say: Callable[[str], None] | None = None,
) -> None:
    """Ask the study's explainers about the fold models of the first repeat, and keep the answers.

    The same test patients are explained in every arm that can predict them; they are chosen by the
    primary arm's calls, so that right and wrong calls of each class are among them.

    Args:
        study: The study; `evaluation.explain` names what is asked.
        prepared: Its patients.
        splits: Its splits, all fitted.
        run: The run folder; its folder `explanations` is written, unless it is complete.
        device: Where the networks are.
        say: Told about every fold.
    """
    keys = study.keys.evaluation
    folder = run / FOLDER
    if not keys.explain or not keys.explain_patients or (folder / SUMMARY).is_file():
        return
    explainers: dict[str, Explainer] = {n: registry.load("explain", n)() for n in keys.explain}
    first = [split for split in splits if split.repeat == splits[0].repeat]
    found: list[Explanations] = []
    n_chosen = 0
    for number, split in enumerate(first):
        own = with_signatures(study, prepared, split)
        if say is not None:
            say(f"explaining test patients of fold {split.fold}")
        n = keys.explain_patients // len(first) + (number < keys.explain_patients % len(first))
        units = _chosen(study, own, split, run, n=n, first=n_chosen)
        n_chosen += len(units)
        for arm in study.arms:
            fitted = FittedArm.open(fit_folder(run, arm, split))
            if fitted.network is not None:
                fitted.network.to(device)
            subject = _subject(study, own, split, fitted, units)
            if len(subject.every):
                found.append(answer(subject, explainers, folder))
    write_explanations(folder, join_explanations(found))


def _chosen(
    study: Study, prepared: Prepared, split: Split, run: Path, *, n: int, first: int
) -> list[str]:
    """Units that are explained one by one in this fold; none where there are no classes."""
    if not prepared.outcomes.classes:
        return []
    folder = fit_folder(run, study.primary.arm, split)
    table: PredictionTable = read_predictions(
        folder / "predictions.csv",
        outcome=next(iter(prepared.outcomes.columns)),
        positive=prepared.outcomes.classes[-1],
    )
    seed = derive_seed(study.seed, "explained", split.repeat, split.fold)
    return choose_cases(
        table.take(np.flatnonzero((table.part == "test") & (table.outcome >= 0))),
        threshold=FittedArm.open(folder).threshold,
        n=n,
        first=first,
        rng=np.random.default_rng(seed),
    )


def _subject(
    study: Study, prepared: Prepared, split: Split, fitted: FittedArm, units: Sequence[str]
) -> Subject:
    seed = derive_seed(study.seed, "explain", fitted.arm.name, split.repeat, split.fold)
    rng = np.random.default_rng(seed)
    present = fitted.present(prepared.measured)
    test = split.rows(prepared.cohort, "test")
    test = test[present[test].any(axis=1)]
    train = split.rows(prepared.cohort, "train")
    complete = train[present[train].all(axis=1)]
    cases = first_rows(prepared.cohort, prepared.measured, test, units)
    return Subject(
        fitted=fitted,
        cohort=prepared.cohort,
        outcomes=prepared.outcomes,
        measured=prepared.measured,
        cases=cases,
        called=calls(fitted, prepared.measured, cases),
        every=drawn(test, MAX_ROWS, rng),
        background=drawn(complete if len(complete) else train, MAX_BACKGROUND, rng),
        repeat=split.repeat,
        fold=split.fold,
        seed=seed,
    )


def calls(fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints) -> Ints:
    """(rows,) class that each is called; 0 where there are no classes."""
    if not fitted.classes:
        return np.zeros(len(rows), dtype=np.int64)
    return decide(fitted.calibrate(fitted.predict(measured, rows)), fitted.threshold)


def first_rows(
    cohort: Cohort, measured: Mapping[str, Measured], rows: Ints, units: Sequence[str]
) -> Ints:
    """One row of each unit, in the units' order: the first of those with most modalities.

    Units without any of the rows are left out.
    """
    n_present = np.sum([one.present for one in measured.values()], axis=0)
    best: dict[str, int] = {}
    for row in rows.tolist():
        unit = cohort.unit_id[row]
        if unit not in best or n_present[row] > n_present[best[unit]]:
            best[unit] = row
    return np.asarray([best[unit] for unit in units if unit in best], dtype=np.int64)


def drawn(rows: Ints, n: int, rng: np.random.Generator) -> Ints:
    """At most `n` of the rows, at random and in their order."""
    return rows if len(rows) <= n else np.sort(rng.choice(rows, size=n, replace=False))

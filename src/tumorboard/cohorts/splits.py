"""Who trains, validates and tests: whole patients, stratified, the same for every arm."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tumorboard.errors import StudyError
from tumorboard.formats.messages import counted
from tumorboard.records import Ints, Part, Split

#: What the random stream of a repeat is used for; a new use takes a new number.
_DEAL, _VALIDATION, _HOLDOUT = 1, 2, 3


def split_patients(
    patient_id: Sequence[str], strata: Ints, *, folds: int, repeats: int,
    holdout: tuple[float, float, float] | None, validation: float, seed: int,
    classes: Sequence[str] = (), spared: int = 2, word: str = "patient",
) -> list[Split]:  # fmt: skip
    """Repeated stratified k-fold, or repeated hold-out, by patient.

    The result depends on the ids, their strata and the seed, never on the order of rows; repeat r
    is the same however many repeats there are. In every repeat of k-fold each patient is tested
    exactly once, and the folds' shares of a stratum differ by at most one patient.

    Args:
        patient_id: One per row; a patient may have several rows.
        strata: (rows,) small integers; a patient's stratum is the most frequent of its rows, the
            smallest where several are.
        folds: Number of folds; not used with `holdout`.
        repeats: Number of repeats.
        holdout: Shares of train, validation and test, or None for k-fold.
        validation: Share of the training part that validates, for k-fold.
        seed: The study's seed.
        classes: Names of the strata, for messages; else their numbers are shown.
        spared: Patients of each class that a fold needs beside those it tests: one to train on, and
            one to validate with, unless units of training patients do.
        word: What `patient_id` names, for messages.

    Raises:
        StudyError: A class with fewer patients than folds, or too few for every part of a hold-out.
    """
    groups = patients_by_stratum(patient_id, strata)
    sizes = _holders(patient_id, strata)
    if holdout is not None:
        _refuse_small_holdout(sizes, holdout, classes, word)
        return [_holdout(groups, holdout, repeat, seed) for repeat in range(1, repeats + 1)]
    _refuse_small_classes(sizes, folds, classes, spared=spared, word=word)
    splits: list[Split] = []
    for repeat in range(1, repeats + 1):
        fold_of = _deal(groups, folds, np.random.default_rng([seed, repeat, _DEAL]))
        for fold in range(1, folds + 1):
            rng = np.random.default_rng([seed, repeat, _VALIDATION, fold])
            splits.append(Split(repeat, fold, _fold(groups, fold_of, fold, validation, rng)))
    return splits


def split_units(
    unit_id: Sequence[str], strata: Ints, *, folds: int, repeats: int,
    holdout: tuple[float, float, float] | None, validation: float, seed: int,
    classes: Sequence[str] = (), word: str = "unit",
) -> list[Split]:  # fmt: skip
    """The same by unit: patches or rows of one patient lie on both sides of the split.

    Its numbers flatter, and are only ever shown beside those of `split_patients`, whose arguments
    these are.
    """
    splits = split_patients(
        unit_id, strata, folds=folds, repeats=repeats, holdout=holdout, validation=validation,
        seed=seed, classes=classes, word=word,
    )  # fmt: skip
    return [replace(split, by="unit") for split in splits]


def validate_by_unit(
    splits: Sequence[Split], patient_id: Sequence[str], unit_id: Sequence[str], strata: Ints, *,
    validation: float, seed: int,
) -> list[Split]:  # fmt: skip
    """The same splits, where units of the training patients validate instead of whole patients.

    With a handful of patients a whole one is too much to spare. Test patients are as far away as
    before; but what validation decides (epoch, threshold, calibration) was decided on patients
    that the model knows.

    Args:
        splits: Splits by patient; their validation patients train again.
        patient_id: One per row.
        unit_id: One per row.
        strata: (rows,) small integers; each stratum gives the same share of its units.
        validation: Share of the training units that validates.
        seed: The study's seed.
    """
    changed: list[Split] = []
    for split in splits:
        parts: dict[str, Part] = {
            patient: "train" if part == "validation" else part
            for patient, part in split.parts.items()
        }
        rows = [i for i, patient in enumerate(patient_id) if parts.get(patient) == "train"]
        groups = patients_by_stratum([unit_id[i] for i in rows], strata[rows])
        rng = np.random.default_rng([seed, split.repeat, _VALIDATION, split.fold])
        chosen = frozenset(_share(groups, validation, rng, keep=1))
        changed.append(replace(split, parts=parts, validating=chosen))
    return changed


def split_by_institution(
    patient_id: Sequence[str], strata: Ints, institution: Sequence[str | None], *, repeats: int,
    validation: float, seed: int, classes: Sequence[str] = (),
) -> list[Split]:  # fmt: skip
    """Leave one institution out: every fold tests the patients of one, in order of their names.

    Repeats differ only in the patients who validate. See `split_patients` for the arguments.

    Args:
        institution: One per row; a patient belongs to one institution.

    Raises:
        StudyError: A patient without an institution or with several, fewer than two institutions,
            or a class that the others do not have twice.
    """
    groups = patients_by_stratum(patient_id, strata)
    home = _homes(patient_id, institution)
    names = sorted(set(home.values()))
    if len(names) < 2:
        raise StudyError(
            f"evaluation.folds_by: 'institution' needs two institutions, found {len(names)} "
            f'({", ".join(names)}). Use folds_by = "patient".'
        )
    fold_of = {patient: names.index(name) + 1 for patient, name in home.items()}
    for fold, name in enumerate(names, 1):
        rest = {s: [p for p in ids if fold_of[p] != fold] for s, ids in groups.items()}
        if min(len(patients) for patients in rest.values()) < 2:
            raise StudyError(
                f"evaluation.folds_by: without institution {name!r} a class has fewer than 2 "
                f"patients ({_sizes(rest, classes)}), so no model can be trained for it. Join "
                "institutions or classes."
            )
    return [
        Split(
            repeat,
            fold,
            _fold(
                groups,
                fold_of,
                fold,
                validation,
                np.random.default_rng([seed, repeat, _VALIDATION, fold]),
            ),
        )
        for repeat in range(1, repeats + 1)
        for fold in range(1, len(names) + 1)
    ]


def _homes(patient_id: Sequence[str], institution: Sequence[str | None]) -> dict[str, str]:
    found: dict[str, set[str]] = defaultdict(set)
    for patient, name in zip(patient_id, institution, strict=True):
        found[patient].update([name] if name else [])
    without = [patient for patient, names in found.items() if not names]
    several = [patient for patient, names in found.items() if len(names) > 1]
    if without or several:
        patient = (without or several)[0]
        fault = "no institution" if without else f"{len(found[patient])} institutions"
        raise StudyError(
            f"evaluation.folds_by: patient {patient!r} has {fault} ({len(without)} patients have "
            f"none, {len(several)} have several). Every patient needs exactly one; fill the column "
            'of cohort.institution, or use folds_by = "patient".'
        )
    return {patient: next(iter(names)) for patient, names in found.items()}


def _fold(
    groups: Mapping[int, list[str]], fold_of: Mapping[str, int], fold: int, validation: float,
    rng: np.random.Generator,
) -> dict[str, Part]:  # fmt: skip
    rest = {s: [p for p in patients if fold_of[p] != fold] for s, patients in groups.items()}
    chosen = set(_share(rest, validation, rng, keep=1))
    parts: dict[str, Part] = {}
    for patient in sorted(fold_of):
        if fold_of[patient] == fold:
            parts[patient] = "test"
        else:
            parts[patient] = "validation" if patient in chosen else "train"
    return parts


def patients_by_stratum(patient_id: Sequence[str], strata: Ints) -> dict[int, list[str]]:
    """Stratum -> its patients, sorted; a patient's is the most frequent of the rows."""
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for patient, stratum in zip(patient_id, strata.tolist(), strict=True):
        counts[patient][stratum] += 1
    groups: dict[int, list[str]] = defaultdict(list)
    for patient in sorted(counts):
        stratum = min(counts[patient], key=lambda s: (-counts[patient][s], s))
        groups[stratum].append(patient)
    return {stratum: groups[stratum] for stratum in sorted(groups)}


def _deal(groups: Mapping[int, list[str]], folds: int, rng: np.random.Generator) -> dict[str, int]:
    """Shuffle each stratum and deal it out like cards, going on where the last stratum ended."""
    fold_of: dict[str, int] = {}
    order = rng.permutation(folds) + 1
    position = 0
    for patients in groups.values():
        for i in rng.permutation(len(patients)):
            fold_of[patients[i]] = int(order[position % folds])
            position += 1
    return fold_of


def _share(
    groups: Mapping[int, list[str]], share: float, rng: np.random.Generator, *, keep: int
) -> list[str]:
    """About `share` of each stratum, at least one patient of it, leaving at least `keep`."""
    chosen: list[str] = []
    for patients in groups.values():
        n = min(max(round(share * len(patients)), 1), len(patients) - keep)
        order = rng.permutation(len(patients))
        chosen += [patients[i] for i in order[: max(n, 0)]]
    return chosen


def _holdout(
    groups: Mapping[int, list[str]], holdout: tuple[float, float, float], repeat: int, seed: int
) -> Split:
    rng = np.random.default_rng([seed, repeat, _HOLDOUT])
    test = set(_share(groups, holdout[2], rng, keep=2))
    rest = {s: [p for p in patients if p not in test] for s, patients in groups.items()}
    validation = set(_share(rest, holdout[1] / (holdout[0] + holdout[1]), rng, keep=1))
    parts: dict[str, Part] = {
        patient: "test" if patient in test else "validation" if patient in validation else "train"
        for patient in sorted(patient for patients in groups.values() for patient in patients)
    }
    return Split(repeat, 1, parts)


def split_validation(
    patient_id: Sequence[str],
    strata: Ints,
    *,
    share: float,
    seed: int,
    classes: Sequence[str] = (),
    spared: int = 2,
) -> Split:
    """All patients for training but a stratified share, which chooses epoch and threshold.

    Raises:
        StudyError: A class has fewer than `spared` patients.
    """
    groups = patients_by_stratum(patient_id, strata)
    sizes = _holders(patient_id, strata)
    if min(sizes.values(), default=0) < spared:
        raise StudyError(
            f"Patients per class: {_listed_sizes(sizes, classes)}. A model needs at least "
            f"{counted(spared, 'patient')} of each class: one to train on, one to choose its "
            "threshold. Merge classes ([task] classes)."
        )
    chosen = set(_share(groups, share, np.random.default_rng([seed, _HOLDOUT]), keep=1))
    return Split(
        1,
        1,
        {
            patient: "validation" if patient in chosen else "train"
            for patient in sorted(p for patients in groups.values() for p in patients)
        },
    )


def _holders(patient_id: Sequence[str], strata: Ints) -> dict[int, int]:
    """Stratum -> patients that have a row of it; a patient with lesions of two classes has both."""
    pairs = set(zip(patient_id, strata.tolist(), strict=True))
    return dict(sorted(Counter(stratum for _, stratum in pairs).items()))


def _refuse_small_classes(
    sizes: Mapping[int, int], folds: int, classes: Sequence[str], *, spared: int, word: str
) -> None:
    smallest = min(sizes.values(), default=0)
    if _works(smallest, folds, spared):
        return
    largest = next((n for n in range(smallest, 1, -1) if _works(smallest, n, spared)), 0)
    advice = (
        f"The largest number of folds that works is {largest}; or join classes."
        if largest
        else "No number of folds works: leave the class out (cohort.exclude) or join classes."
    )
    raise StudyError(
        f"evaluation.folds: {folds} folds, but the smallest class has {counted(smallest, word)} "
        f"({_listed_sizes(sizes, classes)}); every part of a fold needs each class. {advice}"
    )


def _works(smallest: int, folds: int, spared: int) -> bool:
    """Whether a class has enough patients beside those that a fold tests."""
    return folds <= smallest and smallest - -(-smallest // folds) >= spared


def _refuse_small_holdout(
    sizes: Mapping[int, int], holdout: tuple[float, float, float], classes: Sequence[str], word: str
) -> None:
    if min(sizes.values(), default=0) < 3:
        raise StudyError(
            f"evaluation.holdout: a class has fewer than 3 {word}s "
            f"({_listed_sizes(sizes, classes)}), so it cannot be in all three parts of "
            f"{list(holdout)}. Leave the class out or join classes."
        )


def _sizes(groups: Mapping[int, list[str]], classes: Sequence[str]) -> str:
    return _listed_sizes({stratum: len(patients) for stratum, patients in groups.items()}, classes)


def _listed_sizes(sizes: Mapping[int, int], classes: Sequence[str]) -> str:
    return ", ".join(
        f"{classes[stratum] if stratum < len(classes) else f'class {stratum}'}: {n}"
        for stratum, n in sizes.items()
    )

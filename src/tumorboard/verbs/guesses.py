"""What a table and the folders beside it suggest for a first study; every guess can be wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tumorboard.errors import InputError, nearest
from tumorboard.formats.column_roles import (
    FEW_VALUES,
    ColumnRole,
    FileColumn,
    column_role,
    file_columns,
    is_known_afterwards,
    patient_id_columns,
    separation,
    target_columns,
)
from tumorboard.formats.messages import listed
from tumorboard.formats.table_shape import ROW_NUMBER
from tumorboard.formats.tables import Table

#: Classes with fewer patients than this are left out of a first study, unless the author named the
#: outcome and fewer than two classes would be left.
SMALL_CLASS = 10
#: A column that separates the classes this well alone is more likely the label than a predictor.
PROXY = 0.90
_POSITIVE = (
    "malignant", "cancer", "tumor", "tumour", "positive", "yes", "true", "dead", "died", "event",
    "present", "responder", "1", "1.0",
)  # fmt: skip


@dataclass(frozen=True)
class Guess:
    """Everything that was guessed about a table, before it becomes text."""

    table: Table
    patient_id: str
    target: str
    is_target_certain: bool
    missing: tuple[str, ...]
    undeclared: Mapping[str, tuple[str, ...]]
    classes: Mapping[str, int]
    excluded: tuple[str, ...]
    positive: str
    images: tuple[FileColumn, ...]
    volumes: tuple[FileColumn, ...]
    other_files: tuple[FileColumn, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    proxies: Mapping[str, str]
    left_out: Mapping[str, str]


def guess_study(table: Table, target: str, *, patient_id: str = "none") -> Guess:
    """Guess patient id, outcome, files and predictors of a table.

    Args:
        table: The cohort table.
        target: Outcome column; "none" guesses one.
        patient_id: Column that names the patient; "none" guesses one.

    Raises:
        InputError: No column can be the patient id or the outcome.
    """
    ids = _ids(table, patient_id)
    if ids == [ROW_NUMBER]:
        raise InputError(
            f"{table.path.name}: no column looks like a patient id ({listed(table.columns)}). "
            "Name it with --patient-id."
        )
    files = file_columns(table)
    taken = {ids[0], *(column.column for column in files)}
    roles = {name: column_role(table, name) for name in table.columns if name not in taken}
    is_certain, chosen = _target(table, ids[0], list(roles.values()), target)
    roles.pop(chosen, None)
    role = column_role(table, chosen)
    classes = _class_sizes(table, ids[0], chosen)
    kept = _usable(classes, role)
    if len(kept) < 2 and target != "none":  # the author's word counts more than the guess
        named = [label for label in classes if label not in role.tokens]
        kept = named if len(named) <= FEW_VALUES else kept
    if len(kept) < 2:
        raise InputError(
            f"{table.path.name}, column {chosen}: fewer than two classes have {SMALL_CLASS} "
            f"patients ({_most(classes)}). Name another outcome with --target."
        )
    small = [label for label in classes if label not in kept]
    others = list(roles.values())
    proxies = _proxies(table, others, chosen, frozenset(small))
    used = [c for c in others if c.name not in proxies and c.name not in ids]
    numeric = tuple(c.name for c in used if c.role == "numeric")
    missing = sorted({token for c in used if c.name in numeric for token in c.tokens})
    return Guess(
        table=table,
        patient_id=ids[0],
        target=chosen,
        is_target_certain=is_certain,
        missing=("", *missing),
        undeclared={c.name: u for c in used if (u := _others(c, missing))},
        classes=classes,
        excluded=tuple(label for label in small if label not in missing),
        positive=next((k for p in _POSITIVE for k in kept if k.lower() == p), ""),
        images=tuple(c for c in files if c.is_image and not c.is_mask),
        volumes=tuple(c for c in files if c.is_volume and not c.is_mask),
        other_files=tuple(c for c in files if not (c.is_image or c.is_volume) or c.is_mask),
        numeric=numeric,
        categorical=tuple(c.name for c in used if c.role == "categorical"),
        proxies=proxies,
        left_out=_left_out(others, ids, proxies),
    )


def _ids(table: Table, patient_id: str) -> list[str]:
    """Columns that may be the patient id, the likeliest or the named one first."""
    ids = [*patient_id_columns(table), ROW_NUMBER]
    if patient_id == "none":
        return ids
    if patient_id not in table.columns:
        raise InputError(
            f"{table.path.name}: no column {patient_id!r} (--patient-id). "
            f"{nearest(patient_id, table.columns)}"
        )
    return list(dict.fromkeys([patient_id, *ids]))


def _others(role: ColumnRole, missing: Sequence[str]) -> tuple[str, ...]:
    return tuple(token for token in role.tokens if token not in missing)


def _usable(classes: Mapping[str, int], role: ColumnRole) -> list[str]:
    """Classes with enough patients that are not another word for missing."""
    return [c for c, n in classes.items() if n >= SMALL_CLASS and c not in role.tokens]


def _most(classes: Mapping[str, int]) -> str:
    """The largest classes in words: an outcome that is a number has one for every patient."""
    return listed([f"{label} {n}" for label, n in classes.items()])


def _target(
    table: Table, patient_id: str, roles: Sequence[ColumnRole], target: str
) -> tuple[bool, str]:
    if target != "none":
        if target not in table.columns:
            raise InputError(
                f"{table.path.name}: no column {target!r} (--target). "
                f"{nearest(target, table.columns)}"
            )
        return True, target
    roles = [
        c
        for c in roles
        if c.role == "categorical" and len(_usable(_class_sizes(table, patient_id, c.name), c)) > 1
    ]
    named = target_columns(roles)
    few = [c.name for c in roles if c.n_values == 2]
    if not named and not few:
        raise InputError(
            f"{table.path.name}: no column looks like an outcome with 2 to 6 classes of at least "
            f"{SMALL_CLASS} patients. Name it with --target."
        )
    return bool(named), (named or few[::-1])[0]


def _class_sizes(table: Table, patient_id: str, target: str) -> dict[str, int]:
    """Patients per class, the most frequent first."""
    cells = zip(table.cells[patient_id], table.cells[target], strict=True)
    pairs = {(patient, label.strip()) for patient, label in cells if label and label.strip()}
    return dict(Counter(label for _, label in sorted(pairs, key=str)).most_common())


def n_disagreeing(table: Table, patient_id: str, target: str) -> int:
    """Patients whose rows have different outcomes."""
    labels: dict[str | None, set[str]] = {}
    for patient, label in zip(table.cells[patient_id], table.cells[target], strict=True):
        labels.setdefault(patient, set()).add((label or "").strip())
    return sum(len(found - {""}) > 1 for found in labels.values())


def _proxies(
    table: Table, roles: Sequence[ColumnRole], target: str, tokens: frozenset[str]
) -> dict[str, str]:
    """Column -> why it may be the label in other words."""
    found: dict[str, str] = {}
    for column in roles:
        if column.role not in ("numeric", "categorical"):
            if column.role == "text" and is_known_afterwards(column.name):
                found[column.name] = "sounds like something known with the outcome or after it"
            continue
        value = separation(table, column, target, tokens)
        if value >= PROXY:
            found[column.name] = f"separates the classes alone (AUROC {value:.2f})"
        elif is_known_afterwards(column.name):
            found[column.name] = "sounds like something known with the outcome or after it"
    return found


def _left_out(
    roles: Sequence[ColumnRole], ids: Sequence[str], proxies: Mapping[str, str]
) -> dict[str, str]:
    reasons = {
        "date": "dates; turn them into ages or intervals first",
        "constant": "the same value everywhere",
        "text": "free text or too many categories",
    }
    return {
        c.name: "an id" if c.name in ids else reasons[c.role]
        for c in roles
        if c.name not in proxies and (c.name in ids or c.role in reasons)
    }


def sizes(classes: Mapping[str, int], only: Sequence[str] = ()) -> str:
    """Patients per class, in words."""
    return ", ".join(f"{c} {n}" for c, n in classes.items() if not only or c in only)

"""What the columns of an unknown table may be: patient id, files, numbers, categories, outcome."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.images import read_pixels
from tumorboard.formats.tables import Table, is_number

Role = Literal["numeric", "categorical", "date", "constant", "text"]

#: Tokens that often mean not known; a study declares those that it means.
MISSING_TOKENS = frozenset({
    "na", "n/a", "n.a.", "nan", "none", "null", "nil", "-", "--", "?", ".", "missing", "unknown",
    "not available", "not applicable", "not collected", "not assessed", "not reported", "not known",
    "not recorded", "not recorded in database", "not done", "nd", "n.d.", "k.a.",
})  # fmt: skip
#: A number with at most so many different values is read as categories.
FEW_VALUES = 6
#: A category column has at most so many categories.
MANY_VALUES = 30
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")
#: Folders of masks by their name ...
_MASKS = re.compile(r"mask|seg|label|annot|contour|(^|[_-])(roi|gt)s?([_-]|$)", re.IGNORECASE)
#: ... or by so few different values in each of their first pictures.
MASK_GREYS = 3
_FIRST = 3
#: What holds a whole volume in one file; a ZIP is taken for a zipped series of DICOM.
VOLUME_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".zip")

_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}( \d{2}:\d{2}(:\d{2})?)?", re.ASCII)
_PERSON = ("patient", "subject", "case", "person", "lesion", "participant", "individual")
#: Words that are a patient's number by themselves, as hospitals write them.
_NUMBERS = frozenset({"mrn", "pid", "patid", "ptid", "patnr", "pseudonym"})
_TARGETS = (
    ("classification", "label", "target", "outcome", "malignant", "malignancy"),
    ("diagnosis", "dx", "class", "status", "response", "recurrence", "died", "death", "event"),
    ("grade", "stage", "type"),
)
_AFTERWARDS = re.compile(
    r"diagnos|^dx|birads|bi.rads|interpretation|verification|patholog|histolog|biops|outcome|death|"
    r"died|surviv|recurren|relapse|treatment|therapy|radiation|surgery|metasta|grade|stage|malignan|label|_event|response|"
    r"os_months|cluster|censor|vital|follow.?up|progress|^status$|(^|_)(alive|dead|pfs|dfs|rfs)($|_)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ColumnRole:
    """One column: its role, how many different values, and the missing tokens that it holds."""

    name: str
    role: Role
    n_values: int
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class FileColumn:
    """A pattern whose files exist for most rows."""

    column: str
    pattern: str
    folder: str
    n_found: int
    is_exact: bool
    is_image: bool
    is_mask: bool
    is_volume: bool = False


def column_role(table: Table, name: str) -> ColumnRole:
    """Guess what a column holds from its cells."""
    cells = [(cell or "").strip() for cell in table.cells[name]]
    given = [cell for cell in cells if cell]
    tokens = tuple(sorted({cell for cell in given if cell.lower() in MISSING_TOKENS}))
    values = [cell for cell in given if cell not in tokens]
    n_values = len(set(values))
    return ColumnRole(name, _role(values, n_values, table.n_rows), n_values, tokens)


def _role(values: Sequence[str], n_values: int, n_rows: int) -> Role:
    if n_values < 2:
        return "constant"
    if all(is_number(value) for value in values):
        return "numeric" if n_values > FEW_VALUES else "categorical"
    if sum(bool(_DATE.fullmatch(value)) for value in values) > 0.9 * len(values):
        return "date"
    return "categorical" if n_values <= min(MANY_VALUES, max(n_rows // 4, 2)) else "text"


def patient_id_columns(table: Table) -> list[str]:
    """Columns that may be the patient id, the likeliest first; none where no name says so."""
    scores: dict[str, int] = {}
    for name in table.columns:
        cells = table.cells[name]
        is_constant = len(set(cells)) < 2 and len(cells) != 1  # a lone patient is no constant
        if is_constant or any(not (cell or "").strip() for cell in cells):
            continue
        words = re.sub(r"[^a-z]", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()).split()
        joined = "".join(words)
        person = next((i for i, word in enumerate(_PERSON) if joined.startswith(word)), -1)
        is_id = joined.endswith(("id", "ids", "nr", "number", "barcode")) or joined in _PERSON
        if is_id and person >= 0:
            scores[name] = 100 - person
        elif joined in _NUMBERS:
            scores[name] = 50
        elif is_id and "id" in words and len(set(cells)) > 0.1 * len(cells):
            scores[name] = 10
    return sorted(scores, key=lambda name: -scores[name])


def file_columns(table: Table) -> list[FileColumn]:
    """For each folder beside the table the column that names most of its files or sub-folders."""
    found: list[FileColumn] = []
    for folder in sorted(p for p in table.path.parent.iterdir() if p.is_dir()):
        if folder.name.startswith("."):
            continue
        entries = {entry.name: entry for entry in folder.iterdir() if entry.name[0] != "."}
        best = max(
            (match for name in table.columns if (match := _match(table, name, folder, entries))),
            key=lambda match: (match.n_found, match.is_exact),
            default=None,
        )
        if best:
            found.append(best)
    return found


def _match(table: Table, name: str, folder: Path, entries: dict[str, Path]) -> FileColumn | None:
    values = {cell.strip() for cell in table.cells[name] if cell and cell.strip()}
    suffixes = Counter(_suffix(entry.name) for entry in entries.values())
    for suffix in ("", *(suffix for suffix, _ in suffixes.most_common(3) if suffix)):
        names = [value + suffix for value in values if value + suffix in entries]
        if len(names) < 2 or len(names) < 0.3 * len(values):
            continue
        first = entries[sorted(names)[0]]
        inner = sorted(first.iterdir()) if first.is_dir() else [first]
        is_series = len(inner) > 1 and inner[0].suffix.lower() == ".dcm"
        is_volume = is_series or first.name.lower().endswith(VOLUME_SUFFIXES)
        is_image = bool(inner) and not is_volume and inner[0].suffix.lower() in IMAGE_SUFFIXES
        few = is_image and _have_few_greys([entries[one] for one in sorted(names)[:_FIRST]])
        is_mask = bool(_MASKS.search(folder.name)) or few
        return FileColumn(
            column=name,
            pattern=f"{folder.name}/{{{name}}}{suffix}",
            folder=folder.name,
            n_found=len(names),
            is_exact=not suffix,
            is_image=is_image,
            is_mask=is_mask,
            is_volume=is_volume,
        )
    return None


def _have_few_greys(paths: Sequence[Path]) -> bool:
    """Whether pictures are masks; folders, and what cannot be read, are for `check` to judge."""
    found: set[float] = set()
    for path in paths:
        try:
            found |= set(np.unique(read_pixels(path).values).tolist()) if path.is_file() else set()
        except InputError:
            return False
    return 1 < len(found) <= MASK_GREYS


def _suffix(name: str) -> str:
    """What follows the name of a file, `.nii.gz` as one."""
    return ".nii.gz" if name.lower().endswith(".nii.gz") else Path(name).suffix


def target_columns(roles: Sequence[ColumnRole]) -> list[str]:
    """Columns that may be the outcome by their name, the likeliest first."""
    ranked: list[tuple[int, int, str]] = []
    for column in roles:
        if column.role != "categorical" or not 2 <= column.n_values <= FEW_VALUES:
            continue
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column.name).lower()
        for rank, known in enumerate(_TARGETS):
            if any(re.search(rf"(^|[^a-z]){word}([^a-z]|$)", words) for word in known):
                ranked.append((rank, column.n_values, column.name))
                break
    return [name for _, _, name in sorted(ranked)]


def is_known_afterwards(name: str) -> bool:
    """Whether a name sounds like something learned together with the outcome, or after it."""
    return bool(_AFTERWARDS.search(name)) and not name.lower().startswith("age")


def separation(table: Table, column: ColumnRole, target: str, tokens: frozenset[str]) -> float:
    """How well one column alone separates the classes: the largest AUROC of one against the rest.

    Categories are ranked by their share of the class, so that the value flatters small categories;
    it is a warning, not a result.
    """
    from scipy.stats import rankdata

    pairs = [
        (cell.strip(), label.strip())
        for cell, label in zip(table.cells[column.name], table.cells[target], strict=True)
        if cell and label and cell.strip() not in column.tokens and label.strip() not in tokens
    ]
    best = 0.0
    for label in {label for _, label in pairs}:
        is_class = np.array([own == label for _, own in pairs])
        n, m = int(is_class.sum()), int((~is_class).sum())
        if min(n, m) < 2:
            continue
        scores = _scores([cell for cell, _ in pairs], is_class, column.role)
        auroc = (rankdata(scores)[is_class].sum() - n * (n + 1) / 2) / (n * m)
        best = max(best, float(auroc), 1 - float(auroc))
    return best


def _scores(cells: Sequence[str], is_class: np.ndarray, role: Role) -> np.ndarray:
    if role == "numeric":
        return np.array([float(cell) for cell in cells])
    totals = Counter(cells)
    hits = Counter(cell for cell, own in zip(cells, is_class.tolist(), strict=True) if own)
    return np.array([hits[cell] / totals[cell] for cell in cells])

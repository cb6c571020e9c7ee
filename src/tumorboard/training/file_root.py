"""Which folder the file names of another cohort's table start from: beside it, or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tumorboard.formats.file_patterns import FilePattern, unsafe_reason
from tumorboard.records import Cohort

#: Rows that are looked at: one lost file does not say that the others lie elsewhere.
_N_ROWS = 20


def file_root(
    roots: Sequence[Path], files: Mapping[str, str], read_rows: Callable[[], Cohort]
) -> Path:
    """The first of some folders that holds the files; the last where none does.

    A pattern such as `images/{image}` names a folder, which must be there. One without, such as
    `{image}`, would fit every folder, so one of the files that the first rows name must be there.

    Args:
        roots: Folders that file names may start from.
        files: Modality -> pattern of its files.
        read_rows: Reads the rows of the table; called only where a pattern names no folder.
    """
    if len(roots) == 1:
        return roots[0]
    patterns = [
        FilePattern.parse(text, where=f"modalities.{name}.files") for name, text in files.items()
    ]
    filled: list[list[str]] = []
    if any(not pattern.folder.parts for pattern in patterns):
        rows = read_rows()
        filled = [_first_names(p, rows) for p in patterns if not p.folder.parts]
    for root in roots[:-1]:
        has_folders = all((root / pattern.folder).is_dir() for pattern in patterns)
        if has_folders and all(_holds_any(root, names) for names in filled):
            return root
    return roots[-1]


def _first_names(pattern: FilePattern, rows: Cohort) -> list[str]:
    """What the first rows that have every cell of the pattern name, each once."""
    cells = {"patient_id": rows.patient_id, **rows.columns}
    names: dict[str, None] = {}
    for row in range(rows.n_rows):
        own = [cells[column][row] if column in cells else None for column in pattern.columns]
        given = {c: cell.strip() for c, cell in zip(pattern.columns, own, strict=True) if cell}
        if len(given) == len(own) and not any(unsafe_reason(cell) for cell in given.values()):
            names[pattern.fill(given)] = None
        if len(names) == _N_ROWS:
            break
    return list(names)


def _holds_any(root: Path, names: Sequence[str]) -> bool:
    """Whether one of the files is there; rows that name none fit everywhere."""
    return not names or any(_holds(root, name) for name in names)


def _holds(root: Path, name: str) -> bool:
    if "*" in name.replace("[*]", ""):
        return any(root.glob(name))
    return (root / name.replace("[*]", "*")).exists()

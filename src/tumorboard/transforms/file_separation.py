"""What names, folders and headers of files tell of an outcome, without a look at their pixels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tumorboard.formats.image_metadata import ImageMetadata, read_metadata
from tumorboard.transforms.patient_columns import Patients
from tumorboard.transforms.separation import Separation, by_category, by_order

#: Patients with a file of one class alone, where other files hold several, below which these few
#: are not judged.
_MIN_PATIENTS = 10


def files_of_one_class(
    files: Sequence[tuple[Path, ...]], patients: Patients
) -> Sequence[tuple[Path, ...]]:
    """Files without those of several classes: a slide that holds nuclei of all of them tells none.

    None is left where the others are of one class, or of too few patients to judge.
    """
    classes: defaultdict[Path, set[int]] = defaultdict(set)
    labels = patients.target[patients.entry].tolist()
    for row, label in zip(patients.row.tolist(), labels, strict=True):
        for path in files[row]:
            classes[path].add(label)
    if all(len(own) == 1 for own in classes.values()):
        return files
    alone = [() if any(len(classes[p]) > 1 for p in paths) else paths for paths in files]
    left = [
        (patients.patient_id[entry], label)
        for row, entry, label in zip(
            patients.row.tolist(), patients.entry.tolist(), labels, strict=True
        )
        if alone[row]
    ]
    n_patients = len({patient for patient, _ in left})
    n_classes = len({label for _, label in left})
    return alone if n_classes > 1 and n_patients >= _MIN_PATIENTS else [()] * len(files)


def by_file_name(
    files: Sequence[tuple[Path, ...]], root: Path, patients: Patients
) -> Separation | None:
    """What the words in the names and folders of files tell, below `root`."""
    rows = [{word for path in paths for word in _words(path, root)} for paths in files]
    has_file = patients.means(np.asarray([1.0 if paths else np.nan for paths in files]))
    return _categories(rows, patients, np.isfinite(has_file))


def _words(path: Path, root: Path) -> Iterable[str]:
    own = path.relative_to(root) if path.is_relative_to(root) else path
    return re.findall(r"[a-z]+", str(own.with_suffix("")).lower())


def _categories(
    rows: Sequence[Iterable[str]], patients: Patients, has: np.ndarray
) -> Separation | None:
    """What categories tell among the patients that have any."""
    tokens = patients.unions(rows)
    kept = [own for own, is_kept in zip(tokens, has.tolist(), strict=True) if is_kept]
    target = patients.target[has]
    if len(set(kept)) < 2 or len(np.unique(target)) < 2:
        return None
    return by_category(kept, target, n_classes=len(patients.classes), way="name")


def by_header(files: Sequence[tuple[Path, ...]], patients: Patients) -> Mapping[str, Separation]:
    """What format, size and program of each row's first file tell, as far as they differ."""
    headers = [read_metadata(paths[0]) if paths else None for paths in files]
    if not any(headers):
        return {}
    has = np.isfinite(patients.means(np.asarray([1.0 if h else np.nan for h in headers])))
    texts = {
        "format": [(f"{h.kind} {h.depth}",) if h else () for h in headers],
        "size": [(f"{h.width} x {h.height}",) if h else () for h in headers],
        "program that wrote them": [(h.software or "none",) if h else () for h in headers],
    }
    found = {what: _categories(rows, patients, has) for what, rows in texts.items()}
    sizes = [found["size"], *(_order(headers, shape, patients) for shape in ("area", "ratio"))]
    found["size"] = max((s for s in sizes if s is not None), key=lambda s: s.auroc, default=None)
    return {what: best for what, best in found.items() if best is not None}


def _order(
    headers: Sequence[ImageMetadata | None], shape: str, patients: Patients
) -> Separation | None:
    numbers = np.full(len(headers), np.nan)
    for row, header in enumerate(headers):
        if header is not None and header.height and header.width:
            area, ratio = header.width * header.height, header.width / header.height
            numbers[row] = area if shape == "area" else ratio
    means = patients.means(numbers)
    seen = np.isfinite(means)
    if len(np.unique(means[seen])) < 2 or len(np.unique(patients.target[seen])) < 2:
        return None
    return by_order(means, patients.target, n_classes=len(patients.classes))
